import Foundation
import Synchronization
import TestSupport

/// A small IMAP server with two mailboxes that never change, INBOX (messages `one` and `two`) and Good (message `good`); in
/// any other there is a message `evil`. It tells the truth but where a test has it lie.
final class LyingServer: Sendable {
  /// What is said instead of the truth.
  struct Lie: Sendable {
    /// How the command begins, without its tag; empty: the greeting.
    var command: String
    /// The whole answer; `TAG` stands for the command's tag and `TRUTH` for the honest lines before the tagged one.
    var answer: String
    /// Said over and over after the answer, for as long as the client listens.
    var flood = ""
    /// The connection is closed after it.
    var closes = false
    /// Not before ``turnLate()``.
    var isLate = false
  }

  static let greeting = "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hello\r\n"

  private struct State {
    var capabilities: String
    var lies: [Lie]
    var commands: [String] = []
    var isLate = false
  }

  private let state: Mutex<State>
  private let server = Mutex<ScriptedServer?>(nil)

  /// Starts it; connections are served one after the other.
  init(capabilities: String, lies: [Lie]) throws {
    state = Mutex(State(capabilities: capabilities, lies: lies))
    let started = try ScriptedServer(connections: 1_000) { [weak self] client in
      // A client that goes away in the middle is no failure.
      try? self?.serve(client)
    }
    server.withLock { $0 = started }
  }

  var port: UInt16 { server.withLock { $0?.port ?? 0 } }

  /// From now on it tells nothing but the truth.
  func repent() { state.withLock { $0.lies = [] } }

  /// From now on it also tells the late ones.
  func turnLate() { state.withLock { $0.isLate = true } }

  /// What clients sent, without tags.
  var commands: [String] { state.withLock { $0.commands } }

  private func serve(_ client: ScriptedClient) throws {
    switch try lie(client, to: "", "", in: "", truth: "") {
    case nil: try client.send(Self.greeting)
    case true?: return
    case false?: break
    }
    var session = Session(capabilities: state.withLock { $0.capabilities })
    while true {
      let line = try client.readLine()
      var command = String(line.drop { $0 != " " }.dropFirst())
      let tag = client.tag
      state.withLock { $0.commands.append(command) }
      var truth = session.lines(for: command)
      if let size = Self.literalSize(command), !isTold(command) {
        try client.send("+ go on\r\n")
        _ = try client.readBytes(size)
        try client.readLine()
        command = "LITERAL"
        truth = session.lines(for: command)
      }
      switch try lie(client, to: command, tag, in: session.mailbox, truth: truth) {
      case nil: try client.send(truth + "\(tag) \(session.status)\r\n")
      case true?: return
      case false?: break
      }
      if command == "LOGOUT" { return }
    }
  }

  private func isTold(_ command: String) -> Bool {
    state.withLock { $0.lies }.contains { command.hasPrefix($0.command) && !$0.command.isEmpty }
  }

  /// Of `{12}` at the end of a line.
  private static func literalSize(_ line: String) -> Int? {
    guard line.hasSuffix("}"), let start = line.lastIndex(of: "{") else { return nil }
    return Int(line[line.index(after: start)...].dropLast())
  }

  /// - Returns: whether it ends the connection; `nil` if there is no lie to be told.
  private func lie(
    _ client: ScriptedClient, to command: String, _ tag: String, in mailbox: String, truth: String
  ) throws -> Bool? {
    let lies = state.withLock { $0.lies }
    let isEarly = state.withLock { !$0.isLate }
    let told = lies.first { lie in
      if lie.isLate, isEarly { return false }
      guard !lie.command.isEmpty, !command.isEmpty else { return lie.command == command }
      // About messages it lies in INBOX only.
      return command.hasPrefix(lie.command) && (mailbox != "Good" || !command.hasPrefix("UID"))
    }
    guard let lie = told else { return nil }
    try client.send(
      lie.answer.replacingOccurrences(of: "TRUTH", with: truth)
        .replacingOccurrences(of: "TAG", with: tag))
    if !lie.flood.isEmpty {
      let piece = Array(
        String(repeating: lie.flood, count: max(1, 8_000 / lie.flood.utf8.count)).utf8)
      while true { try client.send(piece) }
    }
    return lie.closes
  }
}

extension LyingServer {
  /// The messages of each mailbox, by UID.
  static func mail(_ mailbox: String) -> [(uid: Int, text: String)] {
    switch mailbox {
    case "INBOX": [(1, text("one")), (2, text("two"))]
    case "Good": [(1, text("good"))]
    default: [(1, text("evil"))]
    }
  }

  private static func text(_ token: String) -> String {
    String(decoding: makeMessage(token), as: UTF8.self).replacingOccurrences(of: "\n", with: "\r\n")
  }

  /// What one connection is about.
  private struct Session {
    let capabilities: String
    var mailbox = ""
    private(set) var status = "OK done"

    init(capabilities: String) { self.capabilities = capabilities }

    /// What is to be said before the tagged answer.
    mutating func lines(for command: String) -> String {
      status = "OK done"
      let words = command.split(separator: " ").map(String.init)
      switch words.first {
      case "AUTHENTICATE", "LOGIN":
        status = "OK [CAPABILITY \(capabilities)] in"
        return ""
      case "CAPABILITY": return "* CAPABILITY \(capabilities)\r\n"
      case "NAMESPACE": return "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n"
      case "ENABLE": return "* ENABLED \(words.dropFirst().joined(separator: " "))\r\n"
      case "LIST": return command.hasSuffix("\"\"") ? "* LIST () \"/\" \"\"\r\n" : list("LIST")
      case "LSUB": return list("LSUB")
      case "STATUS": return state(command)
      case "SELECT":
        mailbox = name(in: command)
        return select()
      case "UID": return messages(command, Array(words.dropFirst()))
      case "NOOP", "LOGOUT", "UNSELECT", "ID", "UNSUBSCRIBE": return ""
      case "APPEND", "CREATE", "SUBSCRIBE", "LITERAL":
        status = "NO not here"
        return ""
      default:
        status = "BAD what?"
        return ""
      }
    }

    /// What stands between quotes, as it stands there.
    private func name(in command: String) -> String {
      guard let first = command.firstIndex(of: "\""), let last = command.lastIndex(of: "\""),
        first < last
      else { return "" }
      return String(command[command.index(after: first)..<last])
    }

    private func list(_ name: String) -> String {
      "* \(name) () \"/\" INBOX\r\n* \(name) () \"/\" Good\r\n"
    }

    private func state(_ command: String) -> String {
      let mailbox = name(in: command)
      let count = LyingServer.mail(mailbox).count
      return "* STATUS \"\(mailbox)\" (MESSAGES \(count) UIDNEXT \(count + 1) UIDVALIDITY 7"
        + " HIGHESTMODSEQ 9)\r\n"
    }

    private func select() -> String {
      let count = LyingServer.mail(mailbox).count
      return "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n"
        + "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] ok\r\n"
        + "* \(count) EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT \(count + 1)] ok\r\n"
        + "* OK [HIGHESTMODSEQ 9] ok\r\n"
    }

    private func messages(_ command: String, _ words: [String]) -> String {
      let mail = LyingServer.mail(mailbox)
      guard words[0] == "FETCH" else {
        guard words[0] == "SEARCH" else { return "" }
        let uids = mail.map { "\($0.uid)" }
        return words.contains("RETURN")
          ? "* ESEARCH (TAG \"x\") UID ALL \(uids.joined(separator: ","))\r\n"
          : "* SEARCH \(uids.joined(separator: " "))\r\n"
      }
      if command.contains("CHANGEDSINCE") { return "" }
      return mail.enumerated().filter { Self.holds(words[1], $0.element.uid) }.map {
        index, message in
        let body =
          command.contains("BODY.PEEK[]")
          ? " BODY[] {\(message.text.utf8.count)}\r\n\(message.text)"
          : command.contains("BODY.PEEK[HEADER]")
            ? " BODY[HEADER] {\(message.text.utf8.count)}\r\n\(message.text)" : ""
        return "* \(index + 1) FETCH (UID \(message.uid) FLAGS (\\Seen) MODSEQ (5)"
          + " INTERNALDATE \"01-Feb-2024 00:00:00 +0000\""
          + " RFC822.SIZE \(message.text.utf8.count)\(body))\r\n"
      }.joined()
    }

    /// Whether the set has the number.
    private static func holds(_ set: String, _ uid: Int) -> Bool {
      set.split(separator: ",").contains { part in
        let ends = part.split(separator: ":").compactMap { Int($0) }
        guard let first = ends.first, let last = ends.last else { return false }
        return uid >= first && uid <= last
      }
    }
  }
}
