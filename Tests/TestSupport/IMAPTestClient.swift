import Foundation

/// A mail program of the tests: a small blocking IMAP client that shares nothing with the one under test.
///
/// Mailbox names are Unicode, with `/` between levels.
public final class IMAPTestClient {
  private let input: Int32
  private var replies: IMAPReplyReader
  private let child: ChildProcess?
  private var number = 0
  private var selected: String?
  /// The server tells X-GUID, as Dovecot does.
  var showsGUIDs = true
  /// What the server puts before every name but INBOX, and between levels.
  var prefix = ""
  var separator = "/"

  /// A session with a daemon, over TCP in the clear.
  public static func connect(to server: DovecotServer, as account: DovecotServer.Account = .init())
    throws -> IMAPTestClient
  {
    let client = try connect(toPort: server.port, as: account)
    client.prefix = server.options.prefix
    client.separator = server.options.separator
    return client
  }

  /// The same with any server.
  static func connect(toPort port: UInt16, as account: DovecotServer.Account) throws
    -> IMAPTestClient
  {
    var client: IMAPTestClient?
    // A server that takes one connection at a time may still be busy with the end of the last one.
    try waitUntil {
      do {
        client = try connectOnce(toPort: port, as: account)
        return true
      } catch let failure as TestFailure where failure.description.contains("Maximum number of") {
        return false
      }
    }
    guard let client else { throw TestFailure("no session on port \(port)") }
    return client
  }

  private static func connectOnce(toPort port: UInt16, as account: DovecotServer.Account) throws
    -> IMAPTestClient
  {
    let socket = try connectLocally(to: port)
    let client = IMAPTestClient(input: socket, output: socket, child: nil)
    _ = try client.replies.next()
    try client.command("LOGIN \(quote(account.name)) \(quote(account.password))")
    return client
  }

  /// A session with a program, over pipes.
  public static func run(_ program: DovecotProgram) throws -> IMAPTestClient {
    let child = try ChildProcess(
      program.arguments, environment: ["PATH": "/usr/bin:/bin"], input: .pipe, output: .pipe)
    let client = IMAPTestClient(
      input: child.standardInput, output: child.standardOutput, child: child)
    _ = try client.replies.next()
    return client
  }

  private init(input: Int32, output: Int32, child: ChildProcess?) {
    self.input = input
    replies = IMAPReplyReader(descriptor: output)
    self.child = child
  }

  deinit {
    if child == nil { close(input) }
  }

  /// Logs out and ends the session.
  public func logOut() {
    _ = try? command("LOGOUT")
    child?.end()
  }

  /// Sends a command; all replies, the tagged one last. Throws if that isn't OK.
  @discardableResult
  public func command(_ text: String, literal: [UInt8]? = nil, then rest: [UInt8] = []) throws
    -> [IMAPReply]
  {
    number += 1
    let tag = "t\(number)"
    var bytes = Array("\(tag) \(text)".utf8)
    if let literal { bytes += Array("{\(literal.count)+}\r\n".utf8) + literal + rest }
    try send(bytes + [13, 10])
    var received: [IMAPReply] = []
    while true {
      let reply = try replies.next()
      received.append(reply)
      guard reply.line.hasPrefix("\(tag) ") else { continue }
      guard reply.line.hasPrefix("\(tag) OK") else {
        throw TestFailure("\(text): \(reply.line)")
      }
      return received
    }
  }

  private func send(_ bytes: [UInt8]) throws {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes { write(input, $0.baseAddress, $0.count) }
      guard count > 0 else { throw TestFailure("write: \(String(cString: strerror(errno)))") }
      sent += count
    }
  }

  // MARK: Mailboxes

  public func mailboxes() throws -> [String] {
    names(try command(#"LIST "" "*""#), "LIST")
  }

  public func subscriptions() throws -> [String] {
    names(try command(#"LSUB "" "*""#), "LSUB")
  }

  private func names(_ replies: [IMAPReply], _ kind: String) -> [String] {
    replies.compactMap { reply in
      guard reply.values.count >= 5, reply.values[1].text == kind else { return nil }
      let attributes = reply.values[2].items.map { $0.text.lowercased() }
      guard !attributes.contains("\\noselect"), !attributes.contains("\\nonexistent") else {
        return nil
      }
      return nameHere(reply.values[4].text)
    }.sorted()
  }

  public func create(_ mailbox: String) throws { try command("CREATE \(name(mailbox))") }

  public func delete(_ mailbox: String) throws {
    try unselect()
    try command("DELETE \(name(mailbox))")
  }

  public func rename(_ mailbox: String, to other: String) throws {
    try unselect()
    try command("RENAME \(name(mailbox)) \(name(other))")
  }

  public func subscribe(_ mailbox: String) throws { try command("SUBSCRIBE \(name(mailbox))") }

  public func select(_ mailbox: String) throws {
    selected = mailbox
    try command("SELECT \(name(mailbox))")
  }

  public func unselect() throws {
    guard selected != nil else { return }
    selected = nil
    try command("UNSELECT")
  }

  public func numbers(of mailbox: String) throws -> MailboxNumbers {
    try unselect()
    let items = "MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ"
    let replies = try command("STATUS \(name(mailbox)) (\(items))")
    guard
      let status = replies.first(where: { $0.values.count > 3 && $0.values[1].text == "STATUS" })
    else { throw TestFailure("no STATUS of \(mailbox)") }
    func number(_ item: String) -> UInt64 { status.values[3][item]?.number ?? 0 }
    return MailboxNumbers(
      uidValidity: number("UIDVALIDITY"), uidNext: number("UIDNEXT"),
      messages: Int(number("MESSAGES")), highestModSeq: number("HIGHESTMODSEQ"))
  }

  // MARK: Messages

  /// All messages of a mailbox, by UID, with their bytes.
  public func messages(in mailbox: String) throws -> [StoredMessage] {
    try unselect()
    try select(mailbox)
    defer { try? unselect() }
    let replies = try command(
      "UID FETCH 1:* (FLAGS INTERNALDATE\(showsGUIDs ? " X-GUID" : "") BODY.PEEK[])")
    return replies.compactMap { reply in
      guard reply.values.count > 3, reply.values[2].text == "FETCH" else { return nil }
      let items = reply.values[3]
      guard let body = items["BODY[]"]?.bytes, let uid = items["UID"]?.number else { return nil }
      return StoredMessage(
        bytes: body, flags: Set((items["FLAGS"]?.items ?? []).map(\.text)),
        date: parseInternalDate(items["INTERNALDATE"]?.text ?? ""), uid: UInt32(uid),
        guid: items["X-GUID"]?.text)
    }.sorted { ($0.uid ?? 0) < ($1.uid ?? 0) }
  }

  /// Appends a message given with any line ends; its UID.
  @discardableResult
  public func append(
    _ bytes: [UInt8], to mailbox: String, flags: Set<String> = [], date: Int? = nil
  ) throws -> UInt32 {
    let date = date.map { "\"\(formatInternalDate($0))\" " } ?? ""
    let replies = try command(
      "APPEND \(name(mailbox)) (\(flags.sorted().joined(separator: " "))) \(date)",
      literal: withCRLF(bytes))
    guard let code = replies.last?.code("APPENDUID"), let uid = code.last.flatMap({ UInt32($0) })
    else { throw TestFailure("no APPENDUID") }
    return uid
  }

  /// Appends messages, many at a time.
  public func append(_ messages: [[UInt8]], to mailbox: String) throws {
    for start in stride(from: 0, to: messages.count, by: 100) {
      let part = messages[start..<min(start + 100, messages.count)].map(withCRLF)
      var rest: [UInt8] = []
      for message in part.dropFirst() { rest += Array(" {\(message.count)+}\r\n".utf8) + message }
      try command("APPEND \(name(mailbox)) ", literal: part[0], then: rest)
    }
  }

  public func store(
    _ uids: [UInt32], in mailbox: String, add: Set<String> = [], remove: Set<String> = []
  )
    throws
  {
    try onMessages(uids, in: mailbox) { set in
      for (sign, flags) in [("+", add), ("-", remove)] where !flags.isEmpty {
        try command(
          "UID STORE \(set) \(sign)FLAGS.SILENT (\(flags.sorted().joined(separator: " ")))")
      }
    }
  }

  public func expunge(_ uids: [UInt32], in mailbox: String) throws {
    try onMessages(uids, in: mailbox) { set in
      try command("UID STORE \(set) +FLAGS.SILENT (\\Deleted)")
      try command("UID EXPUNGE \(set)")
    }
  }

  public func copy(_ uids: [UInt32], in mailbox: String, to other: String) throws {
    try onMessages(uids, in: mailbox) { try command("UID COPY \($0) \(name(other))") }
  }

  public func move(_ uids: [UInt32], in mailbox: String, to other: String) throws {
    try onMessages(uids, in: mailbox) { try command("UID MOVE \($0) \(name(other))") }
  }

  private func onMessages(_ uids: [UInt32], in mailbox: String, _ body: (String) throws -> Void)
    throws
  {
    guard !uids.isEmpty else { return }
    try select(mailbox)
    for start in stride(from: 0, to: uids.count, by: 500) {
      let part = uids[start..<min(start + 500, uids.count)]
      try body(part.map(String.init).joined(separator: ","))
    }
    try unselect()
  }

  private func name(_ mailbox: String) -> String {
    guard mailbox != "INBOX" else { return quote(mailbox) }
    let levels = mailbox.split(separator: "/").map { encodeModifiedUTF7(String($0)) }
    return quote(prefix + levels.joined(separator: separator))
  }

  private func nameHere(_ wire: String) -> String {
    let own = wire != "INBOX" && wire.hasPrefix(prefix) ? wire.dropFirst(prefix.count) : wire[...]
    return own.components(separatedBy: separator).map(decodeModifiedUTF7).joined(separator: "/")
  }
}

private func quote(_ text: String) -> String {
  "\""
    + text.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\"")
    + "\""
}
