import IMAPClient

/// Step 1: what the sides showed against what the base knows. Of a large mailbox only what differs is held
/// in memory.
extension MailboxSync {
  /// So many can be held in memory, and read one by one.
  static let fewMessages = 500

  /// Takes out of a large observation what is as the base has it: it would fill memory for nothing.
  ///
  /// - Parameter known: all that the base knows of the mailbox, once it was needed.
  func shorten(
    _ observation: inout Observation?, _ side: Side, _ known: inout KnownList?
  ) throws(StateError) {
    guard let messages = observation?.messages else { return }
    // To read some records one by one takes less than to read all of them in short.
    let limit = max(MailboxSync.fewMessages, Int(record.anchors[side]?.messages ?? 0) / 16)
    held[side] = heldFlags(messages, on: side)
    if let observation { noteUntouched(observation, on: side) }
    leaveOutStored(&observation, side)
    guard isTrusted(side), observation?.coverage == .full || messages.count > limit else {
      return
    }
    let all = try self.known(known)
    known = all
    if let observation { noteHeld(all, observation, on: side) }
    try learn(observation?.reduce(to: all, side: side) ?? [], on: side)
  }

  /// Where only changes are told, the run's own of the round before are among them: they need not be compared with what was
  /// recorded of them.
  private func leaveOutStored(_ observation: inout Observation?, _ side: Side) {
    guard !storedFlags[side].isEmpty, isTrusted(side), case .changes? = observation?.coverage
    else { return }
    observation?.messages.removeAll { isStored($0, on: side) }
  }

  /// Whether a message is as the last round left and recorded it.
  func isStored(_ message: ObservedMessage, on side: Side) -> Bool {
    guard message.details == nil, let uid = message.handle.uid else { return false }
    return storedFlags[side][message.flags]?.contains(uid) ?? false
  }

  private func known(_ loaded: KnownList?) throws(StateError) -> KnownList {
    if let loaded { return loaded }
    return try store.knownMessages(in: record.id)
  }

  /// The records of all messages that something may have to be done about.
  ///
  /// - Parameter early: what was read of them before.
  func relevantRows(
    _ observations: Both<Observation?>, _ known: KnownList?, _ early: RowsOfRight?
  ) throws(StateError) -> [MessageRecord] {
    if needsAllRows { return try store.messages(in: record.id) }
    var uids = Both(left: UIDSet(), right: UIDSet())
    if let known {
      uids.left = UIDSet(known.lazy.filter { [mode] in $0.isRelevant(in: mode) }.map(\.uids.left))
    } else if isFarFromAgreed {
      uids.left = try store.unevenUIDs(in: record.id)
    } else if record.mode == .mirror {
      for side in Side.allCases { uids[side] = UIDSet(record.agreedNext...UID.last) }
    }
    for side in Side.allCases {
      guard let observation = observations[side] else { continue }
      uids[side] = uids[side].union(observation.messages.uids)
        .union(try vanished(observation, side: side))
    }
    for side in Side.allCases {
      uids[side] = uids[side].union(wholeMessages).union(untouched[side])
    }
    // What was compared with the base may have been written to since.
    guard let early, known == nil, early.uids.subtracting(uids.right).isEmpty else {
      return try store.messages(in: record.id, uids: uids)
    }
    uids.right = uids.right.subtracting(early.uids)
    let others = try store.messages(in: record.id, uids: uids)
    let ids = Set(others.lazy.map(\.id))
    return (others + early.rows.lazy.filter { !ids.contains($0.id) })
      .sorted { ($0.uids.left, $0.id) < ($1.uids.left, $1.id) }
  }

  /// Where a message is moved to later, it is known by its id.
  private func learn(_ ids: [(uid: UID, id: GlobalUID)], on side: Side) throws(StateError) {
    guard !policy.isDryRun else { return }
    for start in stride(from: 0, to: ids.count, by: 500) {
      let some = ids[start..<min(start + 500, ids.count)]
      try commit(some.map { .putID(record.id, side, $0.uid, $0.id) }, .soon)
    }
  }

  /// Under another UIDVALIDITY, or in an older state, every message has to be found again.
  private var needsAllRows: Bool {
    !isTrusted(.left) || !isTrusted(.right)
      || mode == .mirror && anchors.left.uidValidity != anchors.right.uidValidity
  }

  /// Many UIDs have been handed out since both sides were level.
  private var isFarFromAgreed: Bool {
    guard mode == .mirror else { return false }
    let next = max(anchors.left.uidNext, anchors.right.uidNext).rawValue
    return next > record.agreedNext.rawValue && next - record.agreedNext.rawValue > 500
  }

  func vanishedUIDs(_ observation: Observation, side: Side) throws(SideFailure) -> UIDSet {
    try stateAccess { () throws(StateError) in try vanished(observation, side: side) }
  }

  /// The UIDs that the base knew of when the sides were looked at: read once, however many questions they answer.
  func knownUIDs(on side: Side) throws(StateError) -> UIDSet {
    if let known = uidsOfBase[side] { return known }
    let known = try store.uids(in: record.id, side: side)
    uidsOfBase[side] = known
    return known
  }

  /// UIDs of the base that are not there any more. (Those that an observation names may never have been.)
  private func vanished(_ observation: Observation, side: Side) throws(StateError) -> UIDSet {
    switch observation.coverage {
    case .full:
      hasNewValidity(side)
        ? UIDSet()
        : try knownUIDs(on: side)
          .subtracting(observation.messages.uids)
    case .changes(let vanished): vanished
    case .present(let present):
      try knownUIDs(on: side).subtracting(present)
    }
  }
}

extension KnownMessage {
  /// Something may have to be done about it although no side has changed it.
  fileprivate func isRelevant(in mode: UIDMode) -> Bool {
    mode == .mirror && uids.left != uids.right
      || isStub && Side.allCases.contains { flags[$0].system.contains(.flagged) }
  }
}
