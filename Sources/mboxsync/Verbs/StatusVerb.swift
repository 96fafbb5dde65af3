import IMAPClient
import SyncEngine

/// `mboxsync status`: what is known of each pair, and what a run would do now.
struct StatusVerb {
  let session: Session

  func run() throws(Complaint) -> ExitCode {
    let outcomes = try session.pairs().map { pair in
      let outcome = look(at: pair)
      if !session.invocation.printsJSON { show(outcome) }
      return outcome
    }
    if session.invocation.printsJSON {
      session.console.print(JSONReport.make(outcomes, isDryRun: true).encoded)
    }
    return ExitCode.highest(outcomes.map(\.exitCode))
  }

  private func look(at pair: PairSettings) -> PairOutcome {
    let start = Clock.milliseconds()
    let console = session.console
    var outcome = PairOutcome(pair: pair.name, report: SyncReport(), milliseconds: 0)
    do {
      let opened = try SQLiteStateStore.open(
        directory: session.stateDirectory, pair: pair.name, access: .readOnly)
      for notice in opened.notices where console.verbosity >= 0 {
        console.complain([pair.name, notice], style: .yellow)
      }
      if let end = try opened.store.value(.lastRun).flatMap({ Int64($0) }) {
        outcome.lastRun = (end, try opened.store.value(.lastResult) ?? "")
      }
      outcome.known = try StatusVerb.known(opened.store)
      let showsChanges = console.verbosity > 0 && !session.invocation.printsJSON
      let observer = RunObserver(
        console: console, pair: pair.name, changes: showsChanges ? .output : nil, isDryRun: true,
        showsNotices: console.verbosity > 0)
      outcome.report = SyncRun(
        pair: pair.name, policy: pair.policy, factories: session.factories(pair),
        store: opened.store, observer: observer, cancellation: session.cancellation
      ).run()
    } catch {
      outcome.report.result = .failed
      outcome.report.failures = [SyncFailure(error)]
    }
    console.hideBar()
    for failure in outcome.report.failures { console.failure(failure, pair: pair.name) }
    outcome.milliseconds = Clock.milliseconds() - start
    return outcome
  }

  private static func known(
    _ store: SQLiteStateStore
  ) throws(StateError) -> (mailboxes: Int, messages: Int) {
    let mailboxes = try store.mailboxes()
    var messages = 0
    for mailbox in mailboxes { messages += try store.messageCount(in: mailbox.id) }
    return (mailboxes.count, messages)
  }

  private func show(_ outcome: PairOutcome) {
    guard session.console.verbosity >= 0 else { return }
    for line in StatusVerb.lines(outcome, time: Clock.text) {
      session.console.print(Text.escaped(line))
    }
  }

  /// - Parameter time: writes seconds since 1970 for people.
  static func lines(_ outcome: PairOutcome, time: (Int64) -> String) -> [String] {
    let last =
      outcome.lastRun.map { "last change \(time($0.seconds)) (\($0.result))" } ?? "never synced"
    var lines = [
      "\(outcome.pair): \(last), \(Text.counted(outcome.known.mailboxes, "mailbox")), "
        + Text.counted(outcome.known.messages, "message")
    ]
    let pending = outcome.report.mailboxes.filter {
      !$0.counts.left.isEmpty || !$0.counts.right.isEmpty || $0.result != .ok
    }
    let width = pending.map(\.name.path.count).max() ?? 0
    for mailbox in pending {
      var parts: [String] = []
      for side in Side.allCases where !mailbox.counts[side].isEmpty {
        parts.append("\(side): \(words(mailbox.counts[side]))")
      }
      if mailbox.result != .ok { parts.append(mailbox.result.rawValue) }
      let padding = String(repeating: " ", count: width - mailbox.name.path.count)
      lines.append("  \(mailbox.name.path)\(padding)  \(parts.joined(separator: "; "))")
    }
    if pending.isEmpty && outcome.report.failures.isEmpty { lines.append("  nothing pending") }
    return lines
  }

  /// `3 to save, 1 to expunge`
  private static func words(_ counts: ChangeCounts) -> String {
    let all = [
      (counts.saved, "save"), (counts.copied, "copy"), (counts.expunged, "expunge"),
      (counts.flagged, "flag"), (counts.renumbered, "renumber"),
    ]
    return all.filter { $0.0 > 0 }.map { "\(Text.grouped($0.0)) to \($0.1)" }
      .joined(separator: ", ")
  }
}
