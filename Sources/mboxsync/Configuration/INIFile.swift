/// A configuration file, taken apart into sections and keys; what they mean is not looked at here.
struct INIFile: Sendable {
  struct Entry: Sendable {
    var key: String
    var value: INIValue
    var line: Int
    /// A comment begins right behind its last character: perhaps it was to be part of the value.
    var isCut = false
  }

  struct Section: Sendable {
    /// `pair` of `[pair home]`.
    var kind: String
    var name: String
    var line: Int
    var entries: [Entry] = []
  }

  var path: String
  var sections: [Section]

  init(path: String, bytes: [UInt8]) throws(ConfigurationError) {
    var reader = INIReader(path: path, bytes: bytes)
    self.path = path
    sections = try reader.read()
  }
}

/// Reads a file line by line.
private struct INIReader {
  let path: String
  private var lines: ArraySlice<[UInt8]>
  private var number = 0
  private var sections: [INIFile.Section] = []

  init(path: String, bytes: [UInt8]) {
    self.path = path
    let start = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0
    lines =
      bytes[start...].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .map { $0.last == UInt8(ascii: "\r") ? Array($0.dropLast()) : Array($0) }[...]
  }

  mutating func read() throws(ConfigurationError) -> [INIFile.Section] {
    while let (line, first) = try nextLine() {
      switch line.first {
      case nil, UInt8(ascii: "#"), UInt8(ascii: ";"): continue
      case UInt8(ascii: "["): sections.append(try section(line, first))
      default:
        let entry = try entry(line, first)
        guard var section = sections.popLast() else {
          throw failure(
            first, "'\(entry.key)' stands outside of a section, '[pair NAME]' is missing")
        }
        if let earlier = section.entries.first(where: { $0.key == entry.key }) {
          throw failure(first, "duplicate key '\(entry.key)', it is also in line \(earlier.line)")
        }
        section.entries.append(entry)
        sections.append(section)
      }
    }
    return sections
  }

  /// The next line with those that go on with it, without blanks at its ends, and its number.
  private mutating func nextLine() throws(ConfigurationError) -> ([UInt8], Int)? {
    guard var line = popLine() else { return nil }
    let first = number
    // A comment does not go on.
    let isComment = [UInt8(ascii: "#"), UInt8(ascii: ";")].contains(INIReader.trimmed(line).first)
    while !isComment, INIReader.endsInOpenBackslash(line) {
      line.removeLast()
      guard let next = popLine() else { break }
      line += next
    }
    guard String(validating: line, as: UTF8.self) != nil, !line.contains(0) else {
      throw failure(first, "the line is not text in UTF-8")
    }
    return (INIReader.trimmed(line), first)
  }

  private mutating func popLine() -> [UInt8]? {
    guard let line = lines.popFirst() else { return nil }
    number += 1
    return line
  }

  private func section(
    _ line: [UInt8], _ number: Int
  ) throws(ConfigurationError) -> INIFile.Section {
    guard let end = line.firstIndex(of: UInt8(ascii: "]")) else {
      throw failure(number, "the section's ']' is missing")
    }
    let after = INIReader.trimmed(line[(end + 1)...]).first
    guard [nil, UInt8(ascii: "#"), UInt8(ascii: ";")].contains(after) else {
      throw failure(number, "there is something after the section's ']'")
    }
    let words = INIValue.words(String(decoding: line[1..<end], as: UTF8.self)) ?? []
    let kind = words.first ?? ""
    guard kind == "pair" || kind == "endpoint" else {
      let nearest = EditDistance.nearest(to: kind, among: ["pair", "endpoint"]) ?? "pair"
      throw failure(number, "unknown section '\(kind)', did you mean '[\(nearest) NAME]'?")
    }
    guard words.count == 2, Names.isFit(words[1]) else {
      throw failure(
        number, "'[\(kind) NAME]' needs one name, without blanks, ':', '/' and '-' or '.' in front")
    }
    if let other = sections.first(where: { $0.kind == kind && $0.name == words[1] }) {
      throw failure(number, "duplicate section '\(kind) \(words[1])', see line \(other.line)")
    }
    return INIFile.Section(kind: kind, name: words[1], line: number)
  }

  private func entry(_ line: [UInt8], _ number: Int) throws(ConfigurationError) -> INIFile.Entry {
    guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else {
      throw failure(number, "'=' is missing, 'key = value' is needed")
    }
    let key = String(decoding: INIReader.trimmed(line[..<equals]), as: UTF8.self)
    guard !key.isEmpty else { throw failure(number, "the key before '=' is missing") }
    guard let value = INIReader.withoutComment(line[(equals + 1)...]) else {
      throw failure(number, "a '\"' of the value of '\(key)' is not closed")
    }
    return INIFile.Entry(
      key: key, value: INIValue(raw: String(decoding: value.bytes, as: UTF8.self)), line: number,
      isCut: value.isCut)
  }

  private func failure(_ number: Int, _ message: String) -> ConfigurationError {
    ConfigurationError(.line(path: path, number: number), message)
  }

  /// `nil` if a quote is not closed.
  private static func withoutComment(
    _ bytes: ArraySlice<UInt8>
  ) -> (bytes: [UInt8], isCut: Bool)? {
    var isQuoted = false
    var isEscaped = false
    var end = bytes.endIndex
    for index in bytes.indices {
      let byte = bytes[index]
      if isEscaped {
        isEscaped = false
      } else if byte == UInt8(ascii: "\"") {
        isQuoted.toggle()
      } else if isQuoted {
        isEscaped = byte == UInt8(ascii: "\\")
      } else if byte == UInt8(ascii: "#") || byte == UInt8(ascii: ";") {
        end = index
        break
      }
    }
    if isQuoted { return nil }
    let value = bytes[..<end]
    let isCut = end < bytes.endIndex && value.last.map { $0 != 0x20 && $0 != 0x09 } ?? false
    return (trimmed(value), isCut)
  }

  /// An odd number of backslashes: an even one is a pair of escaped ones.
  private static func endsInOpenBackslash(_ line: [UInt8]) -> Bool {
    line.reversed().prefix { $0 == UInt8(ascii: "\\") }.count % 2 == 1
  }

  private static func trimmed(_ bytes: some Collection<UInt8>) -> [UInt8] {
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    var slice = Array(bytes)[...]
    while let last = slice.last, isBlank(last) { slice.removeLast() }
    return Array(slice.drop(while: isBlank))
  }
}

/// Names of pairs and endpoints.
enum Names {
  /// Can be told from an option, an endpoint and a path.
  static func isFit(_ name: String) -> Bool {
    guard let first = name.unicodeScalars.first, first != "-", first != "." else { return false }
    return name.unicodeScalars.allSatisfy {
      $0.value > 0x20 && $0.value != 0x7f && $0 != ":" && $0 != "/"
    }
  }
}
