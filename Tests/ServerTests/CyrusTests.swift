import Foundation
import TestSupport
import Testing

/// A second implementation of everything that is asked of a server: Cyrus, where it is to be had.
@Suite("Cyrus", .enabled(if: CyrusServer.root != nil, "Cyrus is not installed"))
struct CyrusTests {
  enum Partner: String, CaseIterable, CustomTestStringConvertible {
    case maildir
    case dovecot

    var testDescription: String { rawValue }
    var kind: SideKind { self == .maildir ? .maildir : .imap }
  }

  /// A Maildir or a Dovecot on the left, a Cyrus on the right.
  private func withCyrus(
    _ partner: Partner = .maildir, names: CyrusServer.Names = .plain, tier: Tier = .qresync,
    keys: [String: String] = [:], settings: [String: String] = [:], _ body: (Pair) throws -> Void
  ) throws {
    try withTemporaryDirectory { directory in
      let cyrus = try CyrusServer(in: directory, names: names, settings: settings)
      defer { cyrus.stop() }
      let left = try PairSide.make(partner.kind, "left", in: directory)
      defer { left.server?.stop() }
      let right = try PairSide.cyrus("right", cyrus, in: directory)
      right.keys["disable-capabilities"] = tier.disabled
      try body(try Pair(left, right, in: directory, keys: keys))
    }
  }

  @Test("two filled sides, then nothing to do", arguments: Partner.allCases, Tier.allCases)
  func firstSync(partner: Partner, tier: Tier) throws {
    try withCyrus(partner, tier: tier) { pair in
      try pair.left.store.add(tokens: (1...30).map { "l\($0)" })
      try pair.right.store.add(tokens: (1...20).map { "r\($0)" })
      for side in pair.sides {
        try side.store.add(makeMessage("both"), to: "INBOX", flags: [], date: 1_600_000_000)
      }
      try pair.right.store.add(
        makeMessage("flagged"), to: "INBOX", flags: ["\\Answered", "$Label1", "Word"],
        date: 1_675_555_555)
      try pair.right.store.create("Entwürfe/b&c")
      try pair.right.store.add(tokens: ["x"], to: "Entwürfe/b&c")
      try pair.left.store.create("Oben/unten")
      try pair.left.store.add(tokens: ["y"], to: "Oben/unten")
      try pair.sync()
      #expect(try pair.left.store.flags(of: "flagged") == ["\\answered", "$label1", "word"])
      #expect(try pair.left.store.tokens().count { $0 == "both" } == 1)
      #expect(try pair.left.store.tokens(in: "Entwürfe/b&c") == ["x"])
      #expect(try pair.right.store.tokens(in: "Oben/unten") == ["y"])
      // Cyrus makes the levels above real mailboxes; they are seen at the second run.
      try pair.sync()
      if partner == .maildir { try expectMirror(pair) } else { try expectEqualSides(pair) }
      try expectQuiet(pair)
    }
  }

  @Test("changes go both ways", arguments: Partner.allCases, Tier.allCases)
  func changes(partner: Partner, tier: Tier) throws {
    try withCyrus(partner, tier: tier) { pair in
      try pair.left.served.add(tokens: (1...20).map { "a\($0)" })
      for store in [pair.left.store, pair.right.store] { try store.create("Box") }
      try pair.sync()
      try pair.left.served.flag(["a1"], in: "INBOX", add: ["\\Seen", "New"], remove: [])
      try pair.right.served.flag(["a1"], in: "INBOX", add: ["\\Flagged", "$Other"], remove: [])
      try pair.right.served.expunge(["a2"], in: "INBOX")
      try pair.left.served.expunge(["a3"], in: "INBOX")
      try pair.left.served.move(["a4"], in: "INBOX", to: "Box")
      try pair.right.served.move(["a5"], in: "INBOX", to: "Box")
      try pair.left.served.copy(["a6"], in: "INBOX", to: "Box")
      try pair.right.served.copy(["a7"], in: "INBOX", to: "Box")
      let report = try pair.report()
      #expect(report.left.saved == 0 && report.right.saved == 0, "bodies crossed the wire")
      #expect(report.left.copied == 2 && report.right.copied == 2)
      for side in pair.sides {
        let flags = try side.store.flags(of: "a1")
        #expect(flags == ["\\seen", "\\flagged", "new", "$other"], "\(side.name)")
        #expect(try side.store.tokens(in: "Box") == ["a4", "a5", "a6", "a7"], "\(side.name)")
      }
      #expect(try pair.left.store.tokens().count == 16)
      if partner == .maildir { try expectMirror(pair) } else { try expectEqualSides(pair) }
      try pair.right.served.flag(["a1"], in: "INBOX", add: [], remove: ["new", "\\Seen"])
      try pair.sync()
      #expect(try pair.left.store.flags(of: "a1") == ["\\flagged", "$other"])
      try expectQuiet(pair)
    }
  }

  @Test("one UID for two messages: both get new ones", arguments: Tier.allCases)
  func collisions(tier: Tier) throws {
    try withCyrus(tier: tier) { pair in
      try pair.left.served.add(tokens: ["a"])
      try pair.sync()
      let next = try #require(try pair.left.served.numbers(of: "INBOX")).uidNext
      try pair.left.served.add(tokens: (1...40).map { "l\($0)" })
      try pair.right.served.add(tokens: (1...60).map { "r\($0)" })
      try pair.right.served.flag(["r9"], in: "INBOX", add: ["\\Seen", "Word"], remove: [])
      try pair.left.served.expunge(["l5"], in: "INBOX")
      try pair.sync()
      #expect(try expectMirror(pair) == 1 + 39 + 60)
      #expect(try pair.left.store.flags(of: "r9") == ["\\seen", "word"])
      let uids = try pair.right.served.messages(in: "INBOX").compactMap(\.uid).map(UInt64.init)
      #expect(uids.allSatisfy { $0 < next || $0 >= next + 40 }, "burned UIDs are used again")
      try expectQuiet(pair)
    }
  }

  @Test("what Cyrus refuses stays, what it alters is sent once; the rest arrives")
  func oddMail() throws {
    try withCyrus { pair in
      try pair.left.store.add(oddMessages.map(\.bytes))
      try pair.left.store.add(tokens: ["plain"])
      let before = Set(try pair.left.store.messages(in: "INBOX").map(\.bytes))
      let refused: Set = ["nul"]
      let report = try pair.report(expecting: 1)
      #expect(report.notices.map(\.code) == ["altered", "altered"], "\(report.notices)")
      #expect(report.errors.allSatisfy { $0.code == "refused" }, "\(report.errors)")
      #expect(report.errors.count == refused.count, "\(report.errors)")
      let arrived = try pair.right.store.tokens()
      #expect(arrived.count == oddMessages.count - refused.count + 1)
      #expect(refused.isDisjoint(with: arrived))
      for _ in 1...2 {
        let again = try pair.report(expecting: 1)
        #expect(again.right == PairReport.Counts() && again.left == PairReport.Counts())
        #expect(again.notices.isEmpty)
        #expect(try pair.right.store.tokens() == arrived)
        #expect(Set(try pair.left.store.messages(in: "INBOX").map(\.bytes)) == before)
      }
    }
  }

  @Test("what Cyrus altered is known again when the base is lost")
  func alteredWithoutBase() throws {
    try withCyrus { pair in
      let odd = oddMessages.filter { ["latin1", "utf8-header"].contains($0.name) }
      try pair.left.store.add(odd.map(\.bytes))
      try pair.sync()
      #expect(try pair.right.store.tokens().count == odd.count)
      try FileManager.default.removeItem(atPath: pair.directory.path("state"))
      try pair.sync()
      for side in pair.sides { #expect(try side.store.messages(in: "INBOX").count == odd.count) }
      try expectQuiet(pair)
    }
  }

  @Test("prefixes, separators and names", arguments: CyrusServer.Names.allCases)
  func names(names: CyrusServer.Names) throws {
    try withCyrus(names: names) { pair in
      let all = ["Sent Items", "Entwürfe", "日本語/受信", "a&b", "deep/er/and/deeper", "emoji 🙂", "NIL"]
      for (index, name) in all.enumerated() {
        let store = index % 2 == 0 ? pair.left.store : pair.right.store
        try store.create(name)
        try store.add(tokens: ["in \(index)"], to: name)
      }
      try pair.sync()
      try pair.sync()
      for side in pair.sides {
        #expect(Set(try side.store.mailboxes()).isSuperset(of: all), "\(side.name)")
      }
      #expect(try expectMirror(pair) == all.count)
      try pair.right.store.rename("Entwürfe", to: "deep/Drafts")
      try pair.sync()
      #expect(try pair.left.store.tokens(in: "deep/Drafts") == ["in 1"])
      try expectQuiet(pair)
    }
  }

  @Test("TLS and STARTTLS", arguments: ["imaps", "imap"])
  func tls(scheme: String) throws {
    try withTemporaryDirectory { directory in
      let certificates = try TestCertificates(in: directory)
      let cyrus = try CyrusServer(in: directory, certificates: certificates)
      defer { cyrus.stop() }
      let left = try PairSide.make(.maildir, "left", in: directory)
      let port = scheme == "imaps" ? cyrus.tlsPort : cyrus.port
      let right = try PairSide.cyrus(
        "right", cyrus, in: directory,
        keys: [
          "url": "\(scheme)://alice@127.0.0.1:\(port)", "tls-ca-file": certificates.authority,
        ])
      let pair = try Pair(left, right, in: directory)
      try pair.left.store.add(tokens: ["a"])
      let report = try pair.report()
      #expect(report.right.saved == 1)
      #expect(try pair.report().right.saved == 0)
    }
  }

  @Test("keywords beyond what Cyrus keeps stay where they are")
  func tooManyKeywords() throws {
    try withCyrus(.dovecot) { pair in
      let words = (1...140).map { "word\($0)" }
      try pair.left.store.add(tokens: words)
      for word in words {
        try pair.left.store.flag([word], in: "INBOX", add: [word], remove: [])
      }
      _ = try pair.runUnchecked()
      for _ in 1...2 { try pair.sync() }
      for word in words { #expect(try pair.left.store.flags(of: word) == [word]) }
      let kept = try pair.right.store.messages(in: "INBOX").filter { !$0.flags.isEmpty }
      #expect((100..<140).contains(kept.count), "\(kept.count)")
      try expectQuiet(pair)
    }
  }
}
