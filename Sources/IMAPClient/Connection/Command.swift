/// A command without its tag. None of those that this client builds needs a literal: mailbox names are
/// quoted, and messages go by ``IMAPConnection/beginAppend(to:)``.
public struct Command: Hashable, Sendable {
  /// Without tag and CRLF.
  public private(set) var text: [UInt8]

  public init(_ text: String) { self.text = Array(text.utf8) }

  /// Sets are split so that a command line stays well below the 8000 octets of RFC 7162 §4.
  public static let setLimit = 4000

  mutating func append(_ more: String) { text += more.utf8 }

  /// A mailbox name as the server writes it: always quoted, which every server takes.
  mutating func append(mailbox: [UInt8]) {
    append(" ")
    text += CommandText.quoted(mailbox)
  }

  init(_ name: String, mailbox: [UInt8], _ rest: String = "") {
    self.init(name)
    append(mailbox: mailbox)
    if !rest.isEmpty { append(" \(rest)") }
  }
}

// MARK: The session

extension Command {
  public static let capability = Command("CAPABILITY")
  public static let namespace = Command("NAMESPACE")
  public static let noop = Command("NOOP")
  public static let startTLS = Command("STARTTLS")
  public static let unselect = Command("UNSELECT")
  static let id = Command("ID (\"name\" \"mboxsync\")")

  static func enable(_ capabilities: [Capability]) -> Command {
    Command("ENABLE \(capabilities.map(\.name).joined(separator: " "))")
  }
}

// MARK: Mailboxes

extension Command {
  public static func list(pattern: String = "*", returning options: [String] = []) -> Command {
    let end = options.isEmpty ? "" : "RETURN (\(options.joined(separator: " ")))"
    return Command("LIST \"\"", mailbox: Array(pattern.utf8), end)
  }

  public static let subscriptions = Command("LSUB \"\" \"*\"")

  public static func status(_ mailbox: [UInt8], _ items: [String]) -> Command {
    Command("STATUS", mailbox: mailbox, "(\(items.joined(separator: " ")))")
  }

  /// - Parameter use: RFC 6154 §3; `nil` where the server has no CREATE-SPECIAL-USE.
  public static func create(_ mailbox: [UInt8], use: SpecialUse?) -> Command {
    Command("CREATE", mailbox: mailbox, use.map { "(USE (\($0.rawValue)))" } ?? "")
  }

  /// RFC 4314 §3.5
  public static func myRights(_ mailbox: [UInt8]) -> Command {
    Command("MYRIGHTS", mailbox: mailbox)
  }

  public static func delete(_ mailbox: [UInt8]) -> Command { Command("DELETE", mailbox: mailbox) }

  public static func rename(_ mailbox: [UInt8], to name: [UInt8]) -> Command {
    var command = Command("RENAME", mailbox: mailbox)
    command.append(mailbox: name)
    return command
  }

  public static func subscribe(_ mailbox: [UInt8], _ isSubscribed: Bool) -> Command {
    Command(isSubscribed ? "SUBSCRIBE" : "UNSUBSCRIBE", mailbox: mailbox)
  }

  public static func examine(_ mailbox: [UInt8]) -> Command {
    Command("EXAMINE", mailbox: mailbox)
  }

  /// How a mailbox is selected.
  public enum SelectMode: Hashable, Sendable {
    case plain
    /// RFC 7162 §3.1.8
    case condStore
    /// RFC 7162 §3.2.5
    case qResync(UIDValidity, ModSequence)
  }

  public static func select(_ mailbox: [UInt8], _ mode: SelectMode = .plain) -> Command {
    switch mode {
    case .plain: Command("SELECT", mailbox: mailbox)
    case .condStore: Command("SELECT", mailbox: mailbox, "(CONDSTORE)")
    case .qResync(let validity, let modSeq):
      Command("SELECT", mailbox: mailbox, "(QRESYNC (\(validity) \(modSeq)))")
    }
  }
}

// MARK: Messages

extension Command {
  /// - Parameter changedSince: RFC 7162 §3.1.4.1
  public static func fetch(
    _ uids: UIDSet, _ items: [String], changedSince: ModSequence? = nil
  ) -> Command {
    let modifier = changedSince.map { " (CHANGEDSINCE \($0))" } ?? ""
    return Command("UID FETCH \(uids) (\(items.joined(separator: " ")))\(modifier)")
  }

  /// - Parameter unchangedSince: RFC 7162 §3.1.3
  public static func store(
    _ uids: UIDSet, adding: Bool, _ flags: FlagSet, unchangedSince: ModSequence? = nil
  ) -> Command {
    let modifier = unchangedSince.map { " (UNCHANGEDSINCE \($0))" } ?? ""
    let sign = adding ? "+" : "-"
    return Command("UID STORE \(uids)\(modifier) \(sign)FLAGS.SILENT (\(flags))")
  }

  /// - Parameter compact: ESEARCH is offered. RFC 4731
  public static func search(_ criteria: String, compact: Bool) -> Command {
    Command("UID SEARCH \(compact ? "RETURN (ALL) " : "")\(criteria)")
  }

  public static func copy(_ uids: UIDSet, to mailbox: [UInt8], moving: Bool) -> Command {
    Command("UID \(moving ? "MOVE" : "COPY") \(uids)", mailbox: mailbox)
  }

  /// Only these messages. RFC 4315 §2.1
  public static func expunge(_ uids: UIDSet) -> Command { Command("UID EXPUNGE \(uids)") }

  /// Every message that is flagged `\Deleted`.
  public static let expungeAll = Command("EXPUNGE")
}

extension UIDSet {
  /// This set in pieces whose text is at most `limit` octets long, ascending.
  public func pieces(limit: Int = Command.setLimit) -> [UIDSet] {
    var pieces: [UIDSet] = []
    var current: [ClosedRange<UID>] = []
    var length = 0
    for range in ranges {
      let width = UIDSet(range).description.utf8.count + 1
      if length + width > limit, !current.isEmpty {
        pieces.append(UIDSet(ranges: current))
        current = []
        length = 0
      }
      current.append(range)
      length += width
    }
    if !current.isEmpty { pieces.append(UIDSet(ranges: current)) }
    return pieces
  }
}
