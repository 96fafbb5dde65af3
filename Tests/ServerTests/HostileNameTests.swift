import Foundation
import TestSupport
import Testing

/// A server whose mailboxes have names that no mailbox should have. Whatever becomes of them: nothing is written outside the
/// Maildir or into the folders of another mailbox, the others are synced, and what can't be is named.
@Suite("Hostile names") struct HostileNameTests {
  /// As LIST says them, with `/` between levels.
  private static let names =
    [
      "\"../climbed\"", "\"../../../climbed\"", "\"/climbed\"", "\"//climbed\"", "\".\"", "\"..\"",
      "\"./climbed\"", "\"x/..\"", "\"x/../../climbed\"", "\"x//y\"", "\"/\"", "\"x/\"", "\"x/.\"",
      "\"~\"", "\"~/climbed\"", "\"~root/climbed\"", "\"cur\"", "\"new\"", "\"tmp\"",
      "\"INBOX/cur\"",
      "\"x/tmp\"", "\"Good/cur/x\"", "\"dovecot-uidlist\"", "\"maildirfolder\"", "\".hidden\"",
      "\"\"",
      "\"INBOX/INBOX\"", "\"inbox/x\"", "\"a.b\"", "\"a\\\\b\"", "\"a\\\"b\"", "\"a*b\"", "\"a%b\"",
      "\"&\"", "\"&AAA-\"", "\"&AC8-\"", "\"&AC4ALgAv-climbed\"", "\"&ZeVnLIqe-\"", "\"a&-b\"",
      "\"\(String(repeating: "n", count: 300))\"", "\"\(String(repeating: "n/", count: 2_000))n\"",
      "{3}\r\na\r\nb", "{3}\r\na\u{0}b", "{3}\r\na\u{7f}b", "{7}\r\na\u{1b}[31mb", "{2}\r\n\r\n",
      "{0}\r\n",
    ]

  @Test(
    "names that climb, hide, or can't be", arguments: [MaildirLayout.maildirPlusPlus, .nested],
    ["\"/\"", "\".\"", "NIL", "\"x\"", "\"\\\\\""])
  func names(layout: MaildirLayout, separator: String) throws {
    try withTemporaryDirectory { directory in
      let user = try MaildirUser(at: directory.path("a/b/left"), layout: layout, in: directory)
      let lines = Self.names.map { "* LIST () \(separator) \($0)\r\n" }.joined()
      let server = try LyingServer(
        capabilities: "IMAP4rev1 UIDPLUS",
        lies: [
          LyingServer.Lie(command: "LIST \"\" \"*\"", answer: "TRUTH" + lines + "TAG OK done\r\n"),
          LyingServer.Lie(command: "LSUB", answer: "TRUTH" + lines + "TAG OK done\r\n"),
        ])
      let mboxsync = try Mboxsync(in: directory)
      let password = try directory.write("sesame\n", to: "password", mode: 0o600)
      let before = try outside(directory)
      func run() throws -> ProgramResult {
        try mboxsync.run([
          "--state", directory.path("state"), "-o", "right.tls=none", "-o", "right.connections=1",
          "-o", "right.password-file=\(password)", "maildir:\(user.root)",
          "imap://alice@127.0.0.1:\(server.port)",
        ])
      }
      for _ in 1...2 {
        let result = try run()
        #expect(result.status == .exited(1), "\(result.status): \(result.errorText)")
        #expect(result.error.allSatisfy { $0 == 0x0a || ($0 >= 0x20 && $0 != 0x7f) })
        let lines = result.errorText.split(separator: "\n")
        #expect(lines.allSatisfy { $0.hasPrefix("mboxsync: ") && $0.utf8.count < 1_500 })
        #expect(try user.tokens() == ["one", "two"])
        #expect(try user.tokens(in: "Good") == ["good"])
        #expect(try outside(directory) == before)
        #expect(access("/climbed", F_OK) != 0 && access("\(mboxsync.home)/climbed", F_OK) != 0)
      }
      server.repent()
      // The strange mailboxes are gone there; nothing is deleted here because of that.
      let result = try run()
      #expect([0, 1, 2].contains(result.code), "\(result.status): \(result.errorText)")
      #expect(try user.tokens() == ["one", "two"])
    }
  }

  @Test("100,000 mailboxes")
  func many() throws {
    try withTemporaryDirectory { directory in
      let user = try MaildirUser(at: directory.path("left"), in: directory)
      let lines = (1...100_000).map { "* LIST (\\Noselect) \"/\" \"level/\($0)\"\r\n" }.joined()
      let server = try LyingServer(
        capabilities: "IMAP4rev1 UIDPLUS",
        lies: [
          LyingServer.Lie(command: "LIST \"\" \"*\"", answer: "TRUTH" + lines + "TAG OK done\r\n")
        ])
      let password = try directory.write("sesame\n", to: "password", mode: 0o600)
      let result = try Mboxsync(in: directory).run([
        "--state", directory.path("state"), "-o", "right.tls=none", "-o", "right.connections=1",
        "-o", "right.password-file=\(password)", "maildir:\(user.root)",
        "imap://alice@127.0.0.1:\(server.port)",
      ])
      #expect(result.status == .exited(0), "\(result.errorText)")
      #expect(try user.tokens() == ["one", "two"])
    }
  }

  /// Everything that lies beside the Maildir.
  private func outside(_ directory: TemporaryDirectory) throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: directory.path).filter { path in
      !path.hasPrefix("a/b/left/") && !path.hasPrefix("state") && !path.hasPrefix("mboxsync-")
    }.sorted()
  }
}
