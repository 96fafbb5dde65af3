import Foundation
import IMAPClient
import SyncEngine
import TestSupport
import Testing

@testable import mboxsync

@Suite("Hooks") struct HookTests {
  private func run(_ command: String, _ variables: [(String, String)] = []) -> SyncFailure? {
    Hook.run(
      "before", command, variables: variables, keepsOutput: true, cancellation: Cancellation())
  }

  @Test(
    "a command that fails is named with its status",
    arguments: [("exit 3", "exited with status 3"), ("kill -TERM $$", "killed by signal 15")])
  func failure(_ command: String, _ words: String) {
    let failure = run(command)
    #expect(failure?.message.contains("'before'") == true)
    #expect(failure?.message.contains(words) == true)
    #expect(failure.map { ExitCode($0.code) } == .partial)
    #expect(run("true") == nil)
  }

  @Test("counts reach the command, once each")
  func variables() throws {
    try withTemporaryDirectory { scratch in
      var report = SyncReport()
      report.counts.left.saved = 2
      report.counts.right.saved = 3
      report.counts.right.flagged = 1
      let variables = Hook.variables(
        "a pair", report,
        [
          MailboxChange(side: .left, mailbox: .inbox, kind: .deleted),
          MailboxChange(side: .left, mailbox: .inbox, kind: .subscribed),
        ])
      #expect(Set(variables.map(\.0)).count == variables.count)
      let path = scratch.path("env")
      #expect(run("env >'\(path)'", variables) == nil)
      let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
      for line in [
        "MBOXSYNC_PAIR=a pair", "MBOXSYNC_RESULT=ok", "MBOXSYNC_LEFT_SAVED=2",
        "MBOXSYNC_RIGHT_SAVED=3", "MBOXSYNC_SAVED=5", "MBOXSYNC_RIGHT_FLAGGED=1",
        "MBOXSYNC_LEFT_FLAGGED=0", "MBOXSYNC_ERRORS=0", "MBOXSYNC_LEFT_MAILBOXES=1",
        "MBOXSYNC_RIGHT_MAILBOXES=0", "MBOXSYNC_MAILBOXES=1",
      ] {
        #expect(lines.filter { $0 == line }.count == 1, "\(line)")
      }
      #expect(lines.contains { $0.hasPrefix("PATH=") })
    }
  }
}
