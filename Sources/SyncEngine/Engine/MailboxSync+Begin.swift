import IMAPClient

extension MailboxSync {
  /// The same, without counting them where all that both sides hold is known.
  var finalCount: Int {
    guard let left = record.anchors.left, let right = record.anchors.right,
      left.messages == right.messages, policy.changes == .both, policy.kinds == .all,
      policy.since == nil, failures.isEmpty, pending.left.isEmpty, pending.right.isEmpty,
      !needsLook.left, !needsLook.right, !readOnly.left, !readOnly.right,
      record.isSelected(as: policy)
    else { return knownCount }
    return Int(left.messages)
  }

  /// Messages that the base knows in this mailbox.
  var knownCount: Int { (try? store.messageCount(in: record.id)) ?? 0 }

  /// The same, or `limit` where there are more.
  func knownCount(atMost limit: Int) -> Int {
    (try? store.messageCount(in: record.id, atMost: limit)) ?? 0
  }

  /// Before anything is changed: under a new UIDVALIDITY the base's UIDs mean nothing any more, and in an older
  /// state of the mailbox some of them, so what was found again is recorded and the rest forgotten, together
  /// with the new anchors. A run that is cut short after this leaves nothing that could be misread: where a
  /// message was forgotten that the other side has still, the next run is told to look at it again, because
  /// that side's anchor has passed it. So it is of an anchor that does not tell everything: once the messages are recorded
  /// that showed it, the next run would rely on it.
  func begin() throws(SideFailure) {
    let isNew = Side.allCases.filter {
      (hasNewValidity($0) && anchors[$0].uidValidity != nil) || hasGoneBack($0)
    }
    let isAnyStale = isAnchorStale.left || isAnchorStale.right
    guard !isNew.isEmpty || isAnyStale || work.contains(where: \.isLost) else { return }
    var changes: [StateChange] = []
    for index in work.indices {
      guard var row = work[index].item.base else { continue }
      var isFound = !work[index].isLost
      for side in isNew {
        if let seen = work[index].item.sides[side].seen, let uid = seen.handle.uid {
          row.uids[side] = uid
          row.ids[side] = seen.details?.id ?? row.ids[side]
        } else {
          isFound = false
        }
      }
      guard isFound else {
        changes.append(.removeMessage(row.id))
        changes += restoring(index)
        work[index].isRecorded = false
        continue
      }
      guard !isNew.isEmpty else { continue }
      changes.append(.putMessage(row))
      work[index].item.base = row
    }
    for side in Side.allCases where isAnchorStale[side] {
      record.anchors[side]?.highestModSeq = nil
    }
    for side in isNew {
      record.anchors[side] = Anchor(
        uidValidity: anchors[side].uidValidity, uidNext: .first, messages: 0)
    }
    if mode == .mirror, !isNew.isEmpty { record.agreedNext = .first }
    // Where the base knows no message there is nothing to be misread.
    let durability: Durability = changes.isEmpty ? .soon : .now
    changes.append(.putMailbox(record))
    storedRecord = record
    try stateAccess { () throws(StateError) in try commit(changes, durability) }
  }

  private func restoring(_ index: Int) -> [StateChange] {
    var changes: [StateChange] = []
    for side in Side.allCases where work[index].handles[side] != nil {
      // A Maildir is always read as a whole; it only has to be read.
      if traits[side].choosesUIDs {
        record.anchors[side]?.stamp = nil
        hasDroppedStamp[side] = true
      }
      guard !traits[side].choosesUIDs, let uid = work[index].handles[side]?.uid,
        pending[side][uid] == nil
      else { continue }
      let message = PendingMessage(mailbox: record.id, side: side, uid: uid)
      pending[side][uid] = message
      restored[side].insert(uid)
      changes.append(.putPending(message))
    }
    return changes
  }

  // MARK: Dry run

  /// Counts and tells what would be done.
  func countPlanned() {
    for index in work.indices where !work[index].isDropped {
      switch work[index].decision {
      case .agree: countPlannedFlags(index)
      case .place(let side): countPlannedPlacement(index, on: side)
      case .expunge(let side):
        guard work[index].claim == nil, let uid = work[index].handles[side]?.uid else { continue }
        counts[side].expunged += 1
        report(side, .expunged(uid))
      case .forget: break
      }
    }
    messageCount = knownCount
  }

  private func countPlannedFlags(_ index: Int) {
    for side in Side.allCases {
      let change = FlagChange(from: work[index].flags[side], to: work[index].wanted[side])
      guard !change.isEmpty, let uid = work[index].handles[side]?.uid else { continue }
      counts[side].flagged += 1
      report(side, .flagged(uid, added: change.added, removed: change.removed))
    }
  }

  private func countPlannedPlacement(_ index: Int, on side: Side) {
    guard let source = work[index].source else {
      counts[side].saved += 1
      report(side, .saved(work[index].handles[side.other]?.uid))
      return
    }
    counts[side].copied += 1
    report(
      side, source.isMove ? .moved(nil, from: source.mailbox) : .copied(nil, from: source.mailbox))
  }
}
