import CLinux
import Glibc
import IMAPClient
import SyncEngine

/// `mboxsync init`: writes a first configuration file, and never over one that is there.
struct InitVerb {
  let session: Session

  private var invocation: Invocation { session.invocation }

  func run() throws(Complaint) -> ExitCode {
    guard let path = invocation.configurationFile ?? session.environment.configurationFile else {
      throw Complaint(.configuration, "no home directory is known: name a file with '--config'")
    }
    let target = Paths.absolute(path)
    if access(target, F_OK) == 0 { throw isThere(target) }
    let text = try answers().text
    try check(text, target)
    try write(text, to: target)
    if session.console.outputIsTerminal && session.console.verbosity >= 0 {
      session.console.print(
        Text.escaped("\(target) is written; look at it, then try 'mboxsync check'"))
    }
    return .ok
  }

  /// What the command line says, and what the user says on a terminal of the rest.
  private func answers() throws(Complaint) -> FirstConfiguration {
    var first = FirstConfiguration()
    if let name = invocation.pairNames.first {
      guard Names.isFit(name) else { throw Complaint(UsageError("'\(name)' can't name a pair")) }
      first.pair = name
    }
    for (key, value) in invocation.settings { first.settings.append((key, value)) }
    if let (left, right) = invocation.endpoints {
      first.left = left
      first.right = right
    } else if Terminal.isTerminal(STDIN_FILENO) && session.console.outputIsTerminal {
      ask(&first)
    }
    return first
  }

  private func ask(_ first: inout FirstConfiguration) {
    first.left = answer("Local mail (a Maildir is made if it is missing)", first.left)
    first.right = answer("Server, as imaps://user@host", first.right)
    let isSet = first.settings.contains { $0.key.hasPrefix("right.password-") }
    guard !isSet, first.right.lowercased().hasPrefix("imap") else { return }
    let command = answer("Command that prints the password (empty: ask each time)", "")
    if !command.isEmpty { first.settings.append(("right.password-command", command)) }
  }

  private func answer(_ question: String, _ proposal: String) -> String {
    let shown = proposal.isEmpty ? "" : " [\(proposal)]"
    let bytes = Array("\(question)\(shown): ".utf8)
    _ = Glibc.write(STDOUT_FILENO, bytes, bytes.count)
    let line = readLine() ?? ""
    return line.isEmpty ? proposal : line
  }

  /// What is written has to be what can be read.
  private func check(_ text: String, _ path: String) throws(Complaint) {
    let context = ValueContext(environment: session.environment, now: Clock.now())
    do {
      _ = try Configuration(path: path, bytes: Array(text.utf8), context)
    } catch {
      throw Complaint(UsageError(error.message))
    }
  }

  private func write(_ text: String, to path: String) throws(Complaint) {
    do {
      try makeDirectories(above: path)
      let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
      if descriptor < 0 && errno == EEXIST { throw isThere(path) }
      guard descriptor >= 0 else { throw SystemError("can't write \(path)") }
      defer { close(descriptor) }
      let bytes = Array(text.utf8)
      guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
        throw SystemError("can't write \(path)")
      }
    } catch let complaint as Complaint {
      throw complaint
    } catch {
      throw Complaint(.configuration, "\(error)")
    }
  }

  private func makeDirectories(above path: String) throws(SystemError) {
    var made = ""
    for component in path.split(separator: "/").dropLast() {
      made += "/\(component)"
      if mkdir(made, 0o700) != 0 && errno != EEXIST { throw SystemError("can't make \(made)") }
    }
  }

  private func isThere(_ path: String) -> Complaint {
    Complaint(.usage, "\(path) is there already: remove it, or name another with '--config'")
  }
}
