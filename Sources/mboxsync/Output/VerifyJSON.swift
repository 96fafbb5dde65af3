import IMAPClient
import SyncEngine

/// The object that `verify --json` prints.
enum VerifyJSON {
  static func make(_ outcomes: [VerifyOutcome]) -> JSON {
    .object([
      ("version", .string(Version.current)), ("pairs", .array(outcomes.map(pair))),
    ])
  }

  private static func pair(_ outcome: VerifyOutcome) -> JSON {
    let report = outcome.report
    return .object([
      ("pair", .string(outcome.pair)),
      ("result", .string(report.result.rawValue)),
      ("equal", .boolean(report.isEqual)),
      ("seconds", .thousandths(outcome.milliseconds)),
      ("left", side(.left, report)),
      ("right", side(.right, report)),
      ("mailboxes", .array(report.mailboxes.filter(\.isComplete).map(mailbox))),
      ("differences", .array(report.mailboxes.flatMap(\.differences).map(difference))),
      ("errors", .array(report.failures.map(JSONReport.failure))),
    ])
  }

  private static func side(_ side: Side, _ report: VerifyReport) -> JSON {
    let traffic = report.traffic[side]
    return .object([
      ("messages", .count(report.mailboxes.reduce(0) { $0 + $1.read[side] })),
      ("octets", .count(report.mailboxes.reduce(0) { $0 &+ $1.octets[side] })),
      ("bytes_in", .count(traffic.bytesIn)),
      ("bytes_out", .count(traffic.bytesOut)),
      ("round_trips", .count(traffic.roundTrips)),
    ])
  }

  private static func mailbox(_ mailbox: MailboxVerdict) -> JSON {
    .object([
      ("name", .string(mailbox.names.left.path)),
      ("equal", .boolean(mailbox.isEqual)),
      ("uids", .text(mailbox.mode?.rawValue)),
      ("messages", .count(mailbox.messages)),
      ("stubs", .count(mailbox.stubs)),
      ("altered", .count(mailbox.altered.count)),
      ("own_dates", .count(mailbox.ownDates.count)),
      ("unselected", .count(mailbox.unselected)),
    ])
  }

  // MARK: Differences

  private static func difference(_ difference: Difference) -> JSON {
    let names = difference.names
    let (kind, members) = finding(difference.finding)
    let text = DifferenceLines.words(difference.finding, time: Clock.fullText)
    return .object(
      [("mailbox", .string(names.left.path)), ("kind", .string(kind))] + members
        + [("message", .string(text))])
  }

  /// `left` and `right`: what is on each side; `null` where it is not.
  private static func finding(_ finding: Difference.Finding) -> (String, [(String, JSON)]) {
    switch finding {
    case .noMailbox(let side, let messages):
      let there = JSON.object([("messages", .count(messages))])
      return ("mailbox", sides { $0 == side ? .null : there })
    case .noSubscription(let side): return ("subscription", sides { .boolean($0 != side) })
    case .uidValidity(let values):
      return ("uidvalidity", sides { values[$0].map { .count($0.rawValue) } ?? .null })
    case .uidNext(let values): return ("uidnext", sides { .count(values[$0].rawValue) })
    case .noMessage(let side, let there, let absence):
      return (
        "missing", sides { $0 == side ? .null : message(there) } + [("why", .string(why(absence)))]
      )
    case .content(let both): return ("content", sides { message(both[$0]) })
    case .flags(let both, _): return ("flags", sides { message(both[$0]) })
    case .date(let both): return ("date", sides { message(both[$0]) })
    case .uid(let both): return ("uid", sides { message(both[$0]) })
    }
  }

  private static func sides(_ value: (Side) -> JSON) -> [(String, JSON)] {
    Side.allCases.map { ($0.rawValue, value($0)) }
  }

  private static func message(_ message: VerifiedMessage) -> JSON {
    .object([
      ("uid", message.handle.uid.map { .count($0.rawValue) } ?? .null),
      ("size", message.content.map { .count($0.size) } ?? .null),
      ("sha256", .text(message.content?.digest.description)),
      ("flags", .array(message.flags.names.map(JSON.string))),
      ("date", .integer(message.date.seconds)),
    ])
  }

  private static func why(_ absence: Difference.Absence) -> String {
    switch absence {
    case .unknown: "unknown"
    case .isNew: "new"
    case .expunged: "expunged"
    case .lost: "lost"
    case .refused: "refused"
    case .orphan: "stub"
    }
  }
}
