import IMAPClient
import SyncEngine
import TestSupport

/// Histories as text, a line for each thing that happens:
///
///     seed 17
///     replica maildir
///     replica imap qresync no-move
///     pair A B
///     wish conflict=keep
///     A deliver 1
///     run 1 pull
///       before save 1 crash late 3
///       after any 12 B flag 2
///     rest
///
/// What follows `#` is a comment.
extension History {
  public var text: String {
    var lines = ["seed \(seed)"]
    lines += replicas.map { "replica \($0.words.joined(separator: " "))" }
    lines += pairs.map { "pair \(History.letters[$0.left]) \(History.letters[$0.right])" }
    lines += wishes.words.isEmpty ? [] : ["wish \(wishes.words.joined(separator: " "))"]
    for step in steps { lines += step.lines }
    return lines.joined(separator: "\n") + "\n"
  }

  public static let letters = ["A", "B", "C"]

  /// A line that is none of a history.
  public struct Misread: Error, CustomStringConvertible {
    public var line: Int
    public var text: String

    public var description: String { "line \(line) is not understood: \(text)" }
  }

  public init(text: String) throws(Misread) {
    self.init(seed: 0, replicas: [], pairs: [])
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      let bare = line.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)[0]
      let words = bare.split(separator: " ").map(String.init)
      guard !words.isEmpty else { continue }
      guard read(words) else { throw Misread(line: index + 1, text: String(line)) }
    }
  }

  /// - Returns: whether the line is understood.
  private mutating func read(_ words: [String]) -> Bool {
    let rest = Array(words.dropFirst())
    switch words[0] {
    case "seed": return read(rest.first.flatMap { UInt64($0) }) { $0.seed = $1 }
    case "replica": return read(SimulatedTraits(words: rest)) { $0.replicas.append($1) }
    case "pair": return read(Pair(words: rest, replicas.count)) { $0.pairs.append($1) }
    case "wish": return read(Wishes(words: rest)) { $0.wishes = $1 }
    case "before", "after":
      guard let incident = Incident(words: words, replicas.count),
        case .run(var run)? = steps.last
      else { return false }
      run.incidents.append(incident)
      steps[steps.count - 1] = .run(run)
      return true
    default: return read(Step(words: words, self)) { $0.steps.append($1) }
    }
  }

  private mutating func read<Value>(
    _ value: Value?, _ set: (inout History, Value) -> Void
  ) -> Bool {
    guard let value else { return false }
    set(&self, value)
    return true
  }
}

extension History.Pair {
  init?(words: [String], _ count: Int) {
    let indices = words.compactMap { History.letters.prefix(count).firstIndex(of: $0) }
    guard words.count == 2, indices.count == 2, indices[0] != indices[1] else { return nil }
    self.init(left: indices[0], right: indices[1])
  }
}

extension History.Wishes {
  var words: [String] {
    let usual = History.Wishes()
    var words: [String] = []
    if uids != usual.uids { words.append("uids=\(uids.rawValue)") }
    if conflict != usual.conflict { words.append("conflict=\(conflict.rawValue)") }
    if delete != usual.delete { words.append("delete=\(delete.rawValue)") }
    if expunge != usual.expunge { words.append("expunge=\(expunge.rawValue)") }
    if let padding { words.append("padding=\(padding)") }
    if let since { words.append("since=\(since)") }
    if hasMaxSize { words.append("max-size") }
    if isGuarded { words.append("guarded") }
    if comparesEverything { words.append("full") }
    if sharesValidity { words.append("one-uidvalidity") }
    if hasPrefix { words.append("prefix") }
    if hasMap { words.append("names") }
    if hasSmallBatches { words.append("small-batches") }
    if let partSize { words.append(partSize == 1 ? "small-parts" : "small-parts=\(partSize)") }
    if keepsNames { words.append("kept-names") }
    return words
  }

  init?(words: [String]) {
    for word in words {
      let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
      guard take(parts[0], parts.count == 2 ? parts[1] : nil) else { return nil }
    }
  }

  private mutating func take(_ key: String, _ value: String?) -> Bool {
    switch (key, value) {
    case ("uids", let value?): return set(\.uids, Policy.UIDs(rawValue: value))
    case ("conflict", let value?): return set(\.conflict, Policy.Conflict(rawValue: value))
    case ("delete", let value?): return set(\.delete, Policy.Where(rawValue: value))
    case ("expunge", let value?): return set(\.expunge, Policy.Where(rawValue: value))
    case ("padding", let value?): return set(\.padding, Int(value).map(Optional.some))
    case ("since", let value?): return set(\.since, Int(value).map(Optional.some))
    case ("max-size", nil): return set(\.hasMaxSize, true)
    case ("guarded", nil): return set(\.isGuarded, true)
    case ("full", nil): return set(\.comparesEverything, true)
    case ("prefix", nil): return set(\.hasPrefix, true)
    case ("names", nil): return set(\.hasMap, true)
    case ("small-batches", nil): return set(\.hasSmallBatches, true)
    case ("small-parts", nil): return set(\.partSize, 1)
    case ("small-parts", let value?): return set(\.partSize, Int(value).map(Optional.some))
    case ("kept-names", nil): return set(\.keepsNames, true)
    case ("one-uidvalidity", nil): return set(\.sharesValidity, true)
    default: return false
    }
  }

  private mutating func set<Value>(_ key: WritableKeyPath<Self, Value>, _ value: Value?) -> Bool {
    guard let value else { return false }
    self[keyPath: key] = value
    return true
  }
}

extension SimulatedTraits {
  var words: [String] {
    var words: [String]
    switch kind {
    case .maildir: words = ["maildir"]
    case .imap(let tier): words = ["imap", tier.rawValue]
    }
    if !hasIDs { words.append("no-ids") }
    if !hasUIDPlus { words.append("no-uidplus") }
    if !canMove { words.append("no-move") }
    if !savesAtOnce { words.append("single-saves") }
    if vanishesBroadly { words.append("broad") }
    if !hasStamps { words.append("no-times") }
    if isAltering { words.append("alters") }
    if keywordLimit != .max { words.append("keywords=\(keywordLimit)") }
    return words
  }

  init?(words: [String]) {
    var rest = words[...]
    switch rest.popFirst() {
    case "maildir": self.init(.maildir)
    case "imap":
      guard let tier = rest.popFirst().flatMap({ Tier(rawValue: $0) }) else { return nil }
      self.init(.imap(tier))
    default: return nil
    }
    for word in rest {
      switch word {
      case "no-ids": hasIDs = false
      case "no-uidplus": hasUIDPlus = false
      case "no-move": canMove = false
      case "single-saves": savesAtOnce = false
      case "broad": vanishesBroadly = true
      case "no-times": hasStamps = false
      case "alters": isAltering = true
      default:
        guard word.hasPrefix("keywords="), let limit = Int(word.dropFirst(9)) else { return nil }
        keywordLimit = limit
      }
    }
  }
}
