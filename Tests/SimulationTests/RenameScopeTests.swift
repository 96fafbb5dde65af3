import IMAPClient
import Simulation
import SyncEngine
import Synchronization
import TestSupport
import Testing

/// Renames that reach out of what a run, or the pair, selects.
@Suite("Renames out of what is selected") struct RenameScopeTests {
  private let work = MailboxName(path: "work") ?? .inbox
  private let below = MailboxName(path: "work/private") ?? .inbox
  private let projects = MailboxName(path: "projects") ?? .inbox

  private static let sides = [SimulatedTraits.maildir, .imap()]

  private func run(
    _ world: SimulatedWorld, _ store: MemoryStateStore, _ told: Told? = nil,
    _ change: (inout Policy) -> Void = { _ in }
  ) -> SyncReport {
    var policy = Policy()
    policy.jobs = 1
    policy.delete = .both
    change(&policy)
    return SyncRun(
      pair: "simulated", policy: policy, factories: world.factories, store: store, observer: told,
      pause: { _ in }
    ).run()
  }

  private func renamed(_ left: SimulatedTraits) -> (SimulatedWorld, MemoryStateStore) {
    let world = SimulatedWorld(left, .imap())
    let store = world.stateStore()
    world.servers.left.createMailbox(work)
    world.servers.left.deliver(SimulatedContent.message(.ordinary, token: 1), to: work)
    #expect(run(world, store).result == .ok && world.servers.right[work]?.messages.count == 1)
    world.servers.left.renameMailbox(work, to: projects)
    return (world, store)
  }

  @Test("a run that sees one of the names waits, one that sees both follows", arguments: sides)
  func oneName(_ left: SimulatedTraits) {
    for seen in [work, projects] {
      let (world, store) = renamed(left)
      for isDry in [true, false] {
        let told = Told()
        let report = run(world, store, told) {
          $0.onlyMailboxes = .exactly(seen)
          $0.isDryRun = isDry
        }
        #expect(report.result == .ok && told.all.isEmpty)
        #expect(report.counts.left.isEmpty && report.counts.right.isEmpty)
        #expect(world.servers.left[work] == nil && world.servers.right[projects] == nil)
      }
      #expect(run(world, store).result == .ok)
      #expect(world.servers.right[work] == nil)
      #expect(world.servers.right[projects]?.messages.count == 1)
    }
  }

  @Test("what is not selected is not taken along, and that is said", arguments: sides)
  func childLeftOut(_ left: SimulatedTraits) {
    let (world, store) = renamed(left)
    world.servers.right.createMailbox(below)
    for _ in 1...2 {
      let told = Told()
      let report = run(world, store, told) {
        $0.mailboxes = MailboxPatterns(words: ["*", "!work/*"])
      }
      #expect(report.result == .ok)
      #expect(told.all.map(\.mailbox) == [work] && told.all.map(\.code) == [.conflict])
      #expect(told.all.first?.message.contains("work/private") == true)
      #expect(world.servers.right[work]?.messages.count == 1)
      #expect(world.servers.right[below] != nil && world.servers.left[work] == nil)
    }
    #expect(run(world, store).result == .ok)
    #expect(world.servers.right[work] == nil && world.servers.right[below] == nil)
    #expect(world.servers.right[projects]?.messages.count == 1)
  }

  private final class Told: SyncObserver {
    private let notices = Mutex<[SyncFailure]>([])

    var all: [SyncFailure] { notices.withLock { $0 } }

    func handle(_ event: SyncEvent) {
      if case .notice(let notice) = event { notices.withLock { $0.append(notice) } }
    }
  }
}
