import IMAPClient

/// Whether the two sides share one UID space, and under which UIDVALIDITY: design.md §5.
extension MailboxSync {
  func chooseMode() {
    guard policy.uids != .map, !hasFallenBack else {
      record.mode = .map
      return
    }
    let validities = anchors.map(\.uidValidity)
    let isEqual = validities.left != nil && validities.left == validities.right
    let ruled = isEqual ? nil : Side.allCases.first(where: isRuledByAnother)
    let canShare = isEqual || (traits.left.choosesUIDs || traits.right.choosesUIDs) && ruled == nil
    switch (record.mode, canShare) {
    case (let before, false):
      record.mode = .map
      if policy.uids == .mirror {
        noteUnsharable(ruled)
      } else if let ruled, before == .mirror {
        noteRuledByAnother(ruled)
      }
    case (.map?, true) where record.isSelected(as: policy):
      // It could not be kept level before (too much padding, or a server that can't renumber), and
      // nobody has asked for anything else since.
      break
    case (.mirror?, true):
      break
    case (_, true):
      record.mode = .mirror
      record.agreedNext = .first
    }
  }

  /// Whether a Maildir had the server's UIDVALIDITY, and another pair has given it that of another server since: two
  /// servers can't rule it in turn.
  private func isRuledByAnother(_ side: Side) -> Bool {
    guard traits[side].choosesUIDs, !traits[side.other].choosesUIDs, origins[side].isServers,
      let servers = anchors[side.other].uidValidity
    else { return false }
    // Unless it is the server that has gone back to an older one.
    return origins[side].former.contains(servers)
      && record.anchors[side.other]?.uidValidity != anchors[side].uidValidity
  }

  private func noteRuledByAnother(_ side: Side) {
    let notice = SyncFailure(
      side: side, mailbox: record.names[side], code: .cannotRenumber, scope: .message,
      message:
        "each side keeps its own UIDs from now on: another pair gives this one those of another server",
      advice: "")
    notices.append(notice)
    observer?.handle(.notice(notice))
  }

  private func noteUnsharable(_ ruled: Side?) {
    let reason =
      ruled.map { "another pair gives the \($0) side the UIDVALIDITY of another server" }
      ?? "the two servers gave this mailbox different UIDVALIDITYs"
    noteFailure(
      EndpointError(
        .message, .cannotRenumber, "\(reason), so each side keeps its own UIDs",
        advice: "set uids = auto or uids = map"),
      on: nil)
  }

  /// Gives a side that chooses its UIDs the other's UIDVALIDITY; its messages are numbered anew then.
  ///
  /// - Parameter before: the anchors in the base.
  func adoptValidity(
    _ endpoints: Both<any Endpoint>, before: Both<Anchor?>, items: inout Items
  ) throws(SideFailure) {
    guard !policy.isDryRun else { return }
    for (side, validity) in try validitiesToAdopt(endpoints)
    where (policy.changes.includes(side) || anchors[side].uidValidity == nil) && !readOnly[side] {
      let hadMessages = anchors[side].uidValidity != nil && anchors[side].messages > 0
      let expunged = hasNewValidity(side) ? [] : items.vanishedRows(on: side)
      // It does not know that it ever had it: the list of what it gave then was lost. Whatever has not got its number back yet
      // would be expunged to another pair. So it gets another id for so long, as it has where its list was lost.
      let hasLostNumbers =
        before[side]?.uidValidity == validity && anchors[side].uidValidity != nil
        && !origins[side].former.contains(validity)
      try distrust(side)
      if hasLostNumbers { idBefore[side] = record.mailboxIDs[side] }
      let observation = try on(side) { () throws(EndpointError) in
        try select(side, endpoints[side])
        if hasLostNumbers { _ = try endpoints[side].setID(nil) }
        try endpoints[side].adopt(
          validity, uidNext: nextUnder(validity, before),
          isServers: !traits[side.other].choosesUIDs || origins[side.other].isServers)
        // It is told anew: of a large mailbox nobody has room for it twice.
        items.arrivals[side] = []
        return try endpoints[side].open(fullNames[side], OpenRequest())
      }
      anchors[side] = observation.anchor
      if let id = observation.mailboxID { record.mailboxIDs[side] = id }
      origins[side] = observation.origin
      observedLowest[side] = reach[side].lowest
      looked[side] = true
      changed[side] = true
      if mode == .mirror || hadMessages || !items.rows.isEmpty {
        items.rebind(observation, side: side, expunged: expunged)
      } else {
        items.absorb(observation, side: side, vanished: UIDSet())
      }
      if hadMessages { noteAdoption(validity, on: side) }
    }
  }

  /// The side's messages are about to lose their UIDs, perhaps to get others under the very UIDVALIDITY
  /// that the base knows: a run after this one must not take them for expunged.
  private func distrust(_ side: Side) throws(SideFailure) {
    guard record.anchors[side] != nil else { return }
    record.anchors[side] = MailboxSync.emptyAnchor
    let record = self.record
    storedRecord = record
    try stateAccess { () throws(StateError) in try commit([.putMailbox(record)]) }
  }

  private func validitiesToAdopt(
    _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) -> [(Side, UIDValidity)] {
    let own = anchors.map(\.uidValidity)
    var wanted: [(Side, UIDValidity)] = []
    if mode == .mirror {
      let common = try commonValidity(endpoints, own: own)
      for side in Side.allCases {
        if let common, traits[side].choosesUIDs, own[side] != common {
          wanted.append((side, common))
        }
      }
    } else {
      for side in Side.allCases where traits[side].choosesUIDs && own[side] == nil {
        let fresh = try on(side) { () throws(EndpointError) in
          try endpoints[side].freshUIDValidity()
        }
        wanted.append((side, fresh))
      }
    }
    return wanted
  }

  /// A server's. Of two Maildirs' a server's, which another pair has given one of them; else that for which the one
  /// has given up what the other has still; else that of the one with more messages. A Maildir that is synced with
  /// several others is so never led back.
  private func commonValidity(
    _ endpoints: Both<any Endpoint>, own: Both<UIDValidity?>
  ) throws(SideFailure) -> UIDValidity? {
    for side in Side.allCases where !traits[side].choosesUIDs { return own[side] }
    switch (own.left, own.right) {
    case (let left?, let right?):
      if origins.left.isServers != origins.right.isServers {
        return origins.left.isServers ? left : right
      }
      let isLater = Both { origins[$0].former.contains($0 == .left ? right : left) }
      if isLater.left != isLater.right { return isLater.left ? left : right }
      // Each has been led both ways, or two servers are behind: servers count upwards. RFC 9051 §2.3.1.1
      if isLater.left || origins.left.isServers { return max(left, right) }
      return anchors.right.messages > anchors.left.messages ? right : left
    case (let known?, nil), (nil, let known?):
      return known
    case (nil, nil):
      return try on(.left) { () throws(EndpointError) in
        try endpoints.left.freshUIDValidity()
      }
    }
  }

  private func noteAdoption(_ validity: UIDValidity, on side: Side) {
    let notice = SyncFailure(
      side: side, mailbox: record.names[side], code: .other, scope: .message,
      message: "its messages are numbered anew, under the other side's UIDVALIDITY \(validity)",
      advice: "mail programs that cache this mailbox will read it again")
    notices.append(notice)
    observer?.handle(.notice(notice))
  }
}
