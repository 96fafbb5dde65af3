import Foundation
import TestSupport
import Testing

/// Servers that say what no server should. Whatever it is: one clear line and the exit code, no trap, no hang, bounded
/// memory, nothing outside the Maildir; the mailbox that is not concerned is synced; and when the server is right
/// again, so is everything.
@Suite("Hostile servers") struct HostileServerTests {
  @Test("numbers that can't be", arguments: HostileCase.numbers)
  func numbers(lie: HostileCase) throws { try check(lie) }

  @Test("messages that are other than was said", arguments: HostileCase.messages)
  func messages(lie: HostileCase) throws { try check(lie) }

  @Test("answers to nothing, and the end of the connection", arguments: HostileCase.conversation)
  func conversation(lie: HostileCase) throws { try check(lie) }

  @Test("without an end", arguments: HostileCase.endless)
  func endless(lie: HostileCase) throws { try check(lie) }

  @Test("flags and keywords", arguments: HostileCase.flags)
  func flags(lie: HostileCase) throws { try check(lie) }

  @Test("answers that name messages", arguments: HostileCase.sets)
  func sets(lie: HostileCase) throws { try check(lie) }

  /// Runs it twice with the lie and once without.
  private func check(_ lie: HostileCase) throws {
    try withTemporaryDirectory { directory in
      let user = try MaildirUser(at: directory.path("left"), in: directory)
      let server = try LyingServer(capabilities: lie.capabilities, lies: lie.lies)
      let mboxsync = try Mboxsync(in: directory)
      let password = try directory.write("sesame\n", to: "password", mode: 0o600)
      // Memory is bounded: with more than this it could not go on.
      let limited = ["/bin/sh", "-c", "ulimit -v 1500000; exec \"$@\"", "sh"]
      func run() throws -> ProgramResult {
        try mboxsync.run(
          [
            "--state", directory.path("state"), "-o", "right.tls=none", "-o",
            "right.connections=1", "-o", "right.password-file=\(password)",
            "maildir:\(user.root)", "imap://alice@127.0.0.1:\(server.port)",
          ] + lie.options, through: limited)
      }
      for number in 1...2 {
        let result = try run()
        if lie.isLate, number == 1 {
          #expect(result.status == .exited(0), "\(result.status): \(result.errorText)")
          continue
        }
        if let code = lie.code {
          #expect(result.status == .exited(code), "\(result.status): \(result.errorText)")
        } else {
          #expect([0, 1].contains(result.code), "\(result.status): \(result.errorText)")
        }
        for text in lie.says { #expect(result.errorText.contains(text), "\(result.errorText)") }
        let lines = result.errorText.split(separator: "\n")
        #expect(lines.allSatisfy { $0.hasPrefix("mboxsync: ") && $0.count < 500 })
        if result.code == 76 { #expect(lines.count == 1, "\(result.errorText)") }
        if let good = lie.good { #expect(try user.tokens(in: "Good") == good) }
        if let inbox = lie.inbox { #expect(try user.tokens() == inbox) }
      }
      server.repent()
      let result = try run()
      #expect(result.status == .exited(0), "\(result.status): \(result.errorText)")
      if !lie.isBelieved { #expect(try user.tokens() == ["one", "two"]) }
      #expect(try user.tokens(in: "Good") == ["good"])
    }
  }
}
