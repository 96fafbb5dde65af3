import IMAPClient

/// How a message gets a new UID in its own mailbox.
enum RenumberWay: Hashable {
  /// By MOVE to where it is: keeps everything. RFC 6851 §3.3
  case move
  /// By COPY to where it is, and expunging the old one.
  case copy
}

extension IMAPEndpoint {
  func renumber(
    _ handles: [MessageHandle], targets: [UID]
  ) throws(EndpointError) -> [PlacementOutcome] {
    let uids = handles.compactMap(\.uid)
    guard !uids.isEmpty, uids.count == handles.count else { return [] }
    let mailbox = try selectToChange().name
    var way: RenumberWay? = firstWay
    while let current = way {
      if let outcomes = try renumber(uids, in: mailbox, by: current) { return outcomes }
      refusedRenumbering.insert(current)
      way = current == .move ? firstWay : nil
    }
    throw EndpointError(
      .mailbox, .cannotRenumber, "the server can't give a message a new UID",
      advice: "use uids = map")
  }

  /// The way that is tried next.
  var firstWay: RenumberWay? {
    // Gmail's mailboxes are labels: a copy to the same label is no second message.
    if connection.has(.gmail) { return nil }
    if connection.has(.move), !refusedRenumbering.contains(.move) { return .move }
    return refusedRenumbering.contains(.copy) ? nil : .copy
  }

  /// - Returns: `nil` if the server refuses this way.
  private func renumber(
    _ uids: [UID], in mailbox: MailboxName, by way: RenumberWay
  ) throws(EndpointError) -> [PlacementOutcome]? {
    let wire = try wireName(of: mailbox)
    var lookup: PlacementLookup?
    if !connection.has(.uidPlus) {
      let first = try askUIDNext(of: mailbox)
      lookup = PlacementLookup(
        first: first, contents: try contents(of: uids.map { .uid($0) }))
    }
    observer.begin()
    if way == .copy { try fetchState(UIDSet(uids)) }
    let before = observer.gathered.fetched.byUID()
    let (statuses, runs) = try transfer(uids, to: wire, moving: way == .move)
    var placed: [UID: UID]
    if let lookup {
      let found = try messages(
        from: lookup.first, with: uids.map { lookup.contents[.uid($0)] })
      placed = [:]
      for (old, new) in zip(uids, found) { if let new { placed[old] = new } }
    } else {
      placed = try copiedUIDs(of: uids, in: mailbox)
    }
    let isRefused = statuses.contains { $0.condition != .ok && $0.code != .expungeIssued }
    if isRefused, placed.isEmpty { return nil }
    let missing = uids.filter { placed[$0] == nil }
    let present = missing.isEmpty ? UIDSet() : try search(UIDSet(missing))
    if way == .copy {
      guard try keepsState(of: placed, before) else {
        _ = try expunge(UIDSet(placed.values))
        return nil
      }
      let old = UIDSet(placed.keys)
      guard try expunge(old) == old else {
        throw EndpointError.contradiction("the server keeps messages that were renumbered")
      }
    }
    return outcomes(uids, runs, statuses, placed, present: present, moves: true)
  }

  private func fetchState(_ uids: UIDSet) throws(EndpointError) {
    let items = ["UID", "FLAGS", "INTERNALDATE"]
    try pipeline(uids.pieces().map { .fetch($0, items) }, to: "show flags")
  }

  /// Whether the copies have the dates of the old ones; flags that a server lost on the way are put back.
  private func keepsState(
    of placed: [UID: UID], _ old: [UID: FetchedMessage]
  ) throws(EndpointError) -> Bool {
    observer.begin()
    try fetchState(UIDSet(placed.values))
    let new = observer.gathered.fetched.byUID()
    var orders: [StoreOrder] = []
    for (from, to) in placed {
      guard let before = old[from], let after = new[to] else { continue }
      if before.date != after.date { return false }
      guard let wanted = before.flags, let got = after.flags, wanted != got else { continue }
      orders.append(
        StoreOrder(
          uids: UIDSet(to), added: wanted.subtracting(got), removed: got.subtracting(wanted)))
    }
    if !orders.isEmpty { _ = try store(orders) }
    return true
  }
}
