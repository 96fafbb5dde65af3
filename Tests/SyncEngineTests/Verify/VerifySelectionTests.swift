import IMAPClient
import SyncEngine
import TestSupport
import Testing

@testable import Simulation

/// A comparison keeps to what the pair selects, and to the direction asked for.
@Suite("Comparing what a pair selects") struct VerifySelectionTests {
  private func name(_ path: String) -> MailboxName { MailboxName(path: path) ?? .inbox }

  @Test("mailboxes that the patterns leave out are not looked at")
  func patterns() {
    let stage = VerifyStage(VerifyStage.pairs[0])
    for path in ["Spam", "Work"] {
      stage.world.servers.right.createMailbox(name(path))
      stage.world.servers.right.deliver(VerifyStage.message(9), to: name(path))
    }
    stage.policy.mailboxes = MailboxPatterns(words: ["*", "!Spam"])
    #expect(stage.verify().kinds == ["no mailbox left (1)"])
    stage.policy.onlyMailboxes = MailboxPatterns(words: ["inbox"])
    #expect(stage.verify().isEqual)
  }

  @Test("a mailbox that is created nowhere is none of the pair's", arguments: Policy.Where.allCases)
  func uncreated(_ create: Policy.Where) {
    let stage = VerifyStage(VerifyStage.pairs[0])
    stage.policy.create = create
    stage.world.servers.right.createMailbox(name("Work"))
    #expect(stage.verify().kinds == (create.includes(.left) ? ["no mailbox left (0)"] : []))
  }

  @Test("mailboxes are found under the names that each side has for them")
  func names() {
    let stage = VerifyStage(.imap(), .imap())
    stage.policy.map = [(left: name("Work"), right: name("Arbeit"))]
    stage.policy.prefixes.right = name("Old")
    stage.world.servers.right.createMailbox(name("Old/INBOX"))
    stage.world.servers.left.createMailbox(name("Work"))
    stage.world.servers.left.deliver(VerifyStage.message(1), to: name("Work"))
    #expect(stage.sync().result == .ok)
    let report = stage.verify()
    #expect(report.isEqual && report.counted == 1)
    #expect(report.mailboxes.map(\.names.right.path).contains("Arbeit"))
  }

  @Test("older messages than `since` are left out and counted", arguments: VerifyStage.pairs)
  func since(_ traits: Both<SimulatedTraits>) {
    let stage = VerifyStage(traits.left, traits.right)
    let old = InternalDate(seconds: 1_600_000_000)
    stage.policy.since = InternalDate(seconds: 1_650_000_000)
    stage.world.servers.left.deliver(VerifyStage.message(1), date: old)
    stage.world.servers.right.deliver(VerifyStage.message(2))
    stage.sync()
    let report = stage.verify()
    #expect(report.mailboxes.map(\.unselected) == [1] && report.counted == 1)
    #expect(report.kinds == [])
    // What the pair has once synced it has, however old it grows.
    stage.policy.since = InternalDate(seconds: 1_800_000_000)
    #expect(stage.verify().counted == 1)
  }

  // MARK: One way

  @Test("one way, only what the other side is to get counts", arguments: [Side.left, .right])
  func oneWay(_ side: Side) {
    let stage = VerifyStage(VerifyStage.pairs[3])
    stage.policy.changes = side == .left ? .left : .right
    stage.world.servers[side].deliver(VerifyStage.message(7))
    stage.world.servers[side].createMailbox(name("Own"))
    stage.flag(1, on: side)
    if let gone = stage.handle(of: 2, on: side) { stage.world.servers[side].expunge(gone) }
    #expect(stage.verify().kinds == [])

    stage.world.servers[side.other].deliver(VerifyStage.message(8))
    stage.world.servers[side.other].createMailbox(name("New"))
    stage.flag(3, on: side.other)
    if let gone = stage.handle(of: 4, on: side.other) {
      stage.world.servers[side.other].expunge(gone)
    }
    #expect(
      stage.verify().kinds
        == [
          "flags \\Seen \(side)", "no mailbox \(side) (0)", "no message \(side) (isNew)",
          "no message \(side.other) (expunged)",
        ].sorted())
    stage.sync()
    #expect(stage.verify().kinds == [])
  }

  // MARK: Stubs

  static let big =
    VerifyStage.message(9) + Array(String(repeating: "more and more\r\n", count: 400).utf8)

  private func stubbed(_ traits: Both<SimulatedTraits>) -> VerifyStage {
    let stage = VerifyStage(traits)
    stage.policy.maxSize = 2000
    stage.world.servers.left.deliver(VerifySelectionTests.big)
    stage.sync()
    return stage
  }

  /// Nobody can change them: they are said, and are no difference; whatever becomes of them later is one.
  @Test(
    "received dates that each side had before the first sync are its own",
    arguments: VerifyStage.pairs)
  func ownDates(_ traits: Both<SimulatedTraits>) {
    let stage = VerifyStage(traits.left, traits.right)
    for side in Side.allCases {
      stage.world.servers[side].deliver(VerifyStage.message(1))
      stage.alter(1, on: side) { $0.date = InternalDate(seconds: side == .left ? 1_000 : 2_000) }
    }
    for _ in 1...2 {
      stage.sync()
      stage.sync()
      let report = stage.verify()
      #expect(report.kinds == [] && report.counted == 1)
      #expect(report.mailboxes.map(\.ownDates.count) == [1])
      stage.store = MemoryStateStore()
    }
    stage.sync()
    stage.alter(1, on: .right) { $0.date = InternalDate(seconds: 3_000) }
    let report = stage.verify()
    #expect(report.kinds == ["date"])
    #expect(report.mailboxes.map(\.ownDates.count) == [0])
  }

  @Test("a stub counts as its message, with and without the base", arguments: VerifyStage.pairs)
  func stub(_ traits: Both<SimulatedTraits>) {
    let stage = stubbed(traits)
    for _ in 1...2 {
      let report = stage.verify()
      #expect(report.kinds == [] && report.counted == 7)
      #expect(report.mailboxes.map(\.stubs) == [1])
      stage.store = MemoryStateStore()
    }
  }

  @Test("flags of stubs are compared, and whose stub it is", arguments: VerifyStage.pairs)
  func wrongStub(_ traits: Both<SimulatedTraits>) {
    let stage = stubbed(traits)
    stage.alter(9, on: .right) { $0.flags = FlagSet([.seen]) }
    #expect(stage.verify().kinds == ["flags \\Seen left"])
    stage.alter(9, on: .right) { $0.flags = .empty }
    stage.alter(9, on: .left) { $0.content[20] ^= 1 }
    #expect(stage.verify().kinds == ["content"])
  }

  @Test("a stub without its message is no copy of it", arguments: VerifyStage.pairs)
  func orphan(_ traits: Both<SimulatedTraits>) {
    let stage = stubbed(traits)
    if let handle = stage.handle(of: 9, on: .left) { stage.world.servers.left.expunge(handle) }
    #expect(stage.verify().kinds == ["no message left (expunged)"])
    stage.store = MemoryStateStore()
    #expect(stage.verify().kinds == ["no message left (orphan)"])
  }
}
