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
      "# Configuration of mboxsync; mboxsync.conf(5) explains every key.",
      "# 'mboxsync check' tries it, 'mboxsync -n' shows what the next sync would do.",
      "",
    ]
    for side in Side.allCases { lines += endpoint(side) + [""] }
    lines += [
      "[pair \(pair)]", "left  = \(name(.left))", "right = \(name(.right))",
    ]
    let own = settings.filter { side(of: $0.key) == nil }
    lines += own.map { "\($0.key) = \(quoted($0.value))" }
    let proposals = [
      ("mailboxes", "* !Spam !Trash/*", "all but these; the default is all"),
      ("delete", "both", "also delete mailboxes that were deleted on the other side"),
      ("max-size", "10M", "larger messages come as a stub; flag it to get the whole one"),
      ("since", "90d", "only mail received in the last 90 days"),
      ("after", "notmuch new --quiet", "run this after each sync"),
    ].filter { proposal in !own.contains { $0.key == proposal.0 } }
    let width = proposals.map { $0.0.count + $0.1.count }.max() ?? 0
    lines += proposals.map { key, value, about in
      let padding = String(repeating: " ", count: width - key.count - value.count + 3)
      return "# \(key) = \(value)\(padding)# \(about)"
    }
    return lines.map { $0 + "\n" }.joined()
  }

  private func endpoint(_ side: Side) -> [String] {
    let url = url(side)
    var lines = [
      comment(url), "[endpoint \(name(side))]", "url = \(quoted(url))",
    ]
    let own = settings.filter { self.side(of: $0.key) == side }
    for (key, value) in own {
      lines.append("\(key.dropFirst(side.rawValue.count + 1)) = \(quoted(value))")
    }
    let hasPassword = own.contains { $0.key.contains(".password-") }
    if kind(side) == "server" && !hasPassword {
      lines += [
        "# The password is the first line that this command prints; without it, it is looked for in",
        "# ~/.netrc, then asked for, which cron can't do.",
        "# password-command = pass show mail/server",
      ]
    }
    return lines
  }

  private func url(_ side: Side) -> String { side == .left ? left : right }

  private func comment(_ url: String) -> String {
    switch url.prefix(while: { $0 != ":" }).lowercased() {
    case "maildir": "# Mail on this machine."
    case "exec": "# The server, reached by a command that speaks IMAP."
    default: "# The server. Its password never stands here."
    }
  }

  /// `home-maildir`; `home-left` where both sides are of one kind.
  private func name(_ side: Side) -> String {
    "\(pair)-\(kind(.left) == kind(.right) ? side.rawValue : kind(side))"
  }

  private func kind(_ side: Side) -> String {
    url(side).lowercased().hasPrefix("maildir:") ? "maildir" : "server"
  }

  private func side(of key: String) -> Side? {
    Side.allCases.first { key.hasPrefix("\($0).") }
  }

  /// Without quotes where they are not needed.
  private func quoted(_ value: String) -> String {
    let isPlain = value.unicodeScalars.allSatisfy {
      $0.value >= 0x20 && $0 != "\"" && $0 != "\\" && $0 != "#" && $0 != ";"
    }
    let isTrimmed = !value.hasPrefix(" ") && !value.hasSuffix(" ")
    return isPlain && isTrimmed && !value.isEmpty ? value : INIValue(literal: value).raw
  }
}
