import IMAPClient
import SyncEngine

/// What `verify` found, in words.
enum DifferenceLines {
  /// `home: INBOX: UID 12: only on the left, new since the last sync (…)`
  ///
  /// - Parameter time: writes seconds since 1970 for people.
  static func line(_ difference: Difference, pair: String, time: (Int64) -> String) -> String {
    Text.escaped(place(difference.names, pair) + words(difference.finding, time: time))
  }

  static func style(_ finding: Difference.Finding) -> Console.Style {
    switch finding {
    case .noMailbox, .noMessage, .content: .red
    case .noSubscription, .uidValidity, .uidNext, .flags, .date, .uid: .yellow
    }
  }

  /// `home: INBOX: `; without a pair if it is named `""`, being the only one.
  private static func place(_ names: Both<MailboxName>, _ pair: String) -> String {
    (pair.isEmpty ? "" : "\(pair): ") + "\(name(names)): "
  }

  private static func name(_ names: Both<MailboxName>) -> String {
    names.left == names.right ? names.left.path : "\(names.left) (\(names.right) on the right)"
  }

  static func words(_ finding: Difference.Finding, time: (Int64) -> String) -> String {
    switch finding {
    case .noMailbox(let side, let messages):
      return "mailbox only on the \(side.other), with \(Text.counted(messages, "message"))"
    case .noSubscription(let side):
      return "subscribed only on the \(side.other)"
    case .uidValidity(let values):
      return differing("UIDVALIDITY differs", values.map { $0.map { "\($0)" } ?? "none" })
    case .uidNext(let values):
      return differing("UIDNEXT differs", values.map { "\($0)" })
    case .noMessage(let side, let message, let absence):
      return "\(named(message)): only on the \(side.other), \(words(absence, side)) "
        + "(\(details(message, time: time)))"
    case .content(let both):
      return "\(named(both)): \(contents(both))"
    case .flags(let both, let missing):
      let parts = Side.allCases.filter { !missing[$0].isEmpty }.map {
        "\(missing[$0]) only on the \($0.other)"
      }
      return "\(named(both)): flags differ: \(parts.joined(separator: ", "))"
    case .date(let both):
      return differing("\(named(both)): received dates differ", both.map { time($0.date.seconds) })
    case .uid(let both):
      return uids(both)
    }
  }

  private static func differing(_ what: String, _ values: Both<String>) -> String {
    "\(what): \(values.left) on the left, \(values.right) on the right"
  }

  private static func uids(_ both: Both<VerifiedMessage>) -> String {
    for side in Side.allCases where both[side].handle.uid == nil {
      return "\(named(both[side.other])) on the \(side.other): it has no UID on the \(side) yet"
    }
    return "\(named(both.left)) on the left is \(named(both.right)) on the right"
  }

  private static func words(_ absence: Difference.Absence, _ side: Side) -> String {
    switch absence {
    case .unknown: "not known from any sync"
    case .isNew: "new since the last sync"
    case .expunged: "expunged on the \(side) since the last sync"
    case .lost: "lost on the \(side)"
    case .refused(let why): "could not be synced: \(why)"
    case .orphan: "a stub whose message is not to be found"
    }
  }

  private static func details(_ message: VerifiedMessage, time: (Int64) -> String) -> String {
    let size = message.content.map { "\(Text.counted(Int(clamping: $0.size), "octet")), " } ?? ""
    return "\(size)received \(time(message.date.seconds))"
  }

  private static func contents(_ both: Both<VerifiedMessage>) -> String {
    guard let left = both.left.content, let right = both.right.content else { return "unread" }
    if left.isStub != right.isStub {
      return "the \(left.isStub ? Side.left : .right) has the stub of another message"
    }
    if left.size != right.size {
      return differing(
        "content differs", both.map { Text.counted(Int(clamping: $0.content?.size ?? 0), "octet") })
    }
    return differing(
      "content differs",
      both.map { "\(String(($0.content?.digest.description ?? "").prefix(16)))…" })
      + ", \(Text.counted(Int(clamping: left.size), "octet")) each"
  }

  private static func named(_ message: VerifiedMessage) -> String { named(message.handle) }

  private static func named(_ both: Both<VerifiedMessage>) -> String { named(both.map(\.handle)) }

  private static func named(_ handle: MessageHandle) -> String {
    handle.uid.map { "UID \($0)" } ?? "new message"
  }

  private static func named(_ handles: Both<MessageHandle>) -> String {
    handles.left == handles.right
      ? named(handles.left) : "\(named(handles.left)) (right: \(named(handles.right)))"
  }

  // MARK: What was compared

  /// What else there is to say of a mailbox.
  static func notes(_ mailbox: MailboxVerdict, pair: String) -> [String] {
    let place = place(mailbox.names, pair)
    var lines = mailbox.altered.map { altered in
      place + "\(named(altered.handles)): differs only in "
        + (altered.isLonger ? "what another program added" : "octets that a server replaced")
    }
    lines += mailbox.ownDates.map {
      place + "\(named($0)): each side has kept its own received date since the first sync"
    }
    if mailbox.isComplete {
      let result =
        mailbox.isEqual ? "equal" : Text.counted(mailbox.differences.count, "difference")
      lines.append(place + "\(result), \(compared([mailbox]))")
    }
    return lines.map(Text.escaped)
  }

  /// `home: equal: 3 mailboxes, 1,204 messages compared, 2 of them stubs [0.42 s]`
  static func summary(_ outcome: VerifyOutcome) -> String {
    let report = outcome.report
    var parts: [String] = []
    if report.differenceCount > 0 {
      parts.append(Text.counted(report.differenceCount, "difference"))
    }
    if !report.failures.isEmpty { parts.append(Text.counted(report.failures.count, "error")) }
    if parts.isEmpty { parts.append("equal") }
    let done = report.mailboxes.filter(\.isComplete)
    let seconds = Text.seconds(milliseconds: outcome.milliseconds)
    return Text.escaped(
      "\(outcome.pair): \(parts.joined(separator: ", ")): "
        + "\(Text.counted(done.count, "mailbox")), \(compared(done)) [\(seconds) s]")
  }

  private static func compared(_ mailboxes: [MailboxVerdict]) -> String {
    func sum(_ value: (MailboxVerdict) -> Int) -> Int { mailboxes.reduce(0) { $0 + value($1) } }
    let octets = mailboxes.reduce(0) { $0 &+ $1.octets.left &+ $1.octets.right }
    var text = "\(Text.counted(sum(\.messages), "message")) compared, \(Text.octets(octets)) read"
    if sum(\.stubs) > 0 { text += ", \(Text.counted(sum(\.stubs), "stub"))" }
    if sum(\.altered.count) > 0 {
      text += ", \(Text.grouped(sum(\.altered.count))) altered on the way"
    }
    if sum(\.ownDates.count) > 0 {
      text += ", \(Text.grouped(sum(\.ownDates.count))) with received dates of their own"
    }
    if sum(\.unselected) > 0 {
      text += ", \(Text.counted(sum(\.unselected), "message")) left out"
    }
    return text
  }
}
