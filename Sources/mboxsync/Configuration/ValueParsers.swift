import IMAPClient
import SyncEngine

/// Readers for the values of keys, one a type.
enum ValueParsers {
  static func choice<Choice: RawRepresentable & CaseIterable>(
    _ value: INIValue, _: Choice.Type
  ) throws(ValueError) -> Choice where Choice.RawValue == String {
    if let choice = Choice(rawValue: value.text) { return choice }
    throw .needs("one of " + Choice.allCases.map(\.rawValue).joined(separator: ", "))
  }

  static func yesOrNo(_ value: INIValue) throws(ValueError) -> Bool {
    switch value.text {
    case "yes": return true
    case "no": return false
    default: throw .needs("yes or no")
    }
  }

  static func number(_ value: INIValue, _ range: ClosedRange<Int>) throws(ValueError) -> Int {
    guard let number = decimal(value.text), let result = Int(exactly: number),
      range.contains(result)
    else { throw .needs("a number from \(range.lowerBound) to \(range.upperBound)") }
    return result
  }

  /// `20k`, `1M`, `2G`: units of 1024.
  static func size(_ value: INIValue) throws(ValueError) -> UInt64 {
    let units: [Character: UInt64] = [
      "k": 1 << 10, "K": 1 << 10, "m": 1 << 20, "M": 1 << 20, "g": 1 << 30, "G": 1 << 30,
    ]
    var digits = value.text
    let unit = digits.last.flatMap { units[$0] }
    if unit != nil { digits.removeLast() }
    guard let number = decimal(digits) else { throw .needs("a size as 500000, 20k or 1M") }
    let (size, overflow) = number.multipliedReportingOverflow(by: unit ?? 1)
    guard !overflow, size > 0 else { throw .needs("a size as 500000, 20k or 1M") }
    return size
  }

  /// `50%` or `200`.
  static func expungeLimit(_ value: INIValue) throws(ValueError) -> Policy.ExpungeLimit {
    let text = value.text
    if text.hasSuffix("%"), let share = decimal(String(text.dropLast())), share <= 100 {
      return .percent(Int(share))
    }
    guard let number = decimal(text), let count = Int(exactly: number) else {
      throw .needs("a share as 50% or a number of messages")
    }
    return .messages(count)
  }

  static func patterns(_ value: INIValue) throws(ValueError) -> MailboxPatterns {
    guard let words = value.words, !words.isEmpty, words.allSatisfy({ $0 != "!" }) else {
      throw .needs("a list of mailbox patterns as * !Spam")
    }
    return MailboxPatterns(words: words)
  }

  /// `Sent=Gesendet "Sent Items"="Gesendete Objekte"`
  static func map(
    _ value: INIValue
  ) throws(ValueError) -> [(left: MailboxName, right: MailboxName)] {
    let needed = ValueError.needs("a list of LEFT=RIGHT mailbox names")
    guard let words = INIValue.split(value.inner), !words.isEmpty else { throw needed }
    var map: [(left: MailboxName, right: MailboxName)] = []
    for word in words {
      guard let equals = word.equals,
        let left = MailboxName(path: String(word.text.prefix(equals))),
        let right = MailboxName(path: String(word.text.dropFirst(equals + 1)))
      else { throw needed }
      guard !map.contains(where: { $0.left == left || $0.right == right }) else {
        throw .complains("a mailbox of '\(word.text)' stands twice in 'map'")
      }
      map.append((left, right))
    }
    return map
  }

  /// A mailbox put before all others, with or without a `/` at its end.
  static func prefix(_ value: INIValue) throws(ValueError) -> MailboxName? {
    let text = value.text
    if text.isEmpty { return nil }
    guard let name = MailboxName(path: text.hasSuffix("/") ? String(text.dropLast()) : text) else {
      throw .needs("a mailbox name as Mail/")
    }
    return name
  }

  static func nonEmpty(_ value: String, _ what: String) throws(ValueError) -> String {
    if value.isEmpty { throw .needs(what) }
    return value
  }

  /// A file; relative only on the command line.
  static func path(_ text: String, _ context: ValueContext) throws(ValueError) -> String {
    guard !text.isEmpty else { throw .needs("a path") }
    guard let path = Paths.expandingTilde(text, home: context.environment.home) else {
      throw .complains("the home directory of '\(text)' is not known")
    }
    if path.hasPrefix("/") { return try complete(path, from: text) }
    guard let current = context.currentDirectory else {
      throw .complains(
        "the path '\(text)' is relative and so depends on the directory, begin it with / or ~/")
    }
    return try complete("\(current)/\(path)", from: text)
  }

  /// The directory where `text` begins may have a name that is no text: what stands for it leads elsewhere.
  private static func complete(_ path: String, from text: String) throws(ValueError) -> String {
    let replaced: Unicode.Scalar = "\u{fffd}"
    guard text.unicodeScalars.contains(replaced) || !path.unicodeScalars.contains(replaced) else {
      throw .complains("'\(text)' lies in a directory whose name is not text in UTF-8")
    }
    return Paths.normalized(path)
  }

  /// Only digits: no sign, no blanks.
  static func decimal(_ text: String) -> UInt64? {
    guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
    return UInt64(text)
  }
}
