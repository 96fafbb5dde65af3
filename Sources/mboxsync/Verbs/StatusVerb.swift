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
      outcome.known = try KnownPair(
        opened.store, directory: session.stateDirectory, pair: pair.name)
      let showsChanges = console.verbosity > 0 && !session.invocation.printsJSON
      let observer = RunObserver(
        console: console, pair: pair.label, changes: showsChanges ? .output : nil, isDryRun: true,
        showsNotices: console.verbosity > 0)
      outcome.report = SyncRun(
        pair: pair.name, policy: pair.policy, factories: session.factories(pair),
        store: opened.store, observer: observer, cancellation: session.cancellation
      ).run()
      outcome.mailboxChanges = observer.mailboxChanges
    } catch {
      outcome.report.result = .failed
      outcome.report.failures = [SyncFailure(error)]
    }
    console.hideBar()
    for failure in outcome.report.failures { console.failure(failure, pair: pair.name) }
    outcome.milliseconds = Clock.milliseconds() - start
    return outcome
  }

  private func show(_ outcome: PairOutcome) {
    let console = session.console
    guard console.verbosity >= 0 else { return }
    let lines = StatusLines.lines(
      outcome, showsAll: console.verbosity > 0, time: { Clock.text($0) })
    for (index, line) in lines.enumerated() {
      let text = Text.escaped(line)
      console.print(
        index == 0 ? console.paint(text, StatusLines.style(outcome), on: .output) : text)
    }
  }
}
