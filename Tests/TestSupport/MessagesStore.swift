import Foundation

/// A message as some mail program sees it.
public struct StoredMessage: Hashable, Sendable, CustomStringConvertible {
  /// With CRLF, as over IMAP.
  public let bytes: [UInt8]
  /// Lower case, without `\Recent`.
  public let flags: Set<String>
  /// When it was received, in seconds since 1970.
  public let date: Int
  public let uid: UInt32?
  public let guid: String?

  public init(bytes: [UInt8], flags: Set<String>, date: Int, uid: UInt32?, guid: String? = nil) {
    self.bytes = withCRLF(bytes)
    self.flags = Set(flags.map { $0.lowercased() }).subtracting(["\\recent"])
    self.date = date
    self.uid = uid
    self.guid = guid
  }

  /// What the `X-Token` header says, by which tests tell messages apart.
  public var token: String {
    let head = String(decoding: bytes.prefix(4_096), as: UTF8.self)
    for line in head.split(whereSeparator: \.isNewline) where line.hasPrefix("X-Token: ") {
      return String(line.dropFirst(9))
    }
    return "no token, \(bytes.count) bytes"
  }

  public var description: String {
    "\(token) \(flags.sorted()) \(date) UID \(uid.map(String.init) ?? "-") (\(bytes.count) bytes)"
  }
}

/// What STATUS says of a mailbox.
public struct MailboxNumbers: Hashable, Sendable {
  public var uidValidity: UInt64
  public var uidNext: UInt64
  public var messages: Int
  public var highestModSeq: UInt64
}

/// A mailbox with everything in it, at one time.
public struct MailboxView: Sendable, CustomStringConvertible {
  public var messages: [StoredMessage]
  public var numbers: MailboxNumbers?

  /// Whether a client that has seen the one may go on with the other.
  ///
  /// - Parameter ignoringContents: messages are only told by their tokens.
  public func isEqualForClients(to other: MailboxView, ignoringContents: Bool = false) -> Bool {
    func shown(_ view: MailboxView) -> [StoredMessage] {
      view.messages.map {
        StoredMessage(
          bytes: ignoringContents ? Array("X-Token: \($0.token)".utf8) : $0.bytes, flags: $0.flags,
          date: $0.date, uid: $0.uid)
      }
    }
    return shown(self) == shown(other) && numbers?.uidValidity == other.numbers?.uidValidity
      && numbers?.uidNext == other.numbers?.uidNext
  }

  public var description: String {
    "UIDVALIDITY \(numbers?.uidValidity ?? 0), UIDNEXT \(numbers?.uidNext ?? 0), \(messages)"
  }
}

/// All mailboxes of a store by their names.
public typealias StoreView = [String: MailboxView]

/// A store of mail as its user's programs see and change it, whatever kind it is. Mailbox names are Unicode,
/// with `/` between levels; messages are named by their tokens.
public protocol MailStore: AnyObject {
  func mailboxes() throws -> [String]
  func messages(in mailbox: String) throws -> [StoredMessage]
  func numbers(of mailbox: String) throws -> MailboxNumbers?
  func add(_ bytes: [UInt8], to mailbox: String, flags: Set<String>, date: Int?) throws
  /// Adds messages without flags, received at ``momentOfTests``.
  func add(_ messages: [[UInt8]], to mailbox: String) throws
  func flag(_ tokens: [String], in mailbox: String, add: Set<String>, remove: Set<String>) throws
  func expunge(_ tokens: [String], in mailbox: String) throws
  func copy(_ tokens: [String], in mailbox: String, to other: String) throws
  func move(_ tokens: [String], in mailbox: String, to other: String) throws
  func create(_ mailbox: String) throws
  func delete(_ mailbox: String) throws
  func rename(_ mailbox: String, to other: String) throws
  /// All messages of all mailboxes.
  func snapshot() throws -> [String: [StoredMessage]]
  /// All messages of all mailboxes, and what STATUS says.
  func view() throws -> StoreView
}

/// When mail of tests is received, unless they say otherwise: today, and in the same second on both sides.
public let momentOfTests = Int(Date.now.timeIntervalSince1970)

extension MailStore {
  public func add(_ bytes: [UInt8], to mailbox: String = "INBOX") throws {
    try add([bytes], to: mailbox)
  }

  public func add(_ messages: [[UInt8]]) throws {
    try add(messages, to: "INBOX")
  }

  /// Adds a plain message for each token.
  public func add(tokens: [String], to mailbox: String = "INBOX") throws {
    try add(tokens.map { makeMessage($0) }, to: mailbox)
  }

  public func tokens(in mailbox: String = "INBOX") throws -> [String] {
    try messages(in: mailbox).map(\.token).sorted()
  }

  public func flag(_ token: String, in mailbox: String = "INBOX", add: Set<String>) throws {
    try flag([token], in: mailbox, add: add, remove: [])
  }

  public func flag(_ token: String, in mailbox: String = "INBOX", remove: Set<String>) throws {
    try flag([token], in: mailbox, add: [], remove: remove)
  }

  /// The flags of the one message with this token.
  public func flags(of token: String, in mailbox: String = "INBOX") throws -> Set<String> {
    let found = try messages(in: mailbox).filter { $0.token == token }
    guard found.count == 1 else { throw TestFailure("\(found.count) messages are \(token)") }
    return found[0].flags
  }

  public func snapshot() throws -> [String: [StoredMessage]] {
    var result: [String: [StoredMessage]] = [:]
    for mailbox in try mailboxes() { result[mailbox] = try messages(in: mailbox) }
    return result
  }

  public func view() throws -> StoreView {
    var result: StoreView = [:]
    for mailbox in try mailboxes() {
      result[mailbox] = MailboxView(
        messages: try messages(in: mailbox), numbers: try numbers(of: mailbox))
    }
    return result
  }
}
