import IMAPClient
import Synchronization
import TestSupport
import Testing

@testable import Simulation
@testable import SyncEngine

/// A first sync of more messages than are held in memory at a time.
@Suite("Arrivals in parts") struct PartsTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var from: Side
    var left: SimulatedTraits
    var right: SimulatedTraits
    var uids: Policy.UIDs = .auto

    var testDescription: String {
      let names = [left, right].map { $0 == .maildir ? "Maildir" : "IMAP" }
      return "\(names[0]), \(names[1]), from the \(from) side, \(uids)"
    }
  }

  private static let cases: [Case] = [
    Case(from: .left, left: .imap(), right: .maildir),
    Case(from: .right, left: .maildir, right: .imap()),
    Case(from: .left, left: .imap(), right: .maildir, uids: .map),
    Case(from: .left, left: .maildir, right: .imap()),
    Case(from: .left, left: .maildir, right: .imap(), uids: .map),
    Case(from: .right, left: .maildir, right: .maildir),
    Case(from: .left, left: .imap(), right: .imap()),
    Case(from: .left, left: .imap(tier: .none, hasIDs: false), right: .maildir),
  ]

  private func world(_ sample: Case) -> SimulatedWorld {
    let world = SimulatedWorld(sample.left, sample.right)
    let server = world.servers[sample.from]
    for token in 1...11 {
      // Neither in the order of their dates nor without holes.
      server.deliver(
        SimulatedContent.message(.ordinary, token: token),
        flags: token % 4 == 0 ? FlagSet(.seen) : .empty,
        date: InternalDate(seconds: Int64(1_700_000_000 + token * 7 % 5)))
    }
    for handle in [2, 3, 8].compactMap({ server[.inbox]?.messages[$0].handle }) {
      server.expunge(handle)
    }
    return world
  }

  private func contents(_ world: SimulatedWorld, _ side: Side) -> [UID?: [UInt8]] {
    let messages = world.servers[side][.inbox]?.messages ?? []
    return Dictionary(messages.map { ($0.handle.uid, $0.content) }) { first, _ in first }
  }

  @Test("is the same as all at once", arguments: cases)
  func same(_ sample: Case) {
    let whole = world(sample)
    let parted = world(sample)
    let store = parted.stateStore()
    let expected = whole.run(whole.stateStore()) { $0.uids = sample.uids }
    let report = parted.run(store) { policy in
      policy.uids = sample.uids
      policy.batches.arrivals = 2
    }
    #expect(expected.laterParts == 0 && report.laterParts == 3)
    #expect(report.result == .ok && report.counts == expected.counts)
    #expect(report.rounds == expected.rounds)
    for side in Side.allCases {
      #expect(contents(parted, side) == contents(whole, side))
      #expect(contents(parted, side).count == 8)
    }
    let again = parted.run(store) { $0.uids = sample.uids }
    #expect(again.counts.left.isEmpty && again.counts.right.isEmpty)
  }

  @Test("begun, and cut short in any part, it is carried on", arguments: cases)
  func cutShort(_ sample: Case) {
    for last in 1...9 {
      let world = world(sample)
      let store = world.stateStore()
      let set: (inout Policy) -> Void = { policy in
        policy.uids = sample.uids
        policy.batches = .smallest
        policy.batches.arrivals = 2
      }
      var fetches = 0
      world.onStep = { step in
        guard step.moment == .before, step.call == .fetch else { return nil }
        fetches += 1
        return fetches == last ? .connectionLost(.none) : nil
      }
      _ = world.run(store, set)
      world.onStep = nil
      #expect(world.run(store, set).result == .ok)
      #expect(world.servers.left.contentCounts == world.servers.right.contentCounts)
      #expect(world.servers.left[.inbox]?.messages.count == 8)
      #expect(world.run(store, set).counts.left.isEmpty)
    }
  }

  @Test("what was moved is not taken for new mail, however much it is", arguments: Side.allCases)
  func moved(_ side: Side) {
    let world = SimulatedWorld(.imap(), .maildir)
    let store = world.stateStore()
    let archive = name("archive")
    let server = world.servers[side]
    for token in 1...6 { server.deliver(SimulatedContent.message(.ordinary, token: token)) }
    server.createMailbox(archive)
    let set: (inout Policy) -> Void = { $0.batches.arrivals = 1 }
    #expect(world.run(store, set).result == .ok)
    for handle in server[.inbox]?.messages.map(\.handle) ?? [] {
      server.move(handle, from: .inbox, to: archive)
    }
    let report = world.run(store, set)
    #expect(report.result == .ok && report.laterParts == 0)
    #expect(report.counts[side.other].copied == 6 && report.counts[side.other].saved == 0)
  }

  @Test("mail that comes to the other side meanwhile goes over, too", arguments: cases)
  func meanwhile(_ sample: Case) {
    let world = world(sample)
    let store = world.stateStore()
    var fetches = 0
    world.onStep = { step in
      guard step.moment == .before, step.call == .fetch else { return nil }
      fetches += 1
      if fetches == 2 {
        world.servers[sample.from.other].deliver(SimulatedContent.message(.ordinary, token: 99))
      }
      return nil
    }
    let set: (inout Policy) -> Void = { policy in
      policy.uids = sample.uids
      policy.batches.arrivals = 2
    }
    _ = world.run(store, set)
    #expect(world.run(store, set).result == .ok)
    #expect(world.servers.left.contentCounts == world.servers.right.contentCounts)
    #expect(world.servers.left[.inbox]?.messages.count == 9)
    #expect(world.run(store, set).counts.left.isEmpty)
  }

  @Test("nor what was moved out of a mailbox that was deleted")
  func movedAndDeleted() {
    let world = SimulatedWorld(.imap(), .maildir)
    let store = world.stateStore()
    let (work, archive) = (name("work"), name("archive"))
    let server = world.servers.left
    server.createMailbox(work)
    for token in 1...6 {
      server.deliver(SimulatedContent.message(.ordinary, token: token), to: work)
    }
    let set: (inout Policy) -> Void = { policy in
      policy.batches.arrivals = 1
      policy.delete = .both
    }
    #expect(world.run(store, set).result == .ok)
    server.createMailbox(archive)
    for handle in server[work]?.messages.map(\.handle) ?? [] {
      server.move(handle, from: work, to: archive)
    }
    server.deleteMailbox(work)
    let report = world.run(store, set)
    #expect(report.result == .ok && report.laterParts == 0)
    #expect(report.counts.right.copied == 6 && report.counts.right.saved == 0)
  }

  /// In `mirror`: a message whose UID the other side has given away.
  private func leaveBurned(_ world: SimulatedWorld, _ store: MemoryStateStore) {
    let (left, right) = (world.servers.left, world.servers.right)
    _ = world.run(store)
    right.deliver(SimulatedContent.message(.ordinary, token: 21))
    left.deliver(SimulatedContent.message(.ordinary, token: 22))
    left.numberAll(.inbox)
    if let handle = left[.inbox]?.messages.last?.handle { left.expunge(handle) }
  }

  /// The same, after a run that may change one side only.
  private func leaveUneven(_ world: SimulatedWorld, _ store: MemoryStateStore) {
    leaveBurned(world, store)
    _ = world.run(store) { $0.changes = .left }
    // The number that the left side gave instead is used up on the right one, too.
    let right = world.servers.right
    if let handle = right.deliver(SimulatedContent.message(.ordinary, token: 23)) {
      right.expunge(handle)
    }
  }

  /// In `mirror`: a stub whose message is asked for.
  private func leaveStub(_ world: SimulatedWorld, _ store: MemoryStateStore) {
    world.servers.right.deliver(SimulatedContent.message(.large, token: 21))
    _ = world.run(store) { $0.maxSize = 2000 }
    if let handle = world.servers.left[.inbox]?.messages.last?.handle {
      world.servers.left.setFlags(handle, adding: FlagSet(.flagged))
    }
  }

  enum Renumbered: CaseIterable { case burned, uneven, stub }

  @Test(
    "none loses its UID to a message that gets a new one meanwhile",
    arguments: Renumbered.allCases)
  func keepUIDs(_ one: Renumbered) {
    let world = SimulatedWorld(.maildir, .imap())
    let store = world.stateStore()
    switch one {
    case .burned: leaveBurned(world, store)
    case .uneven: leaveUneven(world, store)
    case .stub: leaveStub(world, store)
    }
    let arrived = (1...6).compactMap { token in
      world.servers.right.deliver(SimulatedContent.message(.ordinary, token: token))
    }
    #expect(world.run(store) { $0.batches.arrivals = 2 }.result == .ok)
    for side in Side.allCases {
      let there = world.servers[side][.inbox]?.messages.map(\.handle) ?? []
      #expect(there.count == 7 && Set(arrived).isSubset(of: there))
    }
    #expect(contents(world, .left) == contents(world, .right))
  }

  @Test("what both sides have is found, however much it is") func both() {
    let world = SimulatedWorld(.imap(), .maildir)
    let store = world.stateStore()
    for token in 1...6 { world.deliverToBoth(SimulatedContent.message(.ordinary, token: token)) }
    let report = world.run(store) { $0.batches.arrivals = 2 }
    #expect(report.result == .ok && report.counts.map(\.saved) == Both(left: 0, right: 0))
    #expect(world.servers.right[.inbox]?.messages.count == 6)
    #expect(world.servers.left.contentCounts == world.servers.right.contentCounts)
  }

  @Test("a filler is nobody's mail, wherever it lies") func filler() {
    let world = SimulatedWorld(.imap(), .maildir)
    let store = world.stateStore()
    for token in 1...6 {
      world.servers.left.deliver(SimulatedContent.message(.ordinary, token: token))
    }
    world.servers.left.deliver(Filler.text, flags: Filler.flags)
    #expect(world.run(store) { $0.batches.arrivals = 2 }.result == .ok)
    for side in Side.allCases { #expect(world.servers[side][.inbox]?.messages.count == 6) }
  }

  @Test("a dry run tells of all", arguments: cases)
  func dryRun(_ sample: Case) {
    let world = world(sample)
    let report = world.run(world.stateStore()) { policy in
      policy.uids = sample.uids
      policy.batches.arrivals = 2
      policy.isDryRun = true
    }
    #expect(report.result == .ok && report.counts[sample.from.other].saved == 8)
    #expect(world.servers[sample.from.other][.inbox]?.messages.isEmpty == true)
  }

  private final class Told: SyncObserver {
    let planned = Mutex(0)

    func handle(_ event: SyncEvent) {
      if case .transfersPlanned(let messages, _) = event { planned.withLock { $0 += messages } }
    }
  }

  @Test("what is not to be placed is not told of", arguments: cases)
  func notAllowed(_ sample: Case) {
    for kinds in [Policy.Kinds.all, .flags] {
      let world = world(sample)
      let told = Told()
      let report = world.run(world.stateStore(), observer: told) { policy in
        policy.uids = sample.uids
        policy.batches.arrivals = 2
        policy.kinds = kinds
      }
      #expect(report.result == .ok)
      #expect(told.planned.withLock { $0 } == (kinds == .all ? 8 : 0))
    }
  }

  /// What a server would have to use up for those that come first, it is given with those that wait.
  @Test("a server that all of them bring level keeps one UID space") func level() {
    let world = SimulatedWorld(.imap(), .imap())
    world.servers.right.mailboxes[.inbox]?.uidValidity =
      world.servers.left[.inbox]?.uidValidity
    for token in 1...9 {
      world.servers.left.deliver(SimulatedContent.message(.ordinary, token: token))
    }
    let report = world.run(world.stateStore()) { policy in
      policy.batches.arrivals = 2
      policy.maxUIDPadding = 2
    }
    #expect(report.result == .ok && report.notices.isEmpty)
    #expect(contents(world, .left).count == 9 && contents(world, .left) == contents(world, .right))
  }
}
