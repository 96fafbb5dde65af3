import IMAPClient
import SyncEngine
import Testing

@testable import mboxsync

@Suite("Values") struct ValueTests {
  @Test(
    "sizes",
    arguments: [
      ("1", 1), ("20k", 20_480), ("20K", 20_480), ("1M", 1_048_576), ("2g", 2_147_483_648),
      ("0", nil), ("", nil), ("k", nil), ("1X", nil), ("-1", nil), ("+1", nil), ("1.5M", nil),
      ("99999999999999999999", nil), ("18446744073709551615k", nil), ("1 M", nil),
    ] as [(String, UInt64?)])
  func sizes(_ text: String, _ size: UInt64?) {
    #expect((try? ValueParsers.size(INIValue(literal: text))) == size)
  }

  @Test(
    "expunge limits",
    arguments: [
      ("50%", .percent(50)), ("0%", .percent(0)), ("100%", .percent(100)), ("101%", nil),
      ("200", .messages(200)), ("%", nil), ("-1", nil), ("many", nil),
    ] as [(String, Policy.ExpungeLimit?)])
  func limits(_ text: String, _ limit: Policy.ExpungeLimit?) {
    #expect((try? ValueParsers.expungeLimit(INIValue(literal: text))) == limit)
  }

  @Test(
    "since",
    arguments: [
      ("1970-01-01", 0), ("1969-12-31", -86_400), ("2026-01-31", 1_769_817_600),
      ("2024-02-29", 1_709_164_800), ("2000-03-01", 951_868_800), ("9999-12-31", 253_402_214_400),
      ("2026-02-29", nil), ("2026-13-01", nil), ("2026-1-31", nil), ("2026-00-10", nil),
      ("2026-01-00", nil), ("0000-01-01", nil), ("2026-01-31x", nil), ("-1-01-01", nil),
      // Noon of 2026-07-01: days count from its midnight.
      ("0d", 1_782_864_000), ("90d", 1_775_088_000), ("2w", 1_781_654_400),
      ("1y", 1_751_328_000), ("soon", nil), ("d", nil), ("-1d", nil), ("1h", nil), ("", nil),
      ("99999999999999999999d", nil),
    ] as [(String, Int64?)])
  func since(_ text: String, _ seconds: Int64?) {
    #expect((try? Since.parse(text, now: testNow))?.seconds == seconds)
  }

  @Test("all instants of one day select the same")
  func sinceIsSteady() throws {
    let midnight = testNow - testNow % 86_400
    let first = try Since.parse("90d", now: midnight)
    #expect(try Since.parse("90d", now: midnight + 86_399) == first)
    #expect(try Since.parse("90d", now: midnight + 86_400) != first)
  }

  @Test(
    "patterns: the last match wins",
    arguments: [
      (["Work"], ["Work"]), (["inbox"], ["INBOX"]), (["Work*"], ["Work", "Work/A", "Work/A/B"]),
      (["Work/%"], ["Work/A"]), (["%"], ["INBOX", "Work", "Spam"]),
      (["*", "!Spam"], ["INBOX", "Work", "Work/A", "Work/A/B"]),
      (["!Spam"], ["INBOX", "Work", "Work/A", "Work/A/B"]),
      (["*", "!Work*", "Work/A"], ["INBOX", "Work/A", "Spam"]), (["!*", "Spam"], ["Spam"]),
      (["*/*"], ["Work/A", "Work/A/B"]), (["nothing"], []), (["work"], []),
    ])
  func patterns(_ words: [String], _ expected: [String]) {
    let patterns = MailboxPatterns(words: words)
    let names = ["INBOX", "Work", "Work/A", "Work/A/B", "Spam"].compactMap(MailboxName.init(path:))
    #expect(names.filter(patterns.matches).map(\.path) == expected)
  }

  @Test(
    "fingerprints",
    arguments: [
      (String(repeating: "0a", count: 32), true),
      (String(repeating: "0A:", count: 31) + "0a", true),
      ("spki:" + String(repeating: "0a", count: 32), true), ("", false), ("spki:", false),
      (String(repeating: "0a", count: 31), false), (String(repeating: "0a", count: 33), false),
      (String(repeating: "0g", count: 32), false),
      (String(repeating: "0a", count: 32) + "0", false),
    ])
  func fingerprints(_ text: String, _ isGood: Bool) {
    #expect(((try? Fingerprints.parse(text)) != nil) == isGood)
  }

  @Test(
    "paths",
    arguments: [
      ("~", "/home/me"), ("~/a//b/", "/home/me/a/b"), ("/a/./b", "/a/b"), ("/", "/"),
      ("rel", "/here/rel"), ("~nobody-of-that-name/x", nil), ("", nil),
    ] as [(String, String?)])
  func paths(_ text: String, _ path: String?) {
    var context = testContext()
    context.currentDirectory = "/here"
    #expect((try? ValueParsers.path(text, context)) == path)
  }
}
