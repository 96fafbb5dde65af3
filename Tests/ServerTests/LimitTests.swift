import TestSupport
import Testing

/// What one side can't hold, or may not be asked for.
@Suite("Limits of a side") struct LimitTests {
  private func letterFullMaildir(_ pair: Pair) throws {
    for number in 1...26 {
      try pair.left.store.add(
        makeMessage("old\(number)"), to: "INBOX", flags: ["Old\(number)"], date: 1_600_000_000)
    }
    try pair.sync()
  }

  @Test(
    "a Maildir with all 26 letters in use takes no keyword from the server",
    arguments: [Combination.maildirAndIMAP, .maildirAndExec])
  func lettersInUse(combination: Combination) throws {
    try withPair(combination) { pair in
      try letterFullMaildir(pair)
      for number in 1...5 {
        try pair.right.store.add(
          makeMessage("new\(number)"), to: "INBOX", flags: ["\\Flagged", "New\(number)", "Old1"],
          date: nil)
      }
      try pair.right.store.flag(["old3"], in: "INBOX", add: ["Another"], remove: [])
      let first = try pair.report(expecting: 1)
      #expect(first.errors.allSatisfy { $0.code == "keywords" }, "\(first.errors)")
      for run in 1...3 {
        for number in 1...5 {
          let flags = try pair.right.store.flags(of: "new\(number)")
          #expect(flags == ["\\flagged", "new\(number)", "old1"], "run \(run)")
          #expect(try pair.left.store.flags(of: "new\(number)") == ["\\flagged", "old1"])
        }
        #expect(try pair.right.store.flags(of: "old3") == ["old3", "another"])
        #expect(try pair.left.store.flags(of: "old3") == ["old3"])
        try pair.sync()
        try expectQuiet(pair)
      }
      // The other flags of such a message go on being synced, and it may lose the keyword where it is.
      try pair.left.store.flag(["new1"], in: "INBOX", add: ["\\Seen"], remove: ["\\Flagged"])
      try pair.right.store.flag(["new2"], in: "INBOX", add: [], remove: ["New2"])
      try pair.sync()
      #expect(try pair.right.store.flags(of: "new1") == ["\\seen", "new1", "old1"])
      #expect(try pair.right.store.flags(of: "new2") == ["\\flagged", "old1"])
      try expectQuiet(pair)
    }
  }

  /// - Parameter isSentFirst: it is not so large that the server is asked in any case.
  @Test(
    "a message that is too large for the server is named, and not sent to it again",
    arguments: [
      (Combination.maildirAndIMAP, 5_000_000, "4M", false), (.servers, 400_000, "100k", true),
    ])
  func tooLarge(combination: Combination, size: Int, limit: String, isSentFirst: Bool) throws {
    var options = DovecotOptions(storage: .sdbox)
    options.quotaBytes = 100_000_000
    options.extra = "plugin {\n  quota_max_mail_size = \(limit)\n}"
    try withPair(combination, right: options) { pair in
      try pair.left.store.add([makeMessage("large", size: size), makeMessage("small")])
      let relay = try pair.right.relay()
      defer { relay.close() }
      for run in 1...3 {
        let before = relay.passed(.toServer)
        let report = try pair.report(expecting: 1)
        #expect(report.errors.map(\.code) == ["too-large"], "\(report.errors)")
        let sent = relay.passed(.toServer) - before
        #expect((sent > size) == (isSentFirst && run == 1), "run \(run): \(sent)")
      }
      #expect(try pair.right.store.tokens() == ["small"])
      #expect(try pair.left.store.tokens() == ["large", "small"])
    }
  }

  @Test("a mailbox that says how large a message may be is not sent a larger one")
  func appendLimit() throws {
    try withTemporaryDirectory { directory in
      let user = try MaildirUser(at: directory.path("left"), in: directory)
      try user.add([makeMessage("large", size: 5_000)])
      let answer = "* STATUS INBOX (APPENDLIMIT 4000)\r\nTAG OK x\r\n"
      let server = try LyingServer(
        capabilities: "IMAP4rev1 UIDPLUS APPENDLIMIT",
        lies: [LyingServer.Lie(command: "STATUS \"INBOX\" (APPENDLIMIT)", answer: answer)])
      let password = try directory.write("sesame\n", to: "password", mode: 0o600)
      let result = try Mboxsync(in: directory).run([
        "--state", directory.path("state"), "-o", "right.tls=none", "-o", "right.connections=1",
        "-o", "uids=map", "-o", "right.password-file=\(password)", "maildir:\(user.root)",
        "imap://alice@127.0.0.1:\(server.port)",
      ])
      #expect(result.status == .exited(1), "\(result.status): \(result.errorText)")
      #expect(result.errorText.contains("4000"), "\(result.errorText)")
      #expect(!server.commands.contains { $0.hasPrefix("APPEND") }, "\(server.commands)")
      #expect(try user.tokens() == ["large", "one", "two"])
    }
  }

  @Test("a server whose names begin with INBOX. and that takes one connection at a time")
  func prefixAndOneConnection() throws {
    var options = DovecotOptions(storage: .sdbox)
    options.prefix = "INBOX."
    options.extra = "mail_max_userip_connections = 1"
    try withPair(.maildirAndIMAP, right: options) { pair in
      let names = (1...12).map { "Box \($0)/in it" } + ["INBOX/deep", "Entwürfe"]
      for (index, name) in names.enumerated() {
        let store = index % 2 == 0 ? pair.left.store : pair.right.store
        try store.create(name)
        try store.add(tokens: ["in \(index)"], to: name)
      }
      try pair.sync()
      #expect(try pair.right.store.mailboxes().contains("Entwürfe"))
      #expect(try expectEqualSides(pair) == names.count)
      let again = try pair.sync("-v")
      #expect(again.errorText.isEmpty && again.outputText.isEmpty, "\(again.errorText)")
      try expectQuiet(pair)
    }
  }

  @Test("nothing is tried in a read-only mailbox, and that is said")
  func readOnly() throws {
    try withPair(.maildirAndIMAP, right: .withRights) { pair in
      try pair.right.store.create("Shared")
      try pair.right.store.add(tokens: ["a", "b", "c"], to: "Shared")
      try pair.sync()
      _ = try pair.right.served.withSession { session in
        try session.command("SETACL Shared alice lra")
      }
      try pair.left.store.add(tokens: ["mine"], to: "Shared")
      try pair.left.store.add(tokens: ["mine"], to: "INBOX")
      try pair.left.store.flag(["a"], in: "Shared", add: ["\\Seen"], remove: [])
      try pair.left.store.expunge(["b"], in: "Shared")
      for _ in 1...2 {
        let report = try pair.report(expecting: 1)
        let codes = Set(report.errors.map(\.code))
        #expect(codes.isSubset(of: ["read-only", "permission"]), "\(report.errors)")
        #expect(codes.contains("read-only"))
        #expect(try pair.right.store.tokens(in: "Shared") == ["a", "b", "c"])
        #expect(try pair.left.store.tokens(in: "Shared") == ["a", "c", "mine"])
        #expect(try pair.right.store.tokens() == ["mine"])
      }
      _ = try pair.right.served.withSession { session in
        try session.command("SETACL Shared alice lrswipkxtea")
      }
      try pair.sync()
      try expectTokens(["a", "c", "mine"], pair, in: "Shared")
      #expect(try pair.right.store.flags(of: "a", in: "Shared") == ["\\seen"])
      try expectQuiet(pair)
    }
  }
}
