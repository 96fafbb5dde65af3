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
    let outcome = PairOutcome(pair: "home", report: report, milliseconds: 420)
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
      + #""left":\#(left),"right":\#(right),"mailboxes":[\#(mailbox)],"errors":[\#(error)],"#
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
      (.saved(uid), "saved UID 7", "would save UID 7"),
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
  }

  @Test("the bar fits, whatever the width", arguments: [0, 1, 5, 10, 30, 50, 80, 200])
  func bar(_ width: Int) throws {
    var bar = ProgressBar(pair: "home")
    bar.handle(.mailboxesToSync(12))
    bar.handle(.transfersPlanned(messages: 5000, octets: 80_100_000))
    bar.handle(.transferred(messages: 1203, octets: 12_345_678))
    bar.handle(.mailboxDone(try #require(MailboxName(path: "Lists/日本"))))
    let whole = "home  1/12 mailboxes  1,203/5,000 messages  12.3 MB/80.1 MB  Lists/日本"
    #expect(bar.line(width: width).count <= width)
    #expect(bar.line(width: 200) == whole)
    #expect(bar.line(width: 30) == "home  1/12 mailboxes")
  }

  @Test("the summary says what was done")
  func summary() {
    var outcome = PairOutcome(pair: "p", report: SyncReport(), milliseconds: 420)
    #expect(Summary.line(outcome, isDryRun: false) == "p: ok: nothing to do [0.42 s]")
    outcome.report.counts.left.saved = 1203
    outcome.report.counts.right.expunged = 1
    outcome.report.counts.right.flagged = 2
    outcome.report.result = .partial
    outcome.report.failures = [SyncFailure(pair: .other, "x", advice: "")]
    #expect(
      Summary.line(outcome, isDryRun: true)
        == "p: partial (dry run): left 1,203 saved; right 1 expunged, 2 flagged; 1 error [0.42 s]")
  }

  @Test("status names the mailboxes with something pending")
  func status() throws {
    var outcome = PairOutcome(pair: "p", report: SyncReport(), milliseconds: 0)
    #expect(
      StatusVerb.lines(outcome) { _ in "" }
        == ["p: never synced, 0 mailboxes, 0 messages", "  nothing pending"])
    outcome.lastRun = (7, "ok")
    outcome.known = (2, 1204)
    var counts = Both(left: ChangeCounts(), right: ChangeCounts())
    counts.right.saved = 2
    counts.left.expunged = 1
    outcome.report.mailboxes = try ["INBOX", "Work/A", "Quiet"].map { path in
      MailboxReport(
        name: try #require(MailboxName(path: path)), result: .ok, mode: .map, messages: 1,
        counts: path == "Quiet" ? Both(left: ChangeCounts(), right: ChangeCounts()) : counts)
    }
    #expect(
      StatusVerb.lines(outcome) { "at \($0)" } == [
        "p: last change at 7 (ok), 2 mailboxes, 1,204 messages",
        "  INBOX   left: 1 to expunge; right: 2 to save",
        "  Work/A  left: 1 to expunge; right: 2 to save",
      ])
  }

  @Test("a table's columns stand below each other")
  func table() {
    #expect(
      CheckVerb.table([["left", "a", "ok"], ["state", "longer", "failed"]])
        == ["left   a       ok", "state  longer  failed"])
    #expect(CheckVerb.table([]).isEmpty)
  }
}
