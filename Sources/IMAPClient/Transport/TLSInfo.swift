/// What a TLS connection agreed on, for people.
public struct TLSInfo: Hashable, Sendable {
  /// `TLSv1.3`
  public var version: String
  public var cipher: String
  public var certificate: CertificateInfo
}

/// The server's certificate, for people: names in it are made printable.
public struct CertificateInfo: Hashable, Sendable {
  public var subject: String
  public var issuer: String
  /// DNS names and addresses it is for.
  public var names: [String]
  /// `2026-01-02`
  public var expires: String
  /// Of the certificate in DER.
  public var sha256: [UInt8]
  /// Of its SubjectPublicKeyInfo in DER.
  public var publicKeySHA256: [UInt8]
}
