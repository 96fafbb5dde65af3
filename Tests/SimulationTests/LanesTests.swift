import Foundation
import IMAPClient
import Simulation
import SyncEngine
import TestSupport
import Testing

/// Runs with several lanes at once, over stores that others use meanwhile.
///
/// Lanes are threads, and which of them takes a mailbox next is up to the machine: a history played by several of them is
/// another one every time, so that histories are played by one (`History.Wishes.policy`), and here only what must hold
/// whatever comes first is asked for. Under the thread sanitizer (`contrib/sanitize thread --filter LanesTests`) this shows what
/// lanes share without a lock. `MBOXSYNC_LANES=500` plays so many.
@Suite("Several lanes, simulated") struct LanesTests {
  private static var seeds: Range<UInt64> {
    let count = ProcessInfo.processInfo.environment["MBOXSYNC_LANES"].flatMap { UInt64($0) }
    return 0..<(count ?? 24)
  }

  /// Users and faults of one world; asked under its lock, by whichever lane comes.
  private final class Bustle: @unchecked Sendable {
    private var random: SplitMix64
    private var users: Both<RandomUser>
    private(set) var threads: Set<UInt> = []
    private var actsLeft = 40
    private var faultsLeft: Int
    private let world: SimulatedWorld

    private static let deeds: [Deed] = [
      .deliver, .deliver, .deliver, .flag, .flag, .copy, .move, .expunge,
    ]

    init(seed: UInt64, _ world: SimulatedWorld) {
      self.world = world
      random = SplitMix64(seed: seed)
      faultsLeft = Int(seed % 3)
      users = Both { side in
        RandomUser(
          seed: seed &* 2 &+ (side == .left ? 0 : 1), deeds: Bustle.deeds,
          firstNumber: side == .left ? 0 : 100_000)
      }
    }

    func act(_ count: Int) {
      for _ in 0..<count {
        let side: Side = Bool.random(using: &random) ? .left : .right
        _ = users[side].act(on: world.servers[side])
      }
    }

    func step(_ step: SimulatedStep) -> SimulatedFault? {
      threads.insert(UInt(bitPattern: pthread_self().hashValue))
      guard step.moment == .before else { return nil }
      if actsLeft > 0, random.oneIn(4) {
        actsLeft -= 1
        act(1)
      }
      guard faultsLeft > 0, step.side != nil, random.oneIn(80) else { return nil }
      faultsLeft -= 1
      return .connectionLost(.partial(Int.random(in: 0...2, using: &random)))
    }
  }

  private static let worlds: [(SimulatedTraits, SimulatedTraits)] = [
    (.maildir, .imap()), (.imap(), .imap(canMove: false)), (.maildir, .maildir),
    (.maildir, .imap(tier: .condstore, hasIDs: false, canMove: false)),
  ]

  private func run(in world: SimulatedWorld, _ store: MemoryStateStore) -> SyncReport {
    var policy = Policy()
    policy.jobs = 4
    policy.maxExpunge = .percent(100)
    return world.run(policy, store, pair: "lanes")
  }

  @Test("nothing is lost, doubled or numbered wrongly, whoever comes first", arguments: seeds)
  func lanes(_ seed: UInt64) throws {
    let (left, right) = LanesTests.worlds[Int(seed) % LanesTests.worlds.count]
    let world = SimulatedWorld(left, right)
    let store = world.stateStore()
    for number in 1...15 {
      world.servers[number % 2 == 0 ? .left : .right]
        .createMailbox(try #require(MailboxName(["box \(number)"])))
    }
    let bustle = Bustle(seed: seed, world)
    bustle.act(80)
    world.onStep = { bustle.step($0) }
    for _ in 1...3 {
      _ = run(in: world, store)
      #expect(world.watch.look(at: world.servers) == [])
      #expect(world.ledger.losses(world.servers) == [])
    }
    world.onStep = nil
    world.settle()
    var reports = [run(in: world, store)]
    while let report = reports.last, !report.counts.left.isEmpty || !report.counts.right.isEmpty,
      reports.count < 4
    {
      reports.append(run(in: world, store))
    }
    let last = try #require(reports.last)
    #expect(last.result == .ok && last.counts.left.isEmpty && last.counts.right.isEmpty)
    let modes = Dictionary(
      store.mailboxes().map { ($0.names.left, $0.mode) }, uniquingKeysWith: { first, _ in first })
    #expect(
      SimulatedConvergence.differences(world.servers, mode: { modes[$0] ?? nil }) == [])
    #expect(world.ledger.violations(world.servers) == [])
    #expect(world.watch.look(at: world.servers) == [])
    #expect(world.misuses == [])
    #expect(bustle.threads.count > 1, "all was done by one lane")
  }
}
