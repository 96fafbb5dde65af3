import Foundation
import TestSupport
import Testing

/// Reaching a server, trusting it, and being let in.
@Suite("Reaching a server") struct LoginTests {
  /// How the program comes to the server, and what it ends with.
  struct Way: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var scheme = "imaps"
    var certificate = TestCertificates.Kind.good
    var trust = Trust.authority
    var code: Int32 = 69

    enum Trust: Sendable {
      case authority
      case unknownAuthority
      case fingerprint
      case wrongFingerprint
      case system
    }

    static let all = [
      Way(testDescription: "implicit", code: 0),
      Way(testDescription: "STARTTLS", scheme: "imap", code: 0),
      Way(testDescription: "expired", certificate: .expired),
      Way(testDescription: "expired, STARTTLS", scheme: "imap", certificate: .expired),
      Way(testDescription: "wrong name", certificate: .wrongName),
      Way(testDescription: "wrong name, STARTTLS", scheme: "imap", certificate: .wrongName),
      Way(testDescription: "unknown authority", trust: .unknownAuthority),
      Way(testDescription: "not in the system's store", trust: .system),
      Way(testDescription: "fingerprint", trust: .fingerprint, code: 0),
      Way(
        testDescription: "fingerprint of an expired one", certificate: .expired,
        trust: .fingerprint, code: 0),
      Way(testDescription: "wrong fingerprint", trust: .wrongFingerprint),
    ]
  }

  @Test("TLS", arguments: Way.all)
  func tls(way: Way) throws {
    try withTemporaryDirectory { directory in
      let certificates = try TestCertificates(in: directory)
      let server = try DovecotServer.start(
        in: directory, certificates: certificates, certificate: way.certificate)
      defer { server.stop() }
      let pair = try makePair(server, directory, scheme: way.scheme)
      pair.right.keys.merge(try trust(way, certificates)) { $1 }
      try pair.left.store.add(tokens: ["a"])
      let result = try pair.sync(expecting: way.code)
      if way.code != 0 {
        #expect(result.errorText.hasPrefix("mboxsync: test: right: "), "\(result.errorText)")
        #expect(!server.log.contains("Login:"), "the password was sent")
      }
      #expect(try IMAPAccount(server).tokens() == (way.code == 0 ? ["a"] : []))
    }
  }

  private func trust(_ way: Way, _ certificates: TestCertificates) throws -> [String: String] {
    switch way.trust {
    case .authority: ["tls-ca-file": certificates.authority]
    case .unknownAuthority: ["tls-ca-file": certificates.unknownAuthority]
    case .fingerprint: ["tls-fingerprint": try certificates.fingerprint(way.certificate)]
    case .wrongFingerprint: ["tls-fingerprint": String(repeating: "0a", count: 32)]
    case .system: [:]
    }
  }

  private func makePair(
    _ server: DovecotServer, _ directory: TemporaryDirectory, scheme: String,
    account: DovecotServer.Account = .init()
  ) throws -> Pair {
    let left = try PairSide.make(.maildir, "left", in: directory)
    let port = scheme == "imaps" ? server.tlsPort : server.port
    let right = PairSide.remote(
      "right", server, keys: ["url": "\(scheme)://\(account.name)@127.0.0.1:\(port)"])
    right.keys["password-file"] = try directory.write(
      account.password + "\n", to: "password", mode: 0o600)
    return try Pair(left, right, in: directory)
  }

  @Test(
    "a TLS session is resumed by the next run, and kept for its owner alone",
    arguments: ["imaps", "imap"])
  func resumption(scheme: String) throws {
    try withTemporaryDirectory { directory in
      let certificates = try TestCertificates(in: directory)
      let server = try DovecotServer.start(in: directory, certificates: certificates)
      defer { server.stop() }
      let pair = try makePair(server, directory, scheme: scheme)
      pair.right.keys["tls-ca-file"] = certificates.authority
      try pair.left.store.add(tokens: ["a"])
      try pair.sync()
      let state = directory.path("state")
      let names = try FileManager.default.contentsOfDirectory(atPath: state)
        .filter { $0.hasPrefix("tls-") }
      let name = try #require(names.count == 1 ? names.first : nil, "\(names)")
      let attributes = try FileManager.default.attributesOfItem(atPath: "\(state)/\(name)")
      #expect(attributes[.posixPermissions] as? Int == 0o600)
      let kept = try Data(contentsOf: URL(fileURLWithPath: "\(state)/\(name)"))
      // What changes nothing uses none and keeps none.
      try pair.sync("--dry-run")
      try pair.sync(verb: "check")
      #expect(try Data(contentsOf: URL(fileURLWithPath: "\(state)/\(name)")) == kept)
      try pair.sync()
      #expect(try Data(contentsOf: URL(fileURLWithPath: "\(state)/\(name)")) != kept)
      // An authority that is trusted no longer is no longer trusted.
      pair.right.keys["tls-ca-file"] = certificates.unknownAuthority
      try pair.sync(expecting: 69)
    }
  }

  @Test(
    "each mechanism", arguments: ["plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256"])
  func mechanisms(mechanism: String) throws {
    try withTemporaryDirectory { directory in
      let account = DovecotServer.Account("älice@example.org", password: "p\"a\\s s=,ß")
      let certificates = try TestCertificates(in: directory)
      let server = try DovecotServer.start(
        in: directory, accounts: [account], certificates: certificates)
      defer { server.stop() }
      let pair = try makePair(server, directory, scheme: "imaps", account: account)
      pair.right.keys["url"] = "imaps://127.0.0.1:\(server.tlsPort)"
      pair.right.keys["user"] = account.name
      pair.right.keys["auth"] = mechanism
      pair.right.keys["tls-ca-file"] = certificates.authority
      try pair.left.store.add(tokens: ["a"])
      try pair.sync()
      #expect(server.log.contains("method=\(mechanism.uppercased())"), "\(server.log)")
    }
  }

  @Test("a wrong password: exit 77, and it isn't shown")
  func wrongPassword() throws {
    try withPair(.maildirAndIMAP) { pair in
      pair.right.keys["password-file"] = try pair.directory.write(
        "sesame-4711\n", to: "wrong", mode: 0o600)
      let result = try pair.sync(expecting: 77)
      #expect(result.errorText.hasPrefix("mboxsync: test: right: "), "\(result.errorText)")
      let traced = try pair.sync("-vv", expecting: 77)
      for text in [result.errorText, traced.errorText, traced.outputText] {
        #expect(!text.contains("sesame-4711"))
      }
    }
  }

  @Test("a server that is still busy with another session is asked again")
  func busy() throws {
    var options = DovecotOptions(storage: .sdbox)
    options.extra = "mail_max_userip_connections = 1"
    try withPair(.maildirAndIMAP, right: options) { pair in
      try pair.left.store.add(tokens: ["a"])
      let other = try pair.right.openSession()
      let running = try pair.start()
      try waitUntil { try pair.right.log().contains("Maximum number of connections") }
      other.logOut()
      let result = try running.finish()
      #expect(result.status == .exited(0), "\(result.errorText)")
      #expect(try pair.right.store.tokens() == ["a"])
    }
  }

  @Test("nobody listens: exit 69, and the other side is untouched")
  func unreachable() throws {
    try withPair(.maildirAndIMAP) { pair in
      try pair.left.store.add(tokens: ["a"])
      pair.right.server?.stop()
      let before = try pair.left.maildir?.footprint()
      let result = try pair.sync(expecting: 69)
      #expect(result.errorText.hasPrefix("mboxsync: test: right: "), "\(result.errorText)")
      #expect(try pair.left.maildir?.footprint() == before)
    }
  }

  @Test("no password goes over a connection without TLS unless that is asked for")
  func noTLS() throws {
    try withPair(.maildirAndIMAP) { pair in
      pair.right.keys["tls"] = nil
      let result = try pair.sync(expecting: 69)
      #expect(result.errorText.contains("tls"), "\(result.errorText)")
      #expect(pair.right.server?.log.contains("Login:") == false)
    }
  }

  @Test("a password from a command and from the environment")
  func passwordSources() throws {
    try withPair(.maildirAndIMAP) { pair in
      pair.right.keys["password-file"] = nil
      pair.right.keys["password-command"] = "printf 'pass word\\nsecond line\\n'"
      try pair.sync()
      pair.right.keys["password-command"] = nil
      try pair.sync(environment: ["MBOXSYNC_RIGHT_PASSWORD": "pass word"])
      try pair.sync(expecting: 77, environment: ["MBOXSYNC_RIGHT_PASSWORD": "wrong"])
    }
  }
}
