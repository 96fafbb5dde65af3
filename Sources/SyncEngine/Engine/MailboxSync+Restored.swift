import IMAPClient

/// An older state of a mailbox was restored: how that is noticed. design.md §4, "A mailbox that went back".
extension MailboxSync {
  /// Whether an older state of the mailbox was restored. UIDs that were given since then are given again, to
  /// other messages. (Or another pair was about to give a Maildir's messages their numbers back, and died.)
  func hasGoneBack(_ side: Side) -> Bool {
    guard let then = record.anchors[side], !hasNewValidity(side) else { return false }
    let now = anchors[side]
    if isOvertaken[side] || observedLowest[side] < then.uidNext { return true }
    guard let modSeq = now.highestModSeq, let before = then.highestModSeq else { return false }
    return modSeq < before
  }

  /// Whether a UID of the base means the message that it meant.
  func isTrusted(_ side: Side) -> Bool { !hasNewValidity(side) && !hasGoneBack(side) }

  // MARK: UIDs with another meaning

  /// Messages that are looked at closely whenever the mailbox is: where an older state was restored, the
  /// highest UIDs of the base are the first that are given again.
  func probes(_ side: Side) throws(SideFailure) -> [MessageRecord] {
    guard record.anchors[side] != nil else { return [] }
    return try stateAccess { () throws(StateError) in
      try store.lastMessages(in: record.id, side: side, limit: 3)
    }
  }

  /// Whether other messages than the base's lie under their UIDs: so much has come since the restoring that the
  /// mailbox's numbers don't tell.
  func isOvertaken(
    by observation: Observation, _ probed: [MessageRecord], _ side: Side, _ endpoint: any Endpoint
  ) throws(SideFailure) -> Bool {
    var renamed: [(row: MessageRecord, id: GlobalUID)] = []
    for row in probed {
      switch observation.likeness(of: row, on: side) {
      case .same: break
      case .other: return true
      case .renamed(let id): renamed.append((row, id))
      }
    }
    guard !renamed.isEmpty else { return false }
    // Another message of that size and date, or a store that has given its contents new ids: the content tells.
    let contents = try on(side) { () throws(EndpointError) in
      try endpoint.contents(of: renamed.map { .uid($0.row.uids[side]) })
    }
    var changes: [StateChange] = []
    for (row, id) in renamed {
      guard let content = contents[.uid(row.uids[side])] else { continue }
      guard content == row.contents[side] else { return true }
      var row = row
      row.ids[side] = id
      changes.append(.putMessage(row))
    }
    guard !policy.isDryRun, !changes.isEmpty else { return false }
    try stateAccess { () throws(StateError) in try commit(changes, .soon) }
    return false
  }

  // MARK: Messages that are there again

  /// Whether there is again what the base knows to be expunged, which is not what a server does by itself: what else
  /// went back to what it was before, flags for one, no mod-sequence of now tells.
  func showsReturned(
    _ observation: Observation, on side: Side
  ) throws(SideFailure) -> Bool {
    guard let then = record.anchors[side], case .present(let present) = observation.coverage,
      policy.since == nil, let last = then.uidNext.previous
    else { return false }
    let known = try stateAccess { () throws(StateError) in
      try knownUIDs(on: side)
    }
    // Some are always unknown: what was refused, or stubs of nothing.
    let old = UIDSet(UID.first...last)
    let unknown = present.intersection(old).subtracting(known)
    return unknown.count > max(0, Int(then.messages) - known.intersection(old).count)
  }

  /// Messages that the server had said to be gone, and that are there again under their old UIDs: neither does the
  /// base know them any more, nor does an answer show them by itself.
  func addReturned(
    _ observation: inout Observation, _ side: Side, _ endpoint: any Endpoint
  ) throws(SideFailure) {
    // Of a mailbox of which only the newer messages are wanted, most are unknown.
    guard case .present(let present) = observation.coverage, policy.since == nil else { return }
    let known = try stateAccess { () throws(StateError) in
      try knownUIDs(on: side)
    }
    let returned = present.subtracting(known)
      .subtracting(observation.messages.uids)
    guard !returned.isEmpty else { return }
    let unnumbered = observation.messages.filter { $0.handle.uid == nil }
    observation.messages.removeAll { $0.handle.uid == nil }
    observation.messages += try on(side) { () throws(EndpointError) in
      try endpoint.describe(returned)
    }
    observation.messages.sortByHandle()
    observation.messages += unnumbered
  }
}

extension Observation {
  /// What a message that is seen under a UID of the base has to do with that of the base.
  enum Likeness: Equatable {
    case same
    case other
    /// It may be the same: only its id is another.
    case renamed(GlobalUID)
  }

  /// One difference alone does not make it another: a server may have altered the message (another size), or it may have
  /// had another received date all along.
  func likeness(of row: MessageRecord, on side: Side) -> Likeness {
    guard let message = messages.message(withUID: row.uids[side]),
      let details = message.details
    else { return .same }
    var differences = details.date == row.date(on: side) ? 0 : 1
    if let then = row.contents[side], then.size != details.size { differences += 1 }
    guard let then = row.ids[side], let now = details.id else {
      return differences > 1 ? .other : .same
    }
    if then == now { return .same }
    return differences > 0 ? .other : .renamed(now)
  }
}
