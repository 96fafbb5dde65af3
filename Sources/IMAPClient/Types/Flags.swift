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

/// The flags of one message: system flags and keywords.
public struct FlagSet: Hashable, Sendable, CustomStringConvertible {
  public var system: SystemFlags
  /// Without duplicates, ascending.
  public private(set) var keywords: [Keyword]

  public static let empty = FlagSet()

  public init(_ system: SystemFlags = [], keywords: [Keyword] = []) {
    self.system = system
    self.keywords = keywords.count < 2 ? keywords : Array(Set(keywords)).sorted()
  }

  private init(_ system: SystemFlags, sorted keywords: [Keyword]) {
    self.system = system
    self.keywords = keywords
  }

  public var isEmpty: Bool { system.isEmpty && keywords.isEmpty }

  public func contains(_ keyword: Keyword) -> Bool { keywords.contains(keyword) }

  public mutating func insert(_ keyword: Keyword) {
    if !contains(keyword) { self = union(FlagSet([], keywords: [keyword])) }
  }

  public mutating func remove(_ keyword: Keyword) { keywords.removeAll { $0 == keyword } }

  public func union(_ other: FlagSet) -> FlagSet {
    let new = other.keywords.filter { !keywords.contains($0) }
    let system = system.union(other.system)
    return new.isEmpty
      ? FlagSet(system, sorted: keywords) : FlagSet(system, keywords: keywords + new)
  }

  public func subtracting(_ other: FlagSet) -> FlagSet {
    FlagSet(
      system.subtracting(other.system),
      sorted: other.keywords.isEmpty
        ? keywords : keywords.filter { !other.keywords.contains($0) })
  }

  public func intersection(_ other: FlagSet) -> FlagSet {
    FlagSet(
      system.intersection(other.system), sorted: keywords.filter { other.keywords.contains($0) })
  }

  /// The names as IMAP writes them, system flags first.
  public var names: [String] {
    SystemFlags.names.filter { system.contains($0.flag) }.map(\.name) + keywords.map(\.text)
  }

  public var description: String { names.joined(separator: " ") }
}
