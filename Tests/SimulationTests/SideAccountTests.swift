import IMAPClient
import Simulation
import SyncEngine
import TestSupport
import Testing

/// Whether the simulation itself sees what a run must not do.
@Suite("What the simulation watches") struct SideAccountTests {
  private func message(_ token: Int) -> [UInt8] {
    SimulatedContent.message(.ordinary, token: token)
  }

  /// A world with one message on both sides, at rest, and a mailbox to move it to.
  private func world() -> SimulatedWorld {
    let world = SimulatedWorld(.imap(), .imap())
    world.deliverToBoth(message(1))
    for side in Side.allCases { world.servers[side].createMailbox(name) }
    world.ledger.settle([world.servers.left, world.servers.right])
    return world
  }

  private let name = MailboxName(["a"]) ?? .inbox

  /// - Returns: what is said of an expunge of all of the right INBOX.
  private func expunge(in world: SimulatedWorld) throws -> [String] {
    var account = SideAccount(world.servers, leavesStubs: false)
    var wrong: [String] = []
    world.onStep = { step in
      guard let side = step.side else { return nil }
      switch step.moment {
      case .before: account.open(step, world.servers[side])
      case .after: wrong += account.close(step, world.servers[side], world.ledger)
      }
      return nil
    }
    let endpoint = try world.factory(.right).connect()
    try endpoint.select(.inbox)
    _ = try endpoint.expunge(UIDSet(UID.first))
    return wrong
  }

  @Test("what was moved on one side stays on the other until it is moved there")
  func moved() throws {
    let world = self.world()
    world.servers.left.move(.uid(.first), from: .inbox, to: name)
    #expect(try expunge(in: world) == ["B: expunge left 0 of message 1, 1 should have stayed"])
  }

  @Test("once it lies in its new place it may leave the old one")
  func copied() throws {
    let world = self.world()
    world.servers.left.move(.uid(.first), from: .inbox, to: name)
    let endpoint = try world.factory(.right).connect()
    try endpoint.select(name)
    _ = try endpoint.copy([.first], from: .inbox, moving: false, targets: [])
    #expect(try expunge(in: world) == [])
  }

  @Test("what was expunged on one side may go on the other")
  func expunged() throws {
    let world = self.world()
    world.servers.left.expunge(.uid(.first))
    #expect(try expunge(in: world) == [])
  }

  @Test("flags are not stored over a change that was not seen")
  func stored() throws {
    let world = self.world()
    let endpoint = try world.factory(.right).connect()
    _ = try endpoint.open(.inbox, OpenRequest())
    world.servers.right.setFlags(.uid(.first), adding: FlagSet([.seen]))
    let order = StoreOrder(
      uids: UIDSet(UID.first), added: FlagSet([.flagged]), removed: .empty, unchangedSince: nil,
      expected: nil)
    _ = try endpoint.store([order])
    #expect(world.misuses == ["right: flags of UID 1 stored over (\\Seen), not ()"])
  }
}
