import Synchronization

/// The flags of one message: system flags and keywords.
///
/// A value is eight bytes and refers to nothing: a run has several for each message that has changed, and copies them often.
public struct FlagSet: Hashable, Sendable, CustomStringConvertible {
  public var system: SystemFlags
  private var words: KeywordSet

  public static let empty = FlagSet()

  public init(_ system: SystemFlags = []) {
    self.init(system, .empty)
  }

  public init(_ system: SystemFlags = [], keywords: [Keyword]) {
    self.init(
      system,
      KeywordSet(keywords.count < 2 ? keywords : Array(Set(keywords)).sorted()))
  }

  /// What a server says. So many different sets of keywords may have been met in this process that no mail can have them:
  /// then one more is taken for an attack on the memory, and is `nil`.
  init?(said system: SystemFlags, keywords: [Keyword]) {
    guard let words = KeywordSet(said: Array(Set(keywords)).sorted()) else { return nil }
    self.init(system, words)
  }

  private init(_ system: SystemFlags, _ words: KeywordSet) {
    self.system = system
    self.words = words
  }

  /// Without duplicates, ascending.
  public var keywords: [Keyword] { words.keywords }

  public var hasKeywords: Bool { words != .empty }

  public var isEmpty: Bool { system.isEmpty && !hasKeywords }

  public func contains(_ keyword: Keyword) -> Bool { hasKeywords && keywords.contains(keyword) }

  public mutating func insert(_ keyword: Keyword) {
    if !contains(keyword) { self = FlagSet(system, keywords: keywords + [keyword]) }
  }

  public mutating func remove(_ keyword: Keyword) {
    if contains(keyword) { words = KeywordSet(keywords.filter { $0 != keyword }) }
  }

  public func union(_ other: FlagSet) -> FlagSet {
    let system = system.union(other.system)
    if !other.hasKeywords || words == other.words { return FlagSet(system, words) }
    if !hasKeywords { return FlagSet(system, other.words) }
    let known = keywords
    let new = other.keywords.filter { !known.contains($0) }
    return new.isEmpty ? FlagSet(system, words) : FlagSet(system, keywords: known + new)
  }

  /// All flags that any of these has. (One after the other, each would leave a set of its own behind.)
  public static func union(of sets: some Sequence<FlagSet>) -> FlagSet {
    var system: SystemFlags = []
    var words: Set<KeywordSet> = []
    for set in sets {
      system.formUnion(set.system)
      if set.hasKeywords { words.insert(set.words) }
    }
    guard words.count != 1 else { return FlagSet(system, words.first ?? .empty) }
    return FlagSet(system, keywords: words.flatMap(\.keywords))
  }

  public func subtracting(_ other: FlagSet) -> FlagSet {
    let system = system.subtracting(other.system)
    if !hasKeywords || !other.hasKeywords { return FlagSet(system, words) }
    if words == other.words { return FlagSet(system) }
    let others = other.keywords
    return FlagSet(system, KeywordSet(keywords.filter { !others.contains($0) }))
  }

  public func intersection(_ other: FlagSet) -> FlagSet {
    let system = system.intersection(other.system)
    if !hasKeywords || !other.hasKeywords { return FlagSet(system) }
    if words == other.words { return FlagSet(system, words) }
    let others = other.keywords
    return FlagSet(system, KeywordSet(keywords.filter { others.contains($0) }))
  }

  /// The names as IMAP writes them, system flags first.
  public var names: [String] {
    SystemFlags.names.filter { system.contains($0.flag) }.map(\.name) + keywords.map(\.text)
  }

  public var description: String { names.joined(separator: " ") }
}

/// Some keywords, interned: equal sets are one number.
private struct KeywordSet: Hashable, Sendable {
  /// 0: none. Else the place in the table, counted from 1.
  private let number: UInt32

  static let empty = KeywordSet([])

  /// - Parameter keywords: without duplicates, ascending.
  init(_ keywords: [Keyword]) {
    number = keywords.isEmpty ? 0 : KeywordSetTable.shared.number(of: keywords)
  }

  /// `nil` for a set that was not met before, if there is no room for it.
  init?(said keywords: [Keyword]) {
    guard let number = keywords.isEmpty ? 0 : KeywordSetTable.shared.number(ofSaid: keywords)
    else { return nil }
    self.number = number
  }

  var keywords: [Keyword] { number == 0 ? [] : KeywordSetTable.shared.keywords(number) }
}

/// Every set of keywords that was met in this process; none is ever removed.
final class KeywordSetTable: Sendable {
  static let shared = KeywordSetTable(mostSets: 100_000, mostKeywords: 2_000_000)

  private struct Entries {
    var sets: [[Keyword]] = []
    var numbers: [[Keyword]: UInt32] = [:]
    /// In all sets together.
    var keywords = 0

    mutating func add(_ keywords: [Keyword]) -> UInt32 {
      sets.append(keywords)
      self.keywords += keywords.count
      let number = UInt32(sets.count)
      numbers[keywords] = number
      return number
    }
  }

  private let entries = Mutex(Entries())
  private let mostSets: Int
  private let mostKeywords: Int

  init(mostSets: Int, mostKeywords: Int) {
    self.mostSets = mostSets
    self.mostKeywords = mostKeywords
  }

  /// What is made of sets that are there finds its place, however many there are.
  func number(of keywords: [Keyword]) -> UInt32 {
    entries.withLock { $0.numbers[keywords] ?? $0.add(keywords) }
  }

  /// `nil` for a set that was not met before, if there is no room for it.
  func number(ofSaid keywords: [Keyword]) -> UInt32? {
    entries.withLock { entries in
      if let number = entries.numbers[keywords] { return number }
      guard entries.sets.count < mostSets, entries.keywords < mostKeywords else { return nil }
      return entries.add(keywords)
    }
  }

  func keywords(_ number: UInt32) -> [Keyword] {
    entries.withLock { $0.sets[Int(number) - 1] }
  }
}
