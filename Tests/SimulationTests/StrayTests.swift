import IMAPClient
import Simulation
import SyncEngine
import Testing

/// A Maildir's new file gets its number after its copy. What is done to it in between has been done to a message of both
/// sides.
@Suite("New files that go while their copies are made") struct StrayTests {
  static let sides: [[SimulatedTraits]] = [
    [.maildir, .imap()], [.maildir, .imap(tier: .none, hasIDs: false, canMove: false)],
    [.maildir, .maildir], [.imap(), .maildir],
  ]

  private func message(_ token: Int) -> [UInt8] {
    SimulatedContent.message(.ordinary, token: token)
  }

  /// Two messages come to a Maildir, and something is done to the first before they get their numbers.
  ///
  /// - Parameter runs: after so many nothing is left to do.
  private func play(
    _ traits: [SimulatedTraits], conflict: Policy.Conflict = .expunge, runs: Int = 1,
    parts: Int? = nil,
    _ deed: @escaping (SimulatedWorld, _ maildir: Side, MessageHandle) -> Void
  ) throws -> SimulatedWorld {
    let world = SimulatedWorld(traits[0], traits[1])
    let store = world.stateStore()
    let maildir: Side = traits[0].isMaildir ? .left : .right
    var policy = Policy()
    policy.jobs = 1
    policy.conflict = conflict
    if let parts { policy.batches.arrivals = parts }
    world.servers.left.createMailbox(name("m"))
    let run = {
      world.run(policy, store)
    }
    #expect(run().result == .ok)
    let server = world.servers[maildir]
    let first = try #require(server.deliver(message(1), date: InternalDate(seconds: 1)))
    server.deliver(message(2), date: InternalDate(seconds: 2))
    var isDone = false
    world.onStep = { step in
      if !isDone, step.side == maildir, step.call == .renumber, step.moment == .before {
        isDone = true
        deed(world, maildir, first)
      }
      return nil
    }
    #expect(run().result == .ok)
    world.onStep = nil
    try #require(isDone)
    for _ in 1..<runs { #expect(run().result == .ok) }
    let last = run()
    #expect(last.result == .ok && last.counts.left.isEmpty && last.counts.right.isEmpty)
    #expect(SimulatedConvergence.differences(world.servers) == [])
    return world
  }

  private func contents(_ server: SimulatedServer, _ mailbox: MailboxName) -> [[UInt8]] {
    (server[mailbox]?.messages ?? []).map(\.content).sorted { $0.lexicographicallyPrecedes($1) }
  }

  @Test("what is expunged does not come back", arguments: sides)
  func expunged(_ traits: [SimulatedTraits]) throws {
    let world = try play(traits) { $0.servers[$1].expunge($2) }
    for side in Side.allCases {
      #expect(contents(world.servers[side], .inbox) == [message(2)])
    }
  }

  /// Taken for the half of the copy, its twin would have another date there.
  @Test("its copy is not taken for a twin's, however much has come to both sides", arguments: sides)
  func expungedBesideATwin(_ traits: [SimulatedTraits]) throws {
    let world = try play(traits, runs: 2, parts: 2) { world, side, handle in
      world.servers[side].expunge(handle)
      world.servers[side].deliver(message(1), date: InternalDate(seconds: 50))
      for token in 3...8 {
        for server in [world.servers.left, world.servers.right] {
          server.deliver(message(token), date: InternalDate(seconds: 3))
        }
      }
    }
    for side in Side.allCases {
      let dates = world.servers[side][.inbox]?.messages.filter { $0.content == message(1) }
        .map(\.date)
      #expect(dates == [InternalDate(seconds: 50)])
    }
  }

  @Test("what is moved lies where it was moved to, and nowhere else", arguments: sides)
  func moved(_ traits: [SimulatedTraits]) throws {
    let world = try play(traits) { world, side, handle in
      world.servers[side].move(handle, from: .inbox, to: name("m"))
    }
    for side in Side.allCases {
      #expect(contents(world.servers[side], .inbox) == [message(2)])
      #expect(contents(world.servers[side], name("m")) == [message(1)])
    }
  }

  @Test("what the other side changed meanwhile is a conflict like any other", arguments: sides)
  func changed(_ traits: [SimulatedTraits]) throws {
    for conflict in [Policy.Conflict.expunge, .keep] {
      let world = try play(traits, conflict: conflict) { world, side, handle in
        world.servers[side].expunge(handle)
        let copies = world.servers[side.other][.inbox]?.messages.filter { $0.content == message(1) }
        for copy in copies ?? [] {
          world.servers[side.other].setFlags(copy.handle, adding: FlagSet(.flagged))
        }
      }
      for side in Side.allCases {
        let isThere = contents(world.servers[side], .inbox).contains(message(1))
        #expect(isThere == (conflict == .keep))
      }
    }
  }

  @Test("a twin of another date is not taken for it", arguments: sides)
  func twin(_ traits: [SimulatedTraits]) throws {
    // The twin holds what was moved, as long as nobody has looked where that went.
    let world = try play(traits, runs: 2) { world, side, handle in
      world.servers[side].move(handle, from: .inbox, to: name("m"))
      world.servers[side].deliver(message(1), date: InternalDate(seconds: 9))
    }
    for side in Side.allCases {
      let dates = world.servers[side][.inbox]?.messages.map(\.date.seconds).sorted()
      #expect(dates == [2, 9])
      #expect(world.servers[side][name("m")]?.messages.map(\.date.seconds) == [1])
    }
  }
}
