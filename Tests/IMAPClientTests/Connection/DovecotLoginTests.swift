import Foundation
import TestSupport
import Testing

@testable import IMAPClient

@Suite("Login to Dovecot") struct DovecotLoginTests {
  @Test("every mechanism, with STARTTLS and with TLS from the start")
  func mechanisms() throws {
    try withTemporaryDirectory { directory in
      let certificates = try TestCertificates(in: directory)
      let server = try DovecotServer.start(in: directory, certificates: certificates)
      defer { server.stop() }
      let mechanisms: [[IMAPConfiguration.Mechanism]] = [
        [], [.scramSHA256], [.scramSHA1], [.plain], [.login], [.cramMD5],
      ]
      for mechanism in mechanisms {
        for mode in [IMAPConfiguration.TLSMode.implicit, .startTLS] {
          let port = mode == .implicit ? server.tlsPort : server.port
          var configuration = IMAPConfiguration(
            target: .tcp(host: "127.0.0.1", port: port), tls: mode)
          configuration.tlsOptions.caFile = certificates.authority
          configuration.user = "alice"
          configuration.password = { () throws(PasswordError) in Array("pass word".utf8) }
          configuration.mechanisms = mechanism
          let connection = try IMAPConnection.connect(configuration)
          #expect(connection.stream is TLSStream)
          #expect(connection.has(.qResync))
          #expect(try connection.wait(connection.send(.noop)).condition == .ok)
          #expect(connection.profile.name == "Dovecot")
          #expect(connection.profile.enabled.contains(.qResync))
          connection.disconnect()

          configuration.password = { () throws(PasswordError) in Array("wrong".utf8) }
          #expect(failure { _ = try IMAPConnection.connect(configuration) } == .authentication)
        }
      }
    }
  }

  /// RFC 9051 §6.2.1: what a server says it can do before TLS, anybody may have said.
  @Test("what is said before TLS is asked for anew") func capabilitiesBeforeTLS() throws {
    try withTemporaryDirectory { directory in
      let certificates = try TestCertificates(in: directory)
      let server = try DovecotServer.start(in: directory, certificates: certificates)
      defer { server.stop() }
      let relay = try FaultyRelay(to: server.port)
      defer { relay.close() }
      let greeting = try Self.greeting(of: server.port)
      // To begin with, no mechanism is offered that the user allows.
      let place = try #require(greeting.range(of: "AUTH=PLAIN"))
      let bytes = greeting.utf8.distance(from: greeting.startIndex, to: place.lowerBound)
      relay.flip(1, after: bytes, .fromServer)
      var configuration = IMAPConfiguration(
        target: .tcp(host: "127.0.0.1", port: relay.port), tls: .startTLS)
      configuration.timeoutSeconds = 20
      configuration.tlsOptions.caFile = certificates.authority
      configuration.user = "alice"
      configuration.password = { () throws(PasswordError) in Array("pass word".utf8) }
      configuration.mechanisms = [.plain]
      let connection = try IMAPConnection.connect(configuration)
      #expect(connection.has(.qResync))
      connection.disconnect()
    }
  }

  private static func greeting(of port: UInt16) throws -> String {
    let socket = try TCPStream.connect(host: "127.0.0.1", port: port, until: .after(seconds: 20))
    defer { socket.close() }
    var driver = StreamDriver(stream: socket)
    driver.readSize = 1
    var line: [UInt8] = []
    while line.last != 0x0a {
      let byte = try driver.read(1)
      try #require(byte.count == 1)
      line += byte
    }
    return String(decoding: line, as: UTF8.self)
  }

  @Test("a password that can't be had, and a server that is not there")
  func failures() throws {
    let port = try findFreePort()
    var configuration = IMAPConfiguration(target: .tcp(host: "127.0.0.1", port: port), tls: .none)
    #expect(failure { _ = try IMAPConnection.connect(configuration) } == .unreachable)
    configuration.target = .command("exit 3")
    #expect(failure { _ = try IMAPConnection.connect(configuration) } == .unreachable)
    try withScript(
      { configuration in
        configuration.password = { () throws(PasswordError) in
          throw PasswordError(message: "the command failed", advice: "mend it")
        }
      },
      { try $0.say("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hello") },
      { configuration in
        let error = #expect(throws: IMAPError.self) { try IMAPConnection.connect(configuration) }
        #expect(error?.kind == .authentication && error?.advice == "mend it")
      })
  }
}
