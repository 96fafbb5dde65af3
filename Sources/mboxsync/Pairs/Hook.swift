import SyncEngine

/// `before` and `after` of a pair.
enum Hook {
  /// - Returns: what went wrong.
  static func run(
    _ key: String, _ command: String, variables: [(String, String)], keepsOutput: Bool,
    cancellation: Cancellation
  ) -> SyncFailure? {
    do {
      let outcome = try Subprocess.run(
        command, output: keepsOutput ? .standardError : .inherited, variables: variables,
        cancellation: cancellation)
      if outcome.succeeded { return nil }
      return SyncFailure(
        pair: .other, "the command of '\(key)' \(outcome.description)",
        advice: key == "before" ? "the pair was skipped" : "the pair was synced all the same")
    } catch {
      return SyncFailure(pair: .other, "the command of '\(key)': \(error)", advice: "")
    }
  }

  /// What `after` finds in its environment: `MBOXSYNC_LEFT_SAVED` and its like, and without the side the
  /// sum of both.
  static func variables(
    _ pair: String, _ report: SyncReport, _ changes: [MailboxChange]
  ) -> [(String, String)] {
    var result = [
      ("MBOXSYNC_PAIR", pair), ("MBOXSYNC_RESULT", report.result.rawValue),
      ("MBOXSYNC_ERRORS", String(report.failures.count)),
    ]
    let sum = report.counts.left + report.counts.right
    let mailboxes = changes.filter(\.kind.concernsFiles)
    let sides = Both { side in mailboxes.count { $0.side == side } }
    for (side, counts, mailboxes) in [
      ("LEFT_", report.counts.left, sides.left), ("RIGHT_", report.counts.right, sides.right),
      ("", sum, mailboxes.count),
    ] {
      result += [
        ("MBOXSYNC_\(side)SAVED", String(counts.saved)),
        ("MBOXSYNC_\(side)COPIED", String(counts.copied)),
        ("MBOXSYNC_\(side)EXPUNGED", String(counts.expunged)),
        ("MBOXSYNC_\(side)FLAGGED", String(counts.flagged)),
        ("MBOXSYNC_\(side)RENUMBERED", String(counts.renumbered)),
        ("MBOXSYNC_\(side)MAILBOXES", String(mailboxes)),
      ]
    }
    return result
  }
}
