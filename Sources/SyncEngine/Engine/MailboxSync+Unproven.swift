import IMAPClient

/// Keywords that a side was given and answered OK to, and that it was not seen to have since: it may have dropped them in
/// silence. As long as a run lives it knows which these are (`attempted`); for one that dies the base says so, or the next
/// one would take what was dropped for removed, and remove it on the other side.
extension MailboxSync {
  /// Those given since the side was last looked at.
  private func givenKeywords(on side: Side) -> FlagSet {
    let all = FlagSet.union(of: attempted[side].keys)
    let keywords = FlagSet([], keywords: all.keywords)
    return keywords.subtracting(unkept(keywords, on: side))
  }

  /// To be committed together with the rows that say that they are there.
  ///
  /// - Returns: what the base does not know yet.
  func noteUnproven() -> StateChange? {
    for side in Side.allCases { record.unproven[side].formUnion(givenKeywords(on: side)) }
    var noted = storedRecord ?? record
    guard noted.unproven != record.unproven || storedRecord == nil,
      record.unproven != Both(left: .empty, right: .empty)
    else { return nil }
    noted.unproven = record.unproven
    storedRecord = noted
    return .putMailbox(noted)
  }

  /// At the end of a round: what was given before it was looked for in it.
  func settleUnproven() {
    for side in Side.allCases where looked[side] {
      let rest = doubtful[side].isEmpty ? .empty : record.unproven[side]
      doubted[side] = doubted[side].intersection(rest)
      record.unproven[side] = rest.union(givenKeywords(on: side))
    }
  }

  /// Keywords of a row that a side has no room for, or may have none for.
  func mayLack(_ row: MessageRecord, on side: Side) -> FlagSet {
    row.lacking[side].union(record.unproven[side].intersection(row.flags))
  }

  // MARK: After a run that died

  /// Keywords that may be missing because they were dropped: nobody need have removed them.
  func doubts(_ item: Item) -> Both<FlagSet> {
    Both { side in
      guard !doubted[side].isEmpty, let known = item.baseFlags(on: side),
        let seen = item.sides[side].seen
      else { return .empty }
      return doubted[side].intersection(known).subtracting(seen.flags)
    }
  }

  /// They count as lacking, and are given once more: then this run sees whether they stay. Where it may not give them, it
  /// leaves that to another one.
  ///
  /// - Returns: whether this is to be recorded.
  func putBack(_ doubts: Both<FlagSet>, _ index: Int, _ changes: inout Both<FlagChange>) -> Bool {
    var isToBeRecorded = false
    for side in Side.allCases where !doubts[side].isEmpty {
      guard let id = work[index].item.base?.id else { continue }
      let wanted = doubts[side].intersection(work[index].flags[side.other])
      if !wanted.isEmpty { doubtful[side].insert(id) }
      guard allows(.flags, on: side) else { continue }
      work[index].item.base?.lacking[side].formUnion(doubts[side])
      changes[side].added.formUnion(wanted)
      isToBeRecorded = true
    }
    return isToBeRecorded
  }
}
