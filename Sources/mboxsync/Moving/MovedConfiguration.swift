/// A configuration that is made of another program's.
///
/// What can't be translated is said twice: as a comment at its place in the text, and as a remark to the user.
struct MovedConfiguration: Sendable {
  struct Section: Sendable {
    /// `endpoint` or `pair`.
    var kind: String
    var name: String
    var entries: [(key: String, value: String)] = []
    /// What is said of it.
    var comments: [String] = []

    init(_ kind: String, _ name: String) {
      self.kind = kind
      self.name = name
    }

    func has(_ key: String) -> Bool { entries.contains { $0.key == key } }

    /// - Parameter value: as it is meant; it gets quotes where it needs them.
    mutating func set(_ key: String, _ value: String) {
      entries.removeAll { $0.key == key }
      entries.append((key, MovedConfiguration.quoted(value)))
    }

    /// Words of which each may have blanks in it.
    mutating func set(_ key: String, list words: [String]) {
      entries.removeAll { $0.key == key }
      let quoted = words.map { word in
        word.contains { " \t,\"=".contains($0) } ? INIValue(literal: word).raw : word
      }
      entries.append((key, MovedConfiguration.quoted(list: quoted.joined(separator: " "))))
    }
  }

  /// For messages: `mbsyncrc`.
  let path: String
  private(set) var sections: [Section] = []
  private(set) var remarks: [String] = []

  init(path: String) { self.path = path }

  var pairs: [String] { sections.filter { $0.kind == "pair" }.map(\.name) }

  mutating func append(_ section: Section) { sections.append(section) }

  func contains(_ kind: String, _ name: String) -> Bool {
    sections.contains { $0.kind == kind && $0.name == name }
  }

  /// Says something of a line of the other configuration.
  mutating func remark(_ line: Int, _ text: String, in section: inout Section) {
    section.comments.append(text)
    remarks.append("\(path):\(line): \(text)")
  }

  mutating func remark(_ line: Int, _ text: String) { remarks.append("\(path):\(line): \(text)") }

  var text: String {
    var lines = [
      "# Configuration of mboxsync, made of \(path); see mboxsync.conf(5).",
      "# 'mboxsync check' tries it, 'mboxsync -n' shows what the first sync would do.",
    ]
    for section in sections {
      lines += ["", "[\(section.kind) \(section.name)]"]
      lines += section.entries.map { "\($0.key) = \($0.value)" }
      lines += section.comments.map { "# \($0)" }
    }
    return lines.map { $0.filter { !$0.isNewline } + "\n" }.joined()
  }

  /// A name that can stand in a section's head, made of any.
  static func name(_ text: String) -> String {
    let fit = text.unicodeScalars.map { scalar -> Character in
      let isFit =
        scalar.value > 0x20 && scalar.value != 0x7f && !":/[]\"\\,".unicodeScalars.contains(scalar)
      return isFit ? Character(scalar) : "-"
    }
    let name = String(fit)
    return Names.isFit(name) ? name : "x" + name
  }

  static func quoted(_ value: String) -> String {
    let isPlain = value.unicodeScalars.allSatisfy {
      $0.value > 0x20 && $0 != "\"" && $0 != "\\" && $0 != "#" && $0 != ";"
    }
    return isPlain && !value.isEmpty ? value : INIValue(literal: value).raw
  }

  private static func quoted(list: String) -> String {
    let isPlain = list.unicodeScalars.allSatisfy {
      $0 != "\"" && $0 != "\\" && $0 != "#" && $0 != ";"
    }
    return isPlain && !list.isEmpty ? list : INIValue(literal: list).raw
  }
}

/// What another program's file can't be read for.
struct MovingError: Error, Hashable {
  var line: Int
  var message: String
}
