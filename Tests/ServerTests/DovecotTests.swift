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
}
