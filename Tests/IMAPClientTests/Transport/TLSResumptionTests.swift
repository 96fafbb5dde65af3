import Foundation
import Testing

@testable import IMAPClient

@Suite("TLS session resumption") struct TLSResumptionTests {
  private let pki: TestPKI
  private let file: String

  init() throws {
    pki = try TestPKI.shared.get()
    file = "\(pki.directory)/\(UUID().uuidString).session"
  }

  private func server(_ options: [String] = ["-tls1_3"]) throws -> TestTLSServer {
    try TestTLSServer(
      try pki.identity("server", names: "DNS:localhost,DNS:example.org", authority: pki.authority),
      options)
  }

  /// One connection of a run of its own: the session of a run before is used, and one is kept.
  /// - Returns: whether the session was resumed.
  @discardableResult
  private func run(
    _ server: TestTLSServer, host: String = "localhost",
    _ change: (inout IMAPConfiguration.TLSOptions) -> Void = { _ in }
  ) throws -> Bool {
    var configuration = IMAPConfiguration(
      target: .tcp(host: host, port: server.port), tls: .implicit)
    configuration.timeoutSeconds = 20
    configuration.tlsOptions.caFile = pki.authority
    configuration.tlsSessions = TLSSessionFile(path: file)
    change(&configuration.tlsOptions)
    let socket = try TCPStream.connect(
      host: "127.0.0.1", port: server.port, until: .after(seconds: 20))
    let stream = try Transport.startTLS(on: socket, configuration)
    defer { stream.close() }
    // TLS 1.3 gives the session together with the first octets.
    let driver = StreamDriver(stream: stream)
    try driver.write("hello\n")
    #expect(try driver.readText(6) == "olleh\n")
    #expect(stream.info?.certificate.subject == "CN=server")
    return stream.isResumed
  }

  private func saved() throws -> SavedTLSSession {
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
    return try #require(SavedTLSSession(encoded: bytes))
  }

  private func write(_ bytes: [UInt8], mode: Int = 0o600) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
  }

  @Test("the next run resumes, and the one after it", arguments: ["-tls1_3", "-tls1_2"])
  func resumes(version: String) throws {
    let server = try server([version])
    #expect(try run(server) == false)
    let attributes = try FileManager.default.attributesOfItem(atPath: file)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    let first = try saved()
    #expect(try run(server) == true)
    // Each is used once. TLS 1.2 may give none anew.
    if version == "-tls1_3" {
      #expect(try saved().session != first.session)
      // That a session was resumed does not make the certificate younger.
      #expect(try saved().verifiedAt == first.verifiedAt)
      #expect(try run(server) == true)
    }
  }

  @Test("two connections of a run don't share one") func once() throws {
    let server = try server()
    try run(server)
    let sessions = TLSSessionFile(path: file)
    #expect(sessions.take() != nil)
    #expect(sessions.take() == nil)
    #expect(!FileManager.default.fileExists(atPath: file))
    #expect(try run(server) == false)
  }

  @Test("what the configuration says now is what counts") func policies() throws {
    let server = try server()
    let certificate = try run(server) ? [] : saved().chain[0]
    let pin = SHA256.digest(of: certificate)
    #expect(try run(server) { $0.fingerprint = .certificate(sha256: pin) } == true)
    #expect(throws: TransportError.self) {
      try run(server) { $0.fingerprint = .certificate(sha256: SHA256.digest(of: [1])) }
    }
    try run(server)
    #expect(throws: TransportError.self) { try run(server) { $0.caFile = pki.otherAuthority } }
    try run(server)
    #expect(throws: TransportError.self) { try run(server, host: "example.net") }
    try run(server)
    // The certificate is for this name, too; the session was made for another.
    try run(server, host: "example.org")
    let older = try self.server(["-tls1_2"])
    try run(older)
    #expect(throws: TransportError.self) { try run(older) { $0.minimum = .v13 } }
    // Who shows a certificate of its own shows it each time.
    let client = try pki.identity("client", names: "DNS:client", authority: pki.authority)
    try run(server)
    #expect(try run(server) { $0.clientCertificate = client.file } == false)
  }

  @Test("a session is believed for a day") func age() throws {
    let server = try server()
    try run(server)
    for (seconds, resumes) in [(-86_300, true), (-86_500, false), (60, false)] {
      var session = try saved()
      session.verifiedAt = Int64(time(nil)) + Int64(seconds)
      try write(session.encoded)
      #expect(try run(server) == resumes, "\(seconds)")
    }
    for time in [Int64.min, .max] {
      var session = try saved()
      session.verifiedAt = time
      try write(session.encoded)
      #expect(try run(server) == false)
    }
  }

  @Test("files that are not ours alone, or hold anything else") func files() throws {
    let server = try server()
    try run(server)
    let good = try saved().encoded
    try write(good, mode: 0o640)
    #expect(try run(server) == false)
    if geteuid() == 0 {
      try write(good)
      #expect(chown(file, 65_534, 65_534) == 0)
      #expect(try run(server) == false)
    }
    var other = try saved()
    other.chain = [[0x30, 0x00]]
    for bytes in [
      [], Array(good.dropLast()), Array(good.prefix(60)), good + [0], Array("x".utf8) + good,
      other.encoded, [UInt8](repeating: 0xff, count: 1 << 20),
    ] {
      try write(bytes)
      #expect(try run(server) == false)
    }
    // A server that has forgotten its keys just makes a full handshake.
    try write(good)
    #expect(try run(try self.server()) == false)
  }
}
