import Glibc
import SyncEngine

/// `mboxsync init`: writes a first configuration file, and never over one that is there.
///
/// A ``Draft`` is made of what the command line says or of what is asked for on a terminal; what is
/// written, and what is said in the end, is the same for all.
struct InitVerb {
  /// A configuration that is to be written.
  struct Draft {
    var text: String
    /// A pair of it, for what is said of the next steps.
    var pair: String
    /// The sides were reached already.
    var wasTried = false
    var asksForPassword = false
    /// What there is to be said about it, a line each.
    var remarks: [String] = []
  }

  let session: Session

  var invocation: Invocation { session.invocation }
  private var console: Console { session.console }

  func run() throws(Complaint) -> ExitCode {
    guard let path = invocation.configurationFile ?? session.environment.configurationFile else {
      throw Complaint(.configuration, "no home directory is known: name a file with '--config'")
    }
    let target = Paths.absolute(path)
    if FileReader.exists(target) { throw isThere(target) }
    let moved = try translated()
    let draft = if let moved { moved } else { try draft(for: target) }
    do {
      _ = try parsed(draft.text, target)
    } catch {
      guard let (_, file) = invocation.movesFrom else { throw Complaint(UsageError(error.message)) }
      throw Complaint(.configuration, "\(file) can't be translated: \(error.message)")
    }
    try write(draft.text, to: target)
    for remark in draft.remarks { console.complain([remark], style: .yellow) }
    if console.outputIsTerminal && console.verbosity >= 0 || console.verbosity > 0 {
      console.print(Text.escaped("\(target) is written."))
      for line in nextSteps(draft).lines { console.print(Text.escaped(line)) }
    }
    return .ok
  }

  private func draft(for target: String) throws(Complaint) -> Draft {
    var first = FirstConfiguration()
    first.settings = invocation.settings
    var address: MailAddress?
    if let name = invocation.pairNames.first {
      address = try? MailAddress(name)
      guard Names.isFit(name) else { throw Complaint(UsageError("'\(name)' can't name a pair")) }
      if address == nil { first.pair = name }
    }
    if let (left, right) = invocation.endpoints {
      first.left = left
      first.right = right
      return draft(first)
    }
    if Dialogue.isPossible(console) { return try ask(first, address, target) }
    guard let address else {
      throw Complaint(
        UsageError(
          "there is no terminal to ask on: name both endpoints, as in "
            + "'mboxsync init home maildir:~/Mail imaps://alice@mail.example.org'"))
    }
    let server = try server(of: address).endpoint(user: address.text)
    first.right = server.url
    first.settings = server.keys.map { ("right.\($0.key)", $0.value) } + first.settings
    return draft(first)
  }

  private func draft(_ first: FirstConfiguration) -> Draft {
    let needsPassword = first.right.lowercased().hasPrefix("imap")
    let hasPassword = first.settings.contains { $0.key.hasPrefix("right.password-") }
    return Draft(
      text: first.text, pair: first.pair, asksForPassword: needsPassword && !hasPassword)
  }

  /// Found without anybody who could confirm it.
  private func server(of address: MailAddress) throws(Complaint) -> ServerURL {
    guard let found = ServerFinder(names: .system).find(domain: address.domain) else {
      throw Complaint(
        UsageError("no IMAP server of \(address.domain) was found: name both endpoints"))
    }
    guard found.isVouchedFor else {
      throw Complaint(
        UsageError(
          "the server of \(address.domain) is said to be \(found.host), which nobody vouches for: "
            + "name both endpoints"))
    }
    do {
      return try ServerURL(found.url, session.environment)
    } catch {
      throw Complaint(UsageError(error.message(key: "server", value: found.url)))
    }
  }

  // MARK: On a terminal

  private func ask(
    _ given: FirstConfiguration, _ address: MailAddress?, _ target: String
  ) throws(Complaint) -> Draft {
    let dialogue = Dialogue(console: console, cancellation: session.cancellation)
    let questions = SetupQuestions(
      dialogue: dialogue, finder: ServerFinder(names: .system), environment: session.environment,
      cancellation: session.cancellation, target: target)
    dialogue.say("This writes \(target).")
    dialogue.say("An empty line takes what stands in brackets; Ctrl-C leaves it unwritten.")
    var answers = SetupQuestions.Answers(address: address)
    while true {
      let first = try questions.ask(given, &answers)
      var draft = draft(first)
      dialogue.say("")
      dialogue.say("Trying it:")
      let codes = try check(draft.text, target)
      draft.wasTried = codes == .ok
      dialogue.say("")
      if codes == .ok { return draft }
      let choices = [
        ("again", "answer the questions again"), ("write", "write it all the same"),
        ("stop", "write nothing"),
      ]
      switch try dialogue.choose("Number", choices, 0) {
      case 0: answers.wereRefused = true
      case 1: return draft
      default: throw Complaint(.tryAgain, "stopped: no configuration was written")
      }
    }
  }

  private func check(_ text: String, _ target: String) throws(Complaint) -> ExitCode {
    var codes: [ExitCode] = []
    do {
      let configuration = try parsed(text, target)
      for name in configuration.pairNames {
        guard let pair = try configuration.pair(name, settings: [], currentDirectory: "/") else {
          continue
        }
        codes.append(CheckVerb(session: session).check(pair).exitCode)
      }
    } catch {
      throw Complaint(UsageError(error.message))
    }
    return ExitCode.highest(codes)
  }

  // MARK: The file

  /// What is written has to be what can be read.
  private func parsed(_ text: String, _ path: String) throws(ConfigurationError) -> Configuration {
    let context = ValueContext(environment: session.environment, now: Clock.now())
    return try Configuration(path: path, bytes: Array(text.utf8), context)
  }

  private func write(_ text: String, to path: String) throws(Complaint) {
    do {
      try NewFile.write(Array(text.utf8), to: path)
    } catch {
      switch error {
      case .isThere: throw isThere(path)
      case .system(let error):
        throw Complaint(
          .configuration, "\(error): check its owner and mode, or name another file with '--config'"
        )
      }
    }
  }

  private func isThere(_ path: String) -> Complaint {
    Complaint(
      .usage, "\(path) is there already: add to it by hand, or name another with '--config'")
  }

  private func nextSteps(_ draft: Draft) -> NextSteps {
    var above = ["/etc", "/usr/local/lib", "/usr/lib"]
    if let home = session.environment.home { above.append("\(home)/.local/share") }
    let units = above.map { "\($0)/systemd/user/mboxsync@.timer" }
    return NextSteps(
      environment: session.environment,
      configuration: invocation.configurationFile.map { Paths.absolute($0) }, pair: draft.pair,
      program: Paths.ownProgram ?? "mboxsync", wasTried: draft.wasTried,
      asksForPassword: draft.asksForPassword, hasUnits: units.contains(where: FileReader.exists),
      keyringDirectory: draft.text.contains("password-command = secret-tool")
        ? session.environment["XDG_RUNTIME_DIR"] ?? "/run/user/\(getuid())" : nil)
  }
}
