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
    world.run(store, observer: told) {
      $0.delete = .both
      change(&$0)
    }
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

  @Test(
    "one that lives on under a name which is not selected is left alone, and that is said",
    arguments: sides, Policy.Where.allCases)
  func renamedAway(_ left: SimulatedTraits, delete: Policy.Where) {
    let (world, store) = renamed(left)
    world.servers.right.deliver(SimulatedContent.message(.ordinary, token: 2), to: work)
    for isDry in [true, false, false] {
      let told = Told()
      let report = run(world, store, told) {
        $0.mailboxes = MailboxPatterns(words: ["*", "!projects"])
        $0.delete = delete
        $0.isDryRun = isDry
      }
      #expect(report.result == .ok)
      #expect(told.all.map(\.mailbox) == [work] && told.all.map(\.side) == [.right])
      #expect(world.servers.left[work] == nil && world.servers.right[projects] == nil)
      #expect(world.servers.left[projects]?.messages.count == 1)
      #expect(world.servers.right[work]?.messages.count == 2)
    }
    #expect(run(world, store).result == .ok)
    #expect(world.servers.right[work] == nil)
    for side in Side.allCases { #expect(world.servers[side][projects]?.messages.count == 2) }
  }

  @Test(
    "what both sides call by a name that is not selected is still one mailbox", arguments: sides)
  func bothRenamedAway(_ left: SimulatedTraits) {
    let (world, store) = renamed(left)
    world.servers.right.renameMailbox(work, to: projects)
    world.servers.right.expunge(.uid(.first), in: projects)
    let told = Told()
    let report = run(world, store, told) {
      $0.mailboxes = MailboxPatterns(words: ["*", "!projects"])
    }
    #expect(report.result == .ok && told.all.isEmpty)
    #expect(world.servers.left[projects]?.messages.count == 1)
    // The base goes on knowing it: what is gone was expunged.
    #expect(run(world, store).result == .ok)
    for side in Side.allCases { #expect(world.servers[side][projects]?.messages.isEmpty == true) }
  }

  @Test("nor is it new under a name that is selected", arguments: sides)
  func renamedIn(_ left: SimulatedTraits) {
    let (world, store) = renamed(left)
    let withoutWork = { (policy: inout Policy) in
      policy.mailboxes = MailboxPatterns(words: ["*", "!work"])
    }
    for _ in 1...2 {
      let told = Told()
      #expect(run(world, store, told, withoutWork).result == .ok)
      #expect(told.all.map(\.mailbox) == [projects] && told.all.map(\.side) == [.left])
      #expect(world.servers.right[work]?.messages.count == 1)
      #expect(world.servers.right[projects] == nil)
    }
    world.servers.right.renameMailbox(work, to: projects)
    world.servers.right.expunge(.uid(.first), in: projects)
    #expect(run(world, store, nil, withoutWork).result == .ok)
    for side in Side.allCases { #expect(world.servers[side][projects]?.messages.isEmpty == true) }
  }

  private final class Told: SyncObserver {
    private let notices = Mutex<[SyncFailure]>([])

    var all: [SyncFailure] { notices.withLock { $0 } }

    func handle(_ event: SyncEvent) {
      if case .notice(let notice) = event { notices.withLock { $0.append(notice) } }
    }
  }
}
