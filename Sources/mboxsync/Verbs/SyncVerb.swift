import SyncEngine

/// `mboxsync [sync]`: runs the pairs one after the other.
struct SyncVerb {
  let session: Session

  func run() throws(Complaint) -> ExitCode {
    let pairs = try session.pairs()
    let runner = PairRunner(session: session)
    let invocation = session.invocation
    let console = session.console
    var outcomes: [PairOutcome] = []
    var codes: [ExitCode] = []
    for pair in pairs {
      if session.cancellation.isRequested {
        console.complain([pair.name, "not begun, as the run was stopped", "run it again"])
        codes.append(.tryAgain)
        continue
      }
      let outcome = runner.run(pair)
      outcomes.append(outcome)
      codes.append(outcome.exitCode)
      if !invocation.printsJSON && console.outputIsTerminal && console.verbosity >= 0 {
        let line = Summary.line(outcome, isDryRun: invocation.isDryRun)
        console.print(console.paint(line, Summary.style(outcome.report.result), on: .output))
      }
    }
    if invocation.printsJSON {
      console.print(JSONReport.make(outcomes, isDryRun: invocation.isDryRun).encoded)
    }
    return ExitCode.highest(codes)
  }
}
