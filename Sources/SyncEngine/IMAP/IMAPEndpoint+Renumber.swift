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
    let selected = try selectToChange()
    try requireExpunging(in: selected)
    let mailbox = selected.name
    var way: RenumberWay? = firstWay
    while let current = way {
      if let outcomes = try renumberCarefully(uids, in: mailbox, by: current) { return outcomes }
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

  /// Whether the old ones can be expunged, the first copy shows, if nothing has shown it yet.
  private func renumberCarefully(
    _ uids: [UID], in mailbox: MailboxName, by way: RenumberWay
  ) throws(EndpointError) -> [PlacementOutcome]? {
    guard way == .copy, uids.count > 1, !provenExpunging.contains(mailbox) else {
      return try renumber(uids, in: mailbox, by: way)
    }
    guard let first = try renumber(Array(uids.prefix(1)), in: mailbox, by: way) else { return nil }
    let rest = Array(uids.dropFirst())
    return first
      + (try renumber(rest, in: mailbox, by: way) ?? rest.map { _ in .retryAlone })
  }

  /// - Returns: `nil` if the server refuses this way, and not only for now.
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
    if placed.isEmpty, try isRefused(statuses) {
      // Of messages that are just gone a server may say no more than NO, and nothing is tried after COPY.
      guard way == .copy, try search(UIDSet(uids)).isEmpty else { return nil }
    }
    let missing = uids.filter { placed[$0] == nil }
    let present = missing.isEmpty ? UIDSet() : try search(UIDSet(missing))
    if way == .copy {
      do {
        guard try keepsState(of: placed, before, in: mailbox) else {
          _ = try expungeMade(UIDSet(placed.values), in: mailbox)
          return nil
        }
        try expungeOld(placed, before, in: mailbox)
      } catch {
        // There are two of each now, and the next run carries it on: nothing else is done here.
        var error = error
        error.isForNow = false
        throw error
      }
    }
    return outcomes(uids, runs, statuses, placed, present: present, moves: true)
  }

  /// A refusal that may be another one at another time is thrown.
  private func isRefused(_ statuses: [StatusResponse]) throws(EndpointError) -> Bool {
    let errors = statuses.filter { $0.code != .expungeIssued }
      .compactMap { IMAPError($0, to: "give messages new UIDs") }.map { EndpointError($0) }
    if let error = errors.first(where: \.isForNow) { throw error }
    return !errors.isEmpty
  }

  /// The copies take the places of the old ones. What can't be expunged gets no second copy at the next run: nothing is
  /// renumbered there any more.
  private func expungeOld(
    _ placed: [UID: UID], _ before: [UID: FetchedMessage], in mailbox: MailboxName
  ) throws(EndpointError) {
    let old = UIDSet(placed.keys)
    let gone = try expungeMade(old, in: mailbox)
    guard gone != old else { return }
    guard gone.isEmpty else {
      throw EndpointError.contradiction("the server keeps messages that were renumbered")
    }
    // Nobody wanted them to be flagged so; the copies are what is too much now.
    let flagged = old.filter { uid in
      !(before[uid]?.flags?.system.contains(.deleted) ?? true)
    }
    _ = try pipeline(
      UIDSet(flagged).pieces().map { .store($0, adding: false, FlagSet(.deleted)) })
    _ = try expungeMade(UIDSet(placed.values), in: mailbox)
    throw cannotExpunge
  }

  private func fetchState(_ uids: UIDSet) throws(EndpointError) {
    let items = ["UID", "FLAGS", "INTERNALDATE"]
    try pipeline(uids.pieces().map { .fetch($0, items) }, to: "show flags")
  }

  /// Whether the copies have the dates of the old ones; flags that a server lost on the way are put back. Those that the
  /// user may not set are lacking from then on (``MailboxSync/unkept(_:on:)``).
  private func keepsState(
    of placed: [UID: UID], _ old: [UID: FetchedMessage], in mailbox: MailboxName
  ) throws(EndpointError) -> Bool {
    let selected = try selectOnServer(mailbox)
    for isLast in [false, true] {
      observer.begin()
      try fetchState(UIDSet(placed.values))
      let new = observer.gathered.fetched.byUID()
      guard placed.allSatisfy({ old[$0]?.date == new[$1]?.date || new[$1] == nil }) else {
        return false
      }
      let orders = placed.compactMap { from, to -> StoreOrder? in
        guard let wanted = old[from]?.flags, let now = new[to]?.flags else { return nil }
        let added = selected.kept(wanted.subtracting(now))
        let removed = selected.kept(now.subtracting(wanted))
        return added.isEmpty && removed.isEmpty
          ? nil : StoreOrder(uids: UIDSet(to), added: added, removed: removed)
      }
      guard !orders.isEmpty else { return true }
      guard !isLast, try storesAll(orders) else { return false }
    }
    return false
  }

  /// - Returns: false if the server refuses it.
  private func storesAll(_ orders: [StoreOrder]) throws(EndpointError) -> Bool {
    do {
      _ = try store(orders)
      return true
    } catch {
      guard error.scope == .mailbox, error.isRefusal, !error.isForNow else { throw error }
      return false
    }
  }
}
