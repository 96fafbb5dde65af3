import Glibc
import IMAPClient
import Simulation
import SyncEngine
import Testing

/// How flags are stored on both sides at the same time.
@Suite("Flags stored on both sides at once") struct FlagsAtOnceTests {
  private let world = SimulatedWorld(.maildir, .imap())

  private func handle(_ number: Int, _ side: Side) throws -> MessageHandle {
    let content = SimulatedContent.message(.ordinary, token: number)
    let messages = world.servers[side][.inbox]?.messages ?? []
    return try #require(messages.first { $0.content == content }).handle
  }

  private func flags(_ number: Int, _ side: Side) throws -> SystemFlags? {
    let handle = try handle(number, side)
    return world.servers[side][.inbox]?.messages.first { $0.handle == handle }?.flags.system
  }

  private func set(_ flag: SystemFlags, _ number: Int, _ side: Side) throws {
    world.servers[side].setFlags(try handle(number, side), adding: FlagSet(flag))
  }

  private func beginWith(_ count: Int, _ store: any StateStore) {
    for number in 1...count {
      world.servers.left.deliver(SimulatedContent.message(.ordinary, token: number))
    }
    #expect(world.run(store).result == .ok)
  }

  @Test("one side's changes are stored by a thread of their own") func threads() throws {
    let store = world.stateStore()
    beginWith(2, store)
    try set([.flagged], 1, .left)
    try set([.answered], 2, .right)
    var threads = Both<Set<pthread_t>>(left: [], right: [])
    world.onStep = { step in
      if step.call == .store, let side = step.side { threads[side].insert(pthread_self()) }
      return nil
    }
    #expect(world.run(store) { $0.jobs = 2 }.result == .ok)
    #expect(threads.left.count == 1 && threads.right.count == 1)
    #expect(threads.left.isDisjoint(with: threads.right))
    #expect(try flags(1, .right) == [.flagged] && flags(2, .left) == [.answered])
  }

  @Test(
    "what the left refuses, because it was changed meanwhile, is not stored on the right",
    arguments: [1, 2])
  func refused(_ jobs: Int) throws {
    let store = world.stateStore()
    beginWith(2, store)
    try set([.flagged], 1, .left)
    try set([.answered], 1, .right)
    try set([.draft], 2, .left)
    let changed = try handle(1, .left)
    var isDone = false
    world.onStep = { [world] step in
      if step.call == .store, step.side == .left, !isDone {
        // Its user thinks better of it.
        isDone = true
        world.servers.left.setFlags(changed, removing: FlagSet([.flagged]))
      }
      return nil
    }
    #expect(world.run(store) { $0.jobs = jobs }.result == .ok)
    #expect(isDone)
    for side in Side.allCases {
      #expect(try flags(1, side) == [.answered] && flags(2, side) == [.draft])
    }
  }

  @Test("where one side fails, what the other has stored is taken note of", arguments: [1, 2])
  func failing(_ jobs: Int) throws {
    let store = world.stateStore()
    beginWith(2, store)
    try set([.flagged], 1, .left)
    try set([.answered], 2, .right)
    world.onStep = { step in
      step.call == .store && step.side == .left && step.moment == .before
        ? .connectionLost(.none) : nil
    }
    let report = world.run(store) { $0.jobs = jobs }
    #expect(report.result != .ok)
    // One lane ends at the first failure.
    #expect(try flags(1, .right) == (jobs == 1 ? [] : [.flagged]))
    world.onStep = nil
    #expect(world.run(store).result == .ok)
    for side in Side.allCases {
      #expect(try flags(1, side) == [.flagged] && flags(2, side) == [.answered])
    }
  }

  /// - Parameter giver: which of two messages leaves it: nor do keywords go by the order of the messages.
  @Test(
    "a keyword goes into the room that another leaves, though that message is changed on both sides",
    arguments: [1, 2], [0, 1])
  func room(_ jobs: Int, giver: Int) {
    var server = SimulatedTraits.imap()
    server.keywordLimit = 1
    let world = SimulatedWorld(.maildir, server)
    let store = world.stateStore()
    for number in 1...2 {
      world.servers.left.deliver(SimulatedContent.message(.ordinary, token: number))
    }
    let old = FlagSet([], keywords: ["GivesRoom"].compactMap { Keyword($0) })
    let new = FlagSet([], keywords: ["TakesRoom"].compactMap { Keyword($0) })
    func handles(_ side: Side) -> [MessageHandle] {
      (world.servers[side][.inbox]?.messages ?? []).map(\.handle)
    }
    world.servers.left.setFlags(handles(.left)[giver], adding: old)
    #expect(world.run(store).result == .ok)
    world.servers.left.setFlags(handles(.left)[giver], removing: old)
    world.servers.right.setFlags(handles(.right)[giver], adding: FlagSet([.seen]))
    world.servers.left.setFlags(handles(.left)[1 - giver], adding: new)
    #expect(world.run(store) { $0.jobs = jobs }.result == .ok)
    for side in Side.allCases {
      let flags = (world.servers[side][.inbox]?.messages ?? []).map(\.flags)
      #expect(flags[giver] == FlagSet([.seen]) && flags[1 - giver] == new)
    }
  }

  @Test("of two failures the one that ends more ends the run") func bothFailing() throws {
    let store = world.stateStore()
    beginWith(2, store)
    try set([.flagged], 1, .left)
    try set([.answered], 2, .right)
    world.onStep = { step in
      guard step.call == .store, step.moment == .before else { return nil }
      return step.side == .left
        ? .refused(.mailbox, .locked) : .connectionLost(.none)
    }
    let report = world.run(store) { $0.jobs = 2 }
    #expect(report.result == .failed)
    #expect(Set(report.failures.map(\.side)) == [.left, .right])
  }
}
