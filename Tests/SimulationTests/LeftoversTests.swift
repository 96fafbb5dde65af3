import IMAPClient
import TestSupport
import Testing

@testable import Simulation
@testable import SyncEngine

/// More arrivals than are held in memory at a time, beside what is left over from before: then they are compared with that, and
/// are no arrivals like any other.
@Suite("Arrivals in parts, beside what is left over") struct LeftoversTests {
  private static func ordinary(_ token: Int) -> [UInt8] {
    SimulatedContent.message(.ordinary, token: token)
  }

  private static let large = SimulatedContent.message(.large, token: 50)
  private static let maxSize: UInt64 = 1500

  private static func stub(_ token: Int) -> [UInt8] {
    let message = SimulatedContent.message(.large, token: token)
    let header = Array(SimulatedContent.header(of: message))
    return StubMessage(header: header, size: UInt64(message.count)).bytes
  }

  private static func date(_ day: Int) -> InternalDate {
    InternalDate(seconds: Int64(1_700_000_000 + 86400 * day))
  }

  private func messages(_ world: SimulatedWorld, _ side: Side) -> [SimulatedMessage] {
    world.servers[side][.inbox]?.messages ?? []
  }

  private func isStub(_ message: SimulatedMessage) -> Bool {
    StubMark(header: message.content) != nil
  }

  /// Where nothing is left to be done, both sides have the same messages, with their flags and dates.
  private func expectLevel(
    _ world: SimulatedWorld, _ store: MemoryStateStore,
    sourceLocation: SourceLocation = #_sourceLocation, _ change: (inout Policy) -> Void
  ) {
    let again = world.run(store, change)
    #expect(again.result == .ok, sourceLocation: sourceLocation)
    #expect(
      again.counts.left.isEmpty && again.counts.right.isEmpty, sourceLocation: sourceLocation)
    #expect(SimulatedConvergence.differences(world.servers) == [], sourceLocation: sourceLocation)
  }

  // MARK: Messages of the base

  /// A twin of it that is new on the other side would be taken for it, and its own other half for expunged.
  @Test(
    "a message that got another UID is the one that it was, however much has come",
    arguments: Side.allCases)
  func renumberedBesideATwin(_ side: Side) throws {
    for isFilled in [true, false] {
      let world = SimulatedWorld(.imap(), .imap())
      let store = world.stateStore()
      let server = world.servers[side]
      server.deliver(LeftoversTests.ordinary(1), date: LeftoversTests.date(1))
      #expect(world.run(store).result == .ok)
      server.move(try #require(messages(world, side).first).handle, from: .inbox, to: .inbox)
      world.servers[side.other].deliver(LeftoversTests.ordinary(1), date: LeftoversTests.date(2))
      for token in 2...6 {
        world.servers[side.other].deliver(LeftoversTests.ordinary(token))
        if isFilled { server.deliver(LeftoversTests.ordinary(token)) }
      }
      let set: (inout Policy) -> Void = { $0.batches.arrivals = 3 }
      #expect(world.run(store, set).result == .ok)
      #expect(messages(world, side).count == 7)
      expectLevel(world, store, set)
    }
  }

  /// What a run that died has put in a stub's place and not recorded: a new twin would be taken for its other half.
  @Test("a message that came in its stub's place is what it stands for, however much has come")
  func fetchedBesideATwin() throws {
    for isFilled in [true, false] {
      let world = SimulatedWorld(.imap(), .maildir)
      let store = world.stateStore()
      let (left, right) = (world.servers.left, world.servers.right)
      left.deliver(LeftoversTests.large, date: LeftoversTests.date(1))
      let set: (inout Policy) -> Void = { policy in
        policy.uids = .map
        policy.batches.arrivals = 3
      }
      let first = world.run(store) { policy in
        set(&policy)
        policy.maxSize = LeftoversTests.maxSize
      }
      #expect(first.result == .ok)
      let stub = try #require(messages(world, .right).first)
      try #require(isStub(stub))
      right.setFlags(stub.handle, adding: FlagSet(.flagged))
      world.onStep = { step in
        step.moment == .before && step.side == .right && step.call == .save ? .crash(.all) : nil
      }
      #expect(world.run(store, set).result == .failed)
      world.onStep = nil
      world.restart()
      #expect(messages(world, .right).count == 2)
      left.deliver(LeftoversTests.large, date: LeftoversTests.date(2))
      for token in 1...5 {
        left.deliver(LeftoversTests.ordinary(token))
        if isFilled { right.deliver(LeftoversTests.ordinary(token)) }
      }
      #expect(world.run(store, set).result == .ok)
      #expect(messages(world, .right).count == 7)
      expectLevel(world, store, set)
    }
  }

  /// In `mirror`: a Maildir's number that a message of before gets is given away, with all below it.
  @Test("what is new keeps its UID, though a message comes after it that is not")
  func newValidity() throws {
    let world = SimulatedWorld(.imap(), .maildir)
    let store = world.stateStore()
    let left = world.servers.left
    for token in 1...3 { left.deliver(LeftoversTests.ordinary(token)) }
    #expect(world.run(store).result == .ok)
    left.resetUIDValidity(.inbox)
    let arrived = (4...9).compactMap { left.deliver(LeftoversTests.ordinary($0)) }
    left.move(messages(world, .left)[2].handle, from: .inbox, to: .inbox)
    let set: (inout Policy) -> Void = { $0.batches.arrivals = 2 }
    #expect(world.run(store, set).result == .ok)
    for side in Side.allCases {
      #expect(messages(world, side).count == 9)
      #expect(Set(messages(world, side).map(\.handle)).isSuperset(of: arrived))
    }
    expectLevel(world, store, set)
  }

  // MARK: Stubs

  /// Two of one message are equal, and neither is what the other stands for.
  @Test("a stub is no other half of a stub, however much both sides have", arguments: [1000, 3])
  func equalStubs(_ parts: Int) {
    let world = SimulatedWorld(.imap(), .maildir)
    let store = world.stateStore()
    for token in 1...5 { world.deliverToBoth(LeftoversTests.ordinary(token)) }
    world.servers.left.deliver(LeftoversTests.large, date: LeftoversTests.date(1))
    world.servers.left.deliver(LeftoversTests.stub(50), date: LeftoversTests.date(2))
    world.servers.right.deliver(LeftoversTests.stub(50), date: LeftoversTests.date(1))
    let set: (inout Policy) -> Void = { policy in
      policy.uids = .map
      policy.maxSize = LeftoversTests.maxSize
      policy.batches.arrivals = parts
    }
    #expect(world.run(store, set).result == .ok)
    #expect(messages(world, .left).count == 7)
    #expect(messages(world, .right).filter(isStub).map(\.date) == [LeftoversTests.date(1)])
    #expect(messages(world, .right).count == 6)
  }

  /// Only what the left side has besides stubs comes to the right.
  private func expectOrphans(
    _ world: SimulatedWorld, _ count: Int, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let ordinary = messages(world, .left).filter { !isStub($0) }.map(\.content)
    #expect(messages(world, .left).count == ordinary.count + count, sourceLocation: sourceLocation)
    #expect(messages(world, .right).map(\.content) == ordinary, sourceLocation: sourceLocation)
  }

  @Test("a stub without its message is not taken for one, however much comes with it")
  func orphan() {
    let world = SimulatedWorld(.maildir, .imap())
    let store = world.stateStore()
    for token in 1...5 { world.servers.left.deliver(LeftoversTests.ordinary(token)) }
    world.servers.left.deliver(LeftoversTests.stub(50))
    let report = world.run(store) { policy in
      policy.maxSize = LeftoversTests.maxSize
      policy.batches.arrivals = 2
    }
    #expect(report.result == .ok)
    expectOrphans(world, 1)
  }

  /// Without `max-size` nobody looks for stubs among new mail. (They are more than come first.)
  @Test("nor are those that an earlier run left alone")
  func leftAlone() {
    let world = SimulatedWorld(.maildir, .imap())
    let store = world.stateStore()
    let left = world.servers.left
    for token in 50...52 { left.deliver(LeftoversTests.stub(token)) }
    left.numberAll(.inbox)
    let set: (inout Policy) -> Void = { policy in
      policy.uids = .map
      policy.batches.arrivals = 2
    }
    let first = world.run(store) { policy in
      set(&policy)
      policy.maxSize = LeftoversTests.maxSize
    }
    #expect(first.result == .ok && messages(world, .right).isEmpty)
    for token in 1...5 { left.deliver(LeftoversTests.ordinary(token)) }
    left.numberAll(.inbox)
    #expect(world.run(store, set).result == .ok)
    expectOrphans(world, 3)
  }

  /// Of the mailbox it recorded nothing, but the stubs are pending.
  @Test("nor are those that a run found which could not go on")
  func found() throws {
    let world = SimulatedWorld(.imap(), .maildir)
    let store = world.stateStore()
    let (left, right) = (world.servers.left, world.servers.right)
    for token in 50...52 { left.deliver(LeftoversTests.stub(token)) }
    let other = try #require(right.deliver(SimulatedContent.message(.large, token: 53)))
    world.onStep = { step in
      step.moment == .before && step.side == .left && step.call == .save
        ? .refused(.mailbox, .other) : nil
    }
    let first = world.run(store) { $0.maxSize = LeftoversTests.maxSize }
    #expect(first.result == .partial && store.pending().count == 3)
    world.onStep = nil
    right.expunge(other)
    for token in 1...5 { left.deliver(LeftoversTests.ordinary(token)) }
    #expect(world.run(store) { $0.batches.arrivals = 2 }.result == .ok)
    expectOrphans(world, 3)
  }
}
