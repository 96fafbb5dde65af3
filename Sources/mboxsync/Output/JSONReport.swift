import IMAPClient
import SyncEngine

/// The object that `--json` prints.
enum JSONReport {
  static func make(_ outcomes: [PairOutcome], isDryRun: Bool) -> JSON {
    var members: [(String, JSON)] = [("version", .string(Version.current))]
    if isDryRun { members.append(("dry_run", .boolean(true))) }
    members.append(("pairs", .array(outcomes.map(pair))))
    return .object(members)
  }

  private static func pair(_ outcome: PairOutcome) -> JSON {
    let report = outcome.report
    var members: [(String, JSON)] = [
      ("pair", .string(outcome.pair)),
      ("result", .string(report.result.rawValue)),
      ("rounds", .count(report.rounds)),
      ("seconds", .thousandths(outcome.milliseconds)),
      ("left", side(report.counts.left, report.traffic.left)),
      ("right", side(report.counts.right, report.traffic.right)),
      ("mailboxes", .array(report.mailboxes.map(mailbox))),
      ("mailbox_changes", .array(outcome.mailboxChanges.map(change))),
      ("errors", .array(report.failures.map(failure))),
      ("notices", .array(report.notices.map(failure))),
    ]
    if let known = outcome.known { members += self.known(known) }
    return .object(members)
  }

  /// What `status` adds.
  private static func known(_ known: KnownPair) -> [(String, JSON)] {
    var members: [(String, JSON)] = []
    if let last = known.last {
      members.append(("last_run", .integer(last.run)))
      members.append(("last_change", .integer(last.change)))
      members.append(("last_result", .string(last.result)))
      members.append(("last_errors", .array(known.errors.map(JSON.string))))
    }
    members.append(
      (
        "known",
        .object([
          ("mailboxes", .count(known.mailboxes)), ("mirror", .count(known.mirrored)),
          ("map", .count(known.mapped)), ("messages", .count(known.messages)),
          ("stubs", .count(known.stubs)),
        ])
      ))
    let unsynced = known.unsynced.map { message in
      JSON.object([
        ("mailbox", .string(message.mailbox.path)), ("side", .string(message.side.rawValue)),
        ("uid", .count(message.uid.rawValue)), ("code", .text(message.code?.rawValue)),
        ("message", .string(message.why)),
      ])
    }
    members.append(("unsynced", .array(unsynced)))
    return members
  }

  private static func mailbox(_ mailbox: MailboxReport) -> JSON {
    .object([
      ("name", .string(mailbox.name.path)),
      ("result", .string(mailbox.result.rawValue)),
      ("uids", .text(mailbox.mode?.rawValue)),
      ("messages", .count(mailbox.messages)),
      ("left", .object(counts(mailbox.counts.left))),
      ("right", .object(counts(mailbox.counts.right))),
    ])
  }

  private static func change(_ change: MailboxChange) -> JSON {
    var members: [(String, JSON)] = [
      ("side", .string(change.side.rawValue)), ("name", .string(change.mailbox.path)),
      ("change", .string(change.kind.word)),
    ]
    if case .renamed(let name) = change.kind { members.append(("to", .string(name.path))) }
    return .object(members)
  }

  private static func side(_ changes: ChangeCounts, _ traffic: Traffic) -> JSON {
    .object(
      counts(changes) + [
        ("bytes_in", .count(traffic.bytesIn)),
        ("bytes_out", .count(traffic.bytesOut)),
        ("round_trips", .count(traffic.roundTrips)),
      ])
  }

  private static func counts(_ changes: ChangeCounts) -> [(String, JSON)] {
    [
      ("saved", .count(changes.saved)),
      ("copied", .count(changes.copied)),
      ("expunged", .count(changes.expunged)),
      ("flagged", .count(changes.flagged)),
      ("renumbered", .count(changes.renumbered)),
    ]
  }

  static func failure(_ failure: SyncFailure) -> JSON {
    .object([
      ("mailbox", .text(failure.mailbox?.path)),
      ("side", .text(failure.side?.rawValue)),
      ("code", .string(failure.code.rawValue)),
      ("message", .string(failure.message)),
      ("advice", .string(failure.advice)),
    ])
  }
}
