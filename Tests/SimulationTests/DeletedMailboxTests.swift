import IMAPClient
import Simulation
import SyncEngine
import Synchronization
import TestSupport
import Testing

/// Mailboxes that one side deleted or renamed.
@Suite("Mailboxes that were deleted or renamed on one side") struct DeletedMailboxTests {
  private let old = MailboxName(path: "old") ?? .inbox
  private let archive = MailboxName(path: "archive") ?? .inbox

  /// Both sides have so many messages in `old`, which is gone from the left one.
  private struct Stage {
    let world: SimulatedWorld
    let store: MemoryStateStore

    init(_ left: SimulatedTraits, messages: Int, in name: MailboxName) {
      world = SimulatedWorld(left, .imap())
      store = world.stateStore()
      world.servers.left.createMailbox(name)
      for token in 1...messages {
        world.servers.left.deliver(SimulatedContent.message(.ordinary, token: token), to: name)
      }
      #expect(run().result == .ok && count(.right, name) == messages)
    }

    func run(
      observer: (any SyncObserver)? = nil, _ change: (inout Policy) -> Void = { _ in }
    ) -> SyncReport {
      world.run(store, observer: observer) {
        $0.delete = .both
        change(&$0)
      }
    }

    func count(_ side: Side, _ name: MailboxName) -> Int? {
      world.servers[side][name]?.messages.count
    }
  }

  private static let sides = [SimulatedTraits.maildir, .imap()]

  @Test("one with more messages than max-expunge allows is not deleted", arguments: sides)
  func guarded(_ left: SimulatedTraits) {
    let stage = Stage(left, messages: 11, in: old)
    stage.world.servers.left.deleteMailbox(old)
    for _ in 1...2 {
      let report = stage.run()
      #expect(report.result == .refused && stage.count(.right, old) == 11)
      #expect(report.failures.map(\.mailbox) == [old] && stage.count(.left, old) == nil)
    }
    #expect(stage.run { $0.isForced = true }.result == .ok && stage.count(.right, old) == nil)
  }

  @Test("one with fewer is, and any is where max-expunge allows all", arguments: [10, 11])
  func unguarded(messages: Int) {
    let stage = Stage(.maildir, messages: messages, in: old)
    stage.world.servers.left.deleteMailbox(old)
    let report = stage.run { if messages > 10 { $0.maxExpunge = .percent(100) } }
    #expect(report.result == .ok && stage.count(.right, old) == nil)
  }

  @Test("messages moved out of it before are not sent again, and don't count", arguments: sides)
  func movedOut(_ left: SimulatedTraits) {
    let stage = Stage(left, messages: 20, in: old)
    stage.world.servers.left.createMailbox(archive)
    for message in stage.world.servers.left[old]?.messages ?? [] {
      stage.world.servers.left.move(message.handle, from: old, to: archive)
    }
    stage.world.servers.left.deleteMailbox(old)
    #expect(stage.run { $0.isDryRun = true }.result == .ok && stage.count(.right, old) == 20)
    let report = stage.run()
    #expect(report.result == .ok && stage.count(.right, old) == nil)
    #expect(stage.count(.right, archive) == 20)
    // In a Maildir it is a rename: its id, which would tell, is easily lost.
    #expect(report.counts.right.copied == (left.isMaildir ? 0 : 20))
    #expect(report.counts.right.saved == 0)
  }

  @Test("a dry run tells of deletions and renames, and does nothing", arguments: sides)
  func foreseen(_ left: SimulatedTraits) {
    for isRenamed in [false, true] {
      let stage = Stage(left, messages: 3, in: old)
      if isRenamed {
        stage.world.servers.left.renameMailbox(old, to: archive)
      } else {
        stage.world.servers.left.deleteMailbox(old)
      }
      let told = Told()
      #expect(stage.run(observer: told) { $0.isDryRun = true }.result == .ok)
      let change: ChangeKind = isRenamed ? .mailboxRenamed(to: archive) : .mailboxDeleted
      #expect(told.changes.withLock { $0 } == [change])
      #expect(stage.count(.right, old) == 3 && stage.count(.right, archive) == nil)

      let done = Told()
      #expect(stage.run(observer: done).result == .ok)
      #expect(done.changes.withLock { $0 } == [change])
    }
  }

  @Test("of a renamed mailbox with others below it both tell the one rename", arguments: sides)
  func foreseenWithChildren(_ left: SimulatedTraits) throws {
    let stage = Stage(left, messages: 1, in: old)
    let servers = stage.world.servers
    let below = try ["a", "a/b"].map { try #require(MailboxName(path: "old/\($0)")) }
    for name in below {
      servers.left.createMailbox(name)
      servers.left.deliver(SimulatedContent.message(.ordinary, token: 9), to: name)
    }
    #expect(stage.run().result == .ok)
    servers.left.renameMailbox(old, to: archive)
    let (told, done) = (Told(), Told())
    #expect(stage.run(observer: told) { $0.isDryRun = true }.result == .ok)
    #expect(stage.run(observer: done).result == .ok)
    #expect(told.changes.withLock { $0 } == [.mailboxRenamed(to: archive)])
    #expect(done.changes.withLock { $0 } == told.changes.withLock { $0 })
  }

  @Test("a mailbox that could not be made is not told of as made")
  func notMade() {
    let stage = Stage(.imap(), messages: 1, in: old)
    stage.world.servers.left.createMailbox(archive)
    stage.world.onStep = { [archive] step in
      guard step.moment == .before, case (.right, .create(archive)) = (step.side, step.call) else {
        return nil
      }
      return .refused(.mailbox, .refused)
    }
    let told = Told()
    #expect(stage.run(observer: told).result == .partial)
    #expect(told.changes.withLock { $0 } == [])
  }

  private final class Told: SyncObserver {
    let changes = Mutex<[ChangeKind]>([])

    func handle(_ event: SyncEvent) {
      if case .change(.right, _, let change) = event { changes.withLock { $0.append(change) } }
    }
  }
}
