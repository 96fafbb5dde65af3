/// An offlineimaprc, taken apart as Python's configparser does: `key = value` or `key: value`, a line that
/// begins with a blank goes on.
struct OfflineIMAPFile: Sendable {
  struct Entry: Sendable {
    /// In lower case.
    var key: String
    var value: String
    var number: Int
    /// It stands under `[DEFAULT]`, and holds for every section.
    var isDefault = false
  }

  struct Section: Sendable {
    var name: String
    var number: Int
    var entries: [Entry] = []

    subscript(key: String) -> String? { entry(key)?.value }

    func entry(_ key: String) -> Entry? { entries.last { $0.key == key } }
  }

  private(set) var sections: [Section] = []

  init(_ bytes: [UInt8]) throws(MovingError) {
    for (index, line) in ForeignProgram.lines(bytes).enumerated() {
      try take(line, index + 1)
    }
    let defaults = section("DEFAULT")?.entries ?? []
    for index in sections.indices {
      sections[index].addDefaults(defaults)
      sections[index].interpolate()
    }
  }

  private mutating func take(_ line: Substring, _ number: Int) throws(MovingError) {
    let words = OfflineIMAPFile.trimmed(line)
    guard let first = words.first, first != "#", first != ";" else { return }
    let isContinuation = line.first.map { $0 == " " || $0 == "\t" } ?? false
    if isContinuation, var section = sections.last, var entry = section.entries.popLast() {
      entry.value += " " + words
      section.entries.append(entry)
      sections[sections.count - 1] = section
      return
    }
    if first == "[" {
      guard let end = words.firstIndex(of: "]") else {
        throw MovingError(line: number, message: "a ']' is missing")
      }
      sections.append(
        Section(name: String(words[words.index(after: words.startIndex)..<end]), number: number))
      return
    }
    guard let divider = words.firstIndex(where: { $0 == "=" || $0 == ":" }), !sections.isEmpty
    else {
      throw MovingError(line: number, message: "there is no section, or no '=' in the line")
    }
    let key = OfflineIMAPFile.trimmed(words[..<divider]).lowercased()
    let value = OfflineIMAPFile.trimmed(words[words.index(after: divider)...])
    sections[sections.count - 1].entries.append(Entry(key: key, value: value, number: number))
  }

  /// `Account work`, `Repository work-remote`; blanks between the words are any.
  func section(_ kind: String, _ name: String) -> Section? {
    sections.first { section in
      let words = section.name.split(separator: " ", maxSplits: 1)
      return words.count == 2 && words[0] == kind && OfflineIMAPFile.trimmed(words[1]) == name
    }
  }

  func section(_ name: String) -> Section? { sections.first { $0.name == name } }

  static func trimmed(_ text: Substring) -> String {
    let start = text.drop { $0.isWhitespace }
    let end = start.reversed().drop { $0.isWhitespace }
    return String(end.reversed())
  }
}

extension OfflineIMAPFile.Section {
  fileprivate mutating func addDefaults(_ defaults: [OfflineIMAPFile.Entry]) {
    let missing = defaults.filter { entry($0.key) == nil }
    entries += missing.map { entry in
      var entry = entry
      entry.isDefault = true
      return entry
    }
  }

  /// `%%` is a percent sign, and `%(key)s` the value of another key of the section.
  fileprivate mutating func interpolate() {
    let plain = self
    for index in entries.indices {
      var budget = 100
      entries[index].value = plain.interpolated(entries[index].value, &budget)
    }
  }

  /// - Parameter budget: how many keys may be put in yet: they may name each other, or themselves.
  private func interpolated(_ value: String, _ budget: inout Int) -> String {
    var result = ""
    var rest = value[...]
    while let character = rest.popFirst() {
      guard character == "%" else {
        result.append(character)
        continue
      }
      if rest.first == "%" {
        rest.removeFirst()
        result.append("%")
      } else if budget > 0, rest.first == "(", let end = rest.firstIndex(of: ")"),
        rest[end...].hasPrefix(")s"), let other = self[rest[..<end].dropFirst().lowercased()]
      {
        budget -= 1
        result += interpolated(other, &budget)
        rest = rest[end...].dropFirst(2)
      } else {
        result.append("%")
      }
    }
    return result
  }
}
