import Synchronization

/// IMAP's system flags that a client may set. `\Recent` is none of them. RFC 9051 §2.3.2.
public struct SystemFlags: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8

  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let answered = SystemFlags(rawValue: 1)
  public static let flagged = SystemFlags(rawValue: 2)
  public static let deleted = SystemFlags(rawValue: 4)
  public static let seen = SystemFlags(rawValue: 8)
  public static let draft = SystemFlags(rawValue: 16)

  /// The flags with their IMAP names, in the order they are written.
  public static let names: [(flag: SystemFlags, name: String)] = [
    (.answered, "\\Answered"), (.flagged, "\\Flagged"), (.deleted, "\\Deleted"),
    (.seen, "\\Seen"), (.draft, "\\Draft"),
  ]

  public static let all: SystemFlags = [.answered, .flagged, .deleted, .seen, .draft]
}

/// A keyword (a flag without a backslash), compared without regard to ASCII case. RFC 9051 §2.3.2.
///
/// Interned: a value is four bytes, and comparing two compares numbers. The first spelling met in
/// this process is the one that is written.
public struct Keyword: Hashable, Comparable, Sendable, CustomStringConvertible {
  private let index: UInt32

  /// - Parameter text: an IMAP `atom`.
  /// - Returns: `nil` if `text` can't be a keyword: empty, longer than 255 bytes, or with a
  ///   character that an atom must not have. RFC 9051 §9 (`flag-keyword`).
  public init?(_ text: some StringProtocol) {
    guard Keyword.isValid(text.utf8), let index = KeywordTable.shared.index(of: String(text)) else {
      return nil
    }
    self.index = index
  }

  public var text: String { KeywordTable.shared.text(at: index) }
  public var description: String { text }

  /// By text without regard to case, so that it does not depend on what was interned first.
  public static func < (left: Keyword, right: Keyword) -> Bool {
    left.index != right.index && left.text.lowercased() < right.text.lowercased()
  }

  private static func isValid(_ bytes: some Collection<UInt8>) -> Bool {
    !bytes.isEmpty && bytes.count <= 255
      && bytes.allSatisfy { byte in
        byte > 0x20 && byte < 0x7f && !"(){%*\"\\]".utf8.contains(byte)
      }
  }
}

/// Every keyword met in this process; entries are never removed, and bounded in number.
private final class KeywordTable: Sendable {
  static let shared = KeywordTable()

  private struct Entries {
    var texts: [String] = []
    var indices: [String: UInt32] = [:]
  }

  /// A hostile server must not fill memory by inventing keywords.
  private static let limit = 100_000

  private let entries = Mutex(Entries())

  func index(of text: String) -> UInt32? {
    entries.withLock { entries in
      let folded = text.lowercased()
      if let index = entries.indices[folded] { return index }
      guard entries.texts.count < KeywordTable.limit else { return nil }
      let index = UInt32(entries.texts.count)
      entries.texts.append(text)
      entries.indices[folded] = index
      return index
    }
  }

  func text(at index: UInt32) -> String { entries.withLock { $0.texts[Int(index)] } }
}
