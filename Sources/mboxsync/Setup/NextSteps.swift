/// What to do once the configuration is written, for people.
struct NextSteps {
  var environment: Environment
  /// `nil`: the one that is read without being named.
  var configuration: String?
  var pair: String
  /// The program's own path.
  var program: String
  var wasTried: Bool
  /// Nobody is there to type it when cron runs.
  var asksForPassword: Bool
  /// A directory with mboxsync@.timer in it, where the program was installed with its units.
  var hasUnits: Bool
  /// The password comes from the desktop's keyring. Its D-Bus is found by this directory, which cron does not tell of.
  var keyringDirectory: String?

  var lines: [String] {
    let option = configuration.map { " -c \(ShellWord.quoted($0))" } ?? ""
    var steps: [(String, String)] = []
    if !wasTried { steps.append(("mboxsync check\(option)", "try it; no mailbox is changed")) }
    steps += [
      ("mboxsync -n\(option)", "show what the first sync would do"),
      ("mboxsync\(option)", "do it"),
      ("mboxsync verify\(option)", "have it proved that both sides are equal"),
    ]
    let width = steps.map(\.0.count).max() ?? 0
    var lines = ["", "Next:"]
    lines += steps.map { command, about in
      "  \(command)\(String(repeating: " ", count: width - command.count + 3))\(about)"
    }
    if asksForPassword {
      lines += [
        "",
        "To run it by itself, say first where the password is (password-command or password-file).",
      ]
    }
    // A percent sign ends the command for cron.
    let command = "\(ShellWord.quoted(program))\(option)".replacing("%", with: "\\%")
    lines += ["", "Every ten minutes by cron, which mails only what failed (crontab -e):"]
    if let keyringDirectory {
      lines.append("  XDG_RUNTIME_DIR=\(keyringDirectory)")
    }
    lines.append("  */10 * * * * \(command)")
    if keyringDirectory != nil {
      lines.append(
        "The first of these lines is for secret-tool; while you are logged out, the keyring is shut."
      )
    }
    lines.append("")
    return lines + timer(option)
  }

  private func timer(_ option: String) -> [String] {
    if hasUnits && configuration == nil {
      return ["or by systemd:", "  systemctl --user enable --now mboxsync@\(pair).timer"]
    }
    let command = ([program] + (configuration.map { ["-c", $0] } ?? []))
      .map(NextSteps.quotedForUnit).joined(separator: " ")
    return [
      "or by systemd, with two files:",
      "  ~/.config/systemd/user/mboxsync.service",
      "    [Service]",
      "    Type=oneshot",
      "    ExecStart=\(command)",
      "  ~/.config/systemd/user/mboxsync.timer",
      "    [Timer]",
      "    OnCalendar=*:0/10",
      "    [Install]",
      "    WantedBy=timers.target",
      "and this command:",
      "  systemctl --user enable --now mboxsync.timer",
    ]
  }

  /// systemd.service(5), "COMMAND LINES".
  private static func quotedForUnit(_ word: String) -> String {
    let escaped = word.replacing("%", with: "%%").replacing("$", with: "$$")
    if ShellWord.quoted(word) == word { return escaped }
    return "\"" + escaped.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
  }
}

extension String {
  /// Without Foundation.
  func replacing(_ character: Character, with text: String) -> String {
    split(separator: character, omittingEmptySubsequences: false).joined(separator: text)
  }
}
