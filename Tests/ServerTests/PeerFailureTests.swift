import Foundation
import TestSupport
import Testing

/// What other programs were seen to do to people's mail. Each was tried in a laboratory, with 20 or some hundred messages.
@Suite("What went wrong with others") struct PeerFailureTests {
  private let tokens = (1...20).map { "m\($0)" }

  // MARK: Mass deletions

  @Test(
    "isync, OfflineIMAP: the local files were gone, all was expunged on the server, exit 0; here: refused, exit 2",
    arguments: [false, true])
  func filesGone(withUIDs: Bool) throws {
    try withPair(.maildirAndIMAP) { pair in
      let maildir = try #require(pair.left.maildir)
      try pair.right.store.add(tokens: tokens)
      try pair.sync()
      try maildir.expunge(tokens, in: "INBOX")
      // isync decides by a file of its own whether the folder is the one it knows; so here with and without.
      if !withUIDs { unlink("\(maildir.root)/dovecot-uidlist") }
      let result = try pair.sync(expecting: withUIDs ? 2 : 0)
      #expect(!withUIDs || result.errorText.contains("--force"), "\(result.errorText)")
      #expect(try pair.right.store.tokens() == tokens.sorted())
      // With nothing to tell that they were expunged they come back.
      #expect(try maildir.tokens() == (withUIDs ? [] : tokens.sorted()))
    }
  }

  @Test(
    "isync: a folder made anew within the same second passed for the old one, all was expunged on the server; here: nothing is",
    arguments: [false, true])
  func folderMadeAnew(withSubfolder: Bool) throws {
    try withPair(.maildirAndIMAP) { pair in
      let maildir = try #require(pair.left.maildir)
      try pair.right.store.add(tokens: tokens)
      if withSubfolder { try pair.right.store.create("Box") }
      try pair.sync()
      for name in try FileManager.default.contentsOfDirectory(atPath: maildir.root)
      where name != ".Box" {
        try FileManager.default.removeItem(atPath: "\(maildir.root)/\(name)")
      }
      for part in ["cur", "new", "tmp"] {
        _ = try pair.directory.directory("left/\(part)")
      }
      let result = try pair.runUnchecked()
      #expect([0, 2].contains(result.code), "\(result.errorText)")
      #expect(try pair.right.store.tokens() == tokens.sorted())
    }
  }

  @Test(
    "InterIMAP: the emptied local mailbox emptied the remote one, exit 0; here: refused, exit 2")
  func mailboxEmptied() throws {
    try withPair(.servers) { pair in
      try pair.right.store.add(tokens: tokens)
      try pair.sync()
      try pair.left.store.expunge(tokens, in: "INBOX")
      let result = try pair.sync(expecting: 2)
      #expect(result.errorText.contains("--force"), "\(result.errorText)")
      #expect(try pair.right.store.tokens() == tokens.sorted())
    }
  }

  // MARK: Duplicates

  @Test(
    "isync, OfflineIMAP, InterIMAP: kill -9 while mail was sent left 1, 1 and 16 duplicates; here: none",
    arguments: [Combination.maildirAndIMAP, .servers], [0.1, 0.5, 0.99])
  func killedWhileSending(combination: Combination, share: Double) throws {
    try withPair(combination) { pair in
      let tokens = (1...400).map { "m\($0)" }
      try pair.sync()
      let relay = try pair.right.relay()
      defer { relay.close() }
      try pair.left.store.add(tokens.map { makeMessage($0, size: 600) })
      // The server has all that was sent, and goes on with it while the next run begins.
      relay.hold(after: Int(share * 400 * 600), .toServer)
      let running = try pair.start()
      try relay.waitUntilHeld(by: running.child)
      try running.kill()
      relay.hold(after: Int.max / 2, .toServer)
      try pair.sync()
      try expectTokens(tokens, pair)
      try expectQuiet(pair)
    }
  }

  @Test(
    "isync, InterIMAP: lost state doubled every message on both sides; here: none",
    arguments: Combination.allCases)
  func stateLost(combination: Combination) throws {
    try withPair(combination) { pair in
      try pair.left.store.add(tokens: tokens)
      // One message there twice is no reason to lose or to double it.
      try pair.right.store.add(makeMessage("twin"), to: "INBOX", flags: [], date: 1_600_000_000)
      try pair.right.store.add(makeMessage("twin"), to: "INBOX", flags: [], date: 1_600_000_000)
      try pair.sync()
      try FileManager.default.removeItem(atPath: pair.directory.path("state"))
      let report = try pair.report()
      #expect(report.left.saved == 0 && report.right.saved == 0)
      try expectTokens(tokens + ["twin", "twin"], pair)
      try expectQuiet(pair)
    }
  }

  @Test(
    "dsync: a UID that both sides gave was left as two copies of each message; here: both get new UIDs",
    arguments: Combination.mirroring)
  func collisions(combination: Combination) throws {
    try withPair(combination) { pair in
      try pair.left.served.add(tokens: ["a"])
      try pair.sync()
      try pair.left.served.add(tokens: ["l1", "l2"])
      try pair.right.served.add(tokens: ["r1", "r2", "r3"])
      try pair.sync()
      #expect(try expectMirror(pair) == 6)
      try expectQuiet(pair)
    }
  }

  @Test(
    "dsync: a Maildir restored without its index never converged, exit 2 for ever; here: at once")
  func indexLost() throws {
    try withPair(.maildirAndIMAP) { pair in
      let maildir = try #require(pair.left.maildir)
      try pair.right.store.add(tokens: tokens)
      try pair.sync()
      for name in try FileManager.default.contentsOfDirectory(atPath: maildir.root)
      where !["cur", "new", "tmp"].contains(name) {
        try FileManager.default.removeItem(atPath: "\(maildir.root)/\(name)")
      }
      // The mark is lost, too: whose Maildir this is has to be said.
      try pair.sync(expecting: 2)
      let report = try pair.report("--force")
      #expect(report.left.saved == 0 && report.right.saved == 0 && report.right.expunged == 0)
      #expect(try expectMirror(pair) == 20)
      try expectQuiet(pair)
    }
  }

  // MARK: The wrong message

  @Test(
    "OfflineIMAP: after a new UIDVALIDITY, \"skipped\", expunging m20 here expunged m1 there; here: m20",
    arguments: Tier.allCases)
  func rebuiltServer(tier: Tier) throws {
    try withPair(.maildirAndIMAP, tier: tier) { pair in
      func fill(_ tokens: [String]) throws {
        for token in tokens {
          try pair.right.store.add(
            makeMessage(token), to: "INBOX", flags: [], date: 1_600_000_000)
        }
      }
      try fill(tokens)
      try pair.sync()
      // Built anew, with the messages in another order.
      try pair.right.loseMail()
      try fill(tokens.reversed())
      try pair.left.store.expunge(["m20"], in: "INBOX")
      try pair.sync()
      try expectTokens(Array(tokens.dropLast()), pair)
      try expectMirror(pair)
      try expectQuiet(pair)
    }
  }

  @Test(
    "OfflineIMAP: an EXPUNGE took other programs' \\Deleted messages along; here: only those that are meant",
    arguments: [nil, "UIDPLUS"])
  func onlyThoseMeant(hidden: String?) throws {
    try withPair(.maildirAndIMAP) { pair in
      pair.right.keys["disable-capabilities"] = hidden
      try pair.left.store.add(tokens: tokens)
      try pair.sync()
      try pair.right.store.flag(["m1", "m2"], in: "INBOX", add: ["\\Deleted"], remove: [])
      try pair.left.store.expunge(["m3"], in: "INBOX")
      try pair.sync()
      try expectTokens(tokens.filter { $0 != "m3" }, pair)
      #expect(try pair.right.store.flags(of: "m1") == ["\\deleted"])
      #expect(try pair.right.store.flags(of: "m2") == ["\\deleted"])
      try expectQuiet(pair)
    }
  }

  // MARK: Moves

  @Test(
    "isync: a file moved to another folder under its name was expunged on the server and not saved again; here: it is moved",
    arguments: [Combination.maildirAndIMAP, .maildirAndExec, .maildirs], ["", ",U=1"])
  func movedWithItsName(combination: Combination, suffix: String) throws {
    try withPair(combination) { pair in
      let maildir = try #require(pair.left.maildir)
      try maildir.create("Box")
      // Both folders have a first message, and the names tell so.
      for mailbox in ["INBOX", "Box"] {
        try maildir.add(tokens: ["first in \(mailbox)"], to: mailbox)
      }
      try pair.sync()
      for part in ["cur", "new"] {
        for name in try FileManager.default.contentsOfDirectory(atPath: "\(maildir.root)/\(part)") {
          let parts = name.components(separatedBy: ":2,")
          try FileManager.default.moveItem(
            atPath: "\(maildir.root)/\(part)/\(name)",
            toPath: "\(maildir.folder("Box"))/cur/\(parts[0])\(suffix):2,S")
        }
      }
      for _ in 1...3 {
        try pair.sync()
        try expectTokens([], pair)
        try expectTokens(["first in Box", "first in INBOX"], pair, in: "Box")
      }
      try expectEqualSides(pair)
      try expectQuiet(pair)
    }
  }

  @Test(
    "isync: a message moved to a folder that the server refused was lost there; here: it stays where it was"
  )
  func movedToRefusal() throws {
    try withPair(.maildirAndIMAP, right: .withRights) { pair in
      try pair.right.store.create("Closed")
      try pair.right.store.add(tokens: ["a", "b"])
      try pair.sync()
      _ = try pair.right.served.withSession { try $0.command("SETACL Closed alice lra") }
      try pair.left.store.move(["a"], in: "INBOX", to: "Closed")
      for _ in 1...2 {
        try pair.sync(expecting: 1)
        #expect(try pair.right.store.tokens() == ["a", "b"])
        #expect(try pair.left.store.tokens(in: "Closed") == ["a"])
      }
      _ = try pair.right.served.withSession { try $0.command("SETACL Closed alice lrswipkxtea") }
      try pair.sync()
      try expectTokens(["b"], pair)
      try expectTokens(["a"], pair, in: "Closed")
      try expectQuiet(pair)
    }
  }

  // MARK: What could not be done

  @Test(
    "neverest: a message whose expunge was refused came back, and a flag that could not be removed; here: neither"
  )
  func refusedChange() throws {
    try withPair(.maildirAndIMAP, right: .withRights) { pair in
      try pair.right.store.create("Shared")
      try pair.right.store.add(tokens: ["a", "b", "c"], to: "Shared")
      try pair.right.store.flag(["b"], in: "Shared", add: ["\\Flagged"], remove: [])
      try pair.sync()
      _ = try pair.right.served.withSession { try $0.command("SETACL Shared alice lrsa") }
      try pair.left.store.expunge(["a"], in: "Shared")
      _ = try pair.right.served.withSession { try $0.command("SETACL Shared alice lra") }
      try pair.left.store.flag(["b"], in: "Shared", add: [], remove: ["\\Flagged"])
      for _ in 1...3 {
        try pair.sync(expecting: 1)
        #expect(try pair.left.store.tokens(in: "Shared") == ["b", "c"])
        #expect(try pair.left.store.flags(of: "b", in: "Shared") == [])
      }
      _ = try pair.right.served.withSession { try $0.command("SETACL Shared alice lrswipkxtea") }
      try pair.sync()
      try expectTokens(["b", "c"], pair, in: "Shared")
      #expect(try pair.right.store.flags(of: "b", in: "Shared") == [])
      try expectQuiet(pair)
    }
  }
}
