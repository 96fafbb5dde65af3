import IMAPClient

/// A Maildir that tells what has changed since a stamp, tells it of a moment at which the base knew all that there was.
///
/// Once rows have changed, that moment is behind: what somebody undoes that this run has done is no change since then. So before
/// any row is written, the stamp is taken out of the base, and nobody asks by it any more, neither this run nor the one after
/// it, should this one die. It comes back with the anchors at the end of the round.
extension MailboxSync {
  /// To be called when the sides have been looked at.
  func dropStamps(_ endpoints: Both<any Endpoint>) {
    guard !policy.isDryRun else { return }
    for side in Side.allCases where traits[side].choosesUIDs {
      guard let anchor = record.anchors[side], let stamp = anchor.stamp,
        endpoints[side].mayTellChanges(fullNames[side], since: anchor)
      else { continue }
      record.anchors[side]?.stamp = nil
      hasDroppedStamp[side] = true
      if storedRecord?.anchors[side]?.stamp == stamp { recordedStamps[side] = stamp }
      storedRecord?.anchors[side]?.stamp = nil
    }
  }

  /// Writes to the base. What changes rows of this mailbox comes after its stamps are taken out.
  func commit(
    _ changes: [StateChange], _ durability: Durability = .now
  ) throws(StateError) {
    var all = changes
    if recordedStamps.left != nil || recordedStamps.right != nil,
      changes.contains(where: changesMailbox)
    {
      recordedStamps = Both(left: nil, right: nil)
      if let storedRecord { all.insert(.putMailbox(storedRecord), at: 0) }
    }
    try store.commit(all, durability)
  }

  private func changesMailbox(_ change: StateChange) -> Bool {
    switch change {
    case .putMessage, .putFlags, .removeMessage: true
    case .putMailbox(let mailbox): mailbox.id == record.id
    default: false
    }
  }

  /// At the end of a round: what has not been taken out of the base is there still.
  func keepRecordedStamps() {
    for side in Side.allCases {
      guard let stamp = recordedStamps[side] else { continue }
      storedRecord?.anchors[side]?.stamp = stamp
    }
    recordedStamps = Both(left: nil, right: nil)
  }
}
