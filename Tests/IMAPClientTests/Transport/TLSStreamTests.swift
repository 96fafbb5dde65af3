import Foundation
import IMAPClient
import Testing

@Suite("TLS") struct TLSStreamTests {
  private let pki: TestPKI

  init() throws { pki = try TestPKI.shared.get() }

  private func connect(
    _ server: TestTLSServer, host: String = "localhost",
    _ change: (inout IMAPConfiguration.TLSOptions) -> Void = { _ in }
  ) throws -> TLSStream {
    var configuration = IMAPConfiguration(
      target: .tcp(host: "127.0.0.1", port: server.port), tls: .implicit)
    configuration.timeoutSeconds = 20
    configuration.tlsOptions.caFile = pki.authority
    change(&configuration.tlsOptions)
    let socket = try TCPStream.connect(
      host: "127.0.0.1", port: server.port, until: .after(seconds: 20))
    configuration.target = .tcp(host: host, port: server.port)
    return try Transport.startTLS(on: socket, configuration)
  }

  private func good() throws -> TestPKI.Identity {
    try pki.identity(
      "server", names: "DNS:localhost,DNS:*.example.org,IP:127.0.0.1", authority: pki.authority)
  }

  @Test("bytes go both ways", arguments: [["-tls1_3"], ["-tls1_2"]])
  func accepted(options: [String]) throws {
    let identity = try good()
    let server = try TestTLSServer(identity, options)
    let stream = try connect(server)
    let driver = StreamDriver(stream: stream)
    try driver.write("hello\n")
    #expect(try driver.readText(6) == "olleh\n")
    #expect(stream.bytesWritten == 6)
    #expect(stream.bytesRead == 6)
    #expect(stream.isLoopback)
    #expect(Transport.isLocal(stream))
    // One line of many records, read in small pieces: what is decrypted is told without `poll`.
    let line = [UInt8](repeating: UInt8(ascii: "x"), count: 16_000) + [UInt8(ascii: "\n")]
    try driver.write(line)
    var small = driver
    small.readSize = 100
    #expect(try small.read(line.count) == line)
    let info = try #require(stream.info)
    #expect(info.version == (options == ["-tls1_3"] ? "TLSv1.3" : "TLSv1.2"))
    #expect(!info.cipher.isEmpty)
    #expect(info.certificate.subject == "CN=server")
    #expect(info.certificate.issuer == "CN=Test Authority")
    #expect(info.certificate.names == ["localhost", "*.example.org", "127.0.0.1"])
    let wanted = try pki.fingerprints(of: identity)
    #expect(info.certificate.sha256 == wanted.certificate)
    #expect(info.certificate.publicKeySHA256 == wanted.publicKey)
    stream.close()
  }

  @Test(
    "names that match",
    arguments: ["localhost", "LOCALHOST", "127.0.0.1", "imap.example.org", "localhost."])
  func matching(host: String) throws {
    let stream = try connect(try TestTLSServer(try good()), host: host)
    #expect(stream.info != nil)
    stream.close()
  }

  @Test("a name with letters beyond ASCII is that of its certificate")
  func international() throws {
    let identity = try pki.identity(
      "i", names: "DNS:imap.xn--bcher-kva.example", authority: pki.authority)
    let stream = try connect(try TestTLSServer(identity), host: "imap.Bücher.example")
    #expect(stream.info != nil)
    stream.close()
    // It is shown as it was typed.
    #expect(
      throws: TransportError.tls(
        "the certificate is for imap.xn--bcher-kva.example, not for imap.bücher.test",
        advice: "use the name that it is for, if that is your server")
    ) { try connect(try TestTLSServer(identity), host: "imap.bücher.test") }
  }

  @Test(
    "names that don't",
    arguments: [
      "example.org", "a.b.example.org", "127.0.0.2", "::1", "localhost.example.net",
    ])
  func mismatching(host: String) throws {
    let server = try TestTLSServer(try good())
    #expect(
      throws: TransportError.tls(
        "the certificate is for localhost, *.example.org, 127.0.0.1, not for \(host)",
        advice: "use the name that it is for, if that is your server")
    ) { try connect(server, host: host) }
  }

  @Test("names that can't be checked", arguments: ["", ".", "a\u{0}b"])
  func unverifiable(host: String) throws {
    let server = try TestTLSServer(try good())
    #expect(throws: TransportError.self) { try connect(server, host: host) }
  }

  @Test("a wildcard stands for a whole label") func partialWildcard() throws {
    let identity = try pki.identity("w", names: "DNS:im*.example.org", authority: pki.authority)
    #expect(throws: TransportError.self) {
      try connect(try TestTLSServer(identity), host: "imap.example.org")
    }
  }

  @Test func expired() throws {
    let identity = try pki.identity(
      "old", names: "DNS:localhost", authority: pki.authority, days: -1)
    let server = try TestTLSServer(identity)
    let error = #expect(throws: TransportError.self) { try connect(server) }
    guard case .tls(let text, _) = error else { return #expect(error == .tls("expired")) }
    #expect(text.wholeMatch(of: /the certificate expired on \d{4}-\d\d-\d\d/) != nil, "\(text)")
  }

  @Test func unknownAuthority() throws {
    let identity = try pki.identity("x", names: "DNS:localhost", authority: pki.otherAuthority)
    let server = try TestTLSServer(identity)
    let failure = TransportError.tls(
      "the certificate is signed by an authority that is not trusted",
      advice: "if you trust it, set 'tls-ca-file' to its certificate")
    #expect(throws: failure) { try connect(server) }
    // Nor is it in the system's store.
    #expect(throws: failure) { try connect(server) { $0.caFile = nil } }
  }

  @Test func selfSigned() throws {
    let identity = try pki.identity("x", names: "DNS:localhost", authority: nil)
    let server = try TestTLSServer(identity)
    let fingerprint = try pki.fingerprints(of: identity).certificate
      .map { String(format: "%02x", $0) }.joined()
    #expect(
      throws: TransportError.tls(
        "the certificate is self-signed; its fingerprint is \(fingerprint)",
        advice: "if you know that it is your server's, set 'tls-fingerprint' to it")
    ) { try connect(server) }
  }

  @Test("a pin is enough by itself, and nothing else is") func pins() throws {
    let identity = try pki.identity(
      "x", names: "DNS:other.example", authority: pki.otherAuthority, days: -1)
    let server = try TestTLSServer(identity)
    let (certificate, key) = try pki.fingerprints(of: identity)
    for pin: IMAPConfiguration.Fingerprint in [
      .certificate(sha256: certificate), .publicKey(sha256: key),
    ] {
      let stream = try connect(server) { $0.fingerprint = pin }
      #expect(stream.info?.certificate.sha256 == certificate)
      stream.close()
    }
    for pin: IMAPConfiguration.Fingerprint in [
      .certificate(sha256: key), .publicKey(sha256: certificate), .certificate(sha256: []),
    ] {
      let error = #expect(throws: TransportError.self) {
        try connect(server) { $0.fingerprint = pin }
      }
      guard case .tls(let text, _) = error else { return #expect(error == .tls("not the pinned")) }
      #expect(text.contains("not the pinned one; its fingerprint is "))
    }
    // A good certificate that is not the pinned one is not good enough.
    let other = try TestTLSServer(try good())
    #expect(throws: TransportError.self) {
      try connect(other) { $0.fingerprint = .certificate(sha256: certificate) }
    }
  }

  @Test("a client certificate, shown or missing", arguments: [["-tls1_3"], ["-tls1_2"]])
  func clientCertificate(options: [String]) throws {
    let server = try TestTLSServer(
      try good(), options + ["-Verify", "1", "-CAfile", pki.authority, "-verify_return_error"])
    let client = try pki.identity("client", names: "DNS:client", authority: pki.authority)
    let driver = StreamDriver(
      stream: try connect(server) { $0.clientCertificate = client.file })
    try driver.write("hello\n")
    #expect(try driver.readText(6) == "olleh\n")
    driver.stream.close()

    let error = #expect(throws: TransportError.self) {
      let without = StreamDriver(stream: try connect(server))
      try without.write("hello\n")
      _ = try without.read(6)
    }
    guard case .tls = error else { return #expect(error == .tls("asks for a certificate")) }
  }

  @Test func minimumVersion() throws {
    let server = try TestTLSServer(try good(), ["-tls1_2"])
    let failure = TransportError.tls(
      "the server speaks no version of TLS that is allowed",
      advice: "see 'tls-min'; anything older than TLS 1.2 is not taken")
    #expect(throws: failure) {
      try connect(server) { $0.minimum = .v13 }
    }
  }

  @Test("files that can't be used") func files() throws {
    let missing = pki.directory + "/missing"
    #expect(throws: TransportError.badFile(path: missing, reason: "no such file or directory")) {
      var options = IMAPConfiguration.TLSOptions()
      options.caFile = missing
      _ = try TLSContext(options)
    }
    let key = pki.authority + ".key"
    #expect(throws: TransportError.badFile(path: key, reason: "holds no certificate in PEM")) {
      var options = IMAPConfiguration.TLSOptions()
      options.caFile = key
      _ = try TLSContext(options)
    }
    #expect(
      throws: TransportError.badFile(
        path: key, reason: "is not the key of the client certificate")
    ) {
      var options = IMAPConfiguration.TLSOptions()
      options.clientCertificate = pki.otherAuthority
      options.clientKey = key
      _ = try TLSContext(options)
    }
    let locked = pki.directory + "/locked.key"
    try TestPKI.openssl([
      "ec", "-in", key, "-aes128", "-passout", "pass:secret", "-out", locked,
    ])
    #expect(throws: TransportError.badFile(path: locked, reason: "is encrypted")) {
      var options = IMAPConfiguration.TLSOptions()
      options.clientCertificate = pki.authority
      options.clientKey = locked
      _ = try TLSContext(options)
    }
  }

  @Test("options share one context") func sharing() throws {
    var options = IMAPConfiguration.TLSOptions()
    options.caFile = pki.authority
    #expect(try TLSContext.shared(options) === TLSContext.shared(options))
    var stricter = options
    stricter.minimum = .v13
    #expect(try TLSContext.shared(options) !== TLSContext.shared(stricter))
  }
}
