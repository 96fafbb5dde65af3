/// Who logs in, and with what.
public struct SASLCredentials: Sendable {
  public var user: String
  /// Or the token of XOAUTH2 and OAUTHBEARER. Sent as it is, without SASLprep (RFC 4013).
  public var password: [UInt8]
  /// Where it goes to, as OAUTHBEARER tells the server.
  public var host: String?
  public var port: UInt16?

  public init(user: String, password: [UInt8], host: String? = nil, port: UInt16? = nil) {
    self.user = user
    self.password = password
    self.host = host
    self.port = port
  }
}
