/// The text of `--help`, made from the tables.
enum Usage {
  static var text: String {
    var lines: [String] = []
    for verb in Verb.allCases {
      for synopsis in verb.synopsis {
        lines.append((lines.isEmpty ? "usage: " : "       ") + synopsis)
      }
    }
    lines += [
      "", "Keeps two stores of mail equal: a Maildir or an IMAP account on either side.", "",
    ]
    lines += table(Verb.allCases.map { ($0.rawValue, $0.help) })
    lines.append("")
    lines += table(OptionSpec.all.map { (form($0), $0.help) })
    lines += [
      "",
      "ENDPOINT: maildir:PATH, imaps://[USER@]HOST[:PORT], imap://[USER@]HOST[:PORT], exec:COMMAND",
      "See mboxsync(1), mboxsync.conf(5) and mboxsync(7).",
    ]
    return lines.map { $0 + "\n" }.joined()
  }

  /// `-c, --config FILE`
  static func form(_ spec: OptionSpec) -> String {
    let short = spec.short.map { "-\($0), " } ?? "    "
    let argument =
      switch spec.argument {
      case .none: ""
      case .required(let what): " \(what)"
      case .optional(let what, _): "[=\(what)]"
      }
    return "\(short)--\(spec.long)\(argument)"
  }

  private static func table(_ rows: [(String, String)]) -> [String] {
    let width = rows.map(\.0.utf8.count).max() ?? 0
    return rows.map { left, right in
      "  \(left)\(String(repeating: " ", count: width - left.utf8.count + 2))\(right)"
    }
  }
}
