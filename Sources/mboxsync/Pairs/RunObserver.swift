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
  private let bar: Mutex<ProgressBar>

  init(
    console: Console, pair: String, changes: Console.Stream?, isDryRun: Bool, showsNotices: Bool
  ) {
    self.console = console
    self.pair = pair
    self.changes = changes
    self.isDryRun = isDryRun
    self.showsNotices = showsNotices
    bar = Mutex(ProgressBar(pair: pair))
  }

  func handle(_ event: SyncEvent) {
    switch event {
    case .change(let side, let mailbox, let change):
      if let changes {
        let line = ChangeLines.line(
          pair: pair, side, mailbox, change, isPlanned: isDryRun)
        console.print(console.paint(line, ChangeLines.style(change), on: changes), on: changes)
      }
    case .notice(let notice):
      if showsNotices { console.failure(notice, pair: pair, style: .yellow) }
    default: break
    }
    let bar = bar.withLock { bar in
      bar.handle(event)
      return bar
    }
    console.showBar { bar.line(width: $0) }
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
