import IMAPClient

/// In what the two sides of a mailbox differ.
///
/// Pure, but for the base's rows, which are asked for as far as they tell anything. Which messages are the same,
/// ``MailboxMatching`` says.
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

  private typealias Match = MailboxMatching.Match
  private typealias Single = MailboxMatching.Single
  /// By their UIDs.
  private typealias Rows = [Both<UID>: MessageRecord]
  private typealias Finding = (place: MessageHandle, finding: Difference.Finding)

  let circumstances: Circumstances
  private let known: KnownList
  private let messages: Both<VerifiedList>
  private let matches: ChunkedArray<Match>
  private let singles: ChunkedArray<Single>
  /// So many messages are compared at a time.
  private let partCount: Int

  private var policy: Policy { circumstances.policy }
  private var anchors: Both<Anchor> { circumstances.anchors }

  /// - Parameters:
  ///   - known: what the base knows of the mailbox.
  ///   - messages: ascending by UID, and then those without one.
  init(
    _ circumstances: Circumstances, known: KnownList, messages: Both<VerifiedList>,
    partCount: Int = 4096
  ) {
    self.circumstances = circumstances
    self.known = known
    self.messages = messages
    self.partCount = partCount
    let matching = MailboxMatching(
      circumstances, known: known, messages: messages, partCount: partCount)
    matches = matching.matches
    singles = matching.singles
  }

  // MARK: Comparing

  /// Messages that differ and are equally long: a server may have replaced octets in them.
  var suspects: Both<[MessageHandle]> {
    var suspects = Both<[MessageHandle]>(left: [], right: [])
    for match in matches {
      // One that the base knows for a stub is none, whichever side has it.
      if let row = match.row, known[Int(row)].isStub { continue }
      let both = pair(match)
      guard let left = both.left.content, let right = both.right.content, left.size == right.size,
        left.digest != right.digest, stub(both, nil) == nil
      else { continue }
      for side in Side.allCases { suspects[side].append(both[side].handle) }
    }
    return suspects.map { $0.sorted() }
  }

  /// - Parameters:
  ///   - masked: digests of the ``suspects`` without what servers replace.
  ///   - read: reads the base's rows of these left UIDs.
  func verdict(
    masked: Both<[MessageHandle: MessageDigest]>,
    rows read: (UIDSet) throws(SideFailure) -> [MessageRecord]
  ) throws(SideFailure) -> MailboxVerdict {
    var verdict = MailboxVerdict(names: circumstances.names)
    verdict.mode = circumstances.mode
    verdict.messages = matches.count
    verdict.read = messages.map(\.readCount)
    verdict.octets = messages.map(\.octets)
    var findings: [Finding] = []
    for start in stride(from: 0, to: matches.count, by: partCount) {
      let part = matches[start..<min(start + partCount, matches.count)]
      let rows = try rows(part.lazy.filter(needsRow).map(\.row), read)
      for match in part {
        let row = match.row.flatMap { rows[known[Int($0)].uids] }
        findings += judge(pair(match), row, masked, &verdict)
      }
    }
    for start in stride(from: 0, to: singles.count, by: partCount) {
      let part = singles[start..<min(start + partCount, singles.count)]
      let rows = try rows(part.lazy.map(\.row), read)
      for single in part {
        let row = single.row.flatMap { rows[known[Int($0)].uids] }
        let message = messages[single.side][Int(single.index)]
        if let finding = absence(of: message, single.side, row) {
          findings.append((message.handle, finding))
        }
      }
    }
    findings.sort { $0.place < $1.place }
    verdict.differences = (numbers() + findings.map(\.finding)).map {
      Difference(names: circumstances.names, finding: $0)
    }
    return verdict
  }

  /// Of most messages the base's row tells nothing: they are the same in everything that it could explain.
  private func needsRow(_ match: Match) -> Bool {
    guard let row = match.row else { return false }
    let both = pair(match)
    return both.left.flags != both.right.flags || both.left.date != both.right.date
      || known[Int(row)].isStub
  }

  private func rows(
    _ rows: some Sequence<UInt32?>, _ read: (UIDSet) throws(SideFailure) -> [MessageRecord]
  ) throws(SideFailure) -> Rows {
    let uids = UIDSet(rows.compactMap { $0 }.map { known.uid(at: Int($0), on: .left) })
    guard !uids.isEmpty else { return [:] }
    return Dictionary(
      try read(uids).map { ($0.uids, $0) }, uniquingKeysWith: { first, _ in first })
  }

  private func judge(
    _ both: Both<VerifiedMessage>, _ row: MessageRecord?,
    _ masked: Both<[MessageHandle: MessageDigest]>, _ verdict: inout MailboxVerdict
  ) -> [Finding] {
    var findings: [Finding] = []
    if stub(both, row) != nil { verdict.stubs += 1 }
    if differs(both, row) {
      if isAltered(both, masked) {
        verdict.altered.append(
          AlteredMessage(
            handles: both.map(\.handle),
            isLonger: both.left.content?.size != both.right.content?.size))
      } else {
        findings.append((both.left.handle, .content(both)))
      }
    }
    if hasOwnDates(both, row) { verdict.ownDates.append(both.map(\.handle)) }
    return findings + differences(both, row).map { (both.left.handle, $0) }
  }

  private func pair(_ match: Match) -> Both<VerifiedMessage> {
    Both(left: messages.left[Int(match.left)], right: messages.right[Int(match.right)])
  }

  /// The side on which only a stub lies.
  private func stub(_ both: Both<VerifiedMessage>, _ row: MessageRecord?) -> Side? {
    if let side = row?.stub { return side }
    let isStub = both.map { $0.content?.stub != nil }
    guard isStub.left != isStub.right else { return nil }
    return isStub.left ? .left : .right
  }

  private func differs(_ both: Both<VerifiedMessage>, _ row: MessageRecord?) -> Bool {
    guard let left = both.left.content, let right = both.right.content else { return false }
    guard let side = stub(both, row) else {
      return left.size != right.size || left.digest != right.digest
    }
    let message = side == .left ? right : left
    guard let mark = (side == .left ? left : right).stub else { return true }
    return mark.original.map { $0 != message.identity } ?? (mark.size != message.size)
  }

  private func isAltered(
    _ both: Both<VerifiedMessage>, _ masked: Both<[MessageHandle: MessageDigest]>
  ) -> Bool {
    if let left = both.left.content?.essence, left == both.right.content?.essence { return true }
    guard both.left.content?.size == both.right.content?.size,
      let left = masked.left[both.left.handle], let right = masked.right[both.right.handle]
    else { return false }
    return left == right
  }

  /// The received dates differ, and did so from the beginning.
  private func hasOwnDates(_ both: Both<VerifiedMessage>, _ row: MessageRecord?) -> Bool {
    guard let row, row.rightDate != nil, both.left.date != both.right.date else { return false }
    return Side.allCases.allSatisfy { both[$0].date == row.date(on: $0) }
  }

  private func differences(
    _ both: Both<VerifiedMessage>, _ row: MessageRecord?
  ) -> [Difference.Finding] {
    var findings: [Difference.Finding] = []
    if let finding = flagDifference(both, row) { findings.append(finding) }
    if both.left.date != both.right.date, !hasOwnDates(both, row) { findings.append(.date(both)) }
    if circumstances.comparesNumbers, anchors.left.uidValidity == anchors.right.uidValidity,
      both.left.handle != both.right.handle
    {
      findings.append(.uid(both))
    }
    return findings
  }

  private func flagDifference(
    _ both: Both<VerifiedMessage>, _ row: MessageRecord?
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

  /// - Parameter here: the side that has the message.
  private func absence(
    of message: VerifiedMessage, _ here: Side, _ row: MessageRecord?
  ) -> Difference.Finding? {
    let presence = circumstances.whatBecame(row, on: here.other)
    if policy.changes != .both {
      let seen = Presence.present(Seen(handle: message.handle, flags: message.flags))
      let item = Item(
        base: row, sides: Both { $0 == here ? seen : presence })
      switch Merge.decide(item, conflict: policy.conflict) {
      case .place(let side) where policy.changes.includes(side): break
      case .expunge(let side) where policy.changes.includes(side): break
      default: return nil
      }
    }
    return .noMessage(
      on: here.other, message, reason(message, here, isKnown: row != nil, presence))
  }

  private func reason(
    _ message: VerifiedMessage, _ here: Side, isKnown: Bool, _ presence: Presence
  ) -> Difference.Absence {
    if message.content?.stub != nil, !isKnown { return .orphan }
    if let uid = message.handle.uid, let pending = circumstances.pending[here][uid],
      pending.code != nil
    {
      return .refused(pending.text)
    }
    switch presence {
    case .vanished: return .expunged
    case .lost: return .lost
    case .absent, .present:
      return circumstances.isNew(message.handle, on: here) ? .isNew : .unknown
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
