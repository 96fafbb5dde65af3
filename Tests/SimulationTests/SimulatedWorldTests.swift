import IMAPClient
import Simulation
import SyncEngine
import TestSupport
import Testing

/// Faults, crashes, and what is checked in spite of them.
@Suite("Simulated world") struct SimulatedWorldTests {
  private func message(_ token: Int) -> [UInt8] {
    SimulatedContent.message(.ordinary, token: token)
  }

  /// A world whose `call` meets `fault` once.
  private func world(
    _ fault: SimulatedFault, at call: SimulatedCall, _ moment: SimulatedStep.Moment = .before,
    _ traits: SimulatedTraits = .imap()
  ) -> SimulatedWorld {
    let world = SimulatedWorld(traits, .imap())
    var isArmed = true
    world.onStep = { step in
      guard isArmed, step.call == call, step.moment == moment else { return nil }
      isArmed = false
      return fault
    }
    return world
  }

  private func save(_ count: Int, to endpoint: any Endpoint) throws -> [PlacementOutcome] {
    try endpoint.select(.inbox)
    let saver = try endpoint.saver()
    for token in 1...count {
      let bytes = message(token)
      try saver.begin(
        SaveItem(flags: .empty, date: InternalDate(seconds: 1)), size: UInt64(bytes.count),
        form: .wire)
      try bytes.withUnsafeBytes { try saver.write($0) }
      try saver.end()
    }
    return try saver.commit()
  }

  @Test(
    "a lost connection leaves what it says",
    arguments: [
      (SimulatedFault.connectionLost(.none), 0), (.connectionLost(.partial(2)), 2),
      (.connectionLost(.all), 3), (.crash(.partial(1)), 1),
    ])
  func effects(_ fault: SimulatedFault, _ saved: Int) throws {
    let world = world(fault, at: .save)
    let endpoint = try world.factory(.left).connect()
    let error = try #require(throws: EndpointError.self) { _ = try save(3, to: endpoint) }
    #expect(error.scope == .side)
    #expect(world.servers.left[.inbox]?.messages.count == saved)
    // The endpoint stays dead, others don't, unless the process is.
    #expect(throws: EndpointError.self) { _ = try endpoint.list() }
    if case .crash = fault {
      #expect(error.code == .interrupted && world.isCrashed)
      #expect(throws: EndpointError.self) { _ = try world.factory(.right).connect() }
      #expect(throws: StateError.self) { try world.stateStore().commit([.setValue(.mark, "x")]) }
      world.restart()
    }
    #expect(try world.factory(.left).connect().list().mailboxes.count == 1)
  }

  @Test("what was sent arrives after the connection is gone")
  func late() throws {
    let world = world(.connectionLost(.late(2)), at: .save)
    let endpoint = try world.factory(.left).connect()
    #expect(throws: EndpointError.self) { _ = try save(2, to: endpoint) }
    let next = try world.factory(.left).connect()
    #expect(world.servers.left[.inbox]?.messages.isEmpty == true)
    #expect(try next.list().mailboxes.first?.anchor?.uidNext == uid(3))
    world.settle()
    #expect(world.servers.left[.inbox]?.messages.count == 2)
  }

  @Test("an answer lost after the effect; a server's no")
  func otherFaults() throws {
    var world = world(.connectionLost(.none), at: .save, .after)
    var endpoint = try world.factory(.left).connect()
    #expect(throws: EndpointError.self) { _ = try save(2, to: endpoint) }
    #expect(world.servers.left[.inbox]?.messages.count == 2)

    world = self.world(.refused(.mailbox, .overQuota), at: .save)
    endpoint = try world.factory(.left).connect()
    let error = try #require(throws: EndpointError.self) { _ = try save(2, to: endpoint) }
    #expect(error.code == .overQuota && error.scope == .mailbox)
    #expect(world.servers.left[.inbox]?.messages.isEmpty == true)
    #expect(try save(1, to: endpoint).count == 1)
  }

  @Test("without MOVE a connection lost while renumbering leaves both copies")
  func halfRenumbered() throws {
    let world = world(
      .connectionLost(.partial(2)), at: .renumber, .before, .imap(canMove: false))
    let server = world.servers.left
    for token in 1...2 { server.deliver(message(token)) }
    let endpoint = try world.factory(.left).connect()
    try endpoint.select(.inbox)
    #expect(throws: EndpointError.self) {
      _ = try endpoint.renumber([.uid(uid(1)), .uid(uid(2))], targets: [])
    }
    #expect(server[.inbox]?.uids == UIDSet(uid(1)...uid(4)))
  }

  @Test("a crash around a commit: all of it or none")
  func commits() throws {
    for moment in [SimulatedStep.Moment.before, .after] {
      let world = world(.crash(.none), at: .commit, moment)
      let store = world.stateStore()
      #expect(throws: StateError.self) { try store.commit([.setValue(.mark, "x")]) }
      #expect(store.value(.mark) == (moment == .before ? nil : "x"))
      #expect(throws: StateError.self) { try store.commit([.setValue(.mark, "y")]) }
      world.restart()
      let next = world.stateStore(store.snapshot())
      try next.commit([.setValue(.lastRun, "1")])
      #expect(next.value(.mark) == store.value(.mark))
    }
    let world = world(.refused(.side, .noSpace), at: .commit)
    let error = try #require(throws: StateError.self) {
      try world.stateStore().commit([.setValue(.mark, "x")])
    }
    #expect(error.kind == .noSpace && !world.isCrashed)
  }

  @Test("users act in the middle of a run")
  func usersInBetween() throws {
    let world = SimulatedWorld(.imap(), .imap())
    world.onStep = { [unowned world] step in
      if step.call == .open(.inbox), step.moment == .before {
        world.servers.left.deliver(SimulatedContent.message(.draft, token: 1))
      }
      return nil
    }
    let endpoint = try world.factory(.left).connect()
    #expect(try endpoint.open(.inbox, OpenRequest()).messages.count == 1)
    #expect(world.steps == 2)
  }

  // MARK: Checks

  @Test("sides differ by content, flags, date, number")
  func convergence() throws {
    let world = SimulatedWorld(.imap(), .imap())
    let both = world.servers
    let flags = FlagSet([.seen], keywords: [try #require(Keyword("chores"))])
    world.deliverToBoth(message(1), flags: flags)
    world.deliverToBoth(message(1))
    #expect(SimulatedConvergence.differences(both) == [])
    // The servers number under UIDVALIDITYs of their own.
    #expect(SimulatedConvergence.differences(both, mode: { _ in .mirror }).count == 1)

    both.left.setFlags(.uid(uid(1)), adding: FlagSet([.draft]))
    #expect(SimulatedConvergence.differences(both).count == 2)
    both.right.setFlags(.uid(uid(1)), adding: FlagSet([.draft]))
    #expect(SimulatedConvergence.differences(both) == [])
    both.left.expunge(.uid(uid(2)))
    #expect(SimulatedConvergence.differences(both).count == 1)
    both.right.expunge(.uid(uid(2)))
    both.left.deliver(message(3), date: InternalDate(seconds: 1))
    both.right.deliver(message(3), date: InternalDate(seconds: 2))
    #expect(SimulatedConvergence.differences(both).count == 2)
    both.right.createMailbox(name("x"))
    #expect(SimulatedConvergence.differences(both).last == "x: only on the right")
  }

  @Test("mirrored sides have the same numbers")
  func mirrorConvergence() throws {
    let world = SimulatedWorld(.maildir, .imap())
    for token in 1...2 { world.deliverToBoth(message(token)) }
    func differences() -> [String] {
      SimulatedConvergence.differences(world.servers, mode: { _ in .mirror })
    }
    #expect(differences().count > 2)
    let validity = try #require(world.servers.right[.inbox]?.uidValidity)
    let left = try world.factory(.left).connect()
    try left.select(.inbox)
    try left.adopt(validity, uidNext: .first, isServers: false)
    let messages = world.servers.left[.inbox]?.messages ?? []
    let order = messages.sorted { $0.content.lexicographicallyPrecedes($1.content) }
    let isFirst = order.first?.content == message(1)
    _ = try left.renumber(
      (isFirst ? order : order.reversed()).map(\.handle), targets: [uid(1), uid(2)])
    #expect(differences() == [])
    _ = try left.pad(to: uid(9))
    #expect(differences() == ["INBOX: UIDNEXT 9 and 3"])
  }

  @Test("a UID with a second meaning is seen, on one side and across both")
  func watch() throws {
    let world = SimulatedWorld(.maildir, .maildir)
    let both = world.servers
    let validity = try #require(UIDValidity(5))
    func place(_ token: Int, at number: UInt32, on side: Side) throws {
      let handle = try #require(both[side].deliver(message(token)))
      let endpoint = try world.factory(side).connect()
      try endpoint.select(.inbox)
      if both[side][.inbox]?.uidValidity != validity {
        try endpoint.adopt(validity, uidNext: .first, isServers: false)
      }
      let all = both[side][.inbox]?.messages.filter { $0.handle.uid == nil } ?? []
      #expect(all.map(\.handle).contains(handle))
      _ = try endpoint.renumber([handle], targets: [uid(number)])
    }
    try place(1, at: 1, on: .left)
    try place(1, at: 1, on: .right)
    #expect(world.watch.look(at: both) == [])
    #expect(world.watch.switchSides(both) { _ in true } == [])
    let older = try #require(both.left[.inbox])
    // Seen, and gone again before the other side gives the number to another message.
    try place(2, at: 2, on: .left)
    #expect(world.watch.look(at: both) == [])
    both.left.expunge(.uid(uid(2)))
    try place(3, at: 2, on: .right)
    #expect(world.watch.look(at: both) == [])
    #expect(
      world.watch.switchSides(both) { _ in true } == [
        "INBOX: UID 2 was message 2 on the left and is message 3 on the right"
      ])
    #expect(world.watch.switchSides(both) { _ in false } == [])

    both.left.restore(older, to: .inbox)
    let wrong = world.watch.look(at: both)
    #expect(wrong.count == 1)
    #expect(wrong.contains { $0.contains("UIDNEXT went from 3 to 2") })
    try place(9, at: 2, on: .left)
    #expect(
      world.watch.look(at: both) == [
        "A: INBOX (5): UID 2 was message 2 and is message 9"
      ])
  }

  @Test("a UIDVALIDITY that comes back goes on where it was")
  func comingBack() throws {
    let world = SimulatedWorld(.maildir, .maildir)
    let endpoint = try world.factory(.left).connect()
    try endpoint.select(.inbox)
    for (number, next) in [(5, 7), (6, 3), (5, 2), (6, 1)] as [(UInt32, UInt32)] {
      try endpoint.adopt(
        try #require(UIDValidity(number)), uidNext: .first, isServers: number == 6)
      _ = try endpoint.pad(to: uid(next))
    }
    let mailbox = try #require(world.servers.left[.inbox])
    #expect(mailbox.uidNext == uid(3) && mailbox.origin.isServers)
    #expect(mailbox.origin.former.map(\.rawValue) == [5])
  }

  @Test("the ledger knows what is lost, multiplied, or nobody's")
  func ledger() throws {
    let world = SimulatedWorld(.imap(), .imap())
    let both = world.servers
    let ledger = world.ledger
    world.deliverToBoth(message(1))
    both.left.createMailbox(name("a"))
    #expect(ledger.violations(both) == [] && ledger.losses(both) == [])
    both.left.move(.uid(uid(1)), from: .inbox, to: name("a"))
    #expect(ledger.losses(both) == [] && ledger.violations(both) == [])
    both.left.deliver(message(2))
    #expect(ledger.losses(both) == [])
    #expect(ledger.violations(both) == ["B: message 2: 0 times, should be 1 to 1"])

    // What no user did.
    let endpoint = try world.factory(.left).connect()
    try endpoint.select(.inbox)
    _ = try endpoint.expunge(UIDSet(uid(2)))
    #expect(ledger.losses(both) == ["message 2: 0 left of 1"])
    _ = try save(3, to: world.factory(.right).connect())
    #expect(ledger.losses(both) == [])
    let violations = ledger.violations(both)
    #expect(violations.contains("B: message 3: 1 times, should be 0 to 0"))
    both.right.deleteMailbox(.inbox)
    both.right.expunge(.uid(uid(3)))
    #expect(ledger.losses(both) == [])
  }

  // MARK: Randomness

  @Test("a seed gives one world", arguments: [1, 2, 3] as [UInt64])
  func determinism(_ seed: UInt64) {
    // Of a disk that is not mounted, nothing can be counted.
    let kinds = Deed.allCases.filter { $0 != .unmount }
    func run() -> ([String], [Deed]) {
      let world = SimulatedWorld(.maildir, .imap())
      var user = RandomUser(seed: seed, deeds: kinds)
      var deeds: [Deed] = []
      for step in 0..<300 {
        deeds.append(user.act(on: world.servers[step % 2 == 0 ? .left : .right]))
      }
      #expect(world.watch.look(at: world.servers) == [])
      #expect(world.ledger.losses(world.servers) == [])
      return (SimulatedConvergence.differences(world.servers), deeds)
    }
    let first = run()
    let second = run()
    #expect(first == second && !first.0.isEmpty)
    #expect(Set(first.1) == Set(kinds))
  }

  @Test("contents: tokens tell apart; sizes and ids collide on purpose")
  func contents() {
    for kind in SimulatedContent.Kind.allCases {
      let messages = (1...50).map { SimulatedContent.message(kind, token: $0) }
      #expect(Set(messages).count == 50, "\(kind)")
      #expect(Set(messages.map { SimulatedContent.contentID(of: $0) }).count == 50, "\(kind)")
      #expect(messages[4] == SimulatedContent.message(kind, token: 5))
      let sizes = Set(messages.map(\.count))
      switch kind {
      case .sameSize, .sameSizeDraft, .sameMessageID: #expect(sizes.count == 1)
      case .ordinary, .draft, .headerOnly, .large: #expect(sizes.count > 1)
      }
    }
  }
}
