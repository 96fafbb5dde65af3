import Foundation
import IMAPClient
import TestSupport
import Testing

/// The password is shown by nothing, at no verbosity, also when the server says it aloud: as it is, in base64, or as
/// the line that was sent.
@Suite("Secrets") struct SecretTests {
  /// One goes as a literal where no SASL is spoken, the other between quotes.
  private static let secrets = ["Sesame-4711\"ö\\x", "Sesame-4711\"\\x"]

  /// How the login goes, and how the server repeats what it hears.
  struct Login: Sendable, CustomTestStringConvertible {
    var mechanism: String
    var hasInitialResponse = true
    var echo: Echo

    enum Echo: String, CaseIterable, Sendable {
      case no, bad, ok, untagged, bye, garbage, challenge, later
    }

    var testDescription: String {
      "\(mechanism)\(hasInitialResponse ? "" : ", asked for"), \(echo.rawValue)"
    }

    static let mechanisms = [
      "command", "plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256", "xoauth2",
      "oauthbearer",
    ]
    static let all = mechanisms.flatMap { mechanism in
      Echo.allCases.map { Login(mechanism: mechanism, hasInitialResponse: $0 != .bad, echo: $0) }
    }
  }

  @Test("a server that repeats what it hears", arguments: Login.mechanisms, secrets)
  func echoes(mechanism: String, secret: String) throws {
    guard mechanism == "command" || secret == Self.secrets[0] else { return }
    for login in Login.all where login.mechanism == mechanism { try check(login, secret) }
  }

  private func check(_ login: Login, _ secret: String) throws {
    try withTemporaryDirectory { directory in
      let heard = Heard(secret)
      let server = try ScriptedServer(connections: 10) { client in
        try? Self.converse(login, client, heard)
      }
      let mboxsync = try Mboxsync(in: directory)
      let file = try directory.write(secret + "\n", to: "password", mode: 0o600)
      let options = [
        "--state", directory.path("state"), "-o", "right.tls=none", "-o",
        "right.password-file=\(file)", "-o", "right.connections=1", "-o", "right.timeout=20",
      ]
      let auth =
        login.mechanism == "command" ? [] : ["-o", "right.auth=\(login.mechanism)"]
      let sides = ["maildir:\(directory.path("left"))", "imap://alice@127.0.0.1:\(server.port)"]
      for verbosity in [["--json", "-vv"], ["-q"]] {
        let result = try mboxsync.run(["sync"] + options + auth + verbosity + sides)
        #expect(
          [1, 69, 75, 76, 77].contains(result.code),
          "\(login): \(result.status) \(result.errorText)")
        let shown = result.outputText + result.errorText
        for secret in heard.secrets {
          #expect(!shown.contains(secret), "\(login) \(verbosity): \(secret) in \(shown)")
        }
      }
      #expect(!heard.secrets.isEmpty, "\(login)")
    }
  }

  /// What was sent that nobody else should see.
  private final class Heard: @unchecked Sendable {
    let secret: String
    private let lock = NSLock()
    private var lines: Set<String> = []

    init(_ secret: String) { self.secret = secret }

    func note(_ line: String) { lock.withLock { _ = lines.insert(line) } }

    var secrets: [String] {
      let own = [secret, Data(secret.utf8).base64EncodedString(), "Sesame"]
      return lock.withLock { own + lines.filter { $0.count > 3 } }
    }
  }

  /// One connection: greeting, login, echo.
  private static func converse(_ login: Login, _ client: ScriptedClient, _ heard: Heard) throws {
    let mechanism =
      login.mechanism == "command" ? "" : " AUTH=\(login.mechanism.uppercased())"
    let initial = login.hasInitialResponse ? " SASL-IR" : ""
    try client.say("* OK [CAPABILITY IMAP4rev1\(mechanism)\(initial)] hello")
    let secret = heard.secret
    var line = try client.readLine()
    let tag = client.tag
    if mechanism.isEmpty {
      if let size = line.split(separator: "{").last.flatMap({ Int($0.dropLast()) }) {
        try client.say("+ go on")
        line += String(decoding: try client.readBytes(size), as: UTF8.self)
        try client.readLine()
      }
    } else {
      let words = line.split(separator: " ").map(String.init)
      if words.count > 3 { heard.note(words[3]) }
      var said = words.dropFirst(3).joined()
      for challenge in try challenges(login, line) {
        try client.say("+ \(Data(challenge.utf8).base64EncodedString())")
        said = try client.readLine()
        heard.note(said)
      }
      line = said
    }
    let echo = "\(line) \(secret) \(Data(secret.utf8).base64EncodedString())"
    switch login.echo {
    case .no: try client.say("\(tag) NO you said \(echo)")
    case .bad: try client.say("\(tag) BAD [ALERT] what is \(echo)?")
    case .ok: try client.say("\(tag) OK [X] welcome \(echo)", "* BYE [Y] \(echo)")
    case .untagged: try client.say("* NO [ALERT] \(echo)", "* OK \(echo)", "\(tag) NO no")
    case .bye: try client.say("* BYE \(echo)")
    case .garbage: try client.say(echo)
    case .challenge: try client.say("+ \(echo)", "+\(echo)", "\(tag) NO \(echo)")
    case .later:
      try client.say("\(tag) OK in")
      while true {
        try client.readLine()
        try client.say(
          "* OK \(String(repeating: "x", count: 1_990 - secret.utf8.count)) \(echo)",
          "\(client.tag) NO \(echo)")
      }
    }
    _ = client.waitForEnd()
  }

  /// What the mechanism's server says until the secret is out.
  private static func challenges(_ login: Login, _ line: String) throws -> [String] {
    switch login.mechanism {
    case "login": ["Username:", "Password:"]
    case "cram-md5": ["<1896.697170952@postoffice.example.net>"]
    case "scram-sha-1", "scram-sha-256": []
    default: login.hasInitialResponse ? [] : [""]
    }
  }
}
