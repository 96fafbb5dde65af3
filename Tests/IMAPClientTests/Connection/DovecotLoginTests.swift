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
