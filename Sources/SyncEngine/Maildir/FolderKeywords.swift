import IMAPClient

/// The contents of a `dovecot-keywords`: which letter of a file name stands for which keyword, in one
/// mailbox.
struct FolderKeywords {
  /// By index, 0 for `a`; holes are `nil`.
  private(set) var names: [[UInt8]?]
  private var keywords: [Keyword?]

  static let count = 26
  static let forwarded = Keyword("$Forwarded")
  /// What mbsync and mutt write for a forwarded ("passed") message; Dovecot leaves it alone.
  static let forwardedLetter = UInt8(ascii: "P")

  static let systemLetters: [(letter: UInt8, flag: SystemFlags)] = [
    (UInt8(ascii: "D"), .draft), (UInt8(ascii: "F"), .flagged), (UInt8(ascii: "R"), .answered),
    (UInt8(ascii: "S"), .seen), (UInt8(ascii: "T"), .deleted),
  ]

  /// Lines `index SP name LF`; others are ignored, and the second line for an index or a name.
  init(_ bytes: [UInt8] = []) {
    names = Array(repeating: nil, count: FolderKeywords.count)
    keywords = Array(repeating: nil, count: FolderKeywords.count)
    for line in bytes.split(separator: 0x0a) {
      let digits = line.prefix { $0 >= 0x30 && $0 <= 0x39 }
      let name = line.dropFirst(digits.count + 1)
      guard let index = MessageFileName.number(digits).flatMap({ Int(exactly: $0) }),
        index < FolderKeywords.count, line.dropFirst(digits.count).first == UInt8(ascii: " "),
        !name.isEmpty, names[index] == nil
      else { continue }
      let keyword = Keyword(String(decoding: name, as: UTF8.self))
      if let keyword, keywords.contains(keyword) { continue }
      names[index] = Array(name)
      keywords[index] = keyword
    }
  }

  func letter(of keyword: Keyword) -> UInt8? {
    keywords.firstIndex(of: keyword).map { UInt8(ascii: "a") + UInt8($0) }
  }

  func keyword(of letter: UInt8) -> Keyword? {
    guard letter >= UInt8(ascii: "a"), letter <= UInt8(ascii: "z") else { return nil }
    return keywords[Int(letter - UInt8(ascii: "a"))]
  }

  /// Gives a keyword the letter after the last one used: a hole may be known to an open Dovecot session
  /// under its old name.
  ///
  /// - Returns: `nil` if there is no letter left.
  mutating func add(_ keyword: Keyword) -> UInt8? {
    if let letter = letter(of: keyword) { return letter }
    let index = (names.lastIndex { $0 != nil } ?? -1) + 1
    guard index < FolderKeywords.count else { return nil }
    names[index] = Array(keyword.text.utf8)
    keywords[index] = keyword
    return UInt8(ascii: "a") + UInt8(index)
  }

  func serialized() -> [UInt8] {
    var result: [UInt8] = []
    for (index, name) in names.enumerated() {
      if let name { result += Array("\(index) ".utf8) + name + [0x0a] }
    }
    return result
  }

  // MARK: Letters and flags

  /// The flags that the letters mean; letters without a meaning here are passed over.
  func flags(of letters: some Sequence<UInt8>) -> FlagSet {
    var system = SystemFlags()
    var found: [Keyword] = []
    for letter in letters {
      switch letter {
      case UInt8(ascii: "D"): system.insert(.draft)
      case UInt8(ascii: "F"): system.insert(.flagged)
      case UInt8(ascii: "R"): system.insert(.answered)
      case UInt8(ascii: "S"): system.insert(.seen)
      case UInt8(ascii: "T"): system.insert(.deleted)
      case FolderKeywords.forwardedLetter:
        if let forwarded = FolderKeywords.forwarded { found.append(forwarded) }
      default:
        if let keyword = keyword(of: letter) { found.append(keyword) }
      }
    }
    return FlagSet(system, keywords: found)
  }

  /// As ``flags(of:)``, for what follows the base name in a file's name.
  func flags(ofInfo info: UnsafeBufferPointer<UInt8>) -> FlagSet {
    guard info.count > 3, info[0] == MessageFileName.separator, info[1] == UInt8(ascii: "2"),
      info[2] == MessageFileName.comma
    else { return .empty }
    return flags(of: info.dropFirst(3).prefix { $0 != MessageFileName.comma })
  }

  /// The letters after a change; those without a meaning here stay.
  ///
  /// - Parameter unstorable: gets the keywords that have no letter and can't be given one.
  mutating func letters(
    from letters: [UInt8], adding added: FlagSet, removing removed: FlagSet,
    unstorable: inout [Keyword]
  ) -> [UInt8] {
    var result = letters
    for (letter, flag) in FolderKeywords.systemLetters where removed.system.contains(flag) {
      result.removeAll { $0 == letter }
    }
    for keyword in removed.keywords {
      if keyword == FolderKeywords.forwarded {
        result.removeAll { $0 == FolderKeywords.forwardedLetter }
      }
      if let letter = letter(of: keyword) { result.removeAll { $0 == letter } }
    }
    for (letter, flag) in FolderKeywords.systemLetters where added.system.contains(flag) {
      result.append(letter)
    }
    for keyword in added.keywords {
      if flags(of: result).contains(keyword) { continue }
      if let letter = add(keyword) {
        result.append(letter)
      } else if keyword == FolderKeywords.forwarded {
        result.append(FolderKeywords.forwardedLetter)
      } else {
        unstorable.append(keyword)
      }
    }
    return Array(Set(result)).sorted()
  }
}
