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
    guard policy.onlyMailboxes != .everything, isUneven else { return }
    var whole = policy
    whole.onlyMailboxes = .everything
    let all = MailboxTree(listings: listings, records: records, policy: whole)
    let renames = try self.renames(all, endpoints).filter { isHalfSelected($0, all) }
    try leaveAlone(renames, in: &tree, endpoints)
  }

  /// Whether some of its names are selected, and some are not: what it was called, what it is to be called, and, where both
  /// sides have renamed it, what it is called now on the side that is to follow.
  private func isHalfSelected(_ rename: MailboxTree.Rename, _ tree: MailboxTree) -> Bool {
    var names = [rename.record.names.left, rename.newNames.left]
    if let side = rename.side { names.append(tree.leftName(of: rename.oldName, on: side)) }
    let selected = names.count { policy.selects($0) }
    return selected > 0 && selected < names.count
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
