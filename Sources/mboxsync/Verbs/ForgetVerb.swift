import IMAPClient
import SyncEngine

/// `mboxsync forget`: drops what is recorded; the next run matches both sides anew.
struct ForgetVerb {
  let session: Session

  func run() throws(Complaint) -> ExitCode {
    var code = ExitCode.ok
    for pair in try session.pairs() {
      do {
        code = try forget(pair)
      } catch {
        let failure = SyncFailure(error)
        session.console.failure(failure, pair: pair.name)
        code = ExitCode(failure.code)
      }
    }
    return code
  }

  private func forget(_ pair: PairSettings) throws(StateError) -> ExitCode {
    let directory = session.stateDirectory
    if session.invocation.mailboxes.isEmpty {
      let existed = try SQLiteStateStore.forget(directory: directory, pair: pair.name)
      say(pair, existed ? "forgotten" : "nothing was known")
      return .ok
    }
    let store = try SQLiteStateStore.open(
      directory: directory, pair: pair.name, access: .readWrite
    ).store
    var code = ExitCode.ok
    for path in session.invocation.mailboxes {
      if let name = MailboxName(path: path), try store.forget(name) {
        say(pair, "\(path): forgotten")
      } else {
        session.console.complain([
          pair.name, path, "nothing is recorded of such a mailbox", "see 'mboxsync status'",
        ])
        code = .partial
      }
    }
    return code
  }

  private func say(_ pair: PairSettings, _ text: String) {
    let console = session.console
    guard console.verbosity > 0 || (console.verbosity == 0 && console.outputIsTerminal) else {
      return
    }
    console.print(Text.escaped("\(pair.name): \(text)"))
  }
}
