import IMAPClient
import SyncEngine
import TestSupport
import Testing

@Suite("Deciding about messages") struct MergeTests {
  /// What became of a message on one side.
  enum Fate: CaseIterable, Sendable {
    case absent, lost, expunged, unchanged, added, removed, both

    var isThere: Bool { ![.absent, .lost, .expunged].contains(self) }
    var isChanged: Bool { [.added, .removed, .both].contains(self) }

    func presence(_ uid: UID) -> Presence {
      let flags: FlagSet
      switch self {
      case .absent: return .absent
      case .lost: return .lost
      case .expunged: return .vanished
      case .unchanged: flags = FlagSet([.seen])
      case .added: flags = FlagSet([.seen, .flagged])
      case .removed: flags = .empty
      case .both: flags = FlagSet([.flagged])
      }
      return .present(Seen(handle: .uid(uid), flags: flags))
    }
  }

  static let record = MessageRecord(
    id: MessageID(1), mailbox: MailboxID(1), uids: Both(left: uid(7), right: uid(9)),
    guid: guid(1), flags: FlagSet([.seen]), date: InternalDate(seconds: 1))

  @Test("every fate by every fate", arguments: Fate.allCases, Fate.allCases)
  func table(_ left: Fate, _ right: Fate) {
    let item = Item(
      base: MergeTests.record, left: left.presence(uid(7)), right: right.presence(uid(9)))
    for conflict in Policy.Conflict.allCases {
      let decision = Merge.decide(item, conflict: conflict)
      switch (left.isThere, right.isThere) {
      case (false, false):
        #expect(decision == .forget)
      case (true, false):
        let isExpunge = right == .expunged && (conflict == .expunge || !left.isChanged)
        #expect(decision == (isExpunge ? .expunge(on: .left) : .place(on: .right)))
      case (false, true):
        let isExpunge = left == .expunged && (conflict == .expunge || !right.isChanged)
        #expect(decision == (isExpunge ? .expunge(on: .right) : .place(on: .left)))
      case (true, true):
        expectAgreement(decision, item)
      }
    }
  }

  private func expectAgreement(_ decision: Decision, _ item: Item) {
    guard case .agree(let flags, let changes) = decision,
      let left = item.sides.left.seen?.flags, let right = item.sides.right.seen?.flags
    else {
      Issue.record("\(decision)")
      return
    }
    #expect(changes.left.applied(to: left) == flags)
    #expect(changes.right.applied(to: right) == flags)
    #expect(flags == FlagMerge.merge(base: FlagSet([.seen]), left: left, right: right))
  }

  @Test("the sides are alike: mirrored histories lead to mirrored decisions")
  func symmetry() {
    for left in Fate.allCases {
      for right in Fate.allCases {
        let item = Item(
          base: MergeTests.record, left: left.presence(uid(7)), right: right.presence(uid(9)))
        let mirrored = Item(base: item.base, left: item.sides.right, right: item.sides.left)
        #expect(
          mirror(Merge.decide(item, conflict: .keep)) == Merge.decide(mirrored, conflict: .keep))
      }
    }
  }

  private func mirror(_ decision: Decision) -> Decision {
    switch decision {
    case .agree(let flags, let changes):
      .agree(flags: flags, changes: Both(left: changes.right, right: changes.left))
    case .place(let side): .place(on: side.other)
    case .expunge(let side): .expunge(on: side.other)
    case .forget: .forget
    }
  }

  @Test("a flag that a side can't hold was not removed there")
  func lacking() {
    var record = MergeTests.record
    record.flags = FlagSet([.seen, .flagged])
    record.lacking.right = FlagSet([.flagged])
    let item = Item(
      base: record, left: .present(Seen(handle: .uid(uid(7)), flags: record.flags)),
      right: .present(Seen(handle: .uid(uid(9)), flags: FlagSet([.seen, .answered]))))
    guard case .agree(let flags, let changes) = Merge.decide(item, conflict: .keep) else {
      Issue.record("no agreement")
      return
    }
    #expect(flags == FlagSet([.seen, .flagged, .answered]))
    #expect(changes.left == FlagChange(added: FlagSet([.answered])))
    #expect(changes.right.isEmpty)
  }

  @Test(
    "guards",
    arguments: [
      (10, 10, Policy.ExpungeLimit.percent(50), false), (11, 20, .percent(50), true),
      (50, 100, .percent(50), false), (51, 100, .percent(50), true),
      (100, 100, .percent(100), false),
      (11, 100, .percent(-5), true), (3, 100, .messages(2), true), (2, 2, .messages(2), false),
      (1, 1, .messages(0), true),
    ])
  func guards(_ expunges: Int, _ known: Int, _ limit: Policy.ExpungeLimit, _ refuses: Bool) {
    #expect(Guard.refuses(expunges: expunges, known: known, limit: limit) == refuses)
  }

  @Test(
    "how many known messages allow so many expunges",
    arguments: [
      Policy.ExpungeLimit.percent(50), .percent(33), .percent(1), .percent(100), .percent(0),
      .percent(-1), .percent(200), .messages(12), .messages(1000),
    ])
  func known(_ limit: Policy.ExpungeLimit) {
    for expunges in [1, 10, 11, 12, 13, 99, 100, 101, 1000] {
      let enough = Guard.known(allowing: expunges, limit: limit)
      // Counting no further than that comes to the same.
      for known in [0, 1, 10, 11, 25, 26, 99, 100, 300, 303, 10_000, 100_000] {
        #expect(
          Guard.refuses(expunges: expunges, known: min(known, enough), limit: limit)
            == Guard.refuses(expunges: expunges, known: known, limit: limit))
      }
    }
    #expect(Guard.known(allowing: 30, limit: .percent(50)) == 60)
    #expect(Guard.known(allowing: 30, limit: .percent(0)) == .max)
    #expect(Guard.known(allowing: .max, limit: .percent(50)) == .max)
  }
}
