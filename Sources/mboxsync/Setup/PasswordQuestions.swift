import Glibc
import IMAPClient
import SyncEngine

/// Finds out how the password is got, and puts it there if it is nowhere yet. It never stands in the
/// configuration.
struct PasswordQuestions {
  let dialogue: Dialogue
  let environment: Environment
  let cancellation: Cancellation
  /// The login name, and the host it is for.
  let user: String
  let host: String
  let provider: MailProvider?
  /// Where a new file with a password would lie.
  let file: String
  /// What was answered before did not do.
  let wasRefused: Bool

  /// Keys of the endpoint, without the side in front.
  typealias Keys = [(key: String, value: String)]

  private enum Way: CaseIterable {
    case pass
    case keyring
    case file
    case token
    case command
    case ask

    var name: String {
      switch self {
      case .pass: "pass"
      case .keyring: "keyring"
      case .file: "file"
      case .token: "oauth2"
      case .command: "command"
      case .ask: "ask"
      }
    }
  }

  /// - Parameter way: the number of the one that was chosen, now or before.
  func keys(_ way: inout Int?) throws(Complaint) -> Keys {
    if let provider { dialogue.say("  " + provider.hint) }
    dialogue.say("How is the password to be got? It never stands in the configuration.")
    let ways = Way.allCases
    let chosen = try dialogue.choose(
      "Number", ways.map { ($0.name, about($0)) }, way ?? ways.firstIndex(of: proposal) ?? 0)
    way = chosen
    switch ways[chosen] {
    case .pass: return try pass()
    case .keyring: return try keyring()
    case .file: return try ownFile()
    case .token: return try token()
    case .command:
      let command = try dialogue.ask("Command whose first line of output is the password", "") {
        text throws(ValueError) in try ValueParsers.nonEmpty(text, "a command")
      }
      return [("password-command", command)]
    case .ask: return []
    }
  }

  private func about(_ way: Way) -> String {
    func note(_ program: String) -> String { isInstalled(program) ? "" : " (not installed)" }
    return switch way {
    case .pass:
      "the password manager pass"
        + (isInstalled("pass") && !hasPasswordStore ? " (not set up: 'pass init')" : note("pass"))
    case .keyring: "the desktop's keyring, by secret-tool" + note("secret-tool")
    case .file: "a file that only you can read"
    case .token: "a helper that prints an OAuth2 token (Gmail, Microsoft 365)"
    case .command: "another command that prints it"
    case .ask: "typed each time; cron can't do that"
    }
  }

  private var proposal: Way {
    if provider?.login == .token { return .token }
    if isInstalled("pass"), hasPasswordStore { return .pass }
    return isInstalled("secret-tool") ? .keyring : .file
  }

  private var passwordStore: String? {
    environment["PASSWORD_STORE_DIR"] ?? environment.home.map { "\($0)/.password-store" }
  }

  private var hasPasswordStore: Bool {
    passwordStore.map { FileReader.exists("\($0)/.gpg-id") } ?? false
  }

  private func isInstalled(_ program: String) -> Bool {
    ShellWord.isInstalled(program, environment)
  }

  // MARK: The ways

  private func pass() throws(Complaint) -> Keys {
    let entry = try dialogue.ask("Entry of pass", "mail/\(user)") { text throws(ValueError) in
      if text.hasPrefix("-") { throw .needs("the name of an entry") }
      return text
    }
    let isThere = passwordStore.map { FileReader.exists("\($0)/\(entry).gpg") } ?? false
    if !isThere { try offer("pass insert \(ShellWord.quoted(entry))", what: "entry") }
    return [("password-command", "pass show \(ShellWord.quoted(entry))")]
  }

  private func keyring() throws(Complaint) -> Keys {
    let attributes = "service imap host \(ShellWord.quoted(host)) user \(ShellWord.quoted(user))"
    let command = "secret-tool lookup \(attributes)"
    let label = ShellWord.quoted("Mail of \(user)")
    if !prints(command) {
      try offer("secret-tool store --label=\(label) \(attributes)", what: "entry")
    }
    return [("password-command", command)]
  }

  private func ownFile() throws(Complaint) -> Keys {
    let context = ValueContext(environment: environment, now: 0)
    let (shown, path) = try dialogue.ask("File", file) { text throws(ValueError) in
      (text, try ValueParsers.path(text, context))
    }
    if FileReader.exists(path) {
      let keeps = try dialogue.confirm("It is there already. Use the password in it?", !wasRefused)
      if keeps { return [("password-file", shown)] }
    }
    let password: [UInt8]?
    do {
      password = try Terminal.askForPassword("Password of \(user) (not shown): ", cancellation)
    } catch {
      throw Complaint(.tryAgain, "\(error.message): no configuration was written")
    }
    guard let password else { throw Complaint(.tryAgain, "there is no terminal to ask on") }
    // What was in it before is kept until there is something to put in its place.
    unlink(path)
    do {
      try NewFile.write(password + [0x0a], to: path)
    } catch {
      switch error {
      case .isThere: throw Complaint(.configuration, "\(path) can't be replaced: name another file")
      case .system(let error): throw Complaint(.configuration, "\(error)")
      }
    }
    return [("password-file", shown)]
  }

  private func token() throws(Complaint) -> Keys {
    let quoted = ShellWord.quoted(user)
    let helpers = [
      ("oama", "oama access \(quoted)"), ("pizauth", "pizauth show \(quoted)"),
      ("mutt_oauth2.py", "mutt_oauth2.py ~/.local/share/\(quoted).token"),
    ]
    let installed = helpers.first { isInstalled($0.0) }
    if installed == nil {
      dialogue.say(
        "  oama, pizauth and mutt_oauth2.py are such helpers; none of them is installed.")
    }
    let command = try dialogue.ask(
      "Command whose first line of output is the token", (installed ?? helpers[0]).1)
    return [("password-command", command), ("auth", "xoauth2 oauthbearer")]
  }

  // MARK: Storing it

  private func prints(_ command: String) -> Bool {
    let outcome = try? Subprocess.run(
      "\(command) 2>/dev/null", output: .captured, cancellation: cancellation)
    return outcome?.succeeded == true && outcome?.output.isEmpty == false
  }

  private func offer(_ command: String, what: String) throws(Complaint) {
    dialogue.say("  There is no such \(what) yet. This command makes it:")
    dialogue.say("    \(command)")
    guard try dialogue.confirm("Run it now?", true) else { return }
    dialogue.console.finish()
    let outcome = try? Subprocess.run(command, output: .inherited, cancellation: cancellation)
    if outcome?.succeeded != true {
      dialogue.say("  It \(outcome?.description ?? "could not be run"); make it later.", .yellow)
    }
  }
}
