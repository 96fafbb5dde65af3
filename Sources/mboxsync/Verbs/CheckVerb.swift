import Glibc
import SyncEngine

/// `mboxsync check`: reaches for everything that a sync needs, and changes no mailbox.
struct CheckVerb {
  let session: Session

  private var console: Console { session.console }

  func run() throws(Complaint) -> ExitCode {
    var codes: [ExitCode] = []
    var results: [CheckedPair] = []
    let pairs = try session.pairs()
    if session.invocation.endpoints == nil, console.verbosity >= 0 { try warnOfCutCommands() }
    for pair in pairs {
      if session.cancellation.isRequested {
        codes.append(.tryAgain)
        break
      }
      let result = check(pair, shows: !session.invocation.printsJSON)
      results.append(result)
      codes.append(result.exitCode)
    }
    if session.invocation.printsJSON { console.print(CheckJSON.make(results).encoded) }
    return ExitCode.highest(codes)
  }

  private func warnOfCutCommands() throws(Complaint) {
    for (place, key) in try session.configuration().cutCommands {
      console.complain(
        [
          place.description, "the command of '\(key)' ends where a comment begins",
          "put it into double quotes, if that is part of it",
        ], style: .yellow)
    }
  }

  /// Problems come first.
  func check(_ pair: PairSettings, shows: Bool = true) -> CheckedPair {
    let now = Clock.now()
    let result = PairCheck(session: session, pair: pair, now: now).run()
    for failure in result.failures { console.failure(failure, pair: pair.name) }
    if console.verbosity >= 0 {
      for warning in result.warnings { console.failure(warning, pair: pair.name, style: .yellow) }
    }
    guard shows, console.verbosity >= 0 else { return result }
    let width = console.outputIsTerminal ? Terminal.width(STDOUT_FILENO) - 1 : .max
    let lines = CheckLines.lines(
      result, now: now, showsAll: console.verbosity > 0, width: width)
    for (index, line) in lines.enumerated() {
      let text = Text.escaped(line)
      let style: Console.Style = result.failures.isEmpty ? .green : .red
      console.print(index == 0 ? console.paint(text, style, on: .output) : text)
    }
    return result
  }
}
