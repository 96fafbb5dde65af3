import Foundation
import IMAPClient

/// Keys and certificates made with the `openssl` command for one run of the tests.
struct TestPKI: Sendable {
  let directory: String
  let authority: String
  let otherAuthority: String

  /// A certificate with its key, in one file.
  struct Identity: Sendable {
    var file: String
  }

  static let shared = Result { try TestPKI() }

  private init() throws {
    directory =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("mboxsync-pki-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o700])
    authority = "\(directory)/ca.pem"
    otherAuthority = "\(directory)/other.pem"
    for (file, name) in [(authority, "Test Authority"), (otherAuthority, "Other Authority")] {
      try Self.openssl([
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-keyout", file + ".key", "-out", file, "-subj", "/CN=\(name)", "-days", "30",
      ])
    }
  }

  /// `names` as in subjectAltName: `DNS:localhost,IP:127.0.0.1`. Signed by itself without an
  /// `authority`.
  func identity(
    _ name: String, names: String, authority: String?, days: Int = 30
  ) throws -> Identity {
    let base = "\(directory)/\(UUID().uuidString)"
    let key = [
      "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", base + ".key",
    ]
    if let authority {
      try Self.openssl(["req", "-out", base + ".csr", "-subj", "/CN=\(name)"] + key)
      try "subjectAltName=\(names)\n".write(
        toFile: base + ".ext", atomically: false, encoding: .utf8)
      try Self.openssl([
        "x509", "-req", "-in", base + ".csr", "-CA", authority, "-CAkey", authority + ".key",
        "-set_serial", "\(Int.random(in: 1...1_000_000_000))", "-days", "\(days)",
        "-extfile", base + ".ext", "-out", base + ".crt",
      ])
    } else {
      try Self.openssl(
        [
          "req", "-x509", "-out", base + ".crt", "-subj", "/CN=\(name)", "-days", "\(days)",
          "-addext", "subjectAltName=\(names)",
        ] + key)
    }
    let both =
      try String(contentsOfFile: base + ".crt", encoding: .utf8)
      + String(contentsOfFile: base + ".key", encoding: .utf8)
    try both.write(toFile: base + ".pem", atomically: false, encoding: .utf8)
    return Identity(file: base + ".pem")
  }

  /// What the `openssl` command itself says of a certificate: SHA-256 of it and of its key.
  func fingerprints(of identity: Identity) throws -> (certificate: [UInt8], publicKey: [UInt8]) {
    let der = try Self.openssl(["x509", "-in", identity.file, "-outform", "DER"])
    let key = try Self.openssl(["x509", "-in", identity.file, "-noout", "-pubkey"])
    let base64 = String(decoding: key, as: UTF8.self).split(separator: "\n")
      .filter { !$0.hasPrefix("-") }.joined()
    return (
      SHA256.digest(of: der), SHA256.digest(of: [UInt8](Data(base64Encoded: base64) ?? Data()))
    )
  }

  @discardableResult
  static func openssl(_ arguments: [String]) throws -> [UInt8] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["openssl"] + arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let bytes = [UInt8](output.fileHandleForReading.readDataToEndOfFile())
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failed(arguments: arguments) }
    return bytes
  }

  struct Failed: Error {
    var arguments: [String]
  }
}

/// `openssl s_server` on a port of the system's choice; it answers each line with the line reversed.
final class TestTLSServer {
  let port: UInt16
  private var process: ChildProcess

  init(_ identity: TestPKI.Identity, _ options: [String] = []) throws {
    let input = try FileDescriptor.pipe()
    let output = try FileDescriptor.pipe()
    let command =
      "exec openssl s_server -accept 127.0.0.1:0 -rev -cert \(identity.file) "
      + options.joined(separator: " ") + " 2>/dev/null"
    process = try ChildProcess(shell: command, input: input.readEnd, output: output.writeEnd)
    // "ACCEPT 127.0.0.1:40123" tells the port, once it listens.
    var text = ""
    var byte: UInt8 = 0
    while !text.contains("ACCEPT") || !text.hasSuffix("\n") {
      var poll = PollSet()
      poll.add(reading: output.readEnd.rawValue)
      guard try poll.wait(until: .after(seconds: 20)),
        try withUnsafeMutableBytes(of: &byte, { try output.readEnd.read(into: $0) }) == 1
      else { throw TestPKI.Failed(arguments: ["s_server"] + options) }
      text.append(Character(Unicode.Scalar(byte)))
    }
    port = text.dropLast().split(separator: ":").last.flatMap { UInt16($0) } ?? 0
  }

  deinit { process.terminate() }
}
