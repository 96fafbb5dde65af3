import IMAPClient

/// Step 7, after the copies of every mailbox are safe: what one side expunged is expunged on the other.
extension MailboxSync {
  func expunge(_ endpoints: Both<any Endpoint>) throws(SideFailure) {
    for side in Side.allCases { try expunge(on: side, endpoints) }
    try expungeStaleStubs(endpoints)
    try forget()
    try expungeDeleted(endpoints)
  }

  private func expunge(on side: Side, _ endpoints: Both<any Endpoint>) throws(SideFailure) {
    var due: [Int] = []
    var kept: [Int] = []
    for index in work.indices
    where work[index].decision == .expunge(on: side) && !work[index].isDropped {
      switch work[index].claim?.outcome {
      case nil, .copied?: due.append(index)
      case .moved?: break
      case .open?, .failed?:
        // Its copy could not be made: it stays where it was.
        deferExpunge(index, on: side)
        if let base = work[index].item.base { keptMoves.insert(base.id) }
        kept.append(index)
      }
    }
    try keep(kept, on: side, endpoints)
    guard !due.isEmpty else { return }
    try numberBeforeExpunging(due, on: side, endpoints)
    let uids = UIDSet(due.compactMap { work[$0].handles[side]?.uid })
    changed[side] = true
    try settleRecords()
    let (gone, refusal) = try expungeIfAllowed(uids, on: side, endpoints)
    var changes: [StateChange] = []
    for index in due {
      guard let uid = work[index].handles[side]?.uid, gone.contains(uid) else {
        leave(index, on: side, refusal)
        continue
      }
      if let base = work[index].item.base { changes.append(.removeMessage(base.id)) }
      work[index].isExpunged = true
      counts[side].expunged += 1
      report(side, .expunged(uid))
    }
    try stateAccess { () throws(StateError) in try commit(changes, .soon) }
  }

  private func numberBeforeExpunging(
    _ indices: [Int], on side: Side, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    let files = indices.filter { work[$0].handles[side]?.uid == nil }
    let jobs = zip(files, freeUIDs(files.count, on: side)).map { index, target in
      Job(index: index, kind: .renumber, target: target)
    }
    try perform(jobs, on: side, endpoints)
  }

  /// Files without a number can't be recorded, and what is not recorded would have arrived when it is seen next,
  /// and go back to where it was moved from.
  private func keep(
    _ indices: [Int], on side: Side, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    let files = indices.filter { work[$0].uids[side] == nil }
    guard !files.isEmpty else { return }
    // The next round can copy them, and has to know that they are gone there.
    changed[side.other] = true
    try numberBeforeExpunging(files, on: side, endpoints)
    let changes = files.compactMap { index -> StateChange? in
      guard var row = work[index].item.base, let uid = work[index].uids[side] else { return nil }
      row.uids[side] = uid
      return .putMessage(row)
    }
    try stateAccess { () throws(StateError) in try commit(changes) }
  }

  /// Messages that neither side has any more.
  private func forget() throws(SideFailure) {
    let changes = work.indices.compactMap { index -> StateChange? in
      guard case .forget = work[index].decision, !work[index].isDropped,
        let base = work[index].item.base
      else { return nil }
      return .removeMessage(base.id)
    }
    guard !changes.isEmpty else { return }
    try stateAccess { () throws(StateError) in try commit(changes, .soon) }
  }

  /// The key `expunge`: messages flagged \Deleted go, where it says so; the other side then follows as it
  /// follows any expunge.
  private func expungeDeleted(_ endpoints: Both<any Endpoint>) throws(SideFailure) {
    guard policy.expunge != .none, policy.changes == .both,
      Side.allCases.allSatisfy({ allows(.expunge, on: $0) })
    else { return }
    let known = try stateAccess { () throws(StateError) in
      try store.knownMessages(in: record.id)
    }
    let uids = known.lazy.filter { message in
      Side.allCases.contains { message.flags[$0].system.contains(.deleted) }
    }.map(\.uids.left)
    let deleted = try stateAccess { () throws(StateError) in
      try store.messages(
        in: record.id, uids: Both(left: UIDSet(uids), right: UIDSet()))
    }.filter { row in
      row.flags.system.contains(.deleted)
        && Side.allCases.allSatisfy { !expungesRefused[$0].contains(row.uids[$0]) }
    }
    guard !deleted.isEmpty, !isGuarded else { return }
    if !policy.isForced,
      Guard.refuses(expunges: deleted.count, known: known.count, limit: policy.maxExpunge)
    {
      let side: Side = policy.expunge.includes(.left) ? .left : .right
      refuseExpunges(
        on: side,
        "\(deleted.count) of \(known.count) messages are flagged \\Deleted; they were not expunged",
        advice: "if that is right, run once with --force, or raise max-expunge")
      return
    }
    var gone = Both(left: UIDSet(), right: UIDSet())
    try settleRecords()
    var rows = deleted
    for side in Side.allCases {
      changed[side] = true
      isContinued[side] = false
      let uids = UIDSet(rows.map { $0.uids[side] }.sorted())
      let refusal: EndpointError?
      (gone[side], refusal) = try expungeIfAllowed(
        uids, onlyDeleted: true, on: side, endpoints)
      for uid in uids.subtracting(gone[side]) { _ = noteUnexpunged(uid, on: side, refusal) }
      // What somebody has taken the flag off stays on both.
      rows.removeAll { !gone[side].contains($0.uids[side]) }
      counts[side].expunged += gone[side].count
      for row in deleted where gone[side].contains(row.uids[side]) {
        report(side, .expunged(row.uids[side]))
      }
    }
    let changes = deleted.filter { row in
      gone.left.contains(row.uids.left) && gone.right.contains(row.uids.right)
    }.map { StateChange.removeMessage($0.id) }
    try stateAccess { () throws(StateError) in try commit(changes, .soon) }
  }
}
