import SyncEngine

/// The text of a first configuration: what was asked for, and what else there is as comments.
struct FirstConfiguration {
  var pair = "home"
  var left = "maildir:~/Mail"
  var right = "imaps://alice@mail.example.org"
  /// Keys as `--set` takes them.
  var settings: [(key: String, value: String)] = []

  var text: String {
    var lines = [
      "# Configuration of mboxsync; see mboxsync.conf(5).",
      "# 'mboxsync check' tries it, 'mboxsync -n' shows what a first sync would do.",
      "",
    ]
    for side in Side.allCases { lines += endpoint(side) + [""] }
    lines += ["[pair \(pair)]", "left  = \(pair)-left", "right = \(pair)-right"]
    lines += settings.filter { side(of: $0.key) == nil }.map { "\($0.key) = \(quoted($0.value))" }
    lines += [
      "# mailboxes = * !Spam !Trash/*    # all but these",
      "# delete = both                   # also delete mailboxes deleted on the other side",
      "# max-size = 10M                  # of larger messages only the header comes",
      "# since = 90d                     # only mail of the last 90 days",
    ]
    return lines.map { $0 + "\n" }.joined()
  }

  private func endpoint(_ side: Side) -> [String] {
    let url = side == .left ? left : right
    var lines = ["[endpoint \(pair)-\(side)]", "url = \(quoted(url))"]
    let own = settings.filter { self.side(of: $0.key) == side }
    for (key, value) in own {
      lines.append("\(key.dropFirst(side.rawValue.count + 1)) = \(quoted(value))")
    }
    let hasPassword = own.contains { $0.key.contains(".password-") }
    if url.lowercased().hasPrefix("imap") && !hasPassword {
      lines.append("# The first line that the command prints; without it ~/.netrc, or a question.")
      lines.append("# password-command = pass show mail/server")
    }
    return lines
  }

  private func side(of key: String) -> Side? {
    Side.allCases.first { key.hasPrefix("\($0).") }
  }

  /// Without quotes where they are not needed.
  private func quoted(_ value: String) -> String {
    let isPlain = value.unicodeScalars.allSatisfy {
      $0.value > 0x20 && $0 != "\"" && $0 != "\\" && $0 != "#" && $0 != ";"
    }
    return isPlain && !value.isEmpty ? value : INIValue(literal: value).raw
  }
}
