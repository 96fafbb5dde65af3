import Foundation
import TestSupport
import Testing

/// A Maildir that another program has filled: the first run pairs what is there.
@Suite("Moving in") struct MovingInTests {
  /// What mail programs write and others write anew: blanks, folded lines, and a draft without an id.
  private static let mail: [(token: String, bytes: [UInt8])] = [
    ("plain", makeMessage("plain", size: 50_000)),
    ("folded", makeMessage("folded", size: 30_000, header: ["Message-ID:\n <folded@example.org>"])),
    (
      "blanks",
      makeMessage("blanks", header: ["X-One:   many  blanks  ", "X-None:", "X-Tab:\tone"])
    ),
    ("twin", makeMessage("twin")), ("twin", makeMessage("twin")),
    ("draft1", Array("Subject: a draft\nX-Token: draft1\n\nbuy milk\n".utf8)),
    ("draft2", Array("Subject: a draft\nX-Token: draft2\n\nbuy salt\n".utf8)),
    (
      "parts",
      makeMessage(
        "parts", header: ["MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=\"b\""])
        + Array("--b\nContent-Type: text/plain\n\nhello\n--b--\n".utf8)
    ),
  ]

  private static let oldDate = 1_600_000_000

  @Test("isync: what it brought is not brought again, what it took up neither")
  func isync() throws {
    let mbsync = try findProgram("mbsync", package: "isync")
    try withPair(.maildirAndExec, layout: .nested) { pair in
      try addMail(to: pair)
      let right = try #require(pair.right.keys["url"]).dropFirst("exec:".count)
      let maildir = try #require(pair.left.maildir)
      let configuration = try pair.directory.write(
        """
        IMAPStore far
        Tunnel "\(right)"
        SSLType None

        MaildirStore near
        Path \(maildir.root)/
        Inbox \(maildir.root)/INBOX
        SubFolders Verbatim

        Channel mail
        Far :far:
        Near :near:
        Patterns *
        Create Both
        SyncState *

        """, to: "mbsyncrc")
      func run() throws {
        let result = try runProgram(
          pair.directory.user.prefix + [mbsync, "-c", configuration, "-a"],
          environment: pair.mboxsync.environment(), scratch: pair.directory)
        try #require(result.code == 0, "\(result.errorText)")
      }
      try run()
      try maildir.add(tokens: ["written here"])
      try maildir.add(
        Array("Subject: mine\nX-Token: note\n\nremember\n".utf8), to: "INBOX", flags: ["\\Seen"],
        date: nil)
      try run()
      #expect(try maildir.messages(in: "INBOX").contains { hasLine("X-TUID", $0) })
      #expect(try pair.right.store.messages(in: "INBOX").contains { hasLine("X-TUID", $0) })
      try expectMovedIn(pair)
    }
  }

  @Test("OfflineIMAP: headers that it has written anew are those of the server's messages")
  func offlineIMAP() throws {
    let offlineimap = try findProgram("offlineimap", package: "offlineimap3")
    try withPair(.maildirAndExec, layout: .nested) { pair in
      try addMail(to: pair)
      let right = try #require(pair.right.keys["url"]).dropFirst("exec:".count)
      let maildir = try #require(pair.left.maildir)
      let configuration = try pair.directory.write(
        """
        [general]
        accounts = mail
        metadata = \(try pair.directory.directory("offlineimap"))
        ui = quiet
        [Account mail]
        localrepository = here
        remoterepository = there
        [Repository here]
        type = Maildir
        localfolders = \(maildir.root)
        sep = /
        [Repository there]
        type = IMAP
        preauthtunnel = \(right)
        remoteuser = alice
        ssl = no
        starttls = no

        """, to: "offlineimaprc")
      func run() throws {
        let result = try runProgram(
          pair.directory.user.prefix + [offlineimap, "-c", configuration, "-o"],
          environment: pair.mboxsync.environment(), scratch: pair.directory)
        try #require(result.code == 0, "\(result.errorText)")
      }
      try run()
      try maildir.add(tokens: ["written here"])
      try run()
      let folder = maildir.folder("INBOX")
      let names = ["cur", "new"].flatMap { part in
        (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(part)")) ?? []
      }
      #expect(!names.isEmpty && names.allSatisfy { $0.contains(",FMD5=") })
      try expectMovedIn(pair)
    }
  }

  /// What getmail 6.18 and fetchmail 6.4 put before and into a message.
  private static let fetched: [(String, @Sendable ([UInt8]) -> [UInt8])] = [
    (
      "getmail",
      { message in
        let rest = String(decoding: message, as: UTF8.self)
          .replacingOccurrences(of: "Return-Path: <alice@example.org>\n", with: "")
          .replacingOccurrences(
            of: "\n\n", with: "\nX-getmail-retrieved-from-mailbox: INBOX\n\n",
            range: nil)
        return Array(
          """
          Return-Path: <alice@example.org>
          Delivered-To: unknown
          Received: from mail.example.org (192.0.2.1) by laptop.local with
           IMAP4-SSL getmail6 msgid:1700000000/17; 31 Jan 2025 13:00:00 -0000

          """.utf8) + Array(rest.utf8)
      }
    ),
    (
      "fetchmail, delivered by Postfix",
      { message in
        let rest = String(decoding: message, as: UTF8.self)
          .replacingOccurrences(of: "Return-Path: <alice@example.org>\n", with: "")
        return Array(
          """
          Return-Path: <alice@example.org>
          X-Original-To: bob@localhost
          Delivered-To: bob@localhost
          Received: from laptop.local (localhost [127.0.0.1])
          \tby laptop.local (Postfix) with ESMTP id 4ABC
          \tfor <bob@localhost>; Fri, 31 Jan 2025 13:00:02 +0000 (UTC)
          Received: from mail.example.org [192.0.2.1]
          \tby laptop with IMAP (fetchmail-6.4.37)
          \tfor <bob@localhost> (single-drop); Fri, 31 Jan 2025 13:00:01 +0000 (UTC)

          """.utf8) + Array(rest.utf8)
      }
    ),
  ]

  @Test("getmail and fetchmail: their lines don't make a message another", arguments: 0..<2)
  func fetchers(index: Int) throws {
    let (_, changed) = Self.fetched[index]
    try withPair(.maildirAndExec) { pair in
      for (number, token) in ["a", "b", "c"].enumerated() {
        let message = makeMessage(token, size: 20_000 + number * 7)
        try pair.right.store.add(message, to: "INBOX", flags: [], date: Self.oldDate)
        try pair.left.store.add(changed(message), to: "INBOX", flags: [], date: nil)
      }
      try pair.right.store.add(tokens: ["new"])
      let report = try pair.report()
      #expect(report.left.saved == 1 && report.right.saved == 0)
      #expect(report.right.bytesIn ?? .max < 20_000)
      #expect(try pair.left.store.tokens() == ["a", "b", "c", "new"])
      try expectQuiet(pair)
    }
  }

  @Test("UIDs in file names that mean nothing any more are in nobody's way")
  func staleNames() throws {
    try withPair(.maildirAndExec) { pair in
      try pair.right.store.create("Archive")
      try pair.right.store.add(tokens: ["a", "b", "c"])
      try pair.sync()
      let maildir = try #require(pair.left.maildir)
      let inbox = maildir.folder("INBOX")
      let archive = maildir.folder("Archive")
      // A mail program keeps the name when it moves a file; two of them claim one UID there.
      for (token, name) in [
        ("a", "1.a.host,U=7"), ("b", "2.b.host,U=7,FMD5=0123"), ("c", "3.c.host,U=x"),
      ] {
        let file = try path(of: token, in: inbox)
        try FileManager.default.moveItem(
          atPath: file,
          toPath: token == "c" ? "\(inbox)/cur/\(name):2,S" : "\(archive)/cur/\(name):2,S")
      }
      try pair.sync()
      #expect(try pair.right.store.tokens(in: "Archive") == ["a", "b"])
      #expect(try pair.right.store.tokens() == ["c"])
      #expect(try pair.right.store.flags(of: "a", in: "Archive") == ["\\seen"])
      try expectQuiet(pair)
      #expect(access("\(archive)/cur/1.a.host,U=7:2,S", F_OK) == 0)
    }
  }

  @Test("INBOX is found however its folder is written", arguments: ["Inbox", "inbox"])
  func inboxName(name: String) throws {
    try withPair(.maildirAndExec, layout: .nested) { pair in
      let maildir = try #require(pair.left.maildir)
      try maildir.add(tokens: ["a"])
      try FileManager.default.moveItem(
        atPath: maildir.folder("INBOX"), toPath: "\(maildir.root)/\(name)")
      try pair.right.store.add(tokens: ["b"])
      try pair.sync()
      #expect(try pair.right.store.tokens() == ["a", "b"])
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: maildir.root).contains("INBOX") == false
      )
    }
  }

  @Test("folders beside the root's own cur are nested ones if they have no dot")
  func rootInbox() throws {
    try withPair(.maildirAndExec) { pair in
      let maildir = try #require(pair.left.maildir)
      try maildir.add(tokens: ["a"])
      for part in ["cur", "new", "tmp"] {
        try pair.directory.user.makeDirectory("\(maildir.root)/Archive/\(part)")
      }
      try pair.right.store.create("Archive")
      try pair.right.store.add(tokens: ["b"], to: "Archive")
      try pair.sync()
      #expect(try pair.right.store.tokens() == ["a"])
      let arrived = try FileManager.default.contentsOfDirectory(
        atPath: "\(maildir.root)/Archive/new")
      #expect(arrived.count == 1)
    }
  }

  // MARK: Parts

  private func addMail(to pair: Pair) throws {
    try pair.right.store.create("Archive/Old")
    for message in Self.mail {
      try pair.right.store.add(
        message.bytes, to: "INBOX", flags: message.token == "plain" ? ["\\Seen"] : [],
        date: Self.oldDate)
      try pair.right.store.add(message.bytes, to: "Archive/Old", flags: [], date: Self.oldDate)
    }
    // Another program's UIDs and the server's are not the same where some were expunged before.
    try pair.right.store.expunge(["folded"], in: "INBOX")
  }

  /// New mail comes on either side, and goes to the other; nothing else is sent or brought, and no file gets
  /// another name.
  private func expectMovedIn(_ pair: Pair) throws {
    try pair.right.store.add(tokens: ["new there"])
    try pair.left.store.add(tokens: ["new here"])
    let before = try pair.sides.map { try $0.store.snapshot().mapValues(\.count) }
    let names = try fileNames(pair)
    let report = try pair.report()
    #expect(report.left.saved == 1 && report.right.saved == 1)
    #expect(report.left.expunged == 0 && report.right.expunged == 0)
    // Four messages of 50,000 and 30,000 octets lie there: not a body of them came over the wire.
    #expect(report.right.bytesIn ?? .max < 30_000)
    #expect(report.right.bytesOut ?? .max < 30_000)
    let after = try pair.sides.map { try $0.store.snapshot().mapValues(\.count) }
    for (before, after) in zip(before, after) {
      #expect(after == before.merging(["INBOX": 1]) { $0 + $1 })
    }
    #expect(names.isSubset(of: try fileNames(pair)))
    try expectMirrorNumbers(pair)
    try expectQuiet(pair)
    // A new record of the pair comes to the same.
    try FileManager.default.removeItem(atPath: pair.directory.path("state"))
    let again = try pair.report()
    #expect(again.left.saved == 0 && again.right.saved == 0)
    // From now on they are one message like any other.
    try pair.left.store.flag("plain", add: ["\\Flagged"])
    try pair.right.store.expunge(["draft1"], in: "INBOX")
    try pair.sync()
    #expect(try pair.right.store.flags(of: "plain").contains("\\flagged"))
    #expect(try pair.left.store.tokens().contains("draft1") == false)
    #expect(try pair.left.store.tokens().contains("draft2"))
    // The proof tells what is only another program's from what differs.
    let proof = try pair.sync("-v", verb: "verify")
    #expect(
      !proof.errorText.contains("content differs") && !proof.outputText.contains("content differs"))
  }

  private func expectMirrorNumbers(_ pair: Pair) throws {
    for mailbox in ["INBOX", "Archive/Old"] {
      let sides = try pair.sides.map { side in
        try side.served.messages(in: mailbox).map { "\($0.uid ?? 0) \($0.token)" }
      }
      #expect(sides[0] == sides[1])
    }
  }

  private func fileNames(_ pair: Pair) throws -> Set<String> {
    guard let maildir = pair.left.maildir else { throw TestFailure("no Maildir") }
    let names = ["INBOX", "Archive/Old"].flatMap { mailbox in
      ["cur", "new"].flatMap { part in
        (try? FileManager.default.contentsOfDirectory(atPath: "\(maildir.folder(mailbox))/\(part)"))
          ?? []
      }
    }
    return Set(names.map { $0.split(separator: ":").first.map(String.init) ?? $0 })
  }

  private func path(of token: String, in folder: String) throws -> String {
    let files = try ["cur", "new"].flatMap { part in
      try FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(part)").map {
        "\(folder)/\(part)/\($0)"
      }
    }
    let found = files.first { path in
      let text = (try? String(contentsOfFile: path, encoding: .isoLatin1)) ?? ""
      return text.contains("X-Token: \(token)\n")
    }
    return try #require(found)
  }

  private func hasLine(_ name: String, _ message: StoredMessage) -> Bool {
    String(decoding: message.bytes.prefix(4096), as: UTF8.self).contains("\n\(name): ")
  }
}
