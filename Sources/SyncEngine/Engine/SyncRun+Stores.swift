import IMAPClient

/// Are the two stores the ones that this pair has synced before? design.md §4, "Guards".
extension SyncRun {
  /// - Returns: false if the run must not go on.
  func checkStores(
    _ endpoints: Both<any Endpoint>, _ known: [MailboxRecord]
  ) throws(SideFailure) -> Bool {
    for side in Side.allCases {
      let mark = try stateAccess { () throws(StateError) in try store.value(.mark) }
      let wasMarked = try stateAccess { () throws(StateError) in try store.value(key(side)) } != nil
      guard let mark, wasMarked, !known.isEmpty, !policy.isForced else { continue }
      let found = try attempt(on: side) { () throws(EndpointError) in
        try endpoints[side].hasMark(mark)
      }
      switch found {
      case .present, .unsupported:
        break
      case .noStore:
        refuse(side, "there is no mail store at \(connectionNames[side]) any more")
        return false
      case .absent:
        guard try holdsKnownMailbox(known, side, endpoints[side]) else {
          refuse(side, "\(connectionNames[side]) is not the mail store that was synced before")
          return false
        }
        refusesExpunges = true
        refuse(side, "\(connectionNames[side]) has lost the mark of this pair; nothing is expunged")
      }
    }
    return true
  }

  /// Whether any mailbox of the base is still there under its UIDVALIDITY.
  private func holdsKnownMailbox(
    _ known: [MailboxRecord], _ side: Side, _ endpoint: any Endpoint
  ) throws(SideFailure) -> Bool {
    let listing = try attempt(on: side) { () throws(EndpointError) in try endpoint.list() }
    let names = Set(listing.mailboxes.filter(\.isSelectable).map(\.name))
    for record in known where names.contains(full(record.names[side], side)) {
      guard let anchor = record.anchors[side], anchor.uidValidity != nil else { continue }
      let observation = try attempt(on: side) { () throws(EndpointError) in
        try endpoint.open(
          full(record.names[side], side), OpenRequest(since: anchor, detailsFrom: .last))
      }
      if observation.anchor.uidValidity == anchor.uidValidity { return true }
    }
    return false
  }

  private func refuse(_ side: Side, _ message: String) {
    note(
      EndpointError(
        .side, .guarded, message,
        advice: "is its disk mounted? if it is right, run once with --force"), side: side)
  }

  /// Everything that the base knows of a side is gone.
  ///
  /// - Returns: false if the run must not go on.
  func checkListing(
    _ listings: Both<[ListedMailbox]>, _ known: [MailboxRecord]
  ) -> Bool {
    guard !policy.isForced else { return true }
    for side in Side.allCases {
      let synced = known.filter { $0.anchors[side] != nil }
      guard !synced.isEmpty else { continue }
      let names = Set(listings[side].map(\.name))
      // A server always has an INBOX: it says nothing when there was more.
      let telling = synced.count > 1 ? synced.filter { !$0.names[side].isInbox } : synced
      guard telling.count > 1 || listings[side].isEmpty,
        !telling.contains(where: { names.contains($0.names[side]) })
      else { continue }
      // All of them were renamed, perhaps.
      let ids = Set(listings[side].compactMap(\.id))
      guard !telling.contains(where: { $0.mailboxIDs[side].map(ids.contains) ?? false }) else {
        continue
      }
      refuse(side, "every mailbox has vanished from \(connectionNames[side])")
      return false
    }
    return true
  }

  /// Two Maildirs that are both to be made are a path that was mistyped, or a disk that is not mounted.
  ///
  /// - Returns: false if the run must not go on.
  func checkAnythingIsThere(
    _ listings: Both<[ListedMailbox]>, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) -> Bool {
    guard listings.left.isEmpty, listings.right.isEmpty else { return true }
    for side in Side.allCases {
      let found = try attempt(on: side) { () throws(EndpointError) in
        try endpoints[side].hasMark("")
      }
      guard found == .noStore else { return true }
    }
    note(EndpointError.noStores(connectionNames), side: nil)
    return false
  }

  func leaveMarks(_ endpoints: Both<any Endpoint>) throws(SideFailure) {
    let marked = try stateAccess { () throws(StateError) in try store.value(.mark) }
    for side in Side.allCases {
      let wasMarked = try stateAccess { () throws(StateError) in try store.value(key(side)) } != nil
      guard !wasMarked || policy.isForced,
        !report.failures.contains(where: { $0.side == side && $0.code == .guarded })
      else { continue }
      let mark = marked ?? newMark()
      let found = try attempt(on: side) { () throws(EndpointError) in
        try endpoints[side].hasMark(mark)
      }
      guard found != .unsupported else { continue }
      if found == .absent {
        try attempt(on: side) { () throws(EndpointError) in try endpoints[side].leaveMark(mark) }
      }
      guard found != .noStore, !wasMarked else { continue }
      try stateAccess { () throws(StateError) in
        try store.commit([.setValue(.mark, mark), .setValue(key(side), "yes")], .soon)
      }
    }
  }

  /// The same for both sides of a pair; another for each base, so that a base that is made anew does not
  /// take another pair's mark for its own.
  private func newMark() -> String {
    if let generatedMark { return generatedMark }
    let mark = RandomBytes.hexadecimal(count: 16)
    generatedMark = mark
    return mark
  }

  private func key(_ side: Side) -> StateKey { side == .left ? .leftMarked : .rightMarked }
}
