import SyncEngine

/// A pair's run in one line, for a terminal.
enum Summary {
  static func line(_ outcome: PairOutcome, isDryRun: Bool) -> String {
    let report = outcome.report
    var parts: [String] = []
    for side in Side.allCases {
      let done =
        [words(report.counts[side])] + mailboxes(outcome.mailboxChanges.filter { $0.side == side })
      let text = done.filter { !$0.isEmpty }.joined(separator: ", ")
      if !text.isEmpty { parts.append("\(side) \(text)") }
    }
    if parts.isEmpty && report.result == .ok { parts.append("nothing to do") }
    let traffic = report.traffic.left + report.traffic.right
    if traffic.bytesIn > 0 {
      parts.append("\(Text.octets(traffic.bytesIn)) in, \(Text.octets(traffic.bytesOut)) out")
    }
    if !report.failures.isEmpty { parts.append(Text.counted(report.failures.count, "error")) }
    let mode = isDryRun ? " (dry run)" : ""
    let seconds = Text.seconds(milliseconds: outcome.milliseconds)
    let text = "\(outcome.pair): \(report.result.rawValue)\(mode): "
    return Text.escaped(text + parts.joined(separator: "; ") + " [\(seconds) s]")
  }

  static func style(_ result: SyncResult) -> Console.Style {
    switch result {
    case .ok: .green
    case .partial, .refused: .yellow
    case .failed: .red
    }
  }

  /// `2 mailboxes created`
  private static func mailboxes(_ changes: [MailboxChange]) -> [String] {
    var words: [String] = []
    for change in changes where !words.contains(change.kind.word) { words.append(change.kind.word) }
    return words.map { word in
      "\(Text.counted(changes.count { $0.kind.word == word }, "mailbox")) \(word)"
    }
  }

  /// `3 saved, 1 expunged`
  static func words(_ counts: ChangeCounts) -> String {
    let all = [
      (counts.saved, "saved"), (counts.copied, "copied"), (counts.expunged, "expunged"),
      (counts.flagged, "flagged"), (counts.renumbered, "renumbered"),
    ]
    return all.filter { $0.0 > 0 }.map { "\(Text.grouped($0.0)) \($0.1)" }
      .joined(separator: ", ")
  }
}
