/// A mailbox's name: its hierarchy levels in Unicode, without any server's separator or encoding.
///
/// `INBOX` as the only level is recognised in any case and stored in capitals. RFC 9051 §5.1.
///
/// Names are equal if their code points are: a server may hold two that Unicode calls equivalent (an accented
/// letter as one code point or as two), and they are two mailboxes.
public struct MailboxName: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// At least one; none is empty.
  public let components: [String]

  /// - Returns: `nil` without components, or when one of them is empty or has a control character.
  public init?(_ components: [String]) {
    guard !components.isEmpty,
      components.allSatisfy({ component in
        !component.isEmpty
          && component.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }
      })
    else { return nil }
    self.components =
      components.count == 1 && MailboxName.isInbox(components[0]) ? ["INBOX"] : components
  }

  /// In any case of ASCII; other letters whose capital is an `I` make another name.
  private static func isInbox(_ component: String) -> Bool {
    component.utf8.elementsEqual("inbox".utf8) { byte, letter in byte | 0x20 == letter }
  }

  private init(known components: [String]) { self.components = components }

  /// - Parameter path: levels divided by `/`, as the configuration and the command line write them.
  public init?(path: String) {
    self.init(path.split(separator: "/", omittingEmptySubsequences: false).map(String.init))
  }

  public static let inbox = MailboxName(known: ["INBOX"])

  public var isInbox: Bool { components == ["INBOX"] }

  /// The levels joined by `/`: how people see the name. Not reversible if a level has a `/`.
  public var path: String { components.joined(separator: "/") }

  public var description: String { path }

  public var parent: MailboxName? {
    components.count > 1 ? MailboxName(known: Array(components.dropLast())) : nil
  }

  /// This name with `other`'s levels after its own.
  public func appending(_ other: MailboxName) -> MailboxName {
    MailboxName(known: components + other.components)
  }

  /// The levels below `prefix`; `nil` if this name does not lie below it.
  public func removingPrefix(_ prefix: MailboxName) -> MailboxName? {
    guard components.count > prefix.components.count,
      components.starts(with: prefix.components, by: MailboxName.areIdentical)
    else { return nil }
    return MailboxName(Array(components.dropFirst(prefix.components.count)))
  }

  public static func == (left: MailboxName, right: MailboxName) -> Bool {
    left.components.elementsEqual(right.components, by: areIdentical)
  }

  // Equivalent strings have one hash: names that are equal have it too.
  public func hash(into hasher: inout Hasher) { hasher.combine(components) }

  public static func < (left: MailboxName, right: MailboxName) -> Bool {
    left.components.lexicographicallyPrecedes(right.components) {
      $0.utf8.lexicographicallyPrecedes($1.utf8)
    }
  }

  private static func areIdentical(_ left: String, _ right: String) -> Bool {
    left.utf8.elementsEqual(right.utf8)
  }
}

/// What a mailbox is for. RFC 6154 §2.
public enum SpecialUse: String, CaseIterable, Hashable, Sendable {
  case all = "\\All"
  case archive = "\\Archive"
  case drafts = "\\Drafts"
  case flagged = "\\Flagged"
  case junk = "\\Junk"
  case sent = "\\Sent"
  case trash = "\\Trash"
}
