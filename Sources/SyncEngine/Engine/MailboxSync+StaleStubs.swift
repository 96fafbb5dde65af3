import IMAPClient

/// Stubs in whose place the whole messages have come: they belong to no row of the base any more, and go.
extension MailboxSync {
  /// Once the whole message is recorded, its stub belongs to no row: this leads the next run to it, should
  /// this one be cut short.
  func noteReplaced(_ index: Int, _ row: MessageRecord) -> StateChange? {
    guard let stub = work[index].stubDetails?.replaced, !stub.isNoted,
      row.uids[stub.side] != stub.uid
    else { return nil }
    let note = PendingMessage(mailbox: record.id, side: stub.side, uid: stub.uid)
    pending[stub.side][stub.uid] = note
    staleStubs[stub.side].insert(.uid(stub.uid))
    work[index].stubDetails?.replaced?.isNoted = true
    return .putPending(note)
  }

  /// A stub whose message could not be fetched stays flagged as it is, and is looked at again.
  func deferReplaced(_ index: Int) {
    if let stub = work[index].stubDetails?.replaced { deferMessage(.uid(stub.uid), on: stub.side) }
  }

  /// Stubs in whose place the whole messages have come.
  func expungeStaleStubs(_ endpoints: Both<any Endpoint>) throws(SideFailure) {
    try replaceStubs(of: Array(work.indices), endpoints)
    for side in Side.allCases where !staleStubs[side].isEmpty {
      let stubs = staleStubs[side].sorted()
      guard allows(.new, on: side) else {
        for stub in stubs { deferMessage(stub, on: side) }
        continue
      }
      staleStubs[side] = []
      isContinued[side] = false
      noteStubsGone(from: side)
      try settleRecords()
      let uids = UIDSet(try numbers(of: stubs, on: side, endpoints[side]).sorted())
      let (gone, refusal) = try expungeIfAllowed(uids, on: side, endpoints)
      var changes: [StateChange] = []
      for uid in uids {
        guard gone.contains(uid) else {
          deferMessage(.uid(uid), on: side)
          if noteUnexpunged(uid, on: side, refusal) { givenUp[side].insert(.uid(uid)) }
          continue
        }
        if pending[side].removeValue(forKey: uid) != nil {
          changes.append(.removePending(record.id, side, uid))
        }
      }
      if !changes.isEmpty {
        try stateAccess { () throws(StateError) in try commit(changes, .soon) }
      }
    }
  }

  /// Of stubs that are files without numbers, those that they get.
  private func numbers(
    of stubs: [MessageHandle], on side: Side, _ endpoint: any Endpoint
  ) throws(SideFailure) -> [UID] {
    let files = stubs.filter { $0.uid == nil }
    guard !files.isEmpty else { return stubs.compactMap(\.uid) }
    let outcomes = try on(side) { () throws(EndpointError) in
      try select(side, endpoint)
      return try endpoint.renumber(files, targets: freeUIDs(files.count, on: side))
    }
    return stubs.compactMap(\.uid)
      + outcomes.compactMap { outcome in
        if case .placed(let uid, _, _) = outcome { uid } else { nil }
      }
  }

  /// A stub in whose place the whole message was recorded, by a run that was cut short then: it is nobody's.
  func isReplaced(_ index: Int, on side: Side) throws(SideFailure) -> Bool {
    guard let handle = work[index].handles[side], isNoted(handle, on: side),
      let original = work[index].stubDetails?.original
    else { return false }
    let rows = try stateAccess { () throws(StateError) in
      try store.messages(withContent: original, on: side)
    }
    guard rows.contains(where: { $0.mailbox == record.id && $0.stub == nil }) else { return false }
    staleStubs[side].insert(handle)
    return true
  }

  /// Whether it was noted when its message had come. Of a Maildir that was numbered anew since it can't be told any more
  /// which stub was meant.
  private func isNoted(_ handle: MessageHandle, on side: Side) -> Bool {
    guard let uid = handle.uid else { return !pending[side].isEmpty }
    return pending[side][uid].map { $0.text != Orphan.note } ?? false
  }
}
