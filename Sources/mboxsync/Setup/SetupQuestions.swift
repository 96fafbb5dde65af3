import IMAPClient
import SyncEngine

/// Asks for what a first configuration needs: a mail address, the server, the password's way, the Maildir.
struct SetupQuestions {
  let dialogue: Dialogue
  let finder: ServerFinder
  let environment: Environment
  let cancellation: Cancellation
  /// The file that is going to be written.
  let target: String

  /// What was answered so far: proposed when it is asked again.
  struct Answers {
    var address: MailAddress?
    var server: String?
    var user: String?
    var passwordWay: Int?
    var maildir = "~/Mail"
    /// They were tried, and something was wrong.
    var wereRefused = false
  }

  /// - Parameter first: what the command line said; keys that it sets are not asked for.
  func ask(
    _ first: FirstConfiguration, _ answers: inout Answers
  ) throws(Complaint) -> FirstConfiguration {
    var first = first
    let address = try askAddress(&answers)
    let (url, provider) = try askServer(address, &answers)
    let user = try askUser(address, &answers)
    let endpoint = url.endpoint(user: user)
    first.right = endpoint.url
    first.settings = endpoint.keys.map { ("right.\($0.key)", $0.value) } + first.settings
    if !first.settings.contains(where: { $0.key.hasPrefix("right.password-") }) {
      let keys = try PasswordQuestions(
        dialogue: dialogue, environment: environment, cancellation: cancellation, user: user,
        host: url.host, provider: provider, file: passwordFile(first.pair),
        wasRefused: answers.wereRefused
      ).keys(&answers.passwordWay)
      first.settings += keys.map { ("right.\($0.key)", $0.value) }
    }
    first.left = try askMaildir(&answers)
    return first
  }

  private func askAddress(_ answers: inout Answers) throws(Complaint) -> MailAddress {
    // Named on the command line, and not to be asked for before something was wrong.
    if let address = answers.address, answers.server == nil { return address }
    let address = try dialogue.ask("Mail address", answers.address?.text ?? "") {
      text throws(ValueError) in try MailAddress(text)
    }
    if answers.address != address { answers = Answers(maildir: answers.maildir) }
    answers.address = address
    return address
  }

  private func askServer(
    _ address: MailAddress, _ answers: inout Answers
  ) throws(Complaint) -> (url: ServerURL, provider: MailProvider?) {
    var proposal = answers.server
    if proposal == nil {
      dialogue.begin("Looking for the server of \(address.domain) ...")
      let found = finder.find(domain: address.domain)
      dialogue.say(found.map { "\($0.url) (\($0.how))" } ?? "not found")
      if let found, !found.isVouchedFor {
        dialogue.say(
          "  It lies outside of \(address.domain): take it only if you know that it is yours.",
          .yellow)
      }
      proposal = found?.url
    }
    let url = try dialogue.ask("Server", proposal ?? "imaps://mail.\(address.domain)") {
      text throws(ValueError) in try ServerURL(text, environment)
    }
    answers.server = url.text
    return (url, MailProvider.all.first { $0.host == url.host.lowercased() })
  }

  private func askUser(
    _ address: MailAddress, _ answers: inout Answers
  ) throws(Complaint) -> String {
    // The whole address first: RFC 6186 §4.
    let user = try dialogue.ask("Login name", answers.user ?? address.text) {
      text throws(ValueError) in try ValueParsers.nonEmpty(text, "a name")
    }
    answers.user = user
    return user
  }

  private func askMaildir(_ answers: inout Answers) throws(Complaint) -> String {
    let context = ValueContext(environment: environment, now: 0)
    answers.maildir = try dialogue.ask("Maildir on this machine (made if missing)", answers.maildir)
    { text throws(ValueError) in
      let path = text.hasPrefix("maildir:") ? String(text.dropFirst(8)) : text
      _ = try ValueParsers.path(path, context)
      return path
    }
    return "maildir:\(answers.maildir)"
  }

  /// Beside the configuration.
  private func passwordFile(_ pair: String) -> String {
    let directory = target.lastIndex(of: "/").map { String(target[..<$0]) } ?? "."
    let path = "\(directory)/\(pair).password"
    guard let home = environment.home, path.hasPrefix(home + "/") else { return path }
    return "~" + path.dropFirst(home.count)
  }
}

/// A server as people write it: a URL, or only a host, perhaps with its port.
struct ServerURL: Hashable, Sendable {
  private let scheme: String
  let host: String
  private let port: UInt16?

  init(_ text: String, _ environment: Environment) throws(ValueError) {
    let context = ValueContext(environment: environment, now: 0)
    let hasScheme = text.contains("://")
    guard
      case .imap(let tls, let user, let host, let port) = try EndpointURL(
        hasScheme ? text : "imaps://\(text)", context)
    else {
      throw .complains("'\(text)' is no IMAP server, one as imaps://mail.example.org is needed")
    }
    guard user == nil else {
      throw .complains("the login name is asked for next, leave it out here")
    }
    scheme = hasScheme ? (tls == .implicit ? "imaps" : "imap") : port == 143 ? "imap" : "imaps"
    self.host = host
    self.port = port
  }

  /// `imaps://mail.example.org`, without a user.
  var text: String {
    "\(scheme)://\(host.contains(":") ? "[\(host)]" : host)" + (port.map { ":\($0)" } ?? "")
  }

  /// The URL with the user in it, and the keys besides: one of `user` where the name would have to be
  /// written in percent-encoding.
  func endpoint(user: String) -> (url: String, keys: [(key: String, value: String)]) {
    let isPlain = user.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default: "-._~+".utf8.contains(byte)
      }
    }
    guard isPlain else { return (text, [("user", user)]) }
    let start = text.dropFirst(scheme.count + 3)
    return ("\(scheme)://\(user)@\(start)", [])
  }
}
