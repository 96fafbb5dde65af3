import IMAPClient
import Simulation
import SyncEngine
import TestSupport
import Testing

/// Copy before delete: what was moved to a mailbox that does not get its copy in this run stays, on the
/// other side, where it was (design.md §4).
@Suite("Moved to where no copy could be made") struct HeldBackTests {
  private let archive = MailboxName(path: "archive")

  private func message(_ token: Int) -> [UInt8] {
    SimulatedContent.message(.ordinary, token: token)
  }

  private func contents(_ world: SimulatedWorld, _ side: Side, _ name: MailboxName = .inbox)
    -> Set<[UInt8]>
  {
    Set((world.servers[side][name]?.messages ?? []).map(\.content))
  }

  private func handle(_ token: Int, _ world: SimulatedWorld) throws -> MessageHandle {
    let inbox = world.servers.left[.inbox]?.messages ?? []
    return try #require(inbox.first { $0.content == message(token) }).handle
  }

  /// Why the copy can't be made on the other side.
  enum Obstacle: CaseIterable, Sendable {
    case notCreated
    case notOpened
    case notOpenedHere
    case notSaved
    case refused
  }

  static let traits: [SimulatedTraits] = [
    .maildir, .imap(), .imap(tier: .none, hasIDs: false), .imap(canMove: false),
  ]

  @Test("it is not expunged before its copy is made", arguments: Obstacle.allCases, traits)
  func moved(_ obstacle: Obstacle, _ traits: SimulatedTraits) throws {
    let archive = try #require(archive)
    let world = SimulatedWorld(traits, .imap())
    let store = world.stateStore()
    for token in 1...4 { world.servers.left.deliver(message(token)) }
    if obstacle != .notCreated { world.servers.left.createMailbox(archive) }
    #expect(world.run(store).result == .ok)
    #expect(contents(world, .right).count == 4)

    if obstacle == .notCreated { world.servers.left.createMailbox(archive) }
    world.servers.left.move(try handle(2, world), from: .inbox, to: archive)
    world.servers.left.setFlags(try handle(3, world), adding: FlagSet([.flagged]))
    world.servers.left.expunge(try handle(4, world))
    world.onStep = { fault(obstacle, $0, archive) }
    if obstacle == .refused {
      world.servers.right.refuses = { _ in (.overQuota, "no room") }
      // So that it can't be copied there.
      for message in world.servers.right[.inbox]?.messages ?? []
      where message.content == self.message(2) {
        world.servers.right.setFlags(message.handle, adding: FlagSet([.answered]))
      }
    }
    for _ in 1...3 {
      let report = world.run(store)
      if obstacle != .refused { #expect(report.result == .partial, "\(report.failures)") }
      #expect(
        contents(world, .right).union(contents(world, .right, archive)).contains(message(2)))
      if obstacle != .notOpenedHere {
        // The plain expunge goes on.
        #expect(!contents(world, .right).contains(message(4)))
      }
    }

    world.onStep = nil
    world.servers.right.refuses = nil
    #expect(world.run(store).result == .ok)
    for side in Side.allCases {
      #expect(contents(world, side) == [message(1), message(3)])
      #expect(contents(world, side, archive) == [message(2)])
    }
    let last = world.run(store)
    #expect(last.counts.left.isEmpty && last.counts.right.isEmpty)
  }

  private func fault(
    _ obstacle: Obstacle, _ step: SimulatedStep, _ archive: MailboxName
  ) -> SimulatedFault? {
    guard step.moment == .before else { return nil }
    return switch (obstacle, step.side, step.call) {
    case (.notCreated, .right, .create(archive)), (.notOpened, .right, .open(archive)),
      (.notOpenedHere, .left, .open(archive)), (.notSaved, .right, .save),
      (.notSaved, .right, .copy):
      .refused(.mailbox, .refused)
    default: nil
    }
  }

  @Test("an old message that is synced is followed where it is moved, however new mail has to be")
  func movedOutOfTime() throws {
    let archive = try #require(archive)
    let world = SimulatedWorld(.imap(), .imap())
    let store = world.stateStore()
    for side in Side.allCases { world.servers[side].createMailbox(archive) }
    for token in 1...3 {
      world.servers.left.deliver(message(token), date: InternalDate(seconds: Int64(token) * 1000))
    }
    #expect(world.run(store).result == .ok)
    world.servers.left.move(try handle(1, world), from: .inbox, to: archive)
    world.servers.left.deliver(message(4), to: archive, date: InternalDate(seconds: 1500))
    for _ in 1...2 {
      #expect(world.run(store) { $0.since = InternalDate(seconds: 2000) }.result == .ok)
      #expect(contents(world, .right, archive) == [message(1)])
      #expect(contents(world, .right) == [message(2), message(3)])
    }
  }

  @Test("a mailbox that was emptied and deleted stays as long as the copies are not made")
  func movedOutOfADeletedMailbox() throws {
    let archive = try #require(archive)
    let old = try #require(MailboxName(path: "old"))
    let world = SimulatedWorld(.imap(), .imap())
    let store = world.stateStore()
    world.servers.left.createMailbox(old)
    for token in 1...3 { world.servers.left.deliver(message(token), to: old) }
    #expect(world.run(store).result == .ok)

    world.servers.left.createMailbox(archive)
    for message in world.servers.left[old]?.messages ?? [] {
      world.servers.left.move(message.handle, from: old, to: archive)
    }
    world.servers.left.deleteMailbox(old)
    world.onStep = { fault(.notCreated, $0, archive) }
    for _ in 1...2 {
      #expect(world.run(store) { $0.delete = .both }.result == .partial)
      #expect(contents(world, .right, old).count == 3)
    }
    world.onStep = nil
    for _ in 1...2 { _ = world.run(store) { $0.delete = .both } }
    #expect(contents(world, .right, archive).count == 3 && world.servers.right[old] == nil)
  }
}
