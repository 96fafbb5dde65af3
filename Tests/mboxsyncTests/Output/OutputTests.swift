import Foundation
import IMAPClient
import SyncEngine
import Testing

@testable import mboxsync

@Suite("Text") struct TextTests {
  @Test(
    "control characters are shown",
    arguments: [
      ("plain", "plain"), ("pä日", "pä日"), ("a\nb\r\u{1b}[31m", "a\\x0ab\\x0d\\x1b[31m"),
      ("\u{7f}\u{9b}1m\u{202e}x", "\\x7f\\u{9b}1m\\u{202e}x"), ("\u{2028}", "\\u{2028}"),
    ])
  func escaped(_ text: String, _ shown: String) { #expect(Text.escaped(text) == shown) }

  @Test(
    "numbers",
    arguments: [
      (0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (-1000, "-1,000"),
      (-100, "-100"),
    ])
  func grouped(_ number: Int, _ text: String) { #expect(Text.grouped(number) == text) }

  @Test(
    "octets",
    arguments: [
      (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (12_345, "12.3 kB"), (999_999, "999.9 kB"),
      (1_000_000, "1.0 MB"), (.max, "18446744.0 TB"),
    ] as [(UInt64, String)])
  func octets(_ count: UInt64, _ text: String) { #expect(Text.octets(count) == text) }

  @Test("seconds", arguments: [(0, "0.00"), (429, "0.42"), (61_050, "61.05"), (-5, "0.00")])
  func seconds(_ milliseconds: Int64, _ text: String) {
    #expect(Text.seconds(milliseconds: milliseconds) == text)
  }

  @Test("counts")
  func counted() {
    #expect(Text.counted(1, "mailbox") == "1 mailbox")
    #expect(Text.counted(2, "mailbox") == "2 mailboxes")
    #expect(Text.counted(1200, "message") == "1,200 messages")
  }
}

@Suite("JSON") struct JSONTests {
  @Test(
    "strings",
    arguments: [
      "", "plain", "a\"b\\c/d", "\n\r\t\u{0}\u{1b}\u{7f}\u{9b}", "pä日𝄞", "\u{2028}\u{2029}",
    ])
  func strings(_ text: String) throws {
    let encoded = JSON.array([.string(text)]).encoded
    let decoded = try JSONSerialization.jsonObject(with: Data(encoded.utf8)) as? [String]
    #expect(decoded == [text])
    #expect(
      encoded.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7f..<0xa0).contains($0.value) })
  }

  @Test("values")
  func values() {
    let value = JSON.object([
      ("a", .array([])), ("b", .object([])), ("c", .thousandths(1042)), ("d", .thousandths(7)),
      ("e", .thousandths(-1500)), ("f", .integer(-3)), ("g", .boolean(true)), ("h", .null),
      ("i", .count(UInt64.max)), ("j", .text(nil)),
    ])
    #expect(
      value.encoded
        == #"{"a":[],"b":{},"c":1.042,"d":0.007,"e":-1.500,"f":-3,"g":true,"h":null,"#
        + #""i":9223372036854775807,"j":null}"#)
  }

  @Test("the report is what the interface says")
  func report() throws {
    let inbox = try #require(MailboxName(path: "INBOX"))
    var report = SyncReport()
    report.result = .partial
    report.rounds = 1
    report.counts.left.saved = 1
    report.counts.left.flagged = 2
    report.traffic.right.bytesIn = 10
    report.traffic.right.roundTrips = 3
    report.mailboxes = [
      MailboxReport(
        name: inbox, result: .ok, mode: .mirror, messages: 1204, counts: report.counts)
    ]
    report.failures = [
      SyncFailure(
        side: .right, mailbox: inbox, code: .overQuota, scope: .mailbox, message: "full",
        advice: "delete some")
    ]
    var outcome = PairOutcome(pair: "home", report: report, milliseconds: 420)
    outcome.mailboxChanges = [
      MailboxChange(side: .left, mailbox: inbox, kind: .renamed(to: inbox))
    ]
    let left =
      #"{"saved":1,"copied":0,"expunged":0,"flagged":2,"renumbered":0,"#
      + #""bytes_in":0,"bytes_out":0,"round_trips":0}"#
    let right =
      #"{"saved":0,"copied":0,"expunged":0,"flagged":0,"renumbered":0,"#
      + #""bytes_in":10,"bytes_out":0,"round_trips":3}"#
    let mailbox =
      #"{"name":"INBOX","result":"ok","uids":"mirror","messages":1204,"#
      + #""left":{"saved":1,"copied":0,"expunged":0,"flagged":2,"renumbered":0},"#
      + #""right":{"saved":0,"copied":0,"expunged":0,"flagged":0,"renumbered":0}}"#
    let error =
      #"{"mailbox":"INBOX","side":"right","code":"overquota","message":"full","#
      + #""advice":"delete some"}"#
    let pairs =
      #""pairs":[{"pair":"home","result":"partial","rounds":1,"seconds":0.420,"#
      + #""left":\#(left),"right":\#(right),"mailboxes":[\#(mailbox)],"#
      + #""mailbox_changes":[{"side":"left","name":"INBOX","change":"renamed","to":"INBOX"}],"#
      + #""errors":[\#(error)],"#
      + #""notices":[]}]"#
    let version = #""version":"\#(Version.current)""#
    #expect(JSONReport.make([outcome], isDryRun: false).encoded == "{\(version),\(pairs)}")
    #expect(
      JSONReport.make([outcome], isDryRun: true).encoded
        == "{\(version),\"dry_run\":true,\(pairs)}")
  }
}

@Suite("Lines for people") struct LineTests {
  private static let uid = UID(7)
  private static let other = MailboxName.inbox

  @Test("changes, done and planned")
  func changes() throws {
    let mailbox = try #require(MailboxName(path: "Work/A"))
    let uid = try #require(LineTests.uid)
    let rows: [(ChangeKind, String, String)] = [
      (.saved(uid), "saved UID 7", "would save UID 7 of the left"),
      (.saved(nil), "saved a message", "would save a message"),
      (.copied(uid, from: .inbox), "copied UID 7 from INBOX", "would copy UID 7 from INBOX"),
      (.moved(nil, from: .inbox), "moved a message from INBOX", "would move a message from INBOX"),
      (.expunged(uid), "expunged UID 7", "would expunge UID 7"),
      (
        .flagged(uid, added: FlagSet(.seen), removed: FlagSet(.flagged)),
        "flagged UID 7 +(\\Seen) -(\\Flagged)", "would flag UID 7 +(\\Seen) -(\\Flagged)"
      ),
      (
        .renumbered(from: uid, to: uid), "renumbered UID 7 to UID 7",
        "would renumber UID 7 to UID 7"
      ),
      (.mailboxCreated, "mailbox created", "would create the mailbox"),
      (
        .mailboxRenamed(to: .inbox), "mailbox renamed to INBOX", "would rename the mailbox to INBOX"
      ),
      (.subscribed, "subscribed", "would subscribe"),
    ]
    for (change, done, planned) in rows {
      for (isPlanned, words) in [(false, done), (true, planned)] {
        let line = ChangeLines.line(pair: "p", .right, mailbox, change, isPlanned: isPlanned)
        #expect(line == "p: right: Work/A: \(words)")
      }
    }
    let line = ChangeLines.line(pair: "", .left, .inbox, .mailboxCreated, isPlanned: false)
    #expect(line == "left: INBOX: mailbox created")
  }

  private static func bar(_ events: [(Int64, SyncEvent)]) -> ProgressBar {
    var bar = ProgressBar(pair: "home")
    for (now, event) in events { bar.handle(event, now: now) }
    return bar
  }

  private static func events() throws -> [(Int64, SyncEvent)] {
    [
      (0, .mailboxesToSync(12)), (0, .transfersPlanned(messages: 5000, octets: 80_100_000)),
      (0, .transferred(messages: 203, octets: 2_345_678)),
      (4_000, .transferred(messages: 1000, octets: 10_000_000)),
      (4_000, .mailboxDone(try #require(MailboxName(path: "Lists/日本")))),
    ]
  }

  @Test("the bar fits, whatever the width", arguments: [0, 1, 5, 10, 20, 30, 50, 79, 200])
  func bar(_ width: Int) throws {
    let bar = LineTests.bar(try LineTests.events())
    let line = bar.line(width: width, now: 4_000)
    #expect(DisplayWidth.of(line) <= width)
    let texts = [
      200: "home   15%   1/12 mailboxes  1,203/5,000 messages  12.3/80.1 MB    2.5 MB/s  "
        + " 0:28 left  Lists/日本",
      79: "home   15%   1/12 mailboxes  1,203/5,000 messages  12.3/80.1 MB   0:28 left",
      50: "home   15%  12.3/80.1 MB   0:28 left", 10: "home   15%", 5: "home",
    ]
    if let text = texts[width] { #expect(line == text) }
  }

  @Test("as long as mailboxes are only looked at, the bar tells at how many and which")
  func lookingBar() throws {
    let names = try ["INBOX", "Lists/日本"].map { try #require(MailboxName(path: $0)) }
    var bar = LineTests.bar([(0, .mailboxesToSync(12)), (0, .mailboxBegun(names[0]))])
    #expect(bar.line(width: 80, now: 0) == "home  looking at  1/12 mailboxes  INBOX")
    bar.handle(.mailboxBegun(names[1]), now: 0)
    #expect(bar.line(width: 80, now: 0) == "home  looking at  2/12 mailboxes  Lists/日本")
    #expect(bar.line(width: 40, now: 0) == "home  looking at  2/12 mailboxes")
    bar.handle(.mailboxDone(names[0]), now: 0)
    #expect(bar.line(width: 80, now: 0) == "home   1/12 mailboxes  INBOX")
  }

  @Test("the bar keeps its shape while numbers grow, and the rate falls when nothing comes")
  func steadyBar() throws {
    #expect(LineTests.bar([(0, .mailboxesToSync(0))]).line(width: 80, now: 0) == "")
    var bar = LineTests.bar([(0, .mailboxesToSync(120))])
    #expect(bar.line(width: 80, now: 0) == "home    0/120 mailboxes")
    #expect(ProgressBar(pair: "home").line(width: 80, now: 0).isEmpty)
    bar.handle(.transfersPlanned(messages: 5000, octets: 500_000_000), now: 0)
    var widths: Set<Int> = []
    for step in 1...50 {
      bar.handle(.transferred(messages: 100, octets: 10_000_000), now: Int64(step) * 300)
      widths.insert(bar.line(width: 200, now: Int64(step) * 300).count)
    }
    #expect(widths.count == 1)
    #expect(bar.line(width: 200, now: 15_000).contains("100%"))
    bar.handle(.transfersPlanned(messages: 5000, octets: 500_000_000), now: 15_000)
    let rates = [15_000, 30_000, 60_000].map { bar.line(width: 200, now: $0) }
    #expect(rates[0].contains("33.") && rates[0] != rates[1] && rates[1] != rates[2])
  }

  @Test("the summary says what was done")
  func summary() {
    var outcome = PairOutcome(pair: "p", report: SyncReport(), milliseconds: 420)
    #expect(Summary.line(outcome, isDryRun: false) == "p: ok: nothing to do [0.42 s]")
    outcome.mailboxChanges = [
      MailboxChange(side: .left, mailbox: .inbox, kind: .created),
      MailboxChange(side: .left, mailbox: .inbox, kind: .subscribed),
      MailboxChange(side: .right, mailbox: .inbox, kind: .deleted),
      MailboxChange(side: .left, mailbox: .inbox, kind: .created),
    ]
    #expect(
      Summary.line(outcome, isDryRun: false)
        == "p: ok: left 2 mailboxes created, 1 mailbox subscribed; right 1 mailbox deleted [0.42 s]"
    )
    outcome.mailboxChanges = []
    outcome.report.counts.left.saved = 1203
    outcome.report.counts.right.expunged = 1
    outcome.report.counts.right.flagged = 2
    outcome.report.result = .partial
    outcome.report.failures = [SyncFailure(pair: .other, "x", advice: "")]
    #expect(
      Summary.line(outcome, isDryRun: true)
        == "p: partial (dry run): left 1,203 saved; right 1 expunged, 2 flagged; 1 error [0.42 s]")
  }

  @Test("status tells what is known, what is pending, and what could not be synced")
  func status() throws {
    var outcome = PairOutcome(pair: "p", report: SyncReport(), milliseconds: 0)
    #expect(
      StatusLines.lines(outcome, showsAll: false) { _ in "" } == [
        "p: never synced", "  known    0 mailboxes, 0 messages", "  pending  nothing",
      ])
    var known = KnownPair()
    known.last = (9, 7, "ok")
    known.mailboxes = 2
    known.mirrored = 1
    known.mapped = 1
    known.messages = 1204
    known.stubs = 1
    known.unsynced = try (1...12).map { number in
      KnownPair.Unsynced(
        mailbox: .inbox, side: .right, uid: try #require(UID(number)), code: .tooLarge,
        why: "too large")
    }
    outcome.known = known
    var counts = Both(left: ChangeCounts(), right: ChangeCounts())
    counts.right.saved = 2
    counts.left.expunged = 1
    outcome.report.mailboxes = try ["INBOX", "Work/A", "Quiet"].map { path in
      MailboxReport(
        name: try #require(MailboxName(path: path)), result: .ok, mode: .map, messages: 1,
        counts: path == "Quiet" ? Both(left: ChangeCounts(), right: ChangeCounts()) : counts)
    }
    let lines = StatusLines.lines(outcome, showsAll: false) { "at \($0)" }
    #expect(
      lines.prefix(6) == [
        "p: last run at 9, ok; last change at 7",
        "  known    2 mailboxes, 1,204 messages, 1 stub; UIDs: mirror in 1, map in 1",
        "  pending", "    INBOX   left: 1 to expunge; right: 2 to save",
        "    Work/A  left: 1 to expunge; right: 2 to save", "  not synced",
      ])
    #expect(lines[6] == "    right: INBOX  UID 1   too large")
    #expect(lines.last == "    and 2 more; -v names them all" && lines.count == 17)
    #expect(StatusLines.lines(outcome, showsAll: true) { _ in "" }.count == 18)
    outcome.report.mailboxes = []
    outcome.mailboxChanges = [
      MailboxChange(side: .left, mailbox: .inbox, kind: .renamed(to: .inbox)),
      MailboxChange(side: .right, mailbox: .inbox, kind: .deleted),
    ]
    #expect(
      StatusLines.lines(outcome, showsAll: false) { _ in "" }[2...3] == [
        "  pending", "    INBOX  left: to rename to INBOX; right: to delete",
      ])
    outcome.report.mailboxes = [
      MailboxReport(name: .inbox, result: .ok, mode: .map, messages: 1, counts: counts)
    ]
    #expect(
      StatusLines.lines(outcome, showsAll: false) { _ in "" }[3]
        == "    INBOX  left: to rename to INBOX, 1 to expunge; right: to delete, 2 to save")
  }

  @Test("a guard that refused says nothing of what else is pending")
  func statusAfterGuard() {
    var outcome = PairOutcome(pair: "p", report: SyncReport(), milliseconds: 0)
    func pending() -> String { StatusLines.lines(outcome, showsAll: false) { _ in "" }[2] }
    outcome.report.failures = [
      SyncFailure(
        EndpointError(.mailbox, .guarded, "", advice: ""), side: .right, mailbox: .inbox)
    ]
    outcome.report.result = .refused
    #expect(pending() == "  pending  not known")
    outcome.report.hasLooked = true
    #expect(pending() == "  pending  nothing but what is told above")
    outcome.report.result = .failed
    #expect(pending() == "  pending  not known")
  }

  @Test("check names mailboxes that are not as one expects, and counts the rest")
  func checkedMailboxes() throws {
    func mailbox(_ left: String?, _ right: String?, _ state: CheckedPair.Mailbox.State) throws
      -> CheckedPair.Mailbox
    {
      try CheckedPair.Mailbox(
        left: left.map { try #require(MailboxName(path: $0)) },
        right: right.map { try #require(MailboxName(path: $0)) }, state: state)
    }
    var checked = CheckedPair(pair: "home")
    checked.isStateFree = true
    checked.mailboxes = try [mailbox("INBOX", "INBOX", .both), mailbox("Sent", "Gesendet", .both)]
    for number in 1...9 {
      checked.mailboxes.append(try mailbox("L\(number)", "L\(number)", .only(.left)))
    }
    checked.mailboxes.append(try mailbox(nil, "Spam", .leftOut))
    let lines = CheckLines.lines(checked, now: 0, showsAll: false)
    let start = try #require(lines.firstIndex(of: "  mailboxes"))
    #expect(
      lines[(start + 1)...] == [
        "         1 on both sides",
        "         9 only on the left, made on the right by the next sync",
        "         Sent  Gesendet  on both sides",
        "         -     Spam      left out by 'mailboxes'",
      ])
    #expect(CheckLines.lines(checked, now: 0, showsAll: true).count == start + 1 + 12)
  }

  @Test("a long cell is broken between words, below itself")
  func brokenCell() {
    let text = Array(repeating: "word", count: 12).joined(separator: " ")
    let lines = CheckLines.table([["uses", text], ["a", "b"]], width: 40)
    #expect(lines.count == 3 && lines.allSatisfy { $0.count <= 40 })
    #expect(lines[1].hasPrefix("      word") && lines[2] == "a     b")
    #expect(CheckLines.table([["uses", text]]).count == 1)
  }

  @Test(
    "columns of a text",
    arguments: [("abc", 3), ("ä", 1), ("日本", 4), ("e\u{301}", 1), ("한", 2), ("", 0), ("📬", 2)])
  func displayWidth(_ text: String, _ columns: Int) {
    #expect(DisplayWidth.of(text) == columns)
    #expect(DisplayWidth.of(DisplayWidth.prefix(of: text, columns: 1)) <= 1)
  }

  @Test("a table's columns stand below each other")
  func table() {
    #expect(
      CheckLines.table([["left", "a", "ok"], ["state", "longer", "failed"]])
        == ["left   a       ok", "state  longer  failed"])
    // One that is very long stands out, and the others stay where they are.
    let long = String(repeating: "x", count: 50)
    #expect(
      CheckLines.table([[long, "a", "ok"], ["b", "c", "failed"]])
        == ["\(long)  a  ok", "b  c  failed"])
    #expect(CheckLines.table([]).isEmpty)
  }
}
