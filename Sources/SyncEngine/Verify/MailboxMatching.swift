import IMAPClient

/// Which messages of the two sides are the same.
///
/// Pure. Messages are matched as the base says; where it doesn't know them by what they hold, as a sync
/// would; and in `mirror` what is left by UID, since one UID is to stand for one message. They are told by their places in the
/// lists of messages and rows: of a million of them everything else would be too much.
struct MailboxMatching {
  /// A message that lies on both sides.
  struct Match {
    var left: UInt32
    var right: UInt32
    /// What the base knows of it.
    var row: UInt32?
  }

  /// A message that lies on one side only.
  struct Single {
    var side: Side
    var index: UInt32
    var row: UInt32?
  }

  /// First those of the base, and then as they were found.
  private(set) var matches = ChunkedArray<Match>()
  private(set) var singles = ChunkedArray<Single>()

  private let circumstances: MailboxComparison.Circumstances
  private let known: KnownList
  private let messages: Both<VerifiedList>
  /// So many messages are compared at a time by what they hold.
  private let partCount: Int
  /// The base's row of each message; none where the base means other UIDs.
  private var rows = Both<[UInt32?]>(left: [], right: [])
  /// What is neither matched nor gone.
  private var isFree: Both<[Bool]>

  init(
    _ circumstances: MailboxComparison.Circumstances, known: KnownList,
    messages: Both<VerifiedList>, partCount: Int
  ) {
    self.circumstances = circumstances
    self.known = known
    self.messages = messages
    self.partCount = partCount
    isFree = messages.map { side in side.indices.map { !side.isGone(at: $0) } }
    rows = Both { findRows(on: $0) }
    matchByBase()
    match { ContentID(size: $0.size, digest: $0.digest.short) }
    match { $0.stub?.original ?? $0.identity }
    match { content in
      content.essence.map { ContentID(size: 0, digest: $0) } ?? content.identity
    }
    matchByUID()
    for side in Side.allCases {
      for index in free(side) {
        singles.append(Single(side: side, index: UInt32(index), row: rows[side][index]))
      }
    }
  }

  private func free(_ side: Side) -> some Sequence<Int> {
    messages[side].indices.lazy.filter { [isFree] in isFree[side][$0] }
  }

  private mutating func note(_ left: Int, _ right: Int, row: UInt32?) {
    matches.append(Match(left: UInt32(left), right: UInt32(right), row: row))
    isFree.left[left] = false
    isFree.right[right] = false
  }

  // MARK: By the base

  private func findRows(on side: Side) -> [UInt32?] {
    var rows = [UInt32?](repeating: nil, count: messages[side].count)
    guard circumstances.isTrusted(side) else { return rows }
    var last: Int?
    for row in known.indices {
      let uid = known.uid(at: row, on: side)
      guard let index = messages[side].index(of: .uid(uid), after: last) else { continue }
      rows[index] = UInt32(row)
      last = index
    }
    return rows
  }

  private mutating func matchByBase() {
    var last: Int?
    for left in messages.left.indices {
      guard isFree.left[left], let row = rows.left[left],
        let right = messages.right.index(
          of: .uid(known.uid(at: Int(row), on: .right)), after: last)
      else { continue }
      last = right
      if isFree.right[right], rows.right[right] == row { note(left, right, row: row) }
    }
  }

  // MARK: By what they hold

  private mutating func match(by key: (ReadContent) -> ContentID) {
    let entries = Both { numbers(on: $0, key) }
    var found: [Pairing.Match] = []
    CommonNumbers.forEachPart(entries, of: partCount) { part in
      var candidates = Both { side in part[side].compactMap { candidate($0, on: side, key) } }
      found += Pairing.matchByContent(&candidates)
    }
    found.sort { ($0.left, $0.right) < ($1.left, $1.right) }
    for match in found {
      note(match.left, match.right, row: rows.left[match.left] ?? rows.right[match.right])
    }
  }

  private func numbers(
    on side: Side, _ key: (ReadContent) -> ContentID
  ) -> [CommonNumbers.Entry] {
    var entries: [CommonNumbers.Entry] = []
    for index in free(side) {
      if let content = messages[side].content(at: index) {
        entries.append(
          CommonNumbers.Entry(number: key(content).digest.high, index: UInt32(index)))
      }
    }
    entries.sort()
    return entries
  }

  private func candidate(
    _ index: Int, on side: Side, _ key: (ReadContent) -> ContentID
  ) -> Pairing.Candidate? {
    let message = messages[side][index]
    return message.content.map { content in
      Pairing.Candidate(
        index: index, handle: message.handle, size: content.size, id: nil, content: key(content),
        date: message.date)
    }
  }

  // MARK: By UID

  /// UIDs that were handed out since the last sync may stand for a new message on each side: those are
  /// two that lack on the other side, not one that was changed.
  private mutating func matchByUID() {
    let anchors = circumstances.anchors
    guard circumstances.mode == .mirror, anchors.left.uidValidity == anchors.right.uidValidity
    else { return }
    let limit = circumstances.record.map(\.agreedNext) ?? .last
    var last: Int?
    for left in messages.left.indices where isFree.left[left] && rows.left[left] == nil {
      guard let uid = messages.left.handle(at: left).uid, uid < limit,
        let right = messages.right.index(of: .uid(uid), after: last)
      else { continue }
      last = right
      if isFree.right[right], rows.right[right] == nil { note(left, right, row: nil) }
    }
  }
}
