import SyncEngine

/// A pair's run in one line, for a terminal.
enum Summary {
  static func line(_ outcome: PairOutcome, isDryRun: Bool) -> String {
    let report = outcome.report
    var parts: [String] = []
    for side in Side.allCases where !report.counts[side].isEmpty {
      parts.append("\(side) \(words(report.counts[side]))")
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
