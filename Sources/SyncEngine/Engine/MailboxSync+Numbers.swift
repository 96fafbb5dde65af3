import IMAPClient

/// Which UIDs have been handed out: design.md §5.
extension MailboxSync {
  var reach: Both<UIDSpace.Reach> {
    Both { side in
      UIDSpace.Reach(
        next: anchors[side].uidNext, lowest: origins[side].reopenedFrom, known: knownNext[side])
    }
  }

  /// In `mirror`: the first UID that stands for nothing yet on either side, and so the one that both are to hand
  /// out next.
  var levelNext: UID { max(reach.left.burned, reach.right.burned) }

  /// The first UID that may be given to a message which never had one; in `mirror` on both sides.
  func firstFree(on side: Side) -> UID { mode == .map ? anchors[side].uidNext : levelNext }

  /// So many of them, ascending.
  func freeUIDs(_ count: Int, on side: Side) -> [UID] {
    var next: UID? = firstFree(on: side)
    return (0..<count).map { _ in
      let uid = next ?? .last
      next = uid.next
      return uid
    }
  }

  /// Whether a side that lost its numbers gives messages back what they had.
  func isReopened(_ side: Side) -> Bool { origins[side].reopenedFrom != nil }

  func noteGiven(_ uid: UID, on side: Side) {
    guard let next = uid.next else { return }
    if next > anchors[side].uidNext {
      anchors[side].uidNext = next
      origins[side].reopenedFrom = nil
    } else if let first = origins[side].reopenedFrom {
      origins[side].reopenedFrom = next < anchors[side].uidNext ? max(first, next) : nil
    }
  }

  /// The first UID that stands for nothing under this UIDVALIDITY on either side, by all that is known.
  ///
  /// - Parameter before: the anchors in the base.
  func nextUnder(_ validity: UIDValidity, _ before: Both<Anchor?>) -> UID {
    Side.allCases.flatMap { [anchors[$0], before[$0]] }.compactMap { anchor in
      anchor?.uidValidity == validity ? anchor?.uidNext : nil
    }.max() ?? .first
  }

  /// The sides' UIDNEXTs in the base, as far as they are of the UIDVALIDITYs of now.
  func noteKnownNext(_ before: Both<Anchor?>) {
    knownNext = Both { side in
      guard let then = before[side], then.uidValidity == anchors[side].uidValidity else {
        return .first
      }
      return then.uidNext
    }
  }
}
