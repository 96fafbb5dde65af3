import IMAPClient

/// Renames that reach out of what is selected: nothing outside may be touched, and being left out is neither coming nor
/// going.
extension SyncRun {
  /// A run of some mailboxes only, to which one of a mailbox's two names belongs: to it the mailbox would be gone, or
  /// new, and all its messages would be saved again. A run of both follows the rename.
  func leaveAloneHalfSelected(
    _ listings: Both<[ListedMailbox]>, _ records: [MailboxRecord], in tree: inout MailboxTree,
    _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    let isUneven = tree.entries.contains { !$0.exists(on: .left) || !$0.exists(on: .right) }
    if isUneven || tree.entries.contains(where: { $0.record == nil }) {
      try leaveAloneRenamedAway(listings, records, in: &tree, endpoints)
    }
    guard policy.onlyMailboxes != .everything, isUneven else { return }
    var whole = policy
    whole.onlyMailboxes = .everything
    let all = MailboxTree(listings: listings, records: records, policy: whole)
    let renames = try self.renames(all, endpoints).filter { isHalfSelected($0, all) }
    try leaveAlone(renames, in: &tree, endpoints)
  }

  /// Mailboxes of which the pair selects one name and not the other: they were not deleted, nor are they new. Only their ids
  /// tell (a Maildir's stand in its folders), for the messages of what is not selected are nobody's business here.
  private func leaveAloneRenamedAway(
    _ listings: Both<[ListedMailbox]>, _ records: [MailboxRecord], in tree: inout MailboxTree,
    _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    guard policy.mailboxes != .everything else { return }
    var whole = policy
    whole.mailboxes = .everything
    whole.onlyMailboxes = .everything
    let all = MailboxTree(listings: listings, records: records, policy: whole)
    let sides = Side.allCases.filter { endpoints[$0].traits.choosesUIDs }
    for rename in all.renames(ids: idsOfNew(all, on: sides, endpoints)) {
      let names = self.names(of: rename, all)
      let selected = names.count { policy.mailboxes.matches($0) }
      guard selected > 0, selected < names.count else { continue }
      guard let side = rename.side else {
        try keep(rename, in: &tree)
        continue
      }
      let count = tree.entries.count
      try leaveOut(rename, side, in: &tree, endpoints)
      if tree.entries.count < count { tellRenamedAway(rename, side, all) }
    }
  }

  private func tellRenamedAway(_ rename: MailboxTree.Rename, _ side: Side, _ tree: MailboxTree) {
    let now = Both { $0 == side ? rename.oldName : rename.newNames[$0] }
    let isSelected = { [policy] (side: Side) in
      policy.mailboxes.matches(tree.leftName(of: now[side], on: side))
    }
    guard let there = Side.allCases.first(where: { !isSelected($0) && isSelected($0.other) }) else {
      return
    }
    tell(
      SyncFailure(
        side: there.other, mailbox: now[there.other], code: .conflict, scope: .mailbox,
        message: "left alone: on the \(there) it is called \(now[there]), which is not selected",
        advice: "give it the same name on both sides, or select \(now[there])"))
  }

  /// Both sides have renamed it in the same way: that the base takes note of is all that there is to do.
  private func keep(
    _ rename: MailboxTree.Rename, in tree: inout MailboxTree
  ) throws(SideFailure) {
    guard !rename.isApart else { return }
    var record = rename.record
    record.names = rename.newNames
    tree.entries.removeAll { $0.record?.id == record.id }
    for index in tree.entries.indices
    where tree.entries[index].record == nil
      && Side.allCases.allSatisfy({ tree.entries[index].listed[$0]?.name == record.names[$0] })
    {
      tree.entries[index].names = record.names
      tree.entries[index].record = record
    }
    guard !policy.isDryRun else { return }
    try stateAccess { () throws(StateError) in try store.commit([.putMailbox(record)]) }
  }

  /// Whether some of its names are selected, and some are not: what it was called, what it is to be called, and, where both
  /// sides have renamed it, what it is called now on the side that is to follow.
  private func isHalfSelected(_ rename: MailboxTree.Rename, _ tree: MailboxTree) -> Bool {
    let names = self.names(of: rename, tree)
    let selected = names.count { policy.selects($0) }
    return selected > 0 && selected < names.count
  }

  /// As they are selected, by the left.
  private func names(of rename: MailboxTree.Rename, _ tree: MailboxTree) -> [MailboxName] {
    var names = [rename.record.names.left, rename.newNames.left]
    if let side = rename.side { names.append(tree.leftName(of: rename.oldName, on: side)) }
    return names
  }

  /// A mailbox below the one to be renamed that is not selected: a server would take it along.
  func unselectedChild(of rename: MailboxTree.Rename, _ tree: MailboxTree) -> MailboxName? {
    guard let side = rename.side else { return nil }
    let old = full(rename.oldName, side)
    return knownAtStart[side].compactMap { name in
      name.removingPrefix(old).map { rename.oldName.appending($0) }
    }.filter { !policy.selects(tree.leftName(of: $0, on: side)) }.min()
  }

  /// What a run of some mailboxes leaves alone, another one follows; what the pair's own selection stops stays as it is.
  func tellUnselectedChild(of rename: MailboxTree.Rename, _ tree: MailboxTree) {
    guard policy.onlyMailboxes == .everything, let side = rename.side,
      let child = unselectedChild(of: rename, tree)
    else { return }
    tell(
      SyncFailure(
        side: side, mailbox: rename.oldName, code: .conflict, scope: .mailbox,
        message: "not renamed to \(rename.newNames[side]): \(child) is below it and not selected",
        advice: "rename it here, too, or give it its old name back on the \(side.other)"))
  }
}
