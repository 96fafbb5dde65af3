import IMAPClient
import SyncEngine
import TestSupport
import Testing

@testable import Simulation

/// What a comparison of two stores finds, and that it leaves them alone.
@Suite("Comparing simulated stores") struct VerifyRunTests {
  /// What is done by hand, and what has to be found.
  struct Damage: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var kinds: [String]
    var harm: @Sendable (VerifyStage) -> Void

    init(_ name: String, _ kinds: [String], _ harm: @escaping @Sendable (VerifyStage) -> Void) {
      testDescription = name
      self.kinds = kinds
      self.harm = harm
    }
  }

  static let damages = [
    Damage("nothing", []) { _ in },
    Damage("a byte of the body", ["content"]) { stage in
      stage.alter(3, on: .left) { $0.content[$0.content.count - 5] ^= 1 }
    },
    Damage("a byte of the header", ["content"]) { stage in
      stage.alter(3, on: .right) { $0.content[20] ^= 1 }
    },
    Damage("a line more", ["content"]) { stage in
      stage.alter(2, on: .right) { $0.content += Array("more\r\n".utf8) }
    },
    Damage("a flag", ["flags \\Answered right"]) { stage in
      stage.alter(1, on: .left) { $0.flags = FlagSet([.answered]) }
    },
    Damage("flags on both sides", ["flags \\Seen left, flags \\Answered right"]) { stage in
      stage.alter(1, on: .left) { $0.flags = FlagSet([.answered]) }
      stage.alter(1, on: .right) { $0.flags = FlagSet([.seen]) }
    },
    Damage("a date", ["date"]) { stage in
      stage.alter(5, on: .left) { $0.date = InternalDate(seconds: 1_600_000_000) }
    },
    Damage("a message expunged", ["no message right (expunged)"]) { stage in
      if let handle = stage.handle(of: 4, on: .right) { stage.world.servers.right.expunge(handle) }
    },
    Damage("a mailbox", ["no mailbox left (1)"]) { stage in
      stage.world.servers.right.createMailbox(VerifyRunTests.work)
      stage.world.servers.right.deliver(VerifyStage.message(9), to: VerifyRunTests.work)
    },
    Damage("a subscription", ["no subscription right"]) { stage in
      stage.world.servers.left.setSubscribed(true, .inbox)
    },
  ]

  static let work = MailboxName(path: "Work") ?? .inbox

  @Test("each kind of difference is found, and nothing else", arguments: damages, VerifyStage.pairs)
  func damage(_ damage: Damage, _ traits: Both<SimulatedTraits>) {
    let stage = VerifyStage(traits)
    damage.harm(stage)
    let report = stage.verify()
    #expect(report.kinds == damage.kinds)
    #expect(report.isEqual == damage.kinds.isEmpty && report.result == .ok)
    #expect(stage.changingCalls == [])
  }

  @Test("new mail is told from mail that was never synced", arguments: VerifyStage.pairs)
  func arrivals(_ traits: Both<SimulatedTraits>) {
    let stage = VerifyStage(traits)
    stage.world.servers.left.deliver(VerifyStage.message(7))
    let new = stage.verify().kinds
    #expect(new.contains("no message right (isNew)"))
    // A server has given its UID already.
    let isNumbered = traits.left == .imap() && traits.right == .maildir
    #expect(new.filter { $0 != "no message right (isNew)" } == (isNumbered ? ["uidnext"] : []))

    stage.store = MemoryStateStore()
    #expect(stage.verify().kinds.contains("no message right (unknown)"))
  }

  @Test("without its base a pair is matched by content", arguments: VerifyStage.pairs)
  func lostBase(_ traits: Both<SimulatedTraits>) {
    let stage = VerifyStage(traits)
    stage.store = MemoryStateStore()
    let report = stage.verify()
    #expect(report.isEqual && report.counted == 6, "\(report.kinds)")
    stage.alter(3, on: .left) { $0.content[$0.content.count - 5] ^= 1 }
    #expect(stage.verify().kinds == ["content"])
  }

  @Test("twins are counted, not merged", arguments: VerifyStage.pairs)
  func twins(_ traits: Both<SimulatedTraits>) {
    let stage = VerifyStage(traits)
    for side in Side.allCases { stage.world.servers[side].deliver(VerifyStage.message(3)) }
    stage.world.servers.left.deliver(VerifyStage.message(3))
    let kinds = stage.verify().kinds.filter { $0.hasPrefix("no message") }
    #expect(kinds == ["no message right (isNew)"])
  }

  // MARK: Numbers

  @Test("in a common UID space numbers count", arguments: VerifyStage.mirroring)
  func numbers(_ traits: Both<SimulatedTraits>) {
    let stage = VerifyStage(traits)
    let server = stage.world.servers.right
    if let handle = stage.handle(of: 3, on: .right) {
      _ = server.mailboxes[.inbox]?.move(handle, to: nil)
    }
    #expect(stage.verify().kinds == ["uid", "uidnext"])
    stage.sync()
    #expect(stage.verify().isEqual)
  }

  @Test("a new UIDVALIDITY is found; where each side has its own it is no difference")
  func validity() {
    let mirror = VerifyStage(VerifyStage.pairs[0])
    mirror.world.servers.right.resetUIDValidity(.inbox, keepingIDs: false)
    #expect(mirror.verify().kinds == ["uidvalidity"])
    mirror.sync()
    #expect(mirror.verify().isEqual)

    let map = VerifyStage(VerifyStage.pairs[3])
    map.world.servers.right.resetUIDValidity(.inbox, keepingIDs: false)
    #expect(map.verify().isEqual)
  }

  @Test("new mail of both sides under one UID is two messages")
  func collision() {
    let stage = VerifyStage(VerifyStage.pairs[0])
    for (side, token) in [(Side.left, 7), (.right, 8)] {
      stage.world.servers[side].deliver(VerifyStage.message(token))
    }
    stage.world.servers.left.numberAll(.inbox)
    #expect(
      stage.verify().kinds == ["no message left (isNew)", "no message right (isNew)"])
  }

  // MARK: What is no difference

  @Test("flags that a side can't hold")
  func lacking() {
    var full = SimulatedTraits.maildir
    full.keywordLimit = 1
    let stage = VerifyStage(full, .imap())
    for (token, word) in [(1, "first"), (2, "second"), (3, "third")] {
      let flags = FlagSet([], keywords: [word].compactMap { Keyword($0) })
      stage.world.servers.right.deliver(VerifyStage.message(token), flags: flags)
    }
    for _ in 1...3 { stage.sync() }
    let rows = stage.store.mailboxes().flatMap { stage.store.messages(in: $0.id) }
    #expect(rows.contains { !$0.lacking.left.isEmpty })
    #expect(stage.verify().isEqual)
    stage.alter(1, on: .left) { $0.flags = FlagSet([.draft], keywords: $0.flags.keywords) }
    #expect(stage.verify().kinds == ["flags \\Draft right"])
  }

  @Test("octets that a server replaced are counted, others of that message are a difference")
  func altered() {
    let stage = VerifyStage(.maildir, .imap())
    stage.world.servers.right.alters = { $0.map { $0 == 0 ? 0x80 : $0 } }
    let odd = VerifyStage.message(1) + Array("a\0b\r\n".utf8)
    stage.world.servers.left.deliver(odd)
    stage.sync()
    let report = stage.verify()
    #expect(report.isEqual && report.mailboxes.map(\.altered.count) == [1])
    stage.alter(1, on: .right) { $0.content[$0.content.count - 3] = UInt8(ascii: "c") }
    #expect(stage.verify().kinds == ["content"])
  }

  @Test("what another program added is counted; the message is the same still")
  func added() {
    for hasBase in [true, false] {
      let stage = VerifyStage(VerifyStage.pairs[3])
      if !hasBase { stage.store = MemoryStateStore() }
      stage.alter(3, on: .left) { $0.content = Array("X-TUID: abcdefgh1234\r\n".utf8) + $0.content }
      let report = stage.verify()
      #expect(report.isEqual && report.counted == 6, "\(report.kinds)")
      #expect(report.mailboxes.flatMap(\.altered).map(\.isLonger) == [true])
      #expect(
        report.mailboxes.flatMap(\.altered).map(\.handles.left) == [stage.handle(of: 3, on: .left)])
      stage.alter(3, on: .right) { $0.content[$0.content.count - 5] ^= 1 }
      #expect(!stage.verify().isEqual && stage.verify().mailboxes.map(\.altered.count) == [0])
    }
  }

  // MARK: Trouble

  @Test("a message that was refused is told with the reason")
  func refused() {
    let stage = VerifyStage(VerifyStage.pairs[3])
    stage.world.servers.right.refuses = { _ in (.tooLarge, "too large for me") }
    stage.world.servers.left.deliver(VerifyStage.message(7))
    stage.sync()
    #expect(stage.verify().kinds == [#"no message right (refused("too large for me"))"#])
  }

  @Test("a store that is gone, or a line that breaks, is not taken for a difference")
  func unreachable() {
    let stage = VerifyStage(VerifyStage.pairs[0])
    for call in [SimulatedCall.list, .fetch, .connect] {
      stage.world.onStep = { step in
        step.side == .right && step.call == call && step.moment == .before
          ? .connectionLost(.none) : nil
      }
      let report = stage.verify()
      #expect(report.result == .failed && report.failures.map(\.code) == [.connectionLost])
      #expect(report.kinds == [] && !report.isEqual)
      #expect(report.failures.map(\.side) == [.right])
    }
    stage.world.onStep = nil
    stage.world.servers.left.isThere = false
    let report = stage.verify()
    #expect(report.result == .refused && report.failures.map(\.code) == [.guarded])
    #expect(report.kinds == [])
  }

  @Test("a mailbox that can't be read leaves the others compared")
  func oneMailbox() {
    let stage = VerifyStage(VerifyStage.pairs[0])
    stage.world.servers.left.createMailbox(VerifyRunTests.work)
    stage.sync()
    stage.world.onStep = { step in
      step.side == .right && step.call == .open(VerifyRunTests.work) && step.moment == .before
        ? .refused(.mailbox, .permission) : nil
    }
    let report = stage.verify()
    #expect(report.result == .partial && report.counted == 6 && !report.isEqual)
    #expect(report.failures.map(\.mailbox) == [VerifyRunTests.work] && report.kinds == [])
    #expect(report.mailboxes.count(where: \.isComplete) == 1)
  }

  @Test("what is expunged while it is read is not there")
  func vanishing() {
    let stage = VerifyStage(VerifyStage.pairs[0])
    guard let handle = stage.handle(of: 4, on: .right) else { return }
    stage.world.onStep = { [world = stage.world] step in
      if step.side == .right, step.call == .fetch, step.moment == .before {
        world.servers.right.expunge(handle)
      }
      return nil
    }
    #expect(stage.verify().kinds == ["no message right (expunged)"])
  }

  @Test("a run that is stopped says so")
  func stopped() {
    let stage = VerifyStage(VerifyStage.pairs[0])
    let cancellation = Cancellation()
    cancellation.request()
    let report = stage.verify(cancellation)
    #expect(report.failures.map(\.code) == [.interrupted] && !report.isEqual)
    // A connection that broke with the same signal is no other trouble.
    stage.world.onStep = { step in
      step.side == .right && step.call == .list && step.moment == .before
        ? .connectionLost(.none) : nil
    }
    #expect(stage.verify(cancellation).failures.map(\.code) == [.interrupted])
  }
}
