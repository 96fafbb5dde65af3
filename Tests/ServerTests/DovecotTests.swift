import Foundation
import TestSupport
import Testing

/// The servers that the other tests rely on do what these expect of them.
@Suite("Test servers") struct DovecotTests {
  @Test("a program speaks IMAP over pipes") func program() throws {
    try withTemporaryDirectory { directory in
      let program = try DovecotProgram(in: directory)
      let child = try ChildProcess(
        ["/bin/sh", "-c", program.command], environment: [:], input: .pipe, output: .pipe)
      defer { child.end() }
      var bytes = [UInt8](repeating: 0, count: 10)
      #expect(read(child.standardOutput, &bytes, 10) == 10)
      #expect(String(decoding: bytes, as: UTF8.self) == "* PREAUTH ")
    }
  }

  @Test("a daemon starts with TLS and is gone after stop") func daemon() throws {
    try withTemporaryDirectory { directory in
      let certificates = try TestCertificates(in: directory)
      let server = try DovecotServer.start(in: directory, certificates: certificates)
      close(try connectLocally(to: server.tlsPort))
      let shown = try runProgram(
        [
          "openssl", "s_client", "-connect", "127.0.0.1:\(server.tlsPort)", "-CAfile",
          certificates.authority, "-verify_return_error", "-verify_ip", "127.0.0.1",
        ], scratch: directory)
      #expect(shown.outputText.contains("Verify return code: 0 (ok)"), "\(shown.errorText)")
      server.stop()
      #expect(throws: TestFailure.self) { try connectLocally(to: server.port) }
    }
  }

  @Test(
    "a local Dovecot and the Maildir's user see the same",
    arguments: [MaildirLayout.maildirPlusPlus, .nested])
  func maildirIsServed(layout: MaildirLayout) throws {
    try withTemporaryDirectory { directory in
      let user = try MaildirUser(at: directory.path("Mail"), layout: layout, in: directory)
      let served = IMAPAccount(
        try DovecotProgram(
          in: directory, options: DovecotOptions(storage: .maildir(user.root, layout))))
      try user.create("Entwürfe/b")
      try user.add(
        makeMessage("one"), to: "Entwürfe/b", flags: ["\\Seen", "$Label1"], date: 86_400)
      try user.add(makeMessage("two"))
      try served.add(makeMessage("three"), to: "INBOX", flags: ["Word"], date: 1_000_000)
      try served.flag("one", in: "Entwürfe/b", add: ["Second"])
      #expect(try served.mailboxes() == ["Entwürfe/b", "INBOX"])
      for mailbox in try user.mailboxes() {
        let seen = try served.messages(in: mailbox)
        #expect(try user.messages(in: mailbox) == seen.map(\.withoutGUID))
        #expect(try user.numbers(of: mailbox)?.uidNext == served.numbers(of: mailbox)?.uidNext)
      }
      #expect(try user.flags(of: "one", in: "Entwürfe/b") == ["\\seen", "$label1", "second"])
      #expect(try user.tokens() == ["three", "two"])
    }
  }

  @Test("the account of a daemon can be filled and changed") func account() throws {
    try withTemporaryDirectory { directory in
      let account = IMAPAccount(try DovecotServer.start(in: directory))
      try account.add(tokens: ["a", "b", "c"])
      try account.create("Other")
      try account.move(["a"], in: "INBOX", to: "Other")
      try account.expunge(["b"], in: "INBOX")
      #expect(try account.tokens() == ["c"])
      #expect(try account.tokens(in: "Other") == ["a"])
      #expect(try account.numbers(of: "INBOX")?.uidNext == 4)
    }
  }

  @Test(
    "each kind of side takes the odd mail and names", arguments: [SideKind.maildir, .imap, .exec])
  func oddThings(kind: SideKind) throws {
    try withTemporaryDirectory { directory in
      let side = try PairSide.make(kind, "side", in: directory)
      defer { side.server?.stop() }
      let names = oddMailboxNames
      for name in names { try side.store.create(name) }
      #expect(Set(try side.store.mailboxes()).subtracting(["INBOX"]) == Set(names))
      #expect(Set(try side.served.mailboxes()).subtracting(["INBOX"]) == Set(names))
      let plain = oddMessages.filter { !$0.isAltered }
      try side.store.add(plain.map(\.bytes))
      let found = Set(try side.served.messages(in: "INBOX").map(\.bytes))
      for odd in plain {
        #expect(found.contains(withCRLF(odd.bytes)), "\(odd.name)")
      }
    }
  }

  @Test("a relay holds the wire at a byte and lets it go") func relay() throws {
    try withTemporaryDirectory { directory in
      let side = try PairSide.make(.imap, "side", in: directory)
      let server = try #require(side.server)
      defer { server.stop() }
      let relay = try Relay(to: server.port)
      defer { relay.close() }
      relay.hold(after: 20, .fromServer)
      let socket = try connectLocally(to: relay.port)
      defer { close(socket) }
      try relay.waitUntilHeld()
      #expect(relay.passed(.fromServer) == 20)
      var bytes = [UInt8](repeating: 0, count: 4)
      #expect(recv(socket, &bytes, 4, 0) == 4)
      relay.cut()
      let again = try connectLocally(to: relay.port)
      defer { close(again) }
      #expect(recv(again, &bytes, 4, 0) == 4)
    }
  }

  @Test("UIDVALIDITY, quota and hidden capabilities can be set") func options() throws {
    try withTemporaryDirectory { directory in
      var options = DovecotOptions()
      options.quotaBytes = 10_000
      options.hiddenCapabilities = ["QRESYNC"]
      options.specialUse = ["Sent": "\\Sent"]
      let side = try PairSide.make(.imap, "side", in: directory, options: options)
      defer { side.server?.stop() }
      try side.newUIDValidity()
      try side.served.withSession { session in
        let capabilities = try session.command("CAPABILITY").first?.line ?? ""
        #expect(capabilities.contains("CONDSTORE"))
        #expect(!capabilities.contains("QRESYNC"))
        try session.create("Sent")
        #expect(try session.command(#"LIST "" "Sent""#).first?.line.contains("\\Sent") == true)
      }
      #expect(throws: TestFailure.self) { try side.store.add(makeMessage("a", size: 20_000)) }
      try side.store.add(tokens: ["b"])
    }
  }
}

extension StoredMessage {
  fileprivate var withoutGUID: StoredMessage {
    StoredMessage(bytes: bytes, flags: flags, date: date, uid: uid)
  }
}
