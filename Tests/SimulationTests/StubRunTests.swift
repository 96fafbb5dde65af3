import IMAPClient
import Simulation
import SyncEngine
import TestSupport
import Testing

/// `max-size` through whole runs: what may and may not become of stubs and their messages.
@Suite("Stubs over simulated stores") struct StubRunTests {
  /// The stores of the side that has the message and of the one that gets a stub.
  struct Pair: Sendable, CustomTestStringConvertible {
    var source: SimulatedTraits
    var stub: SimulatedTraits
    var uids = Policy.UIDs.auto

    var testDescription: String { "\(name(source)) to \(name(stub)), \(uids)" }

    private func name(_ traits: SimulatedTraits) -> String {
      traits.isMaildir ? "Maildir" : "\(traits.kind)\(traits.hasIDs ? "" : " without ids")"
    }
  }

  static let bare = SimulatedTraits.imap(tier: .none, hasIDs: false, hasUIDPlus: false)
  static let pairs = [
    Pair(source: .imap(), stub: .maildir), Pair(source: .imap(), stub: .maildir, uids: .map),
    Pair(source: .maildir, stub: .imap()), Pair(source: .maildir, stub: .maildir),
    Pair(source: .imap(), stub: .imap()), Pair(source: bare, stub: bare),
    Pair(source: .imap(hasIDs: false), stub: .imap(tier: .condstore, hasIDs: false)),
    Pair(source: bare, stub: .maildir), Pair(source: .maildir, stub: bare),
  ]

  static let archive = MailboxName(path: "Archive") ?? .inbox
  static let big = SimulatedContent.message(.ordinary, token: 7) + filler
  static let filler = Array(String(repeating: "more and more\r\n", count: 400).utf8)
  static let flagged = FlagSet([.flagged])

  /// Messages lie on the left, stubs come to the right.
  final class Stage {
    let world: SimulatedWorld
    var store: MemoryStateStore
    var policy = Policy()

    init(_ pair: Pair) {
      world = SimulatedWorld(pair.source, pair.stub)
      store = world.stateStore()
      policy.jobs = 1
      policy.uids = pair.uids
      policy.maxSize = 2000
      for side in Side.allCases { world.servers[side].createMailbox(StubRunTests.archive) }
      world.servers.left.deliver(StubRunTests.big)
      world.servers.left.deliver(SimulatedContent.message(.ordinary, token: 1))
    }

    @discardableResult func run() -> SyncReport {
      world.run(policy, store)
    }

    func messages(_ side: Side, _ name: MailboxName = .inbox) -> [SimulatedMessage] {
      world.servers[side][name]?.messages ?? []
    }

    /// The messages of the big one's token.
    func bigs(_ side: Side, _ name: MailboxName = .inbox) -> [SimulatedMessage] {
      messages(side, name).filter { SimulatedContent.label($0.content) == "message 7" }
    }

    func isStub(_ message: SimulatedMessage) -> Bool { StubMark(header: message.content) != nil }

    /// The state of the big message: where it lies on the left, and whether the right has its stub.
    func expect(
      stub: Bool, in name: MailboxName = .inbox, sourceLocation: SourceLocation = #_sourceLocation
    ) {
      let other = name == .inbox ? StubRunTests.archive : .inbox
      #expect(
        bigs(.left, name).map(\.content) == [StubRunTests.big], sourceLocation: sourceLocation)
      #expect(bigs(.right, name).map(isStub) == [stub], sourceLocation: sourceLocation)
      #expect(
        bigs(.left, other).isEmpty && bigs(.right, other).isEmpty, sourceLocation: sourceLocation)
      #expect(
        bigs(.left, name).map(\.flags) == bigs(.right, name).map(\.flags),
        sourceLocation: sourceLocation)
      if !stub {
        #expect(
          bigs(.right, name).map(\.content) == [StubRunTests.big],
          sourceLocation: sourceLocation)
      }
    }

    func expectQuiet(sourceLocation: SourceLocation = #_sourceLocation) {
      let report = run()
      #expect(report.result == .ok, "\(report.failures)", sourceLocation: sourceLocation)
      #expect(
        report.counts.left.isEmpty && report.counts.right.isEmpty, "\(report.counts)",
        sourceLocation: sourceLocation)
    }

    func set(_ flags: FlagSet, _ side: Side) {
      guard let message = bigs(side).first else { return }
      world.servers[side].setFlags(message.handle, adding: flags)
    }
  }

  private func synced(_ pair: Pair, sourceLocation: SourceLocation = #_sourceLocation) -> Stage {
    let stage = Stage(pair)
    #expect(stage.run().result == .ok, sourceLocation: sourceLocation)
    stage.expect(stub: true, sourceLocation: sourceLocation)
    #expect(stage.messages(.right).count == 2, sourceLocation: sourceLocation)
    return stage
  }

  @Test("a large message comes as a stub, and its flags go both ways", arguments: pairs)
  func arrival(_ pair: Pair) {
    let stage = synced(pair)
    stage.expectQuiet()
    stage.set(FlagSet([.seen]), .right)
    stage.set(FlagSet([.answered]), .left)
    stage.run()
    stage.expect(stub: true)
    #expect(stage.bigs(.left).first?.flags == FlagSet([.seen, .answered]))
    stage.expectQuiet()
    stage.policy.maxSize = nil
    stage.run()
    stage.expect(stub: true)
  }

  @Test("what is flagged comes whole")
  func flaggedArrival() {
    let stage = Stage(StubRunTests.pairs[0])
    stage.set(StubRunTests.flagged, .left)
    stage.run()
    stage.expect(stub: false)
    stage.expectQuiet()
  }

  @Test("a stub that is flagged on either side is replaced by its message", arguments: pairs)
  func replacement(_ pair: Pair) {
    for side in Side.allCases {
      let stage = synced(pair)
      let stub = stage.bigs(.right).first
      stage.set(FlagSet([.flagged, .seen]), side)
      #expect(stage.run().result == .ok)
      stage.expect(stub: false)
      #expect(stage.bigs(.left).first?.flags == FlagSet([.flagged, .seen]))
      #expect(stage.bigs(.left).first?.date == stage.bigs(.right).first?.date)
      // Its UID never stands for anything else.
      #expect(stage.bigs(.right).first?.handle != stub?.handle)
      if pair.uids == .auto, pair.source.isMaildir || pair.stub.isMaildir,
        pair.source.hasUIDPlus, pair.stub.hasUIDPlus
      {
        #expect(stage.messages(.left).map(\.handle) == stage.messages(.right).map(\.handle))
      }
      stage.expectQuiet()
      #expect(stage.store.pending().isEmpty)
    }
  }

  @Test("an expunge of either expunges the other", arguments: pairs)
  func expunge(_ pair: Pair) {
    for side in Side.allCases {
      let stage = synced(pair)
      for message in stage.bigs(side) { stage.world.servers[side].expunge(message.handle) }
      // The flags of a stub can't keep a message that is gone.
      stage.policy.conflict = .keep
      if side == .left { stage.set(FlagSet([.seen]), .right) }
      stage.run()
      #expect(stage.bigs(.left).isEmpty && stage.bigs(.right).isEmpty)
      stage.expectQuiet()
    }
  }

  @Test("either is moved with the other, and no body is read", arguments: pairs)
  func move(_ pair: Pair) {
    for side in Side.allCases {
      let stage = synced(pair)
      stage.expectQuiet()
      var hasRead = false
      stage.world.onStep = { step in
        if step.call == .fetch { hasRead = true }
        return nil
      }
      for message in stage.bigs(side) {
        stage.world.servers[side].move(message.handle, from: .inbox, to: StubRunTests.archive)
      }
      #expect(stage.run().result == .ok)
      stage.expect(stub: true, in: StubRunTests.archive)
      #expect(!hasRead)
      stage.expectQuiet()
    }
  }

  @Test("a copy of either is one of both", arguments: pairs)
  func copy(_ pair: Pair) {
    for side in Side.allCases {
      let stage = synced(pair)
      stage.expectQuiet()
      for message in stage.bigs(side) {
        stage.world.servers[side].copy(message.handle, from: .inbox, to: StubRunTests.archive)
      }
      #expect(stage.run().result == .ok)
      for name in [.inbox, StubRunTests.archive] {
        #expect(stage.bigs(.left, name).map(\.content) == [StubRunTests.big])
        #expect(stage.bigs(.right, name).map(stage.isStub) == [true])
      }
      stage.expectQuiet()
      stage.set(StubRunTests.flagged, .right)
      stage.run()
      #expect(stage.bigs(.right).map(\.content) == [StubRunTests.big])
      #expect(stage.bigs(.right, StubRunTests.archive).map(stage.isStub) == [true])
      stage.expectQuiet()
    }
  }

  @Test("a stub is moved and flagged at once", arguments: pairs)
  func moveAndFlag(_ pair: Pair) {
    for side in Side.allCases {
      let stage = synced(pair)
      stage.expectQuiet()
      stage.set(StubRunTests.flagged, side)
      for message in stage.bigs(side) {
        stage.world.servers[side].move(message.handle, from: .inbox, to: StubRunTests.archive)
      }
      #expect(stage.run().result == .ok)
      stage.expect(stub: false, in: StubRunTests.archive)
      stage.expectQuiet()
    }
  }

  @Test("when the base is lost, stubs find their messages again", arguments: pairs)
  func lostBase(_ pair: Pair) {
    let stage = synced(pair)
    stage.store = stage.world.stateStore()
    #expect(stage.run().result == .ok)
    stage.expect(stub: true)
    stage.expectQuiet()
    stage.set(StubRunTests.flagged, .right)
    stage.run()
    stage.expect(stub: false)
  }

  @Test("a stub without its message is never taken for one", arguments: pairs)
  func orphan(_ pair: Pair) {
    guard pair.stub.isMaildir else { return }
    let stage = synced(pair)
    stage.store = stage.world.stateStore()
    for message in stage.bigs(.left) { stage.world.servers.left.expunge(message.handle) }
    for _ in 0..<2 {
      #expect(stage.run().result == .ok)
      #expect(stage.bigs(.left).isEmpty && stage.bigs(.right).map(stage.isStub) == [true])
    }
  }

  @Test("a new UIDVALIDITY separates nothing", arguments: pairs)
  func newValidity(_ pair: Pair) {
    for (side, keeps) in [(Side.left, true), (.left, false), (.right, true), (.right, false)] {
      let stage = synced(pair)
      stage.world.servers[side].resetUIDValidity(.inbox, keepingIDs: keeps)
      stage.run()
      stage.expect(stub: true)
      stage.run()
      stage.expectQuiet()
    }
  }

  @Test("a message that can't be had is asked for again at the next run", arguments: pairs)
  func refused(_ pair: Pair) {
    let stage = synced(pair)
    stage.world.onStep = { step in
      step.call == .save && step.side == .right && step.moment == .before
        ? .refused(.mailbox, .overQuota) : nil
    }
    stage.set(StubRunTests.flagged, .right)
    #expect(stage.run().result != .ok)
    #expect(stage.bigs(.right).map(stage.isStub) == [true])
    stage.world.onStep = nil
    #expect(stage.run().result == .ok)
    stage.expect(stub: false)
    stage.expectQuiet()
  }

  @Test("a run that is killed at any call leaves nothing behind", arguments: pairs)
  func killed(_ pair: Pair) {
    let faults: [(SimulatedStep.Moment, SimulatedFault)] = [
      (.before, .crash(.partial(1))), (.before, .crash(.late(3))), (.after, .crash(.none)),
      (.before, .connectionLost(.all)),
    ]
    for (moment, fault) in faults {
      var number = 1
      while killed(pair, at: number, moment, fault) { number += 1 }
      #expect(number > 20)
    }
  }

  /// - Returns: false if there were not so many calls.
  private func killed(
    _ pair: Pair, at number: Int, _ moment: SimulatedStep.Moment, _ fault: SimulatedFault
  ) -> Bool {
    let stage = Stage(pair)
    var left = number
    stage.world.onStep = { step in
      guard step.moment == moment else { return nil }
      left -= 1
      return left == 0 ? fault : nil
    }
    stage.run()
    if left > 0 {
      stage.set(StubRunTests.flagged, number % 2 == 0 ? .left : .right)
      stage.run()
    }
    stage.world.onStep = nil
    stage.world.restart()
    stage.world.settle()
    stage.run()
    stage.set(StubRunTests.flagged, .right)
    for _ in 0..<2 { stage.run() }
    let issue = "\(moment) call \(number): \(fault)"
    stage.expect(stub: false)
    #expect(stage.messages(.left).count == 2, "\(issue)")
    #expect(stage.messages(.right).count == 2, "\(issue)")
    stage.expectQuiet()
    return left <= 0
  }
}
