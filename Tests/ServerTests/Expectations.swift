import TestSupport
import Testing

/// What must be equal on both sides.
private struct Comparable: Hashable, CustomStringConvertible {
  var message: StoredMessage

  init(_ message: StoredMessage, uid: Bool) {
    self.message = StoredMessage(
      bytes: message.bytes, flags: message.flags, date: message.date, uid: uid ? message.uid : nil)
  }

  var description: String { message.description }
}

/// Both sides hold the same messages with the same flags and dates in the same mailboxes; how many that are.
@discardableResult
func expectEqualSides(_ pair: Pair, sourceLocation: SourceLocation = #_sourceLocation) throws -> Int
{
  try expectEqual(
    pair.left.store.snapshot(), pair.right.store.snapshot(), uid: false,
    sourceLocation: sourceLocation)
}

/// An IMAP client can't tell one side from the other: UIDs, UIDNEXT and UIDVALIDITY are equal too.
@discardableResult
func expectMirror(_ pair: Pair, sourceLocation: SourceLocation = #_sourceLocation) throws -> Int {
  let left = try pair.left.served.snapshot()
  let right = try pair.right.served.snapshot()
  for mailbox in left.keys.sorted() where right[mailbox] != nil {
    let here = try pair.left.served.numbers(of: mailbox)
    let there = try pair.right.served.numbers(of: mailbox)
    #expect(here?.uidValidity == there?.uidValidity, "\(mailbox)", sourceLocation: sourceLocation)
    #expect(here?.uidNext == there?.uidNext, "\(mailbox)", sourceLocation: sourceLocation)
  }
  return try expectEqual(left, right, uid: true, sourceLocation: sourceLocation)
}

private func expectEqual(
  _ left: [String: [StoredMessage]], _ right: [String: [StoredMessage]], uid: Bool,
  sourceLocation: SourceLocation
) throws -> Int {
  #expect(left.keys.sorted() == right.keys.sorted(), sourceLocation: sourceLocation)
  var count = 0
  for (mailbox, messages) in left {
    guard let others = right[mailbox] else { continue }
    let here = Bag(messages.map { Comparable($0, uid: uid) })
    let there = Bag(others.map { Comparable($0, uid: uid) })
    #expect(
      here == there,
      "\(mailbox): only left \(here.lacking(in: there)), only right \(there.lacking(in: here))",
      sourceLocation: sourceLocation)
    count += messages.count
  }
  return count
}

/// A set that knows how often.
private struct Bag<Element: Hashable>: Equatable {
  private var counts: [Element: Int] = [:]

  init(_ elements: [Element]) {
    for element in elements { counts[element, default: 0] += 1 }
  }

  /// The first few of what the other has less often.
  func lacking(in other: Bag) -> [Element] {
    Array(counts.filter { $0.value > other.counts[$0.key, default: 0] }.keys.prefix(4))
  }

  // Shown in failures instead of every byte.
  static func == (left: Bag, right: Bag) -> Bool { left.counts == right.counts }
}

extension Bag: CustomTestStringConvertible {
  var testDescription: String { "\(counts.values.reduce(0, +)) messages" }
}

/// Both sides' INBOX holds exactly these tokens.
func expectTokens(
  _ tokens: [String], _ pair: Pair, in mailbox: String = "INBOX",
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  for side in pair.sides {
    let found = try side.store.tokens(in: mailbox)
    #expect(found == tokens.sorted(), "\(side.name)", sourceLocation: sourceLocation)
  }
}

/// Another run finds nothing to do and touches nothing.
func expectQuiet(_ pair: Pair, sourceLocation: SourceLocation = #_sourceLocation) throws {
  let before = try pair.sides.map { try footprint(of: $0) }
  let report = try pair.report(sourceLocation: sourceLocation)
  #expect(report.left == PairReport.Counts(), sourceLocation: sourceLocation)
  #expect(report.right == PairReport.Counts(), sourceLocation: sourceLocation)
  #expect(report.result == "ok", sourceLocation: sourceLocation)
  let after = try pair.sides.map { try footprint(of: $0) }
  for (before, after) in zip(before, after) {
    let changes = after.difference(from: before)
    #expect(changes.isEmpty, sourceLocation: sourceLocation)
  }
}

/// What changes when anything does.
private func footprint(of side: PairSide) throws -> [String] {
  if let maildir = side.maildir { return try maildir.footprint() }
  return try side.store.mailboxes().map {
    "\($0): \(String(describing: try side.store.numbers(of: $0)))"
  }
}
