import SyncEngine

/// `mboxsync verify`: compares both sides message by message, and changes nothing.
struct VerifyVerb {
  let session: Session

  private var console: Console { session.console }

  func run() throws(Complaint) -> ExitCode {
    var outcomes: [VerifyOutcome] = []
    var codes: [ExitCode] = []
    for pair in try session.pairs() {
      if session.cancellation.isRequested {
        console.complain([pair.name, "not begun, as the run was stopped", "run it again"])
        codes.append(.tryAgain)
        continue
      }
      let outcome = verify(pair)
      outcomes.append(outcome)
      codes.append(outcome.exitCode)
      if !session.invocation.printsJSON { show(outcome) }
    }
    if session.invocation.printsJSON {
      console.print(VerifyJSON.make(outcomes).encoded)
    }
    return ExitCode.highest(codes)
  }

  private func verify(_ pair: PairSettings) -> VerifyOutcome {
    let start = Clock.milliseconds()
    var outcome = VerifyOutcome(pair: pair.name, label: pair.label)
    do {
      // A sync under way would be taken for differences.
      let opened = try SQLiteStateStore.open(
        directory: session.stateDirectory, pair: pair.name, access: .shared)
      for notice in opened.notices where console.verbosity >= 0 {
        console.complain([pair.name, notice], style: .yellow)
      }
      let observer = RunObserver(
        console: console, pair: pair.label, changes: nil, isDryRun: true, showsNotices: false)
      outcome.report = VerifyRun(
        policy: pair.policy, factories: session.factories(pair), store: opened.store,
        observer: observer, cancellation: session.cancellation
      ).run()
    } catch {
      outcome.report.result = .failed
      outcome.report.failures = [SyncFailure(error)]
    }
    outcome.milliseconds = Clock.milliseconds() - start
    console.hideBar()
    for failure in outcome.report.failures { console.failure(failure, pair: pair.name) }
    return outcome
  }

  private func show(_ outcome: VerifyOutcome) {
    guard console.verbosity >= 0 else { return }
    let isVerbose = console.verbosity > 0
    for mailbox in outcome.report.mailboxes {
      for difference in mailbox.differences {
        let line = DifferenceLines.line(
          difference, pair: outcome.label, time: Clock.fullText)
        console.print(
          console.paint(line, DifferenceLines.style(difference.finding), on: .output))
      }
      guard isVerbose else { continue }
      for line in DifferenceLines.notes(mailbox, pair: outcome.label) { console.print(line) }
    }
    if isVerbose || console.outputIsTerminal {
      let style: Console.Style = outcome.report.isEqual ? .green : .red
      console.print(console.paint(DifferenceLines.summary(outcome), style, on: .output))
    }
  }
}

/// What became of a pair's comparison.
struct VerifyOutcome: Sendable {
  var pair: String
  /// Before each line: see ``PairSettings/label``.
  var label: String
  var report = VerifyReport()
  var milliseconds: Int64 = 0

  init(pair: String, label: String? = nil) {
    self.pair = pair
    self.label = label ?? pair
  }

  var exitCode: ExitCode {
    let failures = report.failures.map { ExitCode($0.code, scope: $0.scope) }
    return ExitCode.highest(failures + [report.isEqual ? .ok : .partial])
  }
}
