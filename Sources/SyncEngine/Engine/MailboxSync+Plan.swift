import IMAPClient

/// Step 4: the merge, and what the run's options and guards leave of it.
extension MailboxSync {
  /// - Returns: whether there is anything to be done.
  func plan() -> Bool {
    var hasWork = later != nil || settled != nil
    for index in work.indices {
      decide(index)
      hasWork = hasWork || !work[index].isDropped
    }
    sayReadOnly()
    return hasWork || needsLevelling || needsRebinding
  }

  /// UIDs of the base belong to a UIDVALIDITY of before, or to nothing any more, whether or not anything
  /// else may be done now.
  private var needsRebinding: Bool {
    let isNew = Side.allCases.contains { hasNewValidity($0) }
    return work.contains { $0.isLost || (isNew && $0.item.isKnown) }
  }

  /// Once a run: why changes of one side are not made on the other.
  private func sayReadOnly() {
    for side in Side.allCases where readOnly[side] && heldBack[side] && !saidReadOnly[side] {
      saidReadOnly[side] = true
      noteFailure(
        EndpointError(
          .message, .readOnly, "the mailbox is read-only: the other side's changes stay there",
          advice: "ask for the right to change it, or leave it out"), on: side)
    }
  }

  /// In `mirror` both sides are to hand out the same UID next.
  var needsLevelling: Bool {
    sharesUIDs && mayRenumber && exists.left && exists.right
      && Side.allCases.contains { anchors[$0].uidNext < levelNext || isReopened($0) }
  }

  func decide(_ index: Int) {
    var item = work[index].item
    let doubts = self.doubts(item)
    for side in Side.allCases where !doubts[side].isEmpty {
      item.base?.lacking[side].formUnion(doubts[side])
    }
    var decision = Merge.decide(item, conflict: policy.conflict)
    if isBodyLost(item, decision: decision), let side = item.base?.stub {
      decision = .expunge(on: side)
    }
    // It was moved, not expunged: the change of flags moves along.
    if case .place(let side) = decision, work[index].claim?.side == side.other {
      decision = .expunge(on: side.other)
    }
    work[index].decision = decision
    switch decision {
    case .agree(_, var changes):
      let isDoubted = putBack(doubts, index, &changes)
      work[index].isDropped = !planFlags(index, changes) && !isDoubted
      planWholeMessage(index)
    case .place(let side):
      planPlacement(index, on: side)
    case .expunge(let side):
      if !allows(.expunge, on: side) {
        work[index].isDropped = true
        heldBack[side] = true
        deferExpunge(index, on: side)
      } else if isKept(index) || isMissed(index, on: side.other) {
        work[index].isDropped = true
        deferExpunge(index, on: side)
      }
    case .forget:
      work[index].isDropped = !item.isKnown
    }
  }

  /// Whether an earlier round found that its copy could not be made.
  private func isKept(_ index: Int) -> Bool {
    guard work[index].claim == nil, let base = work[index].item.base else { return false }
    return keptMoves.contains(base.id)
  }

  /// - Returns: whether anything is to be changed or recorded.
  private func planFlags(_ index: Int, _ changes: Both<FlagChange>) -> Bool {
    var isNeeded = !work[index].item.isKnown
    for side in Side.allCases {
      work[index].wanted[side] = work[index].flags[side]
      guard !changes[side].isEmpty else { continue }
      if allows(.flags, on: side) {
        work[index].wanted[side] = changes[side].applied(to: work[index].flags[side])
        isNeeded = true
      } else if let handle = work[index].handles[side.other] {
        holdBack(handle, from: side)
      }
    }
    let uids = work[index].uids
    if uids.left == nil || uids.right == nil { isNeeded = true }
    if mode == .mirror, mayRenumber, uids.left != uids.right { isNeeded = true }
    if let base = work[index].item.base {
      if base.uids.left != uids.left || base.uids.right != uids.right { isNeeded = true }
      if hasNewID(index) { isNeeded = true }
      // Both sides may have made the same change: nothing to store, but to be recorded.
      for side in Side.allCases where work[index].flags[side] != base.flags(on: side) {
        isNeeded = isNeeded || agreedFlags(index) != base.flags
      }
    }
    return isNeeded
  }

  /// Found again by its content, under another id: by the one of before it would not be known for long.
  private func hasNewID(_ index: Int) -> Bool {
    guard let base = work[index].item.base else { return false }
    return Side.allCases.contains { side in
      guard let id = work[index].item.sides[side].seen?.details?.id else { return false }
      return id != base.ids[side]
    }
  }

  /// The flags to be recorded as agreed on, as the sides stand now.
  func agreedFlags(_ index: Int) -> FlagSet {
    let now = work[index].flags
    guard let base = work[index].item.base else {
      return FlagMerge.agreed(old: .empty, left: now.left, right: now.right)
    }
    // What a side can't hold counts as held, as long as the other side has it.
    let full = Both { side in
      now[side].union(base.lacking[side].intersection(now[side.other]))
    }
    return FlagMerge.agreed(old: base.flags, left: full.left, right: full.right)
  }

  private func planPlacement(_ index: Int, on side: Side) {
    guard let handle = work[index].handles[side.other] else {
      work[index].isDropped = true
      return
    }
    if isOrphan(index, on: side.other) {
      noteOrphan(index, on: side.other)
      return
    }
    if work[index].source == nil { work[index].stub = isToBeStub(index, on: side) ? side : nil }
    guard allows(.new, on: side) else {
      work[index].isDropped = true
      holdBack(handle, from: side)
      deferVanished(index)
      work[index].fulfils?.outcome = .failed
      return
    }
    var arrived = work[index].flags[side.other]
    if let source = work[index].source {
      // Nobody removed what there is no room for there.
      arrived.formUnion(source.record.lacking[side.other])
      let kept = source.flags.union(source.record.lacking[side])
      // A moved message: its change of flags on either side against what was agreed on.
      let wanted =
        source.isMove
        ? FlagMerge.merge(base: source.record.flags, left: arrived, right: kept) : arrived
      work[index].wanted = Both(left: wanted, right: wanted)
    } else {
      // It is placed anew where it was expunged.
      if let base = work[index].item.base { arrived.formUnion(base.lacking[side.other]) }
      work[index].wanted = Both(left: arrived, right: arrived)
    }
  }

  /// A change of the other side that may not be made on this one, now.
  private func holdBack(_ handle: MessageHandle, from side: Side) {
    heldBack[side] = true
    deferMessage(handle, on: side.other)
  }

  /// Remembers to look at a message again at the next run.
  func deferMessage(
    _ handle: MessageHandle, on side: Side, code: FailureCode? = nil, text: String = ""
  ) {
    if !traits[side].choosesUIDs, let uid = handle.uid {
      deferred[side][uid] = PendingMessage(
        mailbox: record.id, side: side, uid: uid, code: code, text: text)
    }
    // A Maildir is read as a whole; it only has to be read.
    anchors[side].stamp = nil
    isContinued[side] = false
  }

  /// Remembers an expunge that is not made now.
  func deferExpunge(
    _ index: Int, on side: Side, code: FailureCode? = nil, text: String = ""
  ) {
    guard let base = work[index].item.base else { return }
    deferMessage(.uid(base.uids[side.other]), on: side.other, code: code, text: text)
    // Should it be there again, what was changed here meanwhile is to follow.
    if let handle = work[index].handles[side], work[index].flags[side] != base.flags(on: side) {
      deferMessage(handle, on: side)
    }
    // Under a new UIDVALIDITY the base forgets what it can't find on both sides: then the message is all
    // that is left to be seen. Nor does the base tell where it lies, if it has another UID now, or none.
    if let handle = work[index].handles[side],
      hasNewValidity(side.other) || !work[index].isRecorded || handle != .uid(base.uids[side])
    {
      deferMessage(handle, on: side)
    }
  }

  /// Of a message that is to be placed anew where it was expunged (`conflict = keep`), and is not placed now, that is
  /// remembered too: it would be taken for one that lies on both sides, and not for one that another pair may have
  /// placed there meanwhile.
  func deferVanished(_ index: Int) {
    guard let base = work[index].item.base else { return }
    for side in Side.allCases where work[index].item.sides[side] == .vanished {
      deferMessage(.uid(base.uids[side]), on: side)
    }
  }

  /// Leaves a message that someone else changed in between to the next round, which needs to know what
  /// it is like on both sides: the anchors will have passed what was seen of it in this round.
  func retry(_ index: Int) {
    work[index].isDropped = true
    for side in Side.allCases {
      changed[side] = changed[side] || exists[side]
      if let uid = work[index].handles[side]?.uid ?? work[index].item.base?.uids[side] {
        deferMessage(.uid(uid), on: side)
      }
    }
  }

  /// Whether something that was to be saved here may not have been.
  var mayLackMessages: Bool {
    isBroken
      || failures.contains {
        $0.code != .cannotRenumber && $0.code != .keywords && $0.code != .altered
      }
  }

  // MARK: Guards

  /// Expunges that are planned on a side, those that a move takes care of left out.
  func plannedExpunges(on side: Side) -> [Int] {
    work.indices.filter { index in
      work[index].decision == .expunge(on: side) && !work[index].isDropped
        && work[index].claim == nil
    }
  }

  /// What is missing in a store that is not the one it was, nobody has expunged, whatever became of it on the other side.
  func keepForgotten() {
    for index in work.indices where work[index].decision == .forget && !work[index].isDropped {
      work[index].isDropped = true
      deferVanished(index)
    }
  }

  /// Holds back the expunges on a side.
  func refuseExpunges(on side: Side, _ message: String, advice: String) {
    for index in plannedExpunges(on: side) {
      work[index].isDropped = true
      deferExpunge(index, on: side, code: .guarded, text: message)
    }
    isGuarded = true
    failures.append(
      SyncFailure(
        side: side, mailbox: record.names[side], code: .guarded, scope: .message,
        message: message, advice: advice))
  }
}
