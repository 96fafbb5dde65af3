/// What a TLS connection agreed on, for people.
public struct TLSInfo: Hashable, Sendable {
  /// `TLSv1.3`
  public var version: String
  public var cipher: String
  public var certificate: CertificateInfo
}
