import Foundation
import TestSupport
import Testing

/// What `check` and `status` tell of real servers.
@Suite("check and status") struct CheckTests {
  private struct CheckReport: Decodable {
    struct Certificate: Decodable {
      var subject: String
      var expires: Int64?
    }

    struct TLS: Decodable {
      var version: String
      var chain: [Certificate]
    }

    struct Endpoint: Decodable {
      var reached: Bool
      var exists: Bool
      var layout: String?
      var server: String?
      var tls: TLS?
      var login: String?
      var changes: String?
      var extensions: [String]
    }

    struct Mailbox: Decodable, Hashable {
      var left: String?
      var right: String?
      var state: String
    }

    struct Pair: Decodable {
      var result: String
      var left: Endpoint
      var right: Endpoint
      var stateFree: Bool
      var mailboxes: [Mailbox]
      var errors: [PairReport.Problem]
      var warnings: [PairReport.Problem]
    }

    var pairs: [Pair]
  }

  private func check(
    _ pair: Pair, expecting code: Int32 = 0, sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> CheckReport.Pair {
    let result = try pair.sync(
      "--json", expecting: code, verb: "check", sourceLocation: sourceLocation)
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let report = try decoder.decode(CheckReport.self, from: Data(result.output))
    return try #require(report.pairs.first)
  }

  @Test("TLS, certificates, login, server and mailboxes", arguments: ["imaps", "imap"])
  func server(scheme: String) throws {
    try withTemporaryDirectory { directory in
      let certificates = try TestCertificates(in: directory)
      let server = try DovecotServer.start(in: directory, certificates: certificates)
      defer { server.stop() }
      let port = scheme == "imaps" ? server.tlsPort : server.port
      let right = PairSide.remote(
        "right", server,
        keys: [
          "url": "\(scheme)://alice@127.0.0.1:\(port)", "tls-ca-file": certificates.authority,
          "password-file": try directory.write("pass word\n", to: "password", mode: 0o600),
        ])
      let pair = try Pair(try PairSide.make(.maildir, "left", in: directory), right, in: directory)
      let found = try check(pair)
      #expect(found.result == "ok" && found.stateFree && found.errors.isEmpty)
      let tls = try #require(found.right.tls)
      #expect(tls.version.hasPrefix("TLSv1."))
      #expect(tls.chain.map(\.subject) == ["CN=server", "CN=mboxsync test authority"])
      #expect(found.right.login?.isEmpty == false && found.right.changes == "qresync")
      #expect(found.right.server?.contains("Dovecot") == true)
      #expect(found.right.extensions.contains("UIDPLUS"))
      // Certificates of two days: both are told of, and neither is a failure.
      #expect(found.warnings.count == 2 && found.warnings.allSatisfy { $0.code == "tls" })
      let text = try pair.sync(verb: "check")
      #expect(text.errorText.contains("expires on "))
      for words in ["TLSv1.", "signed by    CN=mboxsync test authority", "QRESYNC: "] {
        #expect(text.outputText.contains(words), "\(text.outputText)")
      }
      #expect(!FileManager.default.fileExists(atPath: directory.path("state")))
      // Nothing but the certificate that is pinned counts.
      right.keys["tls-ca-file"] = nil
      right.keys["tls-fingerprint"] = try certificates.fingerprint(.good)
      let pinned = try check(pair)
      #expect(pinned.right.tls?.chain.map(\.subject) == ["CN=server"])
      #expect(pinned.warnings.isEmpty)
      #expect(try pair.sync(verb: "check").outputText.contains("trusted by   its fingerprint"))
    }
  }

  @Test("without mod-sequences", arguments: [Tier.condstore, .none])
  func tiers(tier: Tier) throws {
    try withPair(.maildirAndIMAP, tier: tier) { pair in
      let found = try check(pair)
      #expect(found.right.changes == (tier == .condstore ? "condstore" : "plain"))
      #expect(found.right.tls == nil && found.left.layout == "maildir++")
    }
  }

  @Test("how mailboxes belong together")
  func mailboxes() throws {
    var options = DovecotOptions()
    options.specialUse = ["Gesendet": "\\Sent"]
    let keys = ["map": "Work=Arbeit", "mailboxes": "* !Spam", "create": "right"]
    try withPair(.maildirAndIMAP, keys: keys, right: options) { pair in
      for name in ["Work", "Mine", "Old"] { try pair.left.store.create(name) }
      try pair.sync()
      for name in ["Spam", "Theirs"] { try pair.right.store.create(name) }
      try pair.left.store.create("New")
      try pair.left.store.delete("Old")
      let found = Set(try check(pair).mailboxes)
      let expected: [(String?, String?, String)] = [
        ("INBOX", "INBOX", "both"), ("Work", "Arbeit", "both"), ("Mine", "Mine", "both"),
        ("New", "New", "only-left"), ("Theirs", "Theirs", "stays-right"),
        ("Old", "Old", "gone-left"), (nil, "Spam", "left-out"),
      ]
      for (left, right, state) in expected {
        #expect(found.contains(.init(left: left, right: right, state: state)), "\(state): \(found)")
      }
    }
  }

  @Test("mailboxes that were renamed are told to be so", arguments: [Combination.maildirs])
  func renamed(combination: Combination) throws {
    try withPair(combination) { pair in
      for name in ["Here", "There", "Everywhere"] { try pair.left.store.create(name) }
      try pair.sync()
      try pair.left.store.rename("Here", to: "Hither")
      try pair.right.store.rename("There", to: "Thither")
      for side in pair.sides { try side.store.rename("Everywhere", to: "Nowhere") }
      let found = Set(try check(pair).mailboxes)
      let expected: [(String, String, String)] = [
        ("INBOX", "INBOX", "both"), ("Hither", "Here", "renamed-left"),
        ("There", "Thither", "renamed-right"), ("Nowhere", "Nowhere", "both"),
      ]
      #expect(found == Set(expected.map { .init(left: $0.0, right: $0.1, state: $0.2) }))
      let text = try pair.sync(verb: "check").outputText
      #expect(text.contains("renamed on the left, the next sync renames it on the right"))
      try pair.sync()
      #expect(try check(pair).mailboxes.allSatisfy { $0.state == "both" })
    }
  }

  @Test("what a sync could not read or write is a problem", arguments: ["cur", "new", "tmp"])
  func closed(part: String) throws {
    try withPair(.maildirAndIMAP) { pair in
      for name in ["Work", "Spam"] { try pair.left.store.create(name) }
      try pair.sync("-m", "Work")
      let maildir = try #require(pair.left.maildir)
      let mode: mode_t = part == "tmp" ? 0o500 : 0
      for name in ["Work", "Spam"] { chmod("\(maildir.folder(name))/\(part)", mode) }
      pair.keys["mailboxes"] = "* !Spam"
      let found = try check(pair, expecting: 1)
      #expect(found.result == "failed" && found.errors.map(\.code) == ["permission"])
      #expect(found.errors.map(\.mailbox) == ["Work"] && found.warnings.isEmpty)
      chmod("\(maildir.folder("Work"))/\(part)", 0o700)
      #expect(try check(pair).errors.isEmpty)
    }
  }

  @Test("problems come first, and the other side is shown all the same")
  func problems() throws {
    try withPair(.maildirAndIMAP) { pair in
      pair.right.keys["password-file"] = try pair.directory.write(
        "wrong\n", to: "wrong", mode: 0o600)
      let found = try check(pair, expecting: 77)
      #expect(found.result == "failed" && found.errors.map(\.code) == ["auth"])
      #expect(found.left.reached && !found.right.reached)
      let text = try pair.sync(expecting: 77, verb: "check")
      #expect(text.errorText.hasPrefix("mboxsync: test: right: the server refuses the login"))
      #expect(text.outputText.contains("not logged in"))
    }
  }

  @Test("what is meant for people goes nowhere else where their streams are closed")
  func closedStreams() throws {
    try withPair(.maildirAndIMAP) { pair in
      // The connection would get the number of the closed stream, and the trace on it.
      let closing = ["/bin/sh", "-c", "exec \"$@\" 2>&-", "sh"]
      let result = try pair.mboxsync.run(
        pair.arguments(["-vv"], verb: "check"), through: closing)
      #expect(result.code == 0, "\(result.outputText)")
    }
  }

  @Test("an answer that can't be written is no success")
  func fullDisk() throws {
    try withPair(.maildirAndIMAP) { pair in
      let writing = ["/bin/sh", "-c", "exec \"$@\" >/dev/full", "sh"]
      let result = try pair.mboxsync.run(
        pair.arguments(["--json"], verb: "check"), through: writing)
      #expect(result.code == 1)
      #expect(
        result.errorText == "mboxsync: can't write standard output: no space left on device\n")
    }
  }

  @Test("status names what could not be synced, and why")
  func unsynced() throws {
    var options = DovecotOptions()
    options.quotaBytes = 20_000
    try withPair(.maildirAndIMAP, right: options) { pair in
      #expect(try pair.sync(verb: "status").outputText.hasPrefix("test: never synced\n"))
      try pair.left.store.add(tokens: ["a"])
      try pair.sync()
      try pair.left.store.add(makeMessage("big", size: 100_000))
      try pair.sync(expecting: 1)
      let text = try pair.runUnchecked().errorText
      #expect(text.contains("Quota exceeded"), "\(text)")
      let status = try pair.sync(verb: "status").outputText
      #expect(status.contains(", partial") && status.contains("2 mailboxes") == false, "\(status)")
      #expect(status.contains("  the last run said\n    right: INBOX: "), "\(status)")
      #expect(status.contains("Quota exceeded"), "\(status)")
      try pair.left.store.expunge(["big"], in: "INBOX")
      try pair.sync()
      let mended = try pair.sync(verb: "status").outputText
      #expect(mended.contains(", ok") && !mended.contains("Quota"), "\(mended)")
    }
  }
}
