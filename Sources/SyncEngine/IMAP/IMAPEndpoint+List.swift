import IMAPClient

extension IMAPEndpoint {
  func list(withIDs: Bool) throws(EndpointError) -> MailboxListing {
    observer.begin()
    let isComplete = try listWithStatus(withIDs)
    if !isComplete { try listNames() }
    let lists = observer.gathered.lists
    let names = try hierarchy()
    if !isComplete { try askStatus(of: lists, names, withIDs) }
    return listing(lists, observer.gathered.statuses, names)
  }

  /// Everything in one round trip, where LIST can return STATUS. RFC 5819
  /// - Returns: false if the server can't.
  private func listWithStatus(_ withIDs: Bool) throws(EndpointError) -> Bool {
    guard connection.has(.listExtended), connection.has(.listStatus) else { return false }
    let items = statusItems(withIDs).joined(separator: " ")
    let status = try wait(send(.list(returning: listOptions + ["STATUS (\(items))"])))
    if status.condition == .bad, withIDs, mailboxIDItem != nil {
      // Not what it was taken for: one item that it doesn't know fails the whole command.
      isMailboxIDBroken = true
      observer.begin()
      return try listWithStatus(withIDs)
    }
    if let error = IMAPError(status, to: "list the mailboxes") { throw sideError(error) }
    return true
  }

  private func listNames() throws(EndpointError) {
    let commands: [Command] =
      connection.has(.listExtended)
      ? [.list(returning: listOptions)] : [.list(), .subscriptions]
    for status in try pipeline(commands) {
      if let error = IMAPError(status, to: "list the mailboxes") { throw sideError(error) }
    }
  }

  /// A mailbox that refuses to tell its status has none in the listing. Names that can't be ours are left
  /// alone: they may be such as can't even be sent.
  private func askStatus(
    of lists: [ListResponse], _ names: MailboxHierarchy, _ withIDs: Bool
  ) throws(EndpointError) {
    let items = statusItems(withIDs)
    let selectable = lists.filter { entry in
      guard !entry.isSubscription, entry.isSelectable else { return false }
      if case .name = names.translate(entry.mailbox) { return true }
      return false
    }
    let answers = try pipeline(selectable.map { .status($0.mailbox, items) })
    if withIDs, mailboxIDItem != nil, answers.contains(where: { $0.condition == .bad }) {
      isMailboxIDBroken = true
      try askStatus(of: lists, names, withIDs)
    }
  }

  private var listOptions: [String] {
    connection.has(.specialUse) ? ["SUBSCRIBED", "SPECIAL-USE"] : ["SUBSCRIBED"]
  }

  /// How many messages there are is asked beside the mod-sequence: a restored mailbox may have the same of that.
  private func statusItems(_ withIDs: Bool) -> [String] {
    let items = ["UIDNEXT", "UIDVALIDITY"]
    return (["MESSAGES"] + items + (hasModSequences ? ["HIGHESTMODSEQ"] : []))
      + (withIDs ? mailboxIDItem.map { [$0] } ?? [] : [])
  }

  /// Without a list there is nothing to sync.
  private func sideError(_ error: IMAPError) -> EndpointError {
    var error = EndpointError(error)
    error.scope = .side
    return error
  }

  private func listing(
    _ lists: [ListResponse], _ statuses: [(mailbox: [UInt8], status: MailboxStatus)],
    _ names: MailboxHierarchy
  ) -> MailboxListing {
    var found: [MailboxName: ListedMailbox] = [:]
    var order: [MailboxName] = []
    var unusable: [(name: String, reason: String)] = []
    for entry in lists {
      switch names.translate(entry.mailbox) {
      case .foreign: continue
      case .unusable(let reason):
        // A mere level of other names (INBOX.INBOX above INBOX.INBOX.a) holds nothing to be synced.
        guard !entry.isSubscription, entry.isSelectable else { continue }
        unusable.append((ServerText.clean(entry.mailbox), reason))
      case .name(let name):
        if !entry.isSubscription, found[name] == nil { order.append(name) }
        found[name, default: ListedMailbox(name: name, isSelectable: false)].merge(entry)
      }
    }
    for (mailbox, status) in statuses {
      guard case .name(let name) = names.translate(mailbox) else { continue }
      found[name]?.anchor = status.anchor
      found[name]?.id = status.mailboxID.flatMap(objectID)
    }
    return MailboxListing(mailboxes: order.compactMap { found[$0] }, unusable: unusable)
  }

  // objectid = 1*255(ALPHA / DIGIT / "_" / "-")                             RFC 8474 §7
  func objectID(_ bytes: [UInt8]) -> GlobalUID? {
    let isValid = bytes.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
      default: false
      }
    }
    guard isValid, (1...255).contains(bytes.count) else { return nil }
    return GlobalUID(identifier: bytes)
  }
}

extension ListResponse {
  var isSelectable: Bool {
    !attributes.contains("\\noselect") && !attributes.contains("\\nonexistent")
  }
}

extension ListedMailbox {
  fileprivate mutating func merge(_ entry: ListResponse) {
    if entry.isSubscription || entry.attributes.contains("\\subscribed") { isSubscribed = true }
    guard !entry.isSubscription else { return }
    isSelectable = entry.isSelectable
    specialUse =
      SpecialUse.allCases.first { entry.attributes.contains($0.rawValue.lowercased()) }
      ?? specialUse
  }
}

extension MailboxStatus {
  fileprivate var anchor: Anchor? {
    guard let uidValidity, let uidNext else { return nil }
    return Anchor(
      uidValidity: uidValidity, uidNext: uidNext, highestModSeq: highestModSeq,
      messages: messages ?? 0)
  }
}
