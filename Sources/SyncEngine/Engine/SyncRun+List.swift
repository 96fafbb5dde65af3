import IMAPClient

/// What there is on the two sides.
extension SyncRun {
  /// Lists both sides at the same time, unless that is done.
  ///
  /// The mailboxes' own ids, which are a quarter of what a server says, are only asked for when they may be needed: to
  /// be recorded, or to tell a new mailbox from one that was renamed.
  func list(
    _ endpoints: Both<any Endpoint>, _ records: [MailboxRecord],
    _ early: Both<Result<MailboxListing, SideFailure>>? = nil
  ) throws(SideFailure) -> (Both<[ListedMailbox]>, MailboxTree) {
    let withIDs = Both { side in SyncRun.lacksIDs(records, on: side) }
    var listings: Both<MailboxListing>
    if let early {
      listings = Both(left: try early.left.get(), right: try early.right.get())
    } else {
      listings = try lanes.onBothSides { [endpoints] (side) throws(EndpointError) in
        try endpoints[side].list(withIDs: withIDs[side])
      }
    }
    var result = usable(listings, records)
    let lacking = Side.allCases.filter { side in
      !withIDs[side]
        && (lacksIDs(result.tree, on: side)
          || mayBeRenamedAway(result.tree, records, result.0[side], on: side))
    }
    for side in lacking {
      listings[side] = try attempt(on: side) { () throws(EndpointError) in
        try endpoints[side].list(withIDs: true)
      }
    }
    if !lacking.isEmpty { result = usable(listings, records) }
    knownAtStart = listings.map { Set($0.mailboxes.map(\.name)) }
    for side in Side.allCases { noteUnusable(listings[side], on: side) }
    for one in result.tree.leftAlone { noteOnce(.nameOfAnother, one.side, one.name) }
    return result
  }

  /// However often the sides are listed.
  private func noteOnce(_ error: EndpointError, _ side: Side, _ mailbox: MailboxName) {
    let isNoted = report.failures.contains {
      $0.side == side && $0.mailbox == mailbox && $0.message == error.message
    }
    if !isNoted { note(error, side: side, mailbox: mailbox) }
  }

  /// Whether there may be mailboxes whose own ids the base has not.
  static func lacksIDs(_ records: [MailboxRecord], on side: Side) -> Bool {
    records.isEmpty || records.contains { $0.mailboxIDs[side] == nil }
  }

  private func usable(
    _ listings: Both<MailboxListing>, _ records: [MailboxRecord]
  ) -> (Both<[ListedMailbox]>, tree: MailboxTree) {
    let usable = Both { side in
      listings[side].selectable(below: policy.prefixes[side], records, on: side)
    }
    let tree = MailboxTree(listings: usable, records: records, policy: policy) { name, side in
      listings[side].isOtherName(full(name, side))
    }
    return (usable, tree)
  }

  /// Whether a mailbox is listed whose own id the base has not and may need, or has from another one of that name.
  private func lacksIDs(_ tree: MailboxTree, on side: Side) -> Bool {
    let isAnyGone = tree.entries.contains { $0.record != nil && !$0.exists(on: side) }
    // It may live on where the pair does not look.
    if isAnyGone, policy.mailboxes != .everything { return true }
    return tree.entries.contains { entry in
      guard let listed = entry.listed[side] else { return false }
      guard let record = entry.record else {
        return isAnyGone || entry.exists(on: side.other) || policy.create.includes(side.other)
      }
      guard let now = listed.anchor?.uidValidity, let then = record.anchors[side]?.uidValidity
      else { return false }
      return now != then
    }
  }

  /// Whether something selected is new, and may be a mailbox of the base that the pair does not select any more: on this
  /// side that has another name by now, too.
  private func mayBeRenamedAway(
    _ tree: MailboxTree, _ records: [MailboxRecord], _ listed: [ListedMailbox], on side: Side
  ) -> Bool {
    guard policy.mailboxes != .everything, tree.entries.contains(where: { $0.record == nil }) else {
      return false
    }
    let names = Set(listed.map(\.name))
    return records.contains { !names.contains($0.names[side]) }
  }

  private func noteUnusable(_ listing: MailboxListing, on side: Side) {
    for name in listing.unusable {
      tell(
        SyncFailure(
          side: side, mailbox: nil, code: .nameNotPossible, scope: .mailbox,
          message: "\(name.name): \(name.reason)", advice: "left alone"))
    }
  }

  /// A name that was mistyped would look like a success.
  func noteNothingSelected(_ listings: Both<[ListedMailbox]>) {
    guard !listings.left.isEmpty || !listings.right.isEmpty else { return }
    tell(
      SyncFailure(
        side: nil, mailbox: nil, code: .other, scope: .mailbox, message: "no mailbox is selected",
        advice: "look at 'mailboxes' and --mailbox"))
  }
}
