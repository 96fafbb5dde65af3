import IMAPClient
import SyncEngine

/// Runs one pair: its lock and base, `before`, the sync, `after`.
struct PairRunner {
  let session: Session

  private var invocation: Invocation { session.invocation }
  private var console: Console { session.console }

  /// Prints failures as they come out.
  func run(_ pair: PairSettings) -> PairOutcome {
    let start = Clock.milliseconds()
    var outcome = PairOutcome(pair: pair.name, report: SyncReport(), milliseconds: 0)
    outcome.report = guarded(pair, &outcome.mailboxChanges)
    console.hideBar()
    for failure in outcome.report.failures { console.failure(failure, pair: pair.name) }
    outcome.milliseconds = Clock.milliseconds() - start
    return outcome
  }

  private func guarded(_ pair: PairSettings, _ changes: inout [MailboxChange]) -> SyncReport {
    // Hooks run under the pair's lock: never twice at a time.
    let store: SQLiteStateStore
    do {
      store = try openStore(pair)
    } catch {
      return failed(SyncFailure(error))
    }
    if let command = pair.before, !invocation.isDryRun {
      let failure = hook("before", command, [("MBOXSYNC_PAIR", pair.name)])
      if let failure { return failed(failure) }
    }
    if session.cancellation.isRequested { return failed(PairRunner.interrupted) }
    var report = sync(pair, store, &changes)
    if !invocation.isDryRun {
      SQLiteStateStore.noteRun(directory: session.stateDirectory, pair: pair.name)
    }
    if let command = pair.after, !invocation.isDryRun {
      if let failure = hook("after", command, Hook.variables(pair.name, report, changes)) {
        report.failures.append(failure)
        if report.result == .ok { report.result = .partial }
      }
    }
    return report
  }

  private func sync(
    _ pair: PairSettings, _ store: SQLiteStateStore, _ mailboxChanges: inout [MailboxChange]
  ) -> SyncReport {
    defer { console.hideBar() }
    let showsChanges = console.verbosity > 0 || (invocation.isDryRun && console.verbosity == 0)
    let changes: Console.Stream? =
      invocation.printsJSON
      ? (console.verbosity > 0 ? .error : nil) : (showsChanges ? .output : nil)
    let observer = RunObserver(
      console: console, pair: pair.label, changes: changes, isDryRun: invocation.isDryRun,
      showsNotices: console.verbosity > 0 || (console.verbosity == 0 && console.outputIsTerminal))
    defer { mailboxChanges = observer.mailboxChanges }
    return SyncRun(
      pair: pair.name, policy: pair.policy, factories: session.factories(pair), store: store,
      observer: observer, cancellation: session.cancellation,
      closing: { report in
        PairRunner.record(
          of: report, hasChanges: !report.mailboxes.isEmpty || !observer.mailboxChanges.isEmpty,
          in: store)
      }
    ).run()
  }

  /// For `status`. A run that found nothing to do and ends as the one before is not recorded: it would
  /// wait longer for the disk than for everything else.
  private static func record(
    of report: SyncReport, hasChanges: Bool, in store: SQLiteStateStore
  ) -> [StateChange] {
    let result = try? store.value(.lastResult)
    let errors = PairRunner.lines(report.failures)
    let known = (try? store.value(.lastErrors)) ?? ""
    guard result != report.result.rawValue || errors != known || hasChanges else { return [] }
    return [
      .setValue(.lastRun, String(Clock.now())),
      .setValue(.lastResult, report.result.rawValue), .setValue(.lastErrors, errors),
    ]
  }

  /// So many are kept.
  private static let failureLimit = 20

  private static func lines(_ failures: [SyncFailure]) -> String {
    failures.prefix(failureLimit).map { failure in
      let place = [failure.side?.rawValue, failure.mailbox?.path].compactMap { $0 }
      let parts = place + [failure.message, failure.advice].filter { !$0.isEmpty }
      return Text.escaped(parts.joined(separator: ": "))
    }.joined(separator: "\n")
  }

  private func openStore(_ pair: PairSettings) throws(StateError) -> SQLiteStateStore {
    let opened = try SQLiteStateStore.open(
      directory: session.stateDirectory, pair: pair.name,
      access: invocation.isDryRun ? .readOnly : .readWrite)
    if console.verbosity >= 0 {
      for notice in opened.notices { console.complain([pair.name, notice], style: .yellow) }
    }
    return opened.store
  }

  private func hook(
    _ key: String, _ command: String, _ variables: [(String, String)]
  ) -> SyncFailure? {
    console.hideBar()
    return Hook.run(
      key, command, variables: variables, keepsOutput: invocation.printsJSON,
      cancellation: session.cancellation)
  }

  private func failed(_ failure: SyncFailure) -> SyncReport {
    var report = SyncReport()
    report.result = .failed
    report.failures = [failure]
    return report
  }

  static let interrupted = SyncFailure(
    pair: .interrupted, "stopped by a signal", advice: "the next run goes on from here")
}
