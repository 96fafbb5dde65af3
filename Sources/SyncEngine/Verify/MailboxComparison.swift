import IMAPClient

/// Which messages of the two sides are the same, and in what they differ all the same.
///
/// Pure. Messages are matched as the base says; where it doesn't know them by what they hold, as a sync
/// would; and in `mirror` what is left by UID, since one UID is to stand for one message.
struct MailboxComparison {
  /// What is known beside the messages.
  struct Circumstances {
    var names: Both<MailboxName>
    /// `nil`: the pair does not know the mailbox yet.
    var record: MailboxRecord?
    var anchors: Both<Anchor>
    var pending: Both<[UID: PendingMessage]> = Both(left: [:], right: [:])
    var policy: Policy
  }

  private struct Match {
    var left: Int
    var right: Int
    var row: MessageRecord?
  }

  private struct Single {
    var side: Side
    var index: Int
    var row: MessageRecord?
  }

  let circumstances: Circumstances
  private let messages: Both<[VerifiedMessage]>
  private var matches: [Match] = []
  private var singles: [Single] = []

  private var policy: Policy { circumstances.policy }
  private var anchors: Both<Anchor> { circumstances.anchors }

  /// - Parameter messages: ascending by handle.
  init(
    _ circumstances: Circumstances, rows: [MessageRecord], messages: Both<[VerifiedMessage]>
  ) {
    self.circumstances = circumstances
    self.messages = messages
    match(rows)
  }

  // MARK: Matching

  private mutating func match(_ rows: [MessageRecord]) {
    var free = Both { side in Array(messages[side].indices) }
    let rowOf = Both { side in knownRows(rows, on: side) }
    matchByBase(rows, rowOf, &free)
    let digests = candidates(free) { ContentID(size: $0.size, digest: $0.digest.short) }
    take(Pairing.matchByContent, from: digests, rowOf, &free)
    let identities = candidates(free) { $0.stub?.original ?? $0.identity }
    take(Pairing.matchByContent, from: identities, rowOf, &free)
    let essences = candidates(free) { $0.essence?.contentID ?? $0.identity }
    take(Pairing.matchByContent, from: essences, rowOf, &free)
    matchByUID(rowOf, &free)
    for side in Side.allCases {
      singles += free[side].map { Single(side: side, index: $0, row: rowOf[side][$0]) }
    }
  }

  /// The base's rows by the index of their message on `side`; none where the base means other UIDs.
  private func knownRows(_ rows: [MessageRecord], on side: Side) -> [Int: MessageRecord] {
    guard circumstances.isTrusted(side) else { return [:] }
    var indexOf: [UID: Int] = [:]
    for (index, message) in messages[side].enumerated() {
      if let uid = message.handle.uid { indexOf[uid] = index }
    }
    var result: [Int: MessageRecord] = [:]
    for row in rows {
      if let index = indexOf[row.uids[side]] { result[index] = row }
    }
    return result
  }

  private mutating func matchByBase(
    _ rows: [MessageRecord], _ rowOf: Both<[Int: MessageRecord]>, _ free: inout Both<[Int]>
  ) {
    var right: [MessageID: Int] = [:]
    for (index, row) in rowOf.right { right[row.id] = index }
    var taken = Both<Set<Int>>(left: [], right: [])
    for index in free.left {
      guard let row = rowOf.left[index], let other = right[row.id] else { continue }
      matches.append(Match(left: index, right: other, row: row))
      taken.left.insert(index)
      taken.right.insert(other)
    }
    free = Both { side in free[side].filter { !taken[side].contains($0) } }
  }

  private func candidates(
    _ free: Both<[Int]>, by key: (ReadContent) -> ContentID
  ) -> Both<[Pairing.Candidate]> {
    Both { side in
      free[side].compactMap { index in
        let message = messages[side][index]
        guard let content = message.content else { return nil }
        return Pairing.Candidate(
          index: index, handle: message.handle, size: content.size, id: nil, content: key(content),
          date: message.date)
      }
    }
  }

  private mutating func take(
    _ find: (inout Both<[Pairing.Candidate]>) -> [Pairing.Match],
    from candidates: Both<[Pairing.Candidate]>, _ rowOf: Both<[Int: MessageRecord]>,
    _ free: inout Both<[Int]>
  ) {
    var candidates = candidates
    let found = find(&candidates)
    let left = Set(found.map(\.left))
    let right = Set(found.map(\.right))
    matches += found.map {
      Match(left: $0.left, right: $0.right, row: rowOf.left[$0.left] ?? rowOf.right[$0.right])
    }
    free.left.removeAll { left.contains($0) }
    free.right.removeAll { right.contains($0) }
  }

  /// UIDs that were handed out since the last sync may stand for a new message on each side: those are
  /// two that lack on the other side, not one that was changed.
  private mutating func matchByUID(_ rowOf: Both<[Int: MessageRecord]>, _ free: inout Both<[Int]>) {
    guard circumstances.mode == .mirror, anchors.left.uidValidity == anchors.right.uidValidity
    else { return }
    let limit = circumstances.record.map(\.agreedNext) ?? .last
    var right: [UID: Int] = [:]
    for index in free.right where rowOf.right[index] == nil {
      if let uid = messages.right[index].handle.uid, uid < limit { right[uid] = index }
    }
    var taken = Both<Set<Int>>(left: [], right: [])
    for index in free.left where rowOf.left[index] == nil {
      guard let uid = messages.left[index].handle.uid, let other = right[uid] else { continue }
      matches.append(Match(left: index, right: other, row: nil))
      taken.left.insert(index)
      taken.right.insert(other)
    }
    free = Both { side in free[side].filter { !taken[side].contains($0) } }
  }

  // MARK: Comparing

  /// Messages that differ and are equally long: a server may have replaced octets in them.
  var suspects: Both<[MessageHandle]> {
    let suspects = matches.filter { match in
      let (left, right) = contents(match)
      return left?.size == right?.size && left?.digest != right?.digest && stub(match) == nil
    }
    return Both(
      left: suspects.map { messages.left[$0.left].handle }.sorted(),
      right: suspects.map { messages.right[$0.right].handle }.sorted())
  }

  /// - Parameter masked: digests of the ``suspects`` without what servers replace.
  func verdict(masked: Both<[MessageHandle: MessageDigest]>) -> MailboxVerdict {
    var verdict = MailboxVerdict(names: circumstances.names)
    verdict.mode = circumstances.mode
    verdict.messages = matches.count
    var findings: [(place: MessageHandle, finding: Difference.Finding)] = []
    for match in matches {
      let both = pair(match)
      if stub(match) != nil { verdict.stubs += 1 }
      if differs(match) {
        if isAltered(both, masked) {
          verdict.altered.append(both)
        } else {
          findings.append((both.left.handle, .content(both)))
        }
      }
      if hasOwnDates(match) { verdict.ownDates.append(both) }
      findings += differences(match).map { (both.left.handle, $0) }
    }
    for single in singles {
      if let finding = absence(single) {
        findings.append((messages[single.side][single.index].handle, finding))
      }
    }
    findings.sort { $0.place < $1.place }
    verdict.differences = (numbers() + findings.map(\.finding)).map {
      Difference(names: circumstances.names, finding: $0)
    }
    return verdict
  }

  private func pair(_ match: Match) -> Both<VerifiedMessage> {
    Both(left: messages.left[match.left], right: messages.right[match.right])
  }

  private func contents(_ match: Match) -> (left: ReadContent?, right: ReadContent?) {
    (messages.left[match.left].content, messages.right[match.right].content)
  }

  /// The side on which only a stub lies.
  private func stub(_ match: Match) -> Side? {
    if let side = match.row?.stub { return side }
    let (left, right) = contents(match)
    guard (left?.stub == nil) != (right?.stub == nil) else { return nil }
    return left?.stub == nil ? .right : .left
  }

  private func differs(_ match: Match) -> Bool {
    let both = pair(match)
    guard let left = both.left.content, let right = both.right.content else { return false }
    guard let side = stub(match) else {
      return left.size != right.size || left.digest != right.digest
    }
    let message = side == .left ? right : left
    guard let mark = (side == .left ? left : right).stub else { return true }
    return mark.original.map { $0 != message.identity } ?? (mark.size != message.size)
  }

  private func isAltered(
    _ both: Both<VerifiedMessage>, _ masked: Both<[MessageHandle: MessageDigest]>
  ) -> Bool {
    if let left = both.left.content?.essence, left.body != nil,
      left == both.right.content?.essence
    {
      return true
    }
    guard both.left.content?.size == both.right.content?.size,
      let left = masked.left[both.left.handle], let right = masked.right[both.right.handle]
    else { return false }
    return left == right
  }

  /// The received dates differ, and did so from the beginning.
  private func hasOwnDates(_ match: Match) -> Bool {
    guard let row = match.row, row.rightDate != nil else { return false }
    let both = pair(match)
    return Side.allCases.allSatisfy { both[$0].date == row.date(on: $0) }
  }

  private func differences(_ match: Match) -> [Difference.Finding] {
    let both = pair(match)
    var findings: [Difference.Finding] = []
    if let finding = flagDifference(both, row: match.row) { findings.append(finding) }
    if both.left.date != both.right.date, !hasOwnDates(match) { findings.append(.date(both)) }
    if circumstances.comparesNumbers, anchors.left.uidValidity == anchors.right.uidValidity,
      both.left.handle != both.right.handle
    {
      findings.append(.uid(both))
    }
    return findings
  }

  private func flagDifference(
    _ both: Both<VerifiedMessage>, row: MessageRecord?
  ) -> Difference.Finding? {
    let missing = Both { side in
      both[side.other].flags.subtracting(both[side].flags).subtracting(row?.lacking[side] ?? .empty)
    }
    guard !missing.left.isEmpty || !missing.right.isEmpty else { return nil }
    guard policy.changes != .both else { return .flags(both, missing: missing) }
    // One way: what the other side changed itself waits for another run.
    let item = Item(
      base: row, sides: both.map { .present(Seen(handle: $0.handle, flags: $0.flags)) })
    guard case .agree(_, let changes) = Merge.decide(item, conflict: policy.conflict),
      Side.allCases.contains(where: { !changes[$0].isEmpty && policy.changes.includes($0) })
    else { return nil }
    return .flags(both, missing: missing)
  }

  private func absence(_ single: Single) -> Difference.Finding? {
    let side = single.side.other
    let message = messages[single.side][single.index]
    let presence = circumstances.whatBecame(single.row, on: side)
    if policy.changes != .both {
      let seen = Presence.present(Seen(handle: message.handle, flags: message.flags))
      let item = Item(
        base: single.row, sides: Both { $0 == single.side ? seen : presence })
      switch Merge.decide(item, conflict: policy.conflict) {
      case .place(let side) where policy.changes.includes(side): break
      case .expunge(let side) where policy.changes.includes(side): break
      default: return nil
      }
    }
    return .noMessage(on: side, message, reason(single, message, presence))
  }

  private func reason(
    _ single: Single, _ message: VerifiedMessage, _ presence: Presence
  ) -> Difference.Absence {
    if message.content?.stub != nil, single.row == nil { return .orphan }
    if let uid = message.handle.uid, let pending = circumstances.pending[single.side][uid],
      pending.code != nil
    {
      return .refused(pending.text)
    }
    switch presence {
    case .vanished: return .expunged
    case .lost: return .lost
    case .absent, .present:
      return circumstances.isNew(message.handle, on: single.side) ? .isNew : .unknown
    }
  }

  private func numbers() -> [Difference.Finding] {
    guard circumstances.comparesNumbers else { return [] }
    guard anchors.left.uidValidity == anchors.right.uidValidity else {
      return [.uidValidity(anchors.map(\.uidValidity))]
    }
    return anchors.left.uidNext == anchors.right.uidNext
      ? [] : [.uidNext(anchors.map(\.uidNext))]
  }
}

extension MailboxComparison.Circumstances {
  var mode: UIDMode {
    switch policy.uids {
    case .map: return .map
    case .mirror: return .mirror
    case .auto:
      if let mode = record?.mode { return mode }
      let left = anchors.left.uidValidity
      return left != nil && left == anchors.right.uidValidity ? .mirror : .map
    }
  }

  /// One way, nothing is renumbered.
  var comparesNumbers: Bool { mode == .mirror && policy.changes == .both }

  /// Whether the UIDs that the base knows on this side still mean what they did.
  func isTrusted(_ side: Side) -> Bool {
    guard let known = record?.anchors[side]?.uidValidity else { return false }
    return known == anchors[side].uidValidity
  }

  /// Of a message that the base does not know: whether it came after the base was last written.
  fileprivate func isNew(_ handle: MessageHandle, on side: Side) -> Bool {
    guard isTrusted(side), let anchor = record?.anchors[side] else { return false }
    return handle.uid.map { $0 >= anchor.uidNext } ?? true
  }

  /// Of a message that is not on this side; `row`: what the base knows of it.
  fileprivate func whatBecame(_ row: MessageRecord?, on side: Side) -> Presence {
    guard let row else { return .absent }
    return isTrusted(side) && row.uids[side] < anchors[side].uidNext ? .vanished : .lost
  }
}
