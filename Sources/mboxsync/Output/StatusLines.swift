import IMAPClient
import SyncEngine

/// What `status` tells of a pair.
enum StatusLines {
  /// So many messages that could not be synced are named, unless all of them are asked for.
  private static let namedMessages = 10

  /// - Parameter time: writes seconds since 1970 for people.
  static func lines(
    _ outcome: PairOutcome, showsAll: Bool, time: (Int64) -> String
  ) -> [String] {
    let known = outcome.known ?? KnownPair()
    var lines = ["\(outcome.pair): \(last(known, time: time))"]
    lines.append("  known    \(words(known))")
    lines += pending(outcome)
    if !known.errors.isEmpty {
      lines.append("  the last run said")
      lines += known.errors.map { "    " + $0 }
    }
    return lines + unsynced(known.unsynced, showsAll: showsAll)
  }

  static func style(_ outcome: PairOutcome) -> Console.Style {
    guard outcome.report.failures.isEmpty else { return .red }
    return outcome.known?.last?.result == SyncResult.ok.rawValue ? .green : .yellow
  }

  private static func last(_ known: KnownPair, time: (Int64) -> String) -> String {
    guard let last = known.last else { return "never synced" }
    let (run, change) = (time(last.run), time(last.change))
    return "last run \(run), \(last.result)" + (run == change ? "" : "; last change \(change)")
  }

  /// `12 mailboxes, 1,204 messages, 2 stubs; UIDs: mirror`
  private static func words(_ known: KnownPair) -> String {
    var text = Text.counted(known.mailboxes, "mailbox")
    text += ", \(Text.counted(known.messages, "message"))"
    if known.stubs > 0 { text += ", \(Text.counted(known.stubs, "stub"))" }
    switch (known.mirrored, known.mapped) {
    case (0, 0): return text
    case (_, 0): return text + "; UIDs: mirror"
    case (0, _): return text + "; UIDs: map"
    default: return text + "; UIDs: mirror in \(known.mirrored), map in \(known.mapped)"
    }
  }

  private static func pending(_ outcome: PairOutcome) -> [String] {
    let pending = outcome.report.mailboxes.filter {
      !$0.counts.left.isEmpty || !$0.counts.right.isEmpty || $0.result != .ok
    }
    guard !pending.isEmpty || !outcome.mailboxChanges.isEmpty else {
      return ["  pending  \(nothing(outcome.report))"]
    }
    var rows: [PendingRow] = []
    var indexes: [MailboxName: Int] = [:]
    func row(_ name: MailboxName) -> Int {
      if let index = indexes[name] { return index }
      rows.append(PendingRow(name: name))
      indexes[name] = rows.count - 1
      return rows.count - 1
    }
    for change in outcome.mailboxChanges {
      rows[row(change.mailbox)].plans[change.side].append(change.kind.plan)
    }
    for mailbox in pending {
      let index = row(mailbox.name)
      for side in Side.allCases where !mailbox.counts[side].isEmpty {
        rows[index].plans[side].append(words(mailbox.counts[side]))
      }
      rows[index].hasProblem = mailbox.result != .ok
    }
    return headed("pending", CheckLines.table(rows.map { [$0.name.path, $0.text] }))
  }

  /// What is to be done about one mailbox: `left: to create, 3 to save; right: 1 to flag`
  private struct PendingRow {
    var name: MailboxName
    var plans = Both<[String]>(left: [], right: [])
    var hasProblem = false

    var text: String {
      var parts = Side.allCases.filter { !plans[$0].isEmpty }
        .map { "\($0): \(plans[$0].joined(separator: ", "))" }
      if hasProblem { parts.append("there is a problem, which is told above") }
      return parts.joined(separator: "; ")
    }
  }

  private static func nothing(_ report: SyncReport) -> String {
    guard !report.failures.isEmpty else { return "nothing" }
    // A guard, or what is wrong with one mailbox, says nothing of the others.
    return report.hasLooked && report.result != .failed
      ? "nothing but what is told above" : "not known"
  }

  /// `3 to save, 1 to expunge`
  private static func words(_ counts: ChangeCounts) -> String {
    let all = [
      (counts.saved, "save"), (counts.copied, "copy"), (counts.expunged, "expunge"),
      (counts.flagged, "flag"), (counts.renumbered, "renumber"),
    ]
    return all.filter { $0.0 > 0 }.map { "\(Text.grouped($0.0)) to \($0.1)" }
      .joined(separator: ", ")
  }

  private static func unsynced(_ messages: [KnownPair.Unsynced], showsAll: Bool) -> [String] {
    guard !messages.isEmpty else { return [] }
    let shown = showsAll ? messages[...] : messages.prefix(namedMessages)
    let rows = shown.map { message in
      ["\(message.side): \(message.mailbox)", "UID \(message.uid)", message.why]
    }
    var lines = headed("not synced", CheckLines.table(rows))
    if shown.count < messages.count {
      lines.append("    and \(Text.grouped(messages.count - shown.count)) more; -v names them all")
    }
    return lines
  }

  private static func headed(_ head: String, _ lines: [String]) -> [String] {
    ["  \(head)"] + lines.map { "    " + $0 }
  }
}
