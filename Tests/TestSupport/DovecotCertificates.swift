import Foundation

/// A certificate authority of the tests' own and server certificates that it signed.
public struct TestCertificates: Sendable {
  public enum Kind: String, CaseIterable, Sendable {
    /// For localhost and 127.0.0.1.
    case good
    case expired
    /// For another host.
    case wrongName = "wrong-name"
  }

  /// The authority's certificate, for `tls-ca-file`.
  public let authority: String
  /// Another authority, which signed nothing here.
  public let unknownAuthority: String
  /// The private key of every server certificate.
  public let key: String
  private let folder: String
  private let scratch: TemporaryDirectory

  public init(in directory: TemporaryDirectory) throws {
    scratch = directory
    folder = try directory.directory("certificates")
    authority = "\(folder)/authority.pem"
    unknownAuthority = "\(folder)/unknown.pem"
    key = "\(folder)/server.key"
    try makeAuthority("authority")
    try makeAuthority("unknown")
    try openssl(
      ["req", "-new", "-subj", "/CN=server", "-out", "\(folder)/server.csr"] + newKey("server"))
    try sign(.good, names: "DNS:localhost,IP:127.0.0.1", days: 2)
    try sign(.expired, names: "DNS:localhost,IP:127.0.0.1", days: -1)
    try sign(.wrongName, names: "DNS:elsewhere.example,IP:127.0.0.77", days: 2)
  }

  /// The path of a server certificate.
  public func certificate(_ kind: Kind) -> String { "\(folder)/\(kind.rawValue).pem" }

  /// The SHA-256 of a server certificate in hexadecimal, for `tls-fingerprint`.
  public func fingerprint(_ kind: Kind) throws -> String {
    let line = try openssl(
      ["x509", "-in", certificate(kind), "-noout", "-fingerprint", "-sha256"])
    return String(line.split(separator: "=")[1].filter { $0.isHexDigit })
  }

  private func makeAuthority(_ name: String) throws {
    try openssl(
      [
        "req", "-x509", "-subj", "/CN=mboxsync test \(name)", "-days", "2", "-out",
        "\(folder)/\(name).pem",
      ]
        + newKey(name))
  }

  private func newKey(_ name: String) -> [String] {
    [
      "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
      "\(folder)/\(name).key",
    ]
  }

  private func sign(_ kind: Kind, names: String, days: Int) throws {
    let extensions = try scratch.write(
      "subjectAltName=\(names)\nextendedKeyUsage=serverAuth\n", to: "certificates/extensions")
    try openssl([
      "x509", "-req", "-in", "\(folder)/server.csr", "-CA", authority, "-CAkey",
      "\(folder)/authority.key", "-set_serial", "\(kind.hashValue & 0xFFFF + 1)", "-days",
      "\(days)", "-extfile", extensions, "-out", certificate(kind),
    ])
    try scratch.user.own(certificate(kind))
    try scratch.user.own(key)
  }

  @discardableResult
  private func openssl(_ arguments: [String]) throws -> String {
    let program = try findProgram("openssl", package: "openssl")
    let result = try runProgram([program] + arguments, scratch: scratch)
    guard result.code == 0 else {
      throw TestFailure("openssl \(arguments[0]): \(result.errorText)")
    }
    return result.outputText
  }
}
