/// One AUTHENTICATE command's conversation, in base64 as it goes over the wire.
///
///     A1 AUTHENTICATE <name> [<initial response, if SASL-IR>]
///     + <challenge>      → respond(to:) → a line
///     A1 OK              → finish()
///
/// If ``respond(to:)`` throws, the line to send is `*`, and the server answers BAD.
public struct SASLExchange {
  public let mechanism: IMAPConfiguration.Mechanism
  /// What a refused token's challenge said, for the text of the failure.
  public private(set) var refusal: String?

  public init(mechanism: IMAPConfiguration.Mechanism, credentials: SASLCredentials)
    throws(SASLError)
  {
    self.mechanism = mechanism
  }

  /// As in `AUTH=…`.
  public var name: String { "" }

  /// To be appended to AUTHENTICATE where the server has SASL-IR (`=` if empty; RFC 4959 §3). nil if
  /// the mechanism lets the server begin. When it was called and gave something, the server's first
  /// challenge is not an empty one.
  public mutating func initialResponse() throws(SASLError) -> [UInt8]? { nil }

  /// The line, without CRLF, that answers the text after `+ `.
  public mutating func respond(to challenge: [UInt8]) throws(SASLError) -> [UInt8] { [] }

  /// To be called at the server's OK: throws if the server has yet to prove itself.
  public func finish() throws(SASLError) {}
}
