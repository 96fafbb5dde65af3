/// A value as it stands in the file, comment and blanks around it removed.
struct INIValue: Hashable, Sendable {
  /// With its quotes and escapes.
  let raw: String

  init(raw: String) { self.raw = raw }

  /// A value that needs no unquoting: from the command line.
  init(literal: String) {
    let escaped = literal.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }.joined()
    raw = "\"\(escaped)\""
  }

  /// For a single value: quoted parts without their quotes, as git reads it.
  var text: String {
    var result = ""
    var isQuoted = false
    var rest = Substring(raw)
    while let character = rest.popFirst() {
      if character == "\"" {
        isQuoted.toggle()
      } else if isQuoted, character == "\\", let next = rest.first, next == "\"" || next == "\\" {
        result.append(next)
        rest.removeFirst()
      } else {
        result.append(character)
      }
    }
    return result
  }

  /// For a command, in which quotes are the shell's, and for a list, in which they hold words together:
  /// only quotes around the whole are removed.
  var inner: String { isOneQuotedString ? text : raw }

  private var isOneQuotedString: Bool {
    guard raw.utf8.count >= 2, raw.hasPrefix("\"") else { return false }
    var isEscaped = false
    for (index, byte) in raw.utf8.enumerated().dropFirst() {
      if isEscaped {
        isEscaped = false
      } else if byte == UInt8(ascii: "\\") {
        isEscaped = true
      } else if byte == UInt8(ascii: "\"") {
        return index == raw.utf8.count - 1
      }
    }
    return false
  }

  /// The words of a list, divided by blanks or commas; double quotes hold a word with such characters
  /// together. `nil` if a quote is not closed.
  var words: [String]? { INIValue.words(inner) }

  static func words(_ list: String) -> [String]? {
    split(list)?.map(\.text)
  }

  /// One word of a list: its text, and where in it characters stood that were not quoted.
  struct Word: Hashable {
    var text = ""
    /// Offset (in characters) of the first `=` outside quotes.
    var equals: Int?
  }

  static func split(_ list: String) -> [Word]? {
    var words: [Word] = []
    var word = Word()
    var isWithinWord = false
    var isQuoted = false
    var rest = Substring(list)
    while let character = rest.popFirst() {
      if !isQuoted, character == " " || character == "\t" || character == "," {
        if isWithinWord { words.append(word) }
        word = Word()
        isWithinWord = false
        continue
      }
      isWithinWord = true
      if character == "\"" {
        isQuoted.toggle()
      } else if isQuoted, character == "\\", let next = rest.first, next == "\"" || next == "\\" {
        rest.removeFirst()
        word.text.append(next)
      } else {
        if !isQuoted, character == "=", word.equals == nil { word.equals = word.text.count }
        word.text.append(character)
      }
    }
    if isWithinWord { words.append(word) }
    return isQuoted ? nil : words
  }
}
