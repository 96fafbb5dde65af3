import IMAPClient
import SyncEngine
import Synchronization

/// Shows a run of one pair as it happens.
final class RunObserver: SyncObserver {
  private let console: Console
  private let pair: String
  /// Where the lines of changes go; `nil`: nowhere.
  private let changes: Console.Stream?
  private let isDryRun: Bool
  private let showsNotices: Bool
  private let bar: SharedBar
  private let changedMailboxes = Mutex<[MailboxChange]>([])

  /// So far.
  var mailboxChanges: [MailboxChange] { changedMailboxes.withLock { $0 } }

  init(
    console: Console, pair: String, changes: Console.Stream?, isDryRun: Bool, showsNotices: Bool
  ) {
    self.console = console
    self.pair = pair
    self.changes = changes
    self.isDryRun = isDryRun
    self.showsNotices = showsNotices
    let bar = SharedBar(pair)
    self.bar = bar
    console.showBar { bar.line(width: $0, now: Clock.milliseconds()) }
  }

  func handle(_ event: SyncEvent) {
    switch event {
    case .change(let side, let mailbox, let change):
      if let kind = MailboxChange.Kind(change) {
        let change = MailboxChange(side: side, mailbox: mailbox, kind: kind)
        changedMailboxes.withLock { $0.append(change) }
      }
      if let changes {
        let line = ChangeLines.line(
          pair: pair, side, mailbox, change, isPlanned: isDryRun)
        console.print(console.paint(line, ChangeLines.style(change), on: changes), on: changes)
      }
    case .notice(let notice):
      if showsNotices { console.failure(notice, pair: pair, style: .yellow) }
    default: break
    }
    bar.handle(event, now: Clock.milliseconds())
    console.updateBar()
  }
}

/// A bar that lanes change and the console draws.
private final class SharedBar: Sendable {
  private let bar: Mutex<ProgressBar>

  init(_ pair: String) { bar = Mutex(ProgressBar(pair: pair)) }

  func handle(_ event: SyncEvent, now: Int64) { bar.withLock { $0.handle(event, now: now) } }

  func line(width: Int, now: Int64) -> String {
    bar.withLock { $0.line(width: width, now: now) }
  }
}

/// `-vv`: the protocol on standard error.
final class Trace: WireTrace {
  private let console: Console
  private let prefix: String

  init(console: Console, pair: String, side: Side) {
    self.console = console
    prefix = "\(pair): \(side)"
  }

  func sent(_ line: String) { console.print(Text.escaped("\(prefix) > \(line)"), on: .error) }
  func received(_ line: String) { console.print(Text.escaped("\(prefix) < \(line)"), on: .error) }
}
