import IMAPClient

/// Messages that were moved or expunged while they were brought to the other side.
///
/// In `mirror` a Maildir's new file gets its number after its copy has got one. If it is gone by then, there is a copy
/// and nothing to record it with; at the next look it would have arrived, and come back, or be taken for the other half
/// of a twin. But it is known what it is: a message that lay on both sides and is gone from one.
extension MailboxSync {
  /// To be told of a message that was gone when it was to get its number on `side`.
  func noteStray(_ index: Int, on side: Side) throws(SideFailure) {
    let item = work[index].item
    guard mayRenumber, work[index].isFresh[side.other],
      !item.isKnown, item.sides[side].seen?.handle.uid == nil,
      let uid = item.sides[side.other].seen?.handle.uid
    else { return }
    // Copies of its stub are to wait for it.
    hasLearned = true
    strays[side.other][uid] = try stateAccess { () throws(StateError) in
      try row(index, under: Both(left: uid, right: uid))
    }
  }

  /// At the next look: what both sides were seen to have is recorded, and then is like any other message that vanished.
  func recordStrays() throws(SideFailure) {
    let strays = self.strays
    self.strays = Both(left: [:], right: [:])
    for side in Side.allCases where !strays[side].isEmpty {
      joinNumbered(strays[side], on: side)
      guard looked[side.other] else { continue }
      var changes: [StateChange] = []
      for index in work.indices {
        guard !work[index].item.isKnown, work[index].item.sides[side.other] == .absent,
          let uid = work[index].handles[side]?.uid, let row = strays[side][uid],
          try isUsedUp(uid, on: side.other)
        else { continue }
        work[index].item.base = row
        work[index].item.sides[side.other] = .vanished
        changes.append(.putMessage(row))
      }
      guard !changes.isEmpty else { continue }
      hasLearned = true
      try stateAccess { () throws(StateError) in try commit(changes, .soon) }
    }
  }

  /// Files that are not gone, but were given numbers by somebody else: what they are tells their own id, where a server altered
  /// the copy nothing else does.
  ///
  /// - Parameter side: that which has the copies.
  private func joinNumbered(_ strays: [UID: MessageRecord], on side: Side) {
    var matches: [Pairing.Match] = []
    for index in work.indices {
      guard !work[index].item.isKnown, work[index].item.sides[side.other] == .absent,
        let uid = work[index].handles[side]?.uid, let id = strays[uid]?.ids[side.other],
        let file = work.indices.first(where: { other in
          let item = work[other].item
          return !item.isKnown && item.sides[side] == .absent
            && item.sides[side.other].seen?.details?.id == id
            && item.sides[side.other].seen?.details?.date == strays[uid]?.date(on: side.other)
            && !matches.contains { (side == .left ? $0.right : $0.left) == other }
        })
      else { continue }
      // Neither is a stub taken for its message.
      work[index].stub = strays[uid]?.stub
      remember(strays[uid]?.contents[side], of: index, on: side)
      remember(strays[uid]?.contents[side.other], of: file, on: side.other)
      matches.append(
        side == .left
          ? Pairing.Match(left: index, right: file) : Pairing.Match(left: file, right: index))
    }
    if !matches.isEmpty { join(matches) }
  }

  /// Whether no message has the UID on a side, nor ever will.
  private func isUsedUp(_ uid: UID, on side: Side) throws(SideFailure) -> Bool {
    guard isTrusted(.left), isTrusted(.right), !isReopened(side), uid < anchors[side].uidNext,
      !work.contains(where: { $0.handles[side] == .uid(uid) }),
      !(unselected[side] + stranded[side]).contains(where: { $0.handle == .uid(uid) })
    else { return false }
    var uids = Both(left: UIDSet(), right: UIDSet())
    uids[side] = UIDSet(uid)
    return try stateAccess { () throws(StateError) in
      try store.messages(in: record.id, uids: uids).isEmpty
    }
  }
}
