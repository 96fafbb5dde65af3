import IMAPClient
import Simulation
import SyncEngine
import TestSupport
import Testing

/// What one side does not take, or does not know any more.
@Suite("Trouble on one side, simulated") struct TroubleTests {
  private func message(_ token: Int) -> [UInt8] {
    SimulatedContent.message(.ordinary, token: token)
  }

  private func count(_ world: SimulatedWorld) -> Int {
    world.servers.left[.inbox]?.messages.count ?? 0
  }

  private func areEqual(_ world: SimulatedWorld) -> Bool {
    world.servers.left.contentCounts == world.servers.right.contentCounts
  }

  @Test("what a full Maildir does not take keeps its UIDs, and makes one line")
  func noRoom() throws {
    let world = SimulatedWorld(.maildir, .imap())
    let store = world.stateStore()
    for token in 1...3 { world.servers.right.deliver(message(token)) }
    #expect(world.run(store).result == .ok)

    world.servers.left.refuses = { _ in (.noSpace, "no space left") }
    for token in 4...8 { world.servers.right.deliver(message(token)) }
    for _ in 1...3 {
      let report = world.run(store)
      #expect(report.result == .partial && report.failures.map(\.code) == [.noSpace])
      #expect(report.failures.first?.message.contains("and 4 more were not taken") == true)
    }
    let before = world.servers.right[.inbox]?.uids
    let report = world.run(store)
    #expect(report.counts.right.renumbered == 0 && world.servers.right[.inbox]?.uids == before)

    world.servers.left.refuses = nil
    #expect(world.run(store).result == .ok)
    #expect(count(world) == 8 && areEqual(world))
    #expect(world.servers.left[.inbox]?.uids == world.servers.right[.inbox]?.uids)
  }

  @Test("why messages were not taken is said, also if the connection is lost right afterwards")
  func refusedAndLost() throws {
    let world = SimulatedWorld(.maildir, .imap())
    let store = world.stateStore()
    world.servers.left.deliver(message(1))
    var isRefused = false
    world.onStep = { step in
      guard step.moment == .before, step.side == .right else { return nil }
      switch step.call {
      case .save:
        isRefused = true
        return .refused(.mailbox, .refused)
      case .open where isRefused: return .connectionLost(.none)
      default: return nil
      }
    }
    let report = world.run(store)
    #expect(report.result == .failed)
    #expect(Set(report.failures.map(\.code)) == [.refused, .connectionLost])

    world.onStep = nil
    #expect(world.run(store).result == .ok)
    #expect(count(world) == 1 && areEqual(world))
  }

  /// Two messages at a time, of which six may be under way together.
  private static var fewAtATime: Batches {
    var batches = Batches.smallest
    batches.intended = 6
    batches.arrivals = 6
    return batches
  }

  @Test("what a server has answered is recorded while more is sent to it")
  func lostInFlight() throws {
    let world = SimulatedWorld(.imap(), .imap())
    let store = world.stateStore()
    for token in 1...6 { world.servers.left.deliver(message(token)) }
    var fetches = 0
    world.onStep = { step in
      guard step.moment == .before, step.side == .left, step.call == .fetch else { return nil }
      fetches += 1
      return fetches == 3 ? .connectionLost(.none) : nil
    }
    let report = world.run(store) { $0.batches = TroubleTests.fewAtATime }
    #expect(report.result == .failed && report.counts.right.saved == 4)
    let mailbox = try #require(store.mailboxes().first)
    #expect(store.messageCount(in: mailbox.id) == 4)
    // All that had been sent was answered: nothing is waited for.
    #expect(store.intents().isEmpty)

    world.onStep = nil
    #expect(world.run(store).result == .ok)
    #expect(count(world) == 6 && areEqual(world))
  }

  @Test("to a server that refuses something no more is sent before that was looked into")
  func refusedInFlight() {
    let world = SimulatedWorld(.imap(), .imap())
    let store = world.stateStore()
    for token in 1...6 { world.servers.left.deliver(message(token)) }
    world.servers.right.refuses = { _ in (.overQuota, "over quota") }
    var fetches = 0
    world.onStep = { step in
      if step.moment == .before, step.side == .left, step.call == .fetch { fetches += 1 }
      return nil
    }
    let report = world.run(store) { $0.batches = TroubleTests.fewAtATime }
    // Two together, and one of them once more.
    #expect(report.result == .partial && fetches == 2)

    world.servers.right.refuses = nil
    #expect(world.run(store).result == .ok)
    #expect(count(world) == 6 && areEqual(world))
  }

  @Test("a base that fails is no side's failure")
  func base() {
    let world = SimulatedWorld(.maildir, .imap())
    let store = world.stateStore()
    world.servers.left.deliver(SimulatedContent.message(.ordinary, token: 1))
    world.onStep = { step in
      step.call == .commit && step.moment == .before ? .refused(.side, .noSpace) : nil
    }
    let report = world.run(store)
    #expect(report.result == .failed && !report.failures.isEmpty)
    #expect(report.failures.allSatisfy { $0.code == .noSpace && $0.side == nil })
  }

  @Test("a rename that a side refuses is named, doubles nothing, and holds up nothing else")
  func refusedRename() throws {
    let world = SimulatedWorld(.maildir, .imap())
    let store = world.stateStore()
    let (left, right) = (world.servers.left, world.servers.right)
    left.createMailbox(name("old"))
    left.deliver(message(1), to: name("old"))
    left.createMailbox(name("other"))
    #expect(world.run(store).result == .ok)

    left.renameMailbox(name("old"), to: name("new"))
    right.renameMailbox(name("other"), to: name("another"))
    left.deliver(message(2))
    world.onStep = { step in
      guard step.moment == .before, case .rename(name("old")) = step.call else { return nil }
      return .refused(.mailbox, .refused)
    }
    for _ in 1...2 {
      let report = world.run(store)
      #expect(report.result == .partial)
      #expect(report.failures.map(\.mailbox) == [name("old")])
      #expect(left[name("another")] != nil && left[name("other")] == nil)
      #expect(right[name("old")] != nil && right[name("new")] == nil && left[name("old")] == nil)
      #expect(areEqual(world) && right[.inbox]?.messages.count == 1)
    }
    world.onStep = nil
    #expect(world.run(store).result == .ok)
    #expect(right[name("new")]?.messages.count == 1 && right[name("old")] == nil)
    #expect(areEqual(world))
  }

  @Test(
    "what came after a restored backup was not expunged",
    arguments: [Side.left, .right],
    [SimulatedTraits.maildir, .imap(tier: .none, hasIDs: false)])
  func restored(_ side: Side, _ traits: SimulatedTraits) throws {
    let world = SimulatedWorld(
      side == .left ? traits : .imap(), side == .right ? traits : .imap())
    let store = world.stateStore()
    for token in 1...20 { world.servers.left.deliver(message(token)) }
    #expect(world.run(store).result == .ok)
    let backup = try #require(world.servers[side][.inbox])
    for token in 21...23 { world.servers.right.deliver(message(token)) }
    #expect(world.run(store).result == .ok)

    world.servers[side].restore(backup, to: .inbox)
    // A server that is restored under its old UIDVALIDITY gives UIDs out a second time: that can't be helped.
    let later = traits == .maildir ? side : side.other
    world.servers[later].deliver(message(24))
    #expect(world.run(store).result == .ok)
    #expect(count(world) == 24 && areEqual(world))
    #expect(world.run(store).counts.left.isEmpty)
  }
}
