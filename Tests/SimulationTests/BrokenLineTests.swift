import IMAPClient
import Simulation
import SyncEngine
import TestSupport
import Testing

/// What has come whole before a run is cut short is kept: the next one does not ask for it again.
@Suite("A line that breaks while messages come") struct BrokenLineTests {
  private static let count = 6

  static let pairs: [[SimulatedTraits]] = [
    [.maildir, .imap()], [.imap(), .maildir], [.imap(), .imap()],
    [.maildir, .imap(tier: .none, hasIDs: false)], [.imap(tier: .none, hasIDs: false), .imap()],
    [.maildir, .maildir],
  ]

  private func world(_ traits: [SimulatedTraits], filled: Side) -> SimulatedWorld {
    let world = SimulatedWorld(traits[0], traits[1])
    for token in 1...BrokenLineTests.count {
      world.servers[filled].deliver(SimulatedContent.message(.ordinary, token: token))
    }
    return world
  }

  private func contents(_ world: SimulatedWorld, _ side: Side) -> [[UInt8]] {
    (world.servers[side][.inbox]?.messages ?? []).map(\.content)
  }

  /// The second run carries over what is missing, and a third one has nothing to do.
  private func expectContinued(
    _ world: SimulatedWorld, _ store: any StateStore, from side: Side, lacking count: Int
  ) {
    let report = world.run(store)
    #expect(report.result == .ok)
    #expect(report.mailboxes.map(\.counts[side.other].saved).reduce(0, +) == count)
    #expect(contents(world, .left).count == BrokenLineTests.count)
    #expect(Set(contents(world, .left)) == Set(contents(world, .right)))
    #expect(contents(world, .right).count == BrokenLineTests.count)
    #expect(world.run(store).mailboxes.isEmpty)
  }

  @Test(
    "what came before is in its place, and does not come again", arguments: pairs, Side.allCases)
  func broken(_ traits: [SimulatedTraits], _ side: Side) {
    for arrived in 0...BrokenLineTests.count {
      let world = world(traits, filled: side)
      let store = world.stateStore()
      var isCut = false
      world.onStep = { step in
        guard step.call.kind == .fetch, step.side == side, !isCut else { return nil }
        isCut = true
        return .connectionLost(.partial(arrived))
      }
      let report = world.run(store)
      #expect(isCut)
      #expect(report.failures.map(\.code) == [.connectionLost])
      #expect(report.failures.first?.side == side)
      #expect(contents(world, side.other).count == arrived)
      // Also of a run of which nothing came: none of it is under way. (A Maildir whose files have no numbers can't get any more.)
      if !world.servers[side].traits.isMaildir || arrived == 0 { #expect(store.intents().isEmpty) }
      world.onStep = nil
      expectContinued(world, store, from: side, lacking: BrokenLineTests.count - arrived)
    }
  }

  @Test(
    "a signal is heeded between two messages, and what came is kept", arguments: pairs,
    Side.allCases)
  func stopped(_ traits: [SimulatedTraits], _ side: Side) {
    let world = world(traits, filled: side)
    let store = world.stateStore()
    let cancellation = Cancellation()
    let report = world.run(store, observer: Stopper(cancellation), cancellation: cancellation)
    #expect(report.failures.map(\.code) == [.interrupted])
    #expect(contents(world, side.other).count == 1)
    // The next run need not wait for what might still come.
    #expect(store.intents().isEmpty)
    expectContinued(world, store, from: side, lacking: BrokenLineTests.count - 1)
  }

  @Test("what was refused by the other side is no broken line") func refused() {
    let world = world([.maildir, .imap()], filled: .right)
    let store = world.stateStore()
    world.onStep = { step in
      step.call.kind == .fetch && step.side == .right
        ? .refused(.mailbox, .protocolViolation) : nil
    }
    #expect(world.run(store).failures.map(\.code) == [.protocolViolation])
    #expect(contents(world, .left).isEmpty)
    world.onStep = nil
    expectContinued(world, store, from: .right, lacking: BrokenLineTests.count)
  }
}

/// Wants the run to stop as soon as the first octets have come.
private final class Stopper: SyncObserver {
  private let cancellation: Cancellation

  init(_ cancellation: Cancellation) { self.cancellation = cancellation }

  func handle(_ event: SyncEvent) {
    if case .transferred = event { cancellation.request() }
  }
}
