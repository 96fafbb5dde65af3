import IMAPClient
import Simulation
import Testing

@testable import SyncEngine

/// How a side is looked at again as soon as flags are stored there.
@Suite("A look at one's own changes, taken early") struct EarlyLookTests {
  private let world = SimulatedWorld(.maildir, .imap())

  private func beginWith(_ count: Int, _ store: any StateStore, in name: MailboxName = .inbox) {
    for number in 1...count {
      world.servers.left.deliver(
        SimulatedContent.message(.ordinary, token: number), to: name)
    }
    #expect(world.run(store).result == .ok)
  }

  private func handles(_ side: Side, _ name: MailboxName = .inbox) -> [MessageHandle] {
    (world.servers[side][name]?.messages ?? []).map(\.handle)
  }

  private func flags(_ side: Side) -> [SystemFlags] {
    (world.servers[side][.inbox]?.messages ?? []).map(\.flags.system)
  }

  @Test("it comes before anything else is looked at, once on a side", arguments: [1, 2])
  func once(_ jobs: Int) throws {
    let store = world.stateStore()
    beginWith(2, store)
    world.servers.left.setFlags(handles(.left)[0], adding: FlagSet([.flagged]))
    world.servers.right.setFlags(handles(.right)[1], adding: FlagSet([.answered]))
    let open = SimulatedCall.open(.inbox)
    var calls = Both<[SimulatedCall]>(left: [], right: [])
    world.onStep = { step in
      if let side = step.side, step.moment == .before, [open, .store].contains(step.call) {
        calls[side].append(step.call)
      }
      return nil
    }
    #expect(world.run(store) { $0.jobs = jobs }.result == .ok)
    #expect(calls.left == [open, .store, open] && calls.right == [open, .store, open])
    world.onStep = nil
    #expect(world.run(store).mailboxes.isEmpty)
  }

  @Test("what others change after it, the next run syncs", arguments: [1, 2])
  func others(_ jobs: Int) throws {
    let store = world.stateStore()
    beginWith(3, store)
    world.servers.left.setFlags(handles(.left)[0], adding: FlagSet([.flagged]))
    world.servers.right.setFlags(handles(.right)[1], adding: FlagSet([.answered]))
    let handles = Both { self.handles($0) }
    var stored = Both(left: false, right: false)
    world.onStep = { [world] step in
      guard let side = step.side, step.moment == .after else { return nil }
      if step.call == .store { stored[side] = true }
      if step.call == .open(.inbox), stored[side] {
        // Their users are faster than the run.
        world.servers[side].setFlags(handles[side][2], adding: FlagSet([.draft]))
        world.servers[side].setFlags(handles[side][0], removing: FlagSet([.flagged]))
      }
      return nil
    }
    #expect(world.run(store) { $0.jobs = jobs }.result == .ok)
    world.onStep = nil
    #expect(world.run(store).result == .ok)
    #expect(flags(.left) == [[], [.answered], [.draft]])
    #expect(flags(.right) == flags(.left))
    #expect(world.run(store).mailboxes.isEmpty)
  }

  @Test("what others change before it, the same run syncs", arguments: [1, 2])
  func before(_ jobs: Int) throws {
    let store = world.stateStore()
    beginWith(3, store)
    world.servers.left.setFlags(handles(.left)[0], adding: FlagSet([.flagged]))
    world.servers.right.setFlags(handles(.right)[1], adding: FlagSet([.answered]))
    let handles = Both { self.handles($0) }
    world.onStep = { [world] step in
      if let side = step.side, step.call == .store, step.moment == .after {
        world.servers[side].setFlags(handles[side][2], adding: FlagSet([.draft]))
      }
      return nil
    }
    #expect(world.run(store) { $0.jobs = jobs }.result == .ok)
    world.onStep = nil
    #expect(flags(.left) == [[.flagged], [.answered], [.draft]])
    #expect(flags(.right) == flags(.left))
    #expect(world.run(store).mailboxes.isEmpty)
  }

  @Test("one that is of no use is forgotten, and nothing continues it") func dropped() throws {
    let traits = EndpointTraits(
      choosesUIDs: true, hasIDs: true, hasCheapContents: true, takesStoredForm: true,
      hasModSequences: false, settlesSlowly: false, renumbersByCopy: false)
    let mailbox = MailboxSync(
      record: MailboxRecord(
        id: MailboxID(1), names: Both(left: .inbox, right: .inbox)),
      fullNames: Both(left: .inbox, right: .inbox), exists: Both(left: true, right: true),
      needsLook: Both(left: true, right: true), policy: Policy(), store: world.stateStore(),
      observer: nil, traits: Both { _ in traits },
      pause: { _ in })
    let seen = Observation(
      anchor: MailboxSync.emptyAnchor, coverage: .full, messages: MessageList([]))
    func begin() -> OpenRequest {
      var request = OpenRequest()
      request.isContinued = true
      mailbox.isContinued.left = true
      mailbox.earlyLooks.left = MailboxSync.EarlyLook(request: request, observation: seen)
      return request
    }
    var request = begin()
    mailbox.dropEarlyLook(.left, unlessIt: &request)
    #expect(mailbox.takeEarlyLook(.left) != nil && request.isContinued)
    request = begin()
    request.detailsFrom = .last
    mailbox.dropEarlyLook(.left, unlessIt: &request)
    #expect(mailbox.takeEarlyLook(.left) == nil)
    #expect(!request.isContinued && !mailbox.isContinued.left)
    _ = begin()
    try mailbox.on(.left) { () throws(EndpointError) in }
    #expect(mailbox.earlyLooks.left == nil && !mailbox.isContinued.left)
  }
}
