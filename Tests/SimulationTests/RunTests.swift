import IMAPClient
import Simulation
import SyncEngine
import TestSupport
import Testing

/// Runs with a story of their own: guards, a ring of three, and what random histories found.
@Suite("Runs over simulated stores") struct RunTests {
  private func message(_ token: Int) -> [UInt8] {
    SimulatedContent.message(.ordinary, token: token)
  }

  private func count(_ world: SimulatedWorld, _ side: Side) -> Int {
    world.servers[side][.inbox]?.messages.count ?? 0
  }

  private func empty(_ server: SimulatedServer, keeping kept: Int = 0) {
    for message in (server[.inbox]?.messages ?? []).dropFirst(kept) {
      server.expunge(message.handle)
    }
  }

  // MARK: Guards

  @Test(
    "more expunges than max-expunge are refused, everything else goes on",
    arguments: [SimulatedTraits.maildir, .imap(), .imap(tier: .none, hasIDs: false)])
  func refused(_ traits: SimulatedTraits) {
    let world = SimulatedWorld(traits, .imap())
    let store = world.stateStore()
    for token in 1...30 { world.servers.left.deliver(message(token)) }
    #expect(world.run(store).result == .ok && count(world, .right) == 30)

    empty(world.servers.left, keeping: 5)
    world.servers.left.deliver(message(31))
    let report = world.run(store)
    #expect(report.result == .refused && count(world, .right) == 31 && count(world, .left) == 6)
    // Not forgotten, and asked about again.
    #expect(world.run(store).result == .refused && count(world, .right) == 31)
    #expect(world.run(store) { $0.isForced = true }.result == .ok)
    #expect(count(world, .right) == 6 && count(world, .left) == 6)
  }

  @Test(
    "a Maildir that the list showed as it was is not read for what the run puts there",
    arguments: [Policy.UIDs.mirror, .map])
  func notReadAgain(_ uids: Policy.UIDs) {
    let world = SimulatedWorld(.maildir, .imap())
    let store = world.stateStore()
    for token in 1...5 { world.servers.right.deliver(message(token)) }
    let wish: (inout Policy) -> Void = { $0.uids = uids }
    while !world.run(store, wish).counts.left.isEmpty {}
    let before = world.quietLooks
    for token in 6...8 { world.servers.right.deliver(message(token)) }
    #expect(world.run(store, wish).result == .ok && count(world, .left) == 8)
    #expect(world.quietLooks.afterDeliveries == before.afterDeliveries + 1)
    // The next run has nothing to do, and one that finds something new has not lost sight of the others.
    let report = world.run(store, wish)
    #expect(report.counts.left.isEmpty && report.counts.right.isEmpty)
    world.servers.left.deliver(message(9))
    empty(world.servers.right, keeping: 6)
    #expect(world.run(store, wish).result == .ok)
    #expect(count(world, .left) == 7 && count(world, .right) == 7)
  }

  @Test("small mailboxes that are all emptied at once are an accident")
  func refusedAltogether() {
    let world = SimulatedWorld(.imap(), .imap())
    let store = world.stateStore()
    let names = (1...4).compactMap { MailboxName(path: "m\($0)") }
    for name in names {
      world.servers.left.createMailbox(name)
      for token in 1...5 { world.servers.left.deliver(message(token), to: name) }
    }
    #expect(world.run(store).result == .ok)
    for name in names {
      for message in world.servers.left[name]?.messages ?? [] {
        world.servers.left.expunge(message.handle, in: name)
      }
    }
    #expect(world.run(store).result == .refused)
    #expect(names.allSatisfy { world.servers.right[$0]?.messages.count == 5 })
  }

  @Test("two paths at which there is nothing are a mistake; one of them is where mail is to go")
  func noStores() {
    let world = SimulatedWorld(.maildir, .maildir)
    world.servers.left.isThere = false
    world.servers.right.isThere = false
    let store = world.stateStore()
    let report = world.run(store)
    #expect(report.result == .failed && report.failures.map(\.code) == [.unreachable])
    world.servers.right.isThere = true
    #expect(!world.run(store).failures.contains { $0.code == .unreachable })
  }

  @Test("a store that is gone ends the run before anything is changed")
  func storeGone() {
    let world = SimulatedWorld(.maildir, .imap())
    let store = world.stateStore()
    for token in 1...3 { world.servers.left.deliver(message(token)) }
    #expect(world.run(store).result == .ok)
    world.servers.left.isThere = false
    #expect(world.run(store) { $0.maxExpunge = .percent(100) }.result == .refused)
    #expect(count(world, .right) == 3)
  }

  // MARK: \Deleted

  @Test(
    "with expunge, what somebody takes \\Deleted off in that very moment stays on both sides",
    arguments: [SimulatedTraits.maildir, .imap(), .imap(tier: .none, hasUIDPlus: false)])
  func undeleted(_ traits: SimulatedTraits) throws {
    let world = SimulatedWorld(traits, .imap())
    let store = world.stateStore()
    for number in 1...3 { world.servers.left.deliver(message(number)) }
    #expect(world.run(store) { $0.expunge = .both }.result == .ok)
    // A Maildir's are in no order.
    let before = (world.servers.left[.inbox]?.messages ?? []).map(\.content)
    for number in [0, 1] {
      let handle = try #require(world.servers.left[.inbox]?.messages[number].handle)
      world.servers.left.setFlags(handle, adding: FlagSet(.deleted))
    }
    world.onStep = { step in
      if step.side == .left, step.call == .expunge, step.moment == .before,
        let handle = world.servers.left[.inbox]?.messages.first?.handle
      {
        world.servers.left.setFlags(handle, removing: FlagSet(.deleted))
      }
      return nil
    }
    #expect(world.run(store) { $0.expunge = .both }.result == .ok)
    for side in Side.allCases {
      let left = world.servers[side][.inbox]?.messages ?? []
      #expect(left.map(\.content) == [before[0], before[2]])
      #expect(left.allSatisfy { $0.flags == .empty })
    }
  }

  // MARK: What a dead run had sent

  @Test("an EXPUNGE of a dead run that comes late finds the message under its new UID already")
  func lateExpunge() throws {
    let world = SimulatedWorld(.maildir, .imap(canMove: false))
    let store = world.stateStore()
    world.servers.left.deliver(message(1))
    #expect(world.run(store).result == .ok)
    // One UID for two messages, so that the server's is given another by COPY and EXPUNGE.
    world.servers.left.deliver(message(2))
    world.servers.left.numberAll(.inbox)
    world.servers.right.deliver(message(3))
    let original = try #require(world.servers.right[.inbox]?.messages.last).handle
    world.onStep = { $0.moment == .before && $0.call == .renumber ? .crash(.partial(1)) : nil }
    _ = world.run(store)
    world.onStep = nil
    world.restart()
    #expect(count(world, .right) == 4, "the copy was made, and the old message is still there")

    var isLate = true
    world.onStep = { step in
      if isLate, step.side == .right, step.call == .expunge, step.moment == .after {
        isLate = false
        world.servers.right.expunge(original)
      }
      return nil
    }
    for _ in 1...2 { _ = world.run(store) }
    #expect(!isLate)
    for side in Side.allCases {
      let left = Set((world.servers[side][.inbox]?.messages ?? []).map(\.content))
      #expect(left == [message(1), message(2), message(3)] && count(world, side) == 3)
    }
  }

  // MARK: Three replicas

  @Test("three replicas synced in a ring settle and stay settled", arguments: 0..<20)
  func ring(_ seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let servers = (0..<3).map { number in
      SimulatedServer(
        number == 1 ? .right : .left, random.oneIn(2) ? .maildir : .imap(), number: number)
    }
    let worlds = (0..<3).map { number in
      SimulatedWorld(Both(left: servers[number], right: servers[(number + 1) % 3]))
    }
    let stores = worlds.map { $0.stateStore() }
    // No twins: that one of two equal messages came and one went are news that may chase each other
    // round a ring.
    var users = (0..<3).map { number in
      RandomUser(
        seed: random.next(),
        deeds: Deed.everyday.filter { $0 != .twin && $0 != .copy }, firstNumber: number * 1000)
    }
    // A Maildir can take the UIDVALIDITY of one server only.
    let ring = { (policy: inout Policy) in
      policy.maxExpunge = .percent(100)
      policy.uids = .map
    }
    for _ in 0..<3 {
      for number in 0..<3 {
        for _ in 0..<4 { users[number].act(on: servers[number]) }
      }
      // Twice round carries everything everywhere.
      for number in [0, 1, 2, 0, 1, 2] {
        _ = worlds[number].run(stores[number], ring)
      }
      for number in 0..<3 {
        let report = worlds[number].run(stores[number], ring)
        #expect(report.result == .ok, "\(report.failures.map(\.message))")
        #expect(report.counts.left.isEmpty && report.counts.right.isEmpty, "\(report.counts)")
        #expect(SimulatedConvergence.differences(worlds[number].servers) == [])
      }
    }
  }
}
