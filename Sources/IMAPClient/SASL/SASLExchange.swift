/// One AUTHENTICATE command's conversation, in base64 as it goes over the wire.
///
///     A1 AUTHENTICATE <name> [<initial response, if SASL-IR>]
///     + <challenge>      → respond(to:) → a line
///     A1 OK              → finish()
///     A1 NO              → the reason may be in refusal
///
/// If ``respond(to:)`` throws, the line to send is `*`, and the server answers BAD.
public struct SASLExchange: Sendable {
  public let mechanism: IMAPConfiguration.Mechanism
  private var machine: any SASLMechanism
  private var hasBegun = false

  public init(mechanism: IMAPConfiguration.Mechanism, credentials: SASLCredentials)
    throws(SASLError)
  {
    // NUL separates the parts of PLAIN, and no server takes it in a name or password.
    guard !credentials.user.utf8.contains(0), !credentials.password.contains(0) else {
      throw .unsuitable("the user name or password has a NUL in it")
    }
    self.mechanism = mechanism
    machine =
      switch mechanism {
      case .scramSHA256: ScramMechanism(credentials: credentials, hash: .sha256)
      case .scramSHA1: ScramMechanism(credentials: credentials, hash: .sha1)
      case .plain: PlainMechanism(credentials: credentials)
      case .login: LoginMechanism(credentials: credentials)
      case .cramMD5: CRAMMD5Mechanism(credentials: credentials)
      case .xoauth2: XOAuth2Mechanism(credentials: credentials)
      case .oauthBearer: OAuthBearerMechanism(credentials: credentials)
      case .external: ExternalMechanism(user: credentials.user)
      }
  }

  /// As in `AUTH=…`.
  public var name: String { mechanism.rawValue.uppercased() }

  /// What a refused token's challenge said, for the text of the failure.
  public var refusal: String? { machine.refusal }

  /// To be appended to AUTHENTICATE where the server has SASL-IR (`=` if it is empty; RFC 4959 §3).
  /// nil if the mechanism lets the server begin. Once it gave something, the server's first
  /// challenge is taken for an answer to it.
  public mutating func initialResponse() -> [UInt8]? {
    guard !hasBegun, let response = machine.initialResponse() else { return nil }
    hasBegun = true
    return response.isEmpty ? [UInt8(ascii: "=")] : Base64.encode(response)
  }

  /// The line, without CRLF, that answers the text after `+ `.
  public mutating func respond(to challenge: [UInt8]) throws(SASLError) -> [UInt8] {
    guard let bytes = Base64.decode(challenge) else {
      throw .badServer("the server's challenge is not in base64")
    }
    if !hasBegun {
      hasBegun = true
      // Without SASL-IR the first challenge only asks for the response (RFC 4422 §3).
      if let response = machine.initialResponse() { return Base64.encode(response) }
    }
    return Base64.encode(try machine.step(challenge: bytes))
  }

  /// To be called at the server's OK: throws if the server has yet to prove itself.
  public func finish() throws(SASLError) { try machine.finish() }
}
