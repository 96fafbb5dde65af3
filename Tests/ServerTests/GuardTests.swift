import Foundation
import TestSupport
import Testing

/// What looks like a disaster on one side is not repeated on the other.
@Suite("Guards") struct GuardTests {
  private let tokens = (1...20).map { "m\($0)" }

  private func expectRefusal(_ pair: Pair, sourceLocation: SourceLocation = #_sourceLocation) throws
  {
    let result = try pair.sync(expecting: 2, sourceLocation: sourceLocation)
    #expect(
      result.errorText.contains("--force") || result.errorText.contains("max-expunge"),
      "\(result.errorText)", sourceLocation: sourceLocation)
    #expect(try pair.right.store.tokens() == tokens.sorted(), sourceLocation: sourceLocation)
  }

  @Test("all messages gone from one side", arguments: Combination.allCases)
  func messagesGone(combination: Combination) throws {
    try withPair(combination) { pair in
      try pair.left.store.add(tokens: tokens)
      try pair.sync()
      try pair.left.store.expunge(tokens, in: "INBOX")
      try pair.right.store.create("New")
      try pair.right.store.add(tokens: ["n"], to: "New")
      try expectRefusal(pair)
      // Everything else went on.
      #expect(try pair.left.store.tokens(in: "New") == ["n"])
      try expectRefusal(pair)
      try pair.sync("--force")
      try expectTokens([], pair)
    }
  }

  @Test("the Maildir is gone, or is another one", arguments: ["gone", "empty", "fresh"])
  func rootGone(how: String) throws {
    try withPair(.maildirAndIMAP) { pair in
      let maildir = try #require(pair.left.maildir)
      try maildir.add(tokens: tokens)
      try pair.sync()
      try FileManager.default.moveItem(atPath: maildir.root, toPath: maildir.root + ".away")
      if how != "gone" { _ = try pair.directory.directory("left") }
      if how == "fresh" {
        for part in ["cur", "new", "tmp"] { _ = try pair.directory.directory("left/\(part)") }
      }
      try expectRefusal(pair)
      // The disk is mounted again.
      try? FileManager.default.removeItem(atPath: maildir.root)
      try FileManager.default.moveItem(atPath: maildir.root + ".away", toPath: maildir.root)
      try pair.sync()
      try expectTokens(tokens, pair)
      try expectQuiet(pair)
    }
  }

  @Test("files that vanished while the UID list stayed")
  func filesGone() throws {
    try withPair(.maildirAndIMAP) { pair in
      let maildir = try #require(pair.left.maildir)
      try maildir.add(tokens: tokens)
      try pair.sync()
      for part in ["cur", "new"] {
        try FileManager.default.removeItem(atPath: "\(maildir.root)/\(part)")
        _ = try pair.directory.directory("left/\(part)")
      }
      try expectRefusal(pair)
    }
  }

  @Test("a server that lost its mail", arguments: [Combination.maildirAndIMAP, .servers])
  func serverLost(combination: Combination) throws {
    try withPair(combination) { pair in
      try pair.left.store.add(tokens: tokens)
      try pair.sync()
      try pair.right.loseMail()
      // A new UIDVALIDITY: nothing was expunged, what is missing is saved again.
      try pair.sync(expecting: 0)
      try expectTokens(tokens, pair)
      try expectQuiet(pair)
    }
  }

  @Test(
    "`max-expunge` counts",
    arguments: [
      ("50%", 10, Int32(0)), ("50%", 11, 2), ("5%", 10, 0), ("12", 13, 2), ("100%", 20, 0),
    ])
  func limit(limit: String, expunged: Int, code: Int32) throws {
    try withPair(.maildirAndIMAP, keys: ["max-expunge": limit]) { pair in
      try pair.left.store.add(tokens: tokens)
      try pair.sync()
      try pair.left.store.expunge(Array(tokens.prefix(expunged)), in: "INBOX")
      try pair.sync(expecting: code)
      let left = code == 0 ? tokens.count - expunged : tokens.count
      #expect(try pair.right.store.tokens().count == left)
    }
  }

  @Test("what a guard refused keeps status from nothing else")
  func statusAfterRefusal() throws {
    try withPair(.maildirAndIMAP, keys: ["delete": "both"]) { pair in
      try pair.left.store.create("Work")
      try pair.left.store.add(tokens: tokens, to: "Work")
      try pair.sync()
      try pair.left.store.delete("Work")
      for _ in 0..<2 {
        let text = try pair.sync(expecting: 2, verb: "status").outputText
        #expect(text.contains("  pending  nothing but what is told above\n"), "\(text)")
        try pair.sync(expecting: 2)
      }
      try pair.left.store.add(tokens: ["new"])
      let text = try pair.sync(expecting: 2, verb: "status").outputText
      #expect(text.contains("INBOX  right: 1 to save\n"), "\(text)")
    }
  }

  @Test(
    "a mailbox that can't be looked into is not gone",
    arguments: ["closed", "half closed", "link", "cur"],
    [MaildirLayout.maildirPlusPlus, .nested])
  func hiddenMailbox(how: String, layout: MaildirLayout) throws {
    try withPair(.maildirAndIMAP, layout: layout, keys: ["delete": "both"]) { pair in
      for mailbox in ["Work", "Work/Below"] {
        try pair.left.store.create(mailbox)
        try pair.left.store.add(tokens: ["in \(mailbox)"], to: mailbox)
      }
      try pair.sync()
      let folder = try #require(pair.left.maildir).folder("Work")
      let path = how == "cur" ? "\(folder)/cur" : folder
      let isLink = how == "link" || how == "cur"
      if isLink {
        try FileManager.default.moveItem(atPath: path, toPath: path + "~away")
        try FileManager.default.createSymbolicLink(
          atPath: path, withDestinationPath: path + "~nowhere")
      } else {
        chmod(path, how == "closed" ? 0 : 0o600)
      }
      for verb in ["sync", "check", "verify"] {
        let result = try pair.mboxsync.runUnprivileged(pair.arguments([], verb: verb))
        let text = result.errorText
        #expect(result.code == 1, "\(verb)")
        #expect(text.contains("mboxsync: test: left: Work: "), "\(verb): \(text)")
        let reasons = ["link": "leads nowhere", "cur": "no such file or directory"]
        #expect(text.contains(reasons[how] ?? "permission denied"), "\(text)")
      }
      #expect(try pair.right.store.tokens(in: "Work") == ["in Work"])
      #expect(try pair.right.store.tokens(in: "Work/Below") == ["in Work/Below"])
      if isLink {
        unlink(path)
        try FileManager.default.moveItem(atPath: path + "~away", toPath: path)
      } else {
        chmod(path, 0o700)
      }
      try pair.sync()
      try expectEqualSides(pair)
      try expectQuiet(pair)
    }
  }

  @Test("lost state: nothing is copied twice", arguments: Combination.allCases)
  func stateLost(combination: Combination) throws {
    try withPair(combination) { pair in
      try pair.left.store.add(tokens: tokens)
      try pair.right.store.add(tokens: ["r"])
      try pair.sync()
      try FileManager.default.removeItem(atPath: pair.directory.path("state"))
      try pair.left.store.add(tokens: ["later"])
      let report = try pair.report()
      #expect(report.right.saved == 1)
      #expect(report.left.saved == 0)
      try expectTokens(tokens + ["r", "later"], pair)
      try expectEqualSides(pair)
      try expectQuiet(pair)
    }
  }

  @Test("damaged state is set aside")
  func stateDamaged() throws {
    try withPair(.maildirAndIMAP) { pair in
      try pair.left.store.add(tokens: tokens)
      try pair.sync()
      let state = pair.directory.path("state")
      for path in try FileManager.default.subpathsOfDirectory(atPath: state) {
        guard let handle = FileHandle(forWritingAtPath: "\(state)/\(path)") else { continue }
        try handle.write(contentsOf: Data(repeating: 0xA5, count: 8_192))
        try handle.close()
      }
      let result = try pair.sync()
      #expect(!result.errorText.isEmpty)
      try expectTokens(tokens, pair)
      try expectQuiet(pair)
    }
  }

  @Test("a new UIDVALIDITY asks nobody and copies nothing", arguments: Tier.allCases)
  func newValidity(tier: Tier) throws {
    try withPair(.maildirAndIMAP, tier: tier) { pair in
      try pair.left.store.add(tokens: tokens)
      try pair.sync()
      try pair.right.newUIDValidity()
      try pair.left.store.flag("m1", add: ["\\Flagged"])
      try pair.left.store.add(tokens: ["later"])
      let report = try pair.report()
      #expect(report.left.saved == 0)
      #expect(report.right.saved == 1)
      try expectTokens(tokens + ["later"], pair)
      #expect(try pair.right.store.flags(of: "m1") == ["\\flagged"])
      try expectMirror(pair)
      try expectQuiet(pair)
    }
  }

  @Test("a backup that was restored on one side expunges nothing on the other")
  func restored() throws {
    try withPair(.maildirAndIMAP) { pair in
      let maildir = try #require(pair.left.maildir)
      try maildir.add(tokens: tokens)
      try pair.sync()
      let backup = maildir.root + ".backup"
      _ = try runProgram(["/bin/cp", "-a", maildir.root, backup], scratch: pair.directory)
      try pair.right.store.add(tokens: ["later", "last"])
      try pair.sync()
      try FileManager.default.removeItem(atPath: maildir.root)
      try FileManager.default.moveItem(atPath: backup, toPath: maildir.root)
      try maildir.add(tokens: ["new"])
      try pair.sync()
      try expectTokens(tokens + ["later", "last", "new"], pair)
      try expectMirror(pair)
      try expectQuiet(pair)
    }
  }

  @Test("over quota: what doesn't fit stays where it is, the rest is synced")
  func quota() throws {
    var options = DovecotOptions()
    options.quotaBytes = 60_000
    try withPair(.maildirAndIMAP, right: options) { pair in
      try pair.left.store.add(makeMessage("big", size: 100_000))
      try pair.left.store.add(tokens: ["small"])
      try pair.right.store.add(tokens: ["other"])
      let result = try pair.sync(expecting: 1)
      #expect(result.errorText.contains("mboxsync: test: right: INBOX: "), "\(result.errorText)")
      #expect(try pair.right.store.tokens() == ["other", "small"])
      #expect(try pair.left.store.tokens() == ["big", "other", "small"])
      let report = try pair.report(expecting: 1)
      #expect(report.errors.map(\.code) == ["overquota"])
      #expect(report.result == "partial")
      // However many do not fit, it is one thing to tell.
      for token in ["big1", "big2"] { try pair.left.store.add(makeMessage(token, size: 100_000)) }
      let many = try pair.report(expecting: 1)
      #expect(many.errors.map(\.code) == ["overquota"])
      #expect(many.errors.first?.message.contains("and 2 more were not taken") == true)
    }
  }
}
