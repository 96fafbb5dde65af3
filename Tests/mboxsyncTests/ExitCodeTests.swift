import SyncEngine
import Testing

@testable import mboxsync

@Suite("Exit codes") struct ExitCodeTests {
  @Test(
    "the highest-ranked counts",
    arguments: [
      ([], 0), ([.ok, .partial], 1), ([.partial, .tryAgain], 75), ([.tryAgain, .refused], 2),
      ([.refused, .protocolBroken], 76), ([.protocolBroken, .unreachable], 69),
      ([.unreachable, .permission, .ok], 77), ([.permission, .configuration], 78),
      ([.configuration, .usage], 64),
    ] as [([ExitCode], Int32)])
  func ranking(_ codes: [ExitCode], _ expected: Int32) {
    #expect(ExitCode.highest(codes).rawValue == expected)
    #expect(ExitCode.highest(codes.reversed()).rawValue == expected)
  }

  @Test(
    "failures",
    arguments: [
      (.unreachable, 69), (.tls, 69), (.auth, 77), (.permission, 77), (.connectionLost, 75),
      (.timeout, 75), (.locked, 75), (.interrupted, 75), (.protocolViolation, 76), (.guarded, 2),
      (.configuration, 78), (.overQuota, 1), (.tooLarge, 1), (.refused, 75), (.noSpace, 1),
      (.nameNotPossible, 1), (.mailboxGone, 1), (.readOnly, 1), (.cannotRenumber, 1),
      (.unreadable, 1), (.keywords, 1), (.altered, 1), (.conflict, 1), (.state, 1), (.other, 1),
    ] as [(FailureCode, Int32)])
  func failures(_ code: FailureCode, _ expected: Int32) {
    #expect(ExitCode(code).rawValue == expected)
    var report = SyncReport()
    report.result = .failed
    report.failures = [SyncFailure(pair: code, "x", advice: "")]
    #expect(ExitCode(report).rawValue == expected)
  }

  @Test("a mailbox that may not be read leaves the rest done")
  func mailboxPermission() {
    #expect(ExitCode(.permission, scope: .mailbox) == .partial)
    #expect(ExitCode(.permission, scope: .message) == .partial)
    #expect(ExitCode(.refused, scope: .mailbox) == .partial)
  }

  @Test("a result without failures")
  func results() {
    for (result, code) in [
      (SyncResult.ok, ExitCode.ok), (.partial, .partial), (.refused, .refused), (.failed, .partial),
    ] {
      var report = SyncReport()
      report.result = result
      #expect(ExitCode(report) == code)
    }
  }
}
