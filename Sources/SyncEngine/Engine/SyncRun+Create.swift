import IMAPClient

/// Making the mailboxes that only one side has: all of them at once, since a server far away would be waited for
/// once for each.
extension SyncRun {
  /// Makes those that the base does not know. One that it knows may rather have to be deleted on the side that has
  /// it, which is found out first.
  func createMissing(
    _ tree: MailboxTree, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) -> Both<[MailboxName: EndpointError?]> {
    var made = Both<[MailboxName: EndpointError?]>(left: [:], right: [:])
    let missing = missingMailboxes(tree)
    for side in Side.allCases where !missing[side].isEmpty {
      let failures = try attempt(on: side) { () throws(EndpointError) in
        try endpoints[side].create(missing[side].map(\.order))
      }
      for (mailbox, failure) in zip(missing[side], failures) {
        made[side][mailbox.name] = .some(failure)
      }
    }
    return made
  }

  private func missingMailboxes(
    _ tree: MailboxTree
  ) -> Both<[(name: MailboxName, order: NewMailbox)]> {
    var missing = Both<[(name: MailboxName, order: NewMailbox)]>(left: [], right: [])
    var names = Both<Set<MailboxName>>(left: [], right: [])
    for entry in tree.entries {
      guard !entry.isContested, names.left.insert(entry.names.left).inserted,
        names.right.insert(entry.names.right).inserted, entry.record == nil
      else { continue }
      for side in Side.allCases where !entry.exists(on: side) {
        guard let other = entry.listed[side.other], policy.create.includes(side),
          policy.allows(.mailboxes, on: side)
        else { continue }
        let syncsSubscription =
          policy.syncsSubscriptions && policy.kinds.contains(.mailboxes)
          && policy.changes.includes(side)
        let order = NewMailbox(
          full(entry.names[side], side), specialUse: other.specialUse,
          isSubscribed: syncsSubscription ? other.isSubscribed : nil)
        missing[side].append((entry.names[side], order))
      }
    }
    return missing
  }

  /// Mailboxes that were created get their sides' own ids recorded, so that a rename before the next run
  /// is noticed.
  func recordIDsOfCreated(_ endpoints: Both<any Endpoint>) throws(SideFailure) {
    guard policy.followsRenames else { return }
    var ids = Both<[MailboxName: GlobalUID]>(left: [:], right: [:])
    for side in Side.allCases
    where createdMailboxes.contains(side) && !endpoints[side].traits.choosesUIDs {
      let listing = try attempt(on: side) { () throws(EndpointError) in try endpoints[side].list() }
      for mailbox in listing.mailboxes { ids[side][mailbox.name] = mailbox.id }
    }
    var changes: [StateChange] = []
    for mailbox in mailboxes where !mailbox.isBroken {
      for side in Side.allCases {
        guard let id = ids[side][mailbox.fullNames[side]], mailbox.record.mailboxIDs[side] != id
        else { continue }
        mailbox.record.mailboxIDs[side] = id
        changes.append(.putMailbox(mailbox.record))
      }
    }
    guard !changes.isEmpty else { return }
    try stateAccess { () throws(StateError) in try store.commit(changes, .soon) }
  }
}
