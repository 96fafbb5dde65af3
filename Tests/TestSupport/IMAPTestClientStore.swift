/// An account on a server as its user's mail programs see it: ``MailStore`` over IMAP.
///
/// A session is opened for each piece of work: an open one would end when a mailbox gets another UIDVALIDITY.
public final class IMAPAccount: MailStore {
  private let open: () throws -> IMAPTestClient

  public init(_ open: @escaping () throws -> IMAPTestClient) {
    self.open = open
  }

  public convenience init(_ program: DovecotProgram) {
    self.init { try IMAPTestClient.run(program) }
  }

  public convenience init(_ server: DovecotServer, as account: DovecotServer.Account = .init()) {
    self.init { try IMAPTestClient.connect(to: server, as: account) }
  }

  public convenience init(_ server: CyrusServer) { self.init { try server.openSession() } }

  /// Does something over a session of its own.
  public func withSession<Result>(_ body: (IMAPTestClient) throws -> Result) throws -> Result {
    let client = try open()
    defer { client.logOut() }
    return try body(client)
  }

  public func mailboxes() throws -> [String] { try withSession { try $0.mailboxes() } }

  public func messages(in mailbox: String) throws -> [StoredMessage] {
    try withSession { try $0.messages(in: mailbox) }
  }

  public func numbers(of mailbox: String) throws -> MailboxNumbers? {
    try withSession { try $0.numbers(of: mailbox) }
  }

  public func add(_ bytes: [UInt8], to mailbox: String, flags: Set<String>, date: Int?) throws {
    _ = try withSession { try $0.append(bytes, to: mailbox, flags: flags, date: date) }
  }

  public func add(_ messages: [[UInt8]], to mailbox: String) throws {
    guard !messages.isEmpty else { return }
    try withSession { try $0.append(messages, to: mailbox) }
  }

  public func flag(_ tokens: [String], in mailbox: String, add: Set<String>, remove: Set<String>)
    throws
  {
    try withSession {
      try $0.store(try $0.uids(of: tokens, in: mailbox), in: mailbox, add: add, remove: remove)
    }
  }

  public func expunge(_ tokens: [String], in mailbox: String) throws {
    try withSession { try $0.expunge(try $0.uids(of: tokens, in: mailbox), in: mailbox) }
  }

  public func copy(_ tokens: [String], in mailbox: String, to other: String) throws {
    try withSession { try $0.copy(try $0.uids(of: tokens, in: mailbox), in: mailbox, to: other) }
  }

  public func move(_ tokens: [String], in mailbox: String, to other: String) throws {
    try withSession { try $0.move(try $0.uids(of: tokens, in: mailbox), in: mailbox, to: other) }
  }

  public func create(_ mailbox: String) throws { try withSession { try $0.create(mailbox) } }

  public func delete(_ mailbox: String) throws { try withSession { try $0.delete(mailbox) } }

  public func rename(_ mailbox: String, to other: String) throws {
    try withSession { try $0.rename(mailbox, to: other) }
  }

  public func snapshot() throws -> [String: [StoredMessage]] {
    try withSession { session in
      var result: [String: [StoredMessage]] = [:]
      for mailbox in try session.mailboxes() { result[mailbox] = try session.messages(in: mailbox) }
      return result
    }
  }

  public func view() throws -> StoreView {
    try withSession { session in
      var result: StoreView = [:]
      for mailbox in try session.mailboxes() {
        result[mailbox] = MailboxView(
          messages: try session.messages(in: mailbox), numbers: try session.numbers(of: mailbox))
      }
      return result
    }
  }
}

extension IMAPTestClient {
  /// The UIDs of the messages with these tokens.
  public func uids(of tokens: [String], in mailbox: String) throws -> [UInt32] {
    let wanted = Set(tokens)
    let found = try messages(in: mailbox).filter { wanted.contains($0.token) }.compactMap(\.uid)
    guard found.count >= wanted.count else {
      throw TestFailure("\(mailbox) has \(found.count) of \(tokens)")
    }
    return found
  }
}
