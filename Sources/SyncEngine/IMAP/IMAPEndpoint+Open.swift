import IMAPClient

extension IMAPEndpoint {
  func open(_ mailbox: MailboxName, _ request: OpenRequest) throws(EndpointError) -> Observation {
    try learnProfile()
    openMailbox = nil
    onlyReads = request.isOnlyToRead
    let opening = try opening(of: mailbox, request)
    // Another one may have been selected since.
    defer { if opening.isPassed { observer.mailbox = nil } }
    let observation = try opening.run()
    openMailbox = mailbox
    validities[mailbox] = observation.anchor.uidValidity
    return observation
  }

  func describe(_ uids: UIDSet) throws(EndpointError) -> [ObservedMessage] {
    _ = try selectOpen()
    observer.begin()
    let items = fetchItems(details: true)
    try pipeline(uids.pieces().map { .fetch($0, items) }, to: "describe messages")
    return observer.observed(where: uids.contains).filter { $0.details != nil }
  }

  func fetchItems(details: Bool) -> [String] {
    var items = ["UID", "FLAGS"]
    if details { items += ["INTERNALDATE", "RFC822.SIZE"] + (idItem.map { [$0] } ?? []) }
    return items
  }
}
