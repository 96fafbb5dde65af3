/// The lines of an mbsyncrc, taken apart as mbsync does: an empty line ends a section. Only what holds for
/// all stands in none, and ends where one begins.
struct MbsyncFile: Sendable {
  struct Line: Sendable {
    /// In lower case: mbsync does not tell them apart.
    var key: String
    /// As it is written.
    var shownKey: String
    var arguments: [String]
    var number: Int

    var value: String { arguments.first ?? "" }
  }

  /// Its first line says what it is.
  typealias Section = [Line]

  var sections: [Section] = []

  init(_ bytes: [UInt8]) throws(MovingError) {
    var section: Section = []
    for (index, line) in ForeignProgram.lines(bytes).enumerated() {
      let number = index + 1
      guard line.contains(where: { !$0.isWhitespace }) else {
        if !section.isEmpty { sections.append(section) }
        section = []
        continue
      }
      let words = try MbsyncFile.words(line, number)
      guard let key = words.first else { continue }
      let isAmongDefaults = section.first.map { !MbsyncFile.heads.contains($0.key) } ?? false
      if isAmongDefaults, MbsyncFile.heads.contains(key.lowercased()) {
        sections.append(section)
        section = []
      }
      section.append(
        Line(
          key: key.lowercased(), shownKey: key, arguments: Array(words.dropFirst()), number: number)
      )
    }
    if !section.isEmpty { sections.append(section) }
  }

  private static let heads: Set = ["imapaccount", "imapstore", "maildirstore", "channel", "group"]

  private static func words(_ line: Substring, _ number: Int) throws(MovingError) -> [String] {
    var words: [String] = []
    var word = ""
    var isWithin = false
    var isQuoted = false
    var rest = line
    while let character = rest.popFirst() {
      if !isQuoted, character.isWhitespace {
        if isWithin { words.append(word) }
        word = ""
        isWithin = false
        continue
      }
      if !isWithin, character == "#" { break }
      isWithin = true
      if character == "\"" {
        isQuoted.toggle()
      } else if character == "\\", let next = rest.popFirst() {
        word.append(next)
      } else {
        word.append(character)
      }
    }
    guard !isQuoted else { throw MovingError(line: number, message: "a '\"' is not closed") }
    if isWithin { words.append(word) }
    return words
  }
}
