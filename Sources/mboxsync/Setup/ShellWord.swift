/// Words of a command for `/bin/sh`.
enum ShellWord {
  /// In single quotes, unless it needs none.
  static func quoted(_ text: String) -> String {
    let isPlain = text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default: "@%_+=:,./-".utf8.contains(byte)
      }
    }
    if isPlain && !text.isEmpty { return text }
    return "'"
      + text.split(separator: "'", omittingEmptySubsequences: false)
      .joined(separator: #"'\''"#) + "'"
  }

  /// Whether a program of this name lies in `$PATH`.
  static func isInstalled(_ program: String, _ environment: Environment) -> Bool {
    path(of: program, environment) != nil
  }

  static func path(of program: String, _ environment: Environment) -> String? {
    let path = environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
    return path.split(separator: ":").map { "\($0)/\(program)" }
      .first { FileReader.isExecutable($0) }
  }
}
