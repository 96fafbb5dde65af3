import Foundation
import IMAPClient
import Testing

@testable import SyncEngine
@testable import mboxsync

/// How `verify` tells what it found.
@Suite("Output of verify") struct VerifyOutputTests {
  private static func message(
    _ uid: UInt32?, _ text: String, flags: SystemFlags = [], date: Int64 = 0
  ) -> VerifiedMessage {
    let bytes = Array(text.utf8)
    let digest = MessageDigest(SHA256.digest(of: bytes))
    let handle = uid.flatMap { UID($0) }.map { MessageHandle.uid($0) } ?? .unnumbered(5)
    return VerifiedMessage(
      handle: handle, flags: FlagSet(flags), date: InternalDate(seconds: date),
      content: ReadContent(
        size: UInt64(bytes.count), digest: digest,
        identity: ContentID(size: UInt64(bytes.count), digest: digest.short)))
  }

  private static func difference(_ finding: Difference.Finding) -> Difference {
    Difference(names: Both(left: .inbox, right: .inbox), finding: finding)
  }

  static let rows: [(Difference.Finding, String, String)] = [
    (.noMailbox(on: .left, messages: 1), "mailbox only on the right, with 1 message", "mailbox"),
    (.noSubscription(on: .right), "subscribed only on the left", "subscription"),
    (
      .uidValidity(Both(left: UIDValidity(7), right: nil)),
      "UIDVALIDITY differs: 7 on the left, none on the right", "uidvalidity"
    ),
    (
      .uidNext(Both(left: .first, right: .last)),
      "UIDNEXT differs: 1 on the left, 4294967295 on the right", "uidnext"
    ),
    (
      .noMessage(on: .right, message(12, "abc"), .isNew),
      "UID 12: only on the left, new since the last sync (3 octets, received at 0)", "missing"
    ),
    (
      .noMessage(on: .left, message(nil, "abc"), .refused("over quota")),
      "new message: only on the right, could not be synced: over quota (3 octets, received at 0)",
      "missing"
    ),
    (
      .content(Both(left: message(3, "abc"), right: message(3, "abcd"))),
      "UID 3: content differs: 3 octets on the left, 4 octets on the right", "content"
    ),
    (
      .content(Both(left: message(3, "abc"), right: message(9, "abd"))),
      "UID 3 (right: UID 9): content differs: ba7816bf8f01cfea… on the left, a52d159f262b2c6d… on "
        + "the right, 3 octets each", "content"
    ),
    (
      .flags(
        Both(left: message(3, "a", flags: [.seen]), right: message(3, "a", flags: [.draft])),
        missing: Both(left: FlagSet([.draft]), right: FlagSet([.seen]))),
      #"UID 3: flags differ: \Draft only on the right, \Seen only on the left"#, "flags"
    ),
    (
      .date(Both(left: message(3, "a"), right: message(3, "a", date: 60))),
      "UID 3: received dates differ: at 0 on the left, at 60 on the right", "date"
    ),
    (
      .uid(Both(left: message(3, "a"), right: message(4, "a"))),
      "UID 3 on the left is UID 4 on the right", "uid"
    ),
    (
      .uid(Both(left: message(nil, "a"), right: message(4, "a"))),
      "UID 4 on the right: it has no UID on the left yet", "uid"
    ),
  ]

  @Test("lines", arguments: rows)
  func line(_ finding: Difference.Finding, _ text: String, _ kind: String) {
    let line = DifferenceLines.line(
      VerifyOutputTests.difference(finding), pair: "home", time: { "at \($0)" })
    #expect(line == "home: INBOX: \(text)")
  }

  @Test("a mailbox with two names is named by both, and no name reaches the terminal as it is")
  func names() {
    let names = [MailboxName(["Work"]), MailboxName(["Ar\u{9b}beit"])].map { $0 ?? .inbox }
    let difference = Difference(
      names: Both(left: names[0], right: names[1]), finding: .noSubscription(on: .left))
    #expect(
      DifferenceLines.line(difference, pair: "p", time: { "\($0)" })
        == "p: Work (Ar\\u{9b}beit on the right): subscribed only on the right")
  }

  private func outcome(_ findings: [Difference.Finding]) -> VerifyOutcome {
    var verdict = MailboxVerdict(names: Both(left: .inbox, right: .inbox))
    verdict.isComplete = true
    verdict.mode = .mirror
    verdict.messages = 1204
    verdict.stubs = 1
    verdict.unselected = 2
    verdict.octets = Both(left: 1000, right: 2000)
    verdict.differences = findings.map(VerifyOutputTests.difference)
    var outcome = VerifyOutcome(pair: "home")
    outcome.report.mailboxes = [verdict]
    outcome.milliseconds = 420
    return outcome
  }

  @Test("the summary says what was compared")
  func summary() {
    let compared =
      "1 mailbox, 1,204 messages compared, 3.0 kB read, 1 stub, 2 messages left out [0.42 s]"
    #expect(DifferenceLines.summary(outcome([])) == "home: equal: \(compared)")
    #expect(outcome([]).exitCode == .ok)
    let different = outcome([.noSubscription(on: .left), .noSubscription(on: .right)])
    #expect(DifferenceLines.summary(different) == "home: 2 differences: \(compared)")
    #expect(different.exitCode == .partial)
  }

  @Test("a failure counts more than a difference")
  func exitCode() {
    var outcome = outcome([.noSubscription(on: .left)])
    for (code, exit) in [(FailureCode.unreachable, ExitCode.unreachable), (.locked, .tryAgain)] {
      outcome.report.failures = [SyncFailure(pair: code, "", advice: "")]
      #expect(outcome.exitCode == exit)
      #expect(DifferenceLines.summary(outcome).hasPrefix("home: 1 difference, 1 error: "))
    }
  }

  @Test("JSON has a kind, both sides and the line of each difference", arguments: rows)
  func json(_ finding: Difference.Finding, _ text: String, _ kind: String) throws {
    let encoded = VerifyJSON.make([outcome([finding])]).encoded
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(encoded.utf8)) as? [String: Any])
    let pair = try #require((object["pairs"] as? [[String: Any]])?.first)
    #expect(pair["equal"] as? Bool == false && pair["result"] as? String == "ok")
    #expect((pair["mailboxes"] as? [[String: Any]])?.first?["messages"] as? Int == 1204)
    let difference = try #require((pair["differences"] as? [[String: Any]])?.first)
    #expect(difference["kind"] as? String == kind && difference["mailbox"] as? String == "INBOX")
    #expect(difference["left"] != nil && difference["right"] != nil)
    if kind == "content" {
      let digest = (difference["left"] as? [String: Any])?["sha256"] as? String
      #expect(digest == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }
    #expect((difference["message"] as? String)?.isEmpty == false)
  }
}
