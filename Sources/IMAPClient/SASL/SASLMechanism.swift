/// The client's part of one SASL mechanism, as bytes before base64. RFC 4422.
///
/// A pure machine: no I/O, and no randomness but what it is made with.
protocol SASLMechanism: Sendable {
  /// What the client says first; nil if the mechanism begins with a challenge.
  mutating func initialResponse() -> [UInt8]?
  /// The answer to a challenge (with an initial response: to the first one behind it).
  mutating func step(challenge: [UInt8]) throws(SASLError) -> [UInt8]
  /// To be asked at the server's OK: throws if the server has yet to prove itself.
  func finish() throws(SASLError)
  /// What a challenge said about a refusal that the server's NO will follow.
  var refusal: String? { get }
}

extension SASLMechanism {
  func finish() throws(SASLError) {}

  var refusal: String? { nil }
}
