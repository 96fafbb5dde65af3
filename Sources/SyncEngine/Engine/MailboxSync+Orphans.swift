import IMAPClient

/// A stub whose message was not found, by what it may be known.
struct Orphan {
  var handle: MessageHandle
  var id: GlobalUID?
  var content: ContentID?

  /// By this a stub that is pending for its message is told from one in whose place that has come.
  static let note = "the message that it stands for was not found"
}

/// Orphans that are pending for nothing but messages that the base has.
struct WaitingOrphans {
  var orphans: [Orphan] = []
  /// A Maildir's, that would have been recorded if it were not for them.
  var stamp: MaildirStamp?
}

/// Stubs without the messages that they stand for, and messages whose stubs are gone.
extension MailboxSync {
  // MARK: Messages

  /// What is gone may have been moved to a mailbox that was looked at before: a stub, whose message is the only one
  /// there is; what had flags that there was no room for, which are only on the other side; and anything that is found to
  /// be gone in a later round than the first, before which much time may have passed. So another round looks at whatever
  /// has changed since.
  ///
  /// - Returns: whether the message has to stay in this round.
  func isMissed(_ index: Int, on side: Side) -> Bool {
    // Under a new UIDVALIDITY the base forgets before the next round what is not on both sides.
    guard let base = work[index].item.base,
      base.stub == side || !mayLack(base, on: side).isEmpty || isLaterRound,
      work[index].claim == nil, !policy.isDryRun, Side.allCases.allSatisfy({ isTrusted($0) })
    else { return false }
    guard missed.insert(base.id).inserted else { return leavesMissed[side] }
    changed[side] = true
    misses[side] = true
    // What was changed on the other side counts as well, once it is found where it was moved.
    if work[index].flags[side.other] != base.flags(on: side.other) { changed[side.other] = true }
    return true
  }

  // MARK: Stubs

  /// A stub whose message is not to be found, or was taken away while this run saved the stub.
  func isOrphan(_ index: Int, on side: Side) -> Bool {
    work[index].stub == side && (work[index].source == nil || isSavedNow(index, on: side))
  }

  /// Whether the stub is this run's own, and not recorded.
  private func isSavedNow(_ index: Int, on side: Side) -> Bool {
    guard !work[index].item.isKnown, let uid = work[index].handles[side]?.uid else {
      return false
    }
    return savedStubs[side].contains(uid)
  }

  /// A user's stub stays where it is, for it is no message; what this run made goes.
  func noteOrphan(_ index: Int, on side: Side) {
    work[index].isDropped = true
    work[index].fulfils?.outcome = .failed
    guard let handle = work[index].handles[side] else { return }
    if isSavedNow(index, on: side) {
      staleStubs[side].insert(handle)
      return
    }
    // Its message was found, as a file that has no number yet: the next round can copy it.
    if work[index].fulfils != nil {
      retry(index)
      return
    }
    orphans[side].append(
      Orphan(
        handle: handle, id: work[index].item.sides[side].seen?.details?.id,
        content: work[index].item.sides[side].seen?.content))
  }

  /// What is known for stubs in a mailbox that can't be synced any further in this run: what tells of them, a row of another
  /// mailbox for one, may be forgotten before the next one.
  func keepStubs() throws(SideFailure) {
    let notes = work.flatMap { work in
      Side.allCases.compactMap { side -> PendingMessage? in
        guard !work.item.isKnown, work.stub == side, !traits[side].choosesUIDs,
          let uid = work.uids[side]
        else { return nil }
        return PendingMessage(mailbox: record.id, side: side, uid: uid, text: Orphan.note)
      }
    }
    guard !notes.isEmpty else { return }
    try stateAccess { () throws(StateError) in
      try commit(notes.map { .putPending($0) }, .soon)
    }
  }

  /// A stub that no row has yet is known for one only under its old UID, should its message not be copied.
  func noteRenumberedStub(_ index: Int, on side: Side, _ uid: UID) -> StateChange? {
    guard work[index].stub == side, !work[index].item.isKnown, !traits[side].choosesUIDs else {
      return nil
    }
    let note = PendingMessage(mailbox: record.id, side: side, uid: uid, text: Orphan.note)
    pending[side][uid] = note
    return .putPending(note)
  }

  /// To be told at the end of a round.
  ///
  /// - Parameters:
  ///   - hasLearned: messages were recorded in it, in whatever mailbox. One of them may be what an
  ///     orphan stands for: the next round looks, and takes the stub for one of a copy.
  ///   - isWhole: nothing was left to another run that this one could have recorded.
  func finishOrphans(hasLearned: Bool, isWhole: Bool) throws(SideFailure) {
    for side in Side.allCases {
      let isUnread = changed[side] || observedLowest[side] < observed[side].uidNext
      waiting[side] = WaitingOrphans(stamp: isUnread ? nil : anchors[side].stamp)
      for orphan in orphans[side] {
        if hasLearned { changed[side] = true }
        let isKnown = try isOfKnownMessage(orphan, on: side)
        if hasLearned || isKnown || !isWhole {
          deferMessage(orphan.handle, on: side, text: Orphan.note)
          if !hasLearned, isWhole { waiting[side].orphans.append(orphan) }
        } else {
          noteLeftAlone(orphan.handle, on: side)
        }
      }
      orphans[side] = []
    }
  }

  /// To be told when mailboxes were deleted: with them the base has forgotten messages, and what is pending for their
  /// sake has nothing more to wait for.
  func finishWaiting() throws(SideFailure) {
    var changes: [StateChange] = []
    for side in Side.allCases where !waiting[side].orphans.isEmpty {
      var rest: [Orphan] = []
      for orphan in waiting[side].orphans {
        if try isOfKnownMessage(orphan, on: side) {
          rest.append(orphan)
          continue
        }
        noteLeftAlone(orphan.handle, on: side)
        if let uid = orphan.handle.uid, pending[side].removeValue(forKey: uid) != nil {
          changes.append(.removePending(record.id, side, uid))
        }
      }
      waiting[side].orphans = rest
      guard rest.isEmpty, let stamp = waiting[side].stamp else { continue }
      record.anchors[side]?.stamp = stamp
      storedRecord = record
      changes.append(.putMailbox(record))
    }
    guard !changes.isEmpty else { return }
    try stateAccess { () throws(StateError) in try commit(changes, .soon) }
  }

  /// Whether the base has its message, which this run can't copy: because it takes no part in it, or is not to be found
  /// on a disk that is not mounted. Another run can.
  private func isOfKnownMessage(_ orphan: Orphan, on side: Side) throws(SideFailure) -> Bool {
    try stateAccess { () throws(StateError) in
      if let id = orphan.id,
        try store.messages(withID: id, on: side).contains(where: { $0.stub == side })
      {
        return true
      }
      guard let content = orphan.content else { return false }
      return try store.messages(withContent: content, on: side).contains { $0.stub == side }
    }
  }

  private func noteLeftAlone(_ handle: MessageHandle, on side: Side) {
    observer?.handle(
      .notice(
        SyncFailure(
          side: side, mailbox: record.names[side], code: .other, scope: .message,
          message: "the stub \(describe(handle)) stands for a message that was not found",
          advice: "it is left alone; expunge it if it is of no use")))
  }
}
