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

  @Test("what becomes of a message that is saved", arguments: HostileCase.saving)
  func saving(lie: HostileCase) throws {
    try withTemporaryDirectory { directory in
      let user = try MaildirUser(at: directory.path("left"), in: directory)
      try user.add(tokens: ["mine"])
      let server = try LyingServer(capabilities: lie.capabilities, lies: lie.lies)
      let password = try directory.write("sesame\n", to: "password", mode: 0o600)
      let result = try Mboxsync(in: directory).run([
        "--state", directory.path("state"), "-o", "right.tls=none", "-o", "right.connections=1",
        "-o", "uids=map", "-o", "right.password-file=\(password)", "maildir:\(user.root)",
        "imap://alice@127.0.0.1:\(server.port)",
      ])
      if let code = lie.code {
        #expect(result.status == .exited(code), "\(result.status): \(result.errorText)")
      } else {
        #expect([0, 1].contains(result.code), "\(result.status): \(result.errorText)")
      }
      #expect(try user.tokens().contains("mine"))
      // What concerns one mailbox keeps no other from being synced.
      if !lie.lies[0].closes { #expect(result.code != 75, "\(result.errorText)") }
    }
  }

  @Test(
    "what is said before TLS begins is not taken for said within it",
    arguments: [
      "TAG OK begin\r\n* PREAUTH [CAPABILITY IMAP4rev1] in\r\n",
      "TAG OK begin\r\nm2 OK [CAPABILITY IMAP4rev1] in\r\n", "* PREAUTH in\r\nTAG OK begin\r\n",
      "TAG NO not now\r\n", "TAG OK begin\r\nThis is no TLS.\r\n", "TAG OK begin\r\n",
    ])
  func injection(answer: String) throws {
    try withTemporaryDirectory { directory in
      let greeting = "* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN SASL-IR] hello\r\n"
      let server = try LyingServer(
        capabilities: "IMAP4rev1",
        lies: [
          LyingServer.Lie(command: "", answer: greeting),
          LyingServer.Lie(command: "STARTTLS", answer: answer, closes: true),
        ])
      let password = try directory.write("sesame\n", to: "password", mode: 0o600)
      let result = try Mboxsync(in: directory).run([
        "--state", directory.path("state"), "-o", "right.password-file=\(password)",
        "maildir:\(directory.path("left"))", "imap://alice@127.0.0.1:\(server.port)",
      ])
      #expect([69, 75].contains(result.code), "\(result.status): \(result.errorText)")
      #expect(result.errorText.split(separator: "\n").count == 1, "\(result.errorText)")
      #expect(server.commands.allSatisfy { $0 == "STARTTLS" || $0 == "LOGOUT" })
    }
  }

  @Test("a text that is not as long as was said is taken, and it is said")
  func sizes() throws {
    try withTemporaryDirectory { directory in
      let user = try MaildirUser(at: directory.path("left"), in: directory)
      let answer =
        "* 1 FETCH (UID 1 BODY[] {3}\r\nabc)\r\n* 2 FETCH (UID 2 BODY[] {3}\r\nabc)\r\nTAG OK x\r\n"
      let server = try LyingServer(
        capabilities: "IMAP4rev1 UIDPLUS",
        lies: [LyingServer.Lie(command: "UID FETCH 1:2 (UID BODY.PEEK[])", answer: answer)])
      let password = try directory.write("sesame\n", to: "password", mode: 0o600)
      let mboxsync = try Mboxsync(in: directory)
      for number in 1...2 {
        let result = try mboxsync.run([
          "--json", "--state", directory.path("state"), "-o", "right.tls=none", "-o",
          "right.connections=1", "-o", "right.password-file=\(password)", "maildir:\(user.root)",
          "imap://alice@127.0.0.1:\(server.port)",
        ])
        #expect(result.status == .exited(0), "\(result.status): \(result.errorText)")
        let text = String(decoding: result.output, as: UTF8.self)
        #expect(text.contains("another size than was told: 1:2") == (number == 1), "\(text)")
      }
    }
  }

  @Test(
    "sizes as large as can be told are no harm when they are added up",
    arguments: [SideKind.maildir, .exec])
  func largestSizes(kind: SideKind) throws {
    try withTemporaryDirectory { directory in
      let left = try PairSide.make(kind, "left", in: directory)
      let told = (1...2).map {
        "* \($0) FETCH (UID \($0) FLAGS () INTERNALDATE \"01-Feb-2024 00:00:00 +0000\" "
          + "RFC822.SIZE \(UInt64.max))\r\n"
      }.joined()
      let server = try LyingServer(
        capabilities: "IMAP4rev1 UIDPLUS",
        lies: [
          LyingServer.Lie(
            command: "UID FETCH 1:4294967295 (UID FLAGS", answer: told + "TAG OK done\r\n")
        ])
      let password = try directory.write("sesame\n", to: "password", mode: 0o600)
      let result = try Mboxsync(in: directory).run([
        "--state", directory.path("state"), "-o", "right.tls=none", "-o", "right.connections=1",
        "-o", "uids=map", "-o", "right.password-file=\(password)", left.keys["url"] ?? "",
        "imap://alice@127.0.0.1:\(server.port)",
      ])
      #expect(result.status == .exited(0), "\(result.status): \(result.errorText)")
      #expect(try left.store.tokens() == ["one", "two"])
    }
  }

  @Test("what one server says does no harm on another")
  func otherServer() throws {
    try withTemporaryDirectory { directory in
      let left = try PairSide.make(.exec, "left", in: directory)
      let names = [
        "\"a\\\"b\"", "\"a\\\\b\"", "\"a*b\"", "\"a%b\"", "\"{5}\"", "\"(x)\"", "\"a b\"", "\"~x\"",
        "\"../up\"", "{10}\r\na\r\nb LOGOUT", "\"x//y\"", "\"&ZeVnLIqe-\"", "\"#news.x\"", "\"]\"",
        "\"\(String(repeating: "n", count: 400))\"",
      ].map { "* LIST () \"/\" \($0)\r\n" }.joined()
      let server = try LyingServer(
        capabilities: "IMAP4rev1 UIDPLUS",
        lies: [
          LyingServer.Lie(command: "LIST \"\" \"*\"", answer: "TRUTH\(names)TAG OK done\r\n"),
          LyingServer.Lie(
            command: "UID FETCH 1:4294967295 (UID FLAGS",
            answer: "TRUTH* 1 FETCH (UID 1 FLAGS (\\Seen a{3} $ok a]b))\r\nTAG OK done\r\n"),
        ])
      let password = try directory.write("sesame\n", to: "password", mode: 0o600)
      let mboxsync = try Mboxsync(in: directory)
      for _ in 1...2 {
        let result = try mboxsync.run([
          "--state", directory.path("state"), "-o", "right.tls=none", "-o", "right.connections=1",
          "-o", "uids=map", "-o", "right.password-file=\(password)", left.keys["url"] ?? "",
          "imap://alice@127.0.0.1:\(server.port)",
        ])
        #expect([0, 1].contains(result.code), "\(result.status): \(result.errorText)")
        #expect(try left.store.tokens() == ["one", "two"])
        #expect(try left.store.tokens(in: "Good") == ["good"])
        // The rest of them is no keyword.
        #expect(try left.store.flags(of: "one").isSubset(of: ["\\seen", "$ok"]))
      }
      #expect(try !left.log().contains("rror"))
    }
  }

  /// Runs it with the lie, twice if the run can go on after it, and once without.
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
      for number in 1...(lie.good == nil && !lie.isLate ? 1 : 2) {
        let result = try run()
        if lie.isLate, number == 1 {
          #expect(result.status == .exited(0), "\(result.status): \(result.errorText)")
          server.turnLate()
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
