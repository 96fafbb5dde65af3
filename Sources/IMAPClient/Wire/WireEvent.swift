/// What comes out of a ``ResponseReader`` as bytes go in.
public enum WireEvent {
  /// A whole response. For a FETCH that carried a body: everything but the body, after it.
  case response(Response)
  /// A message's body (`BODY[]`) begins: what the response said before it, and its size in octets.
  case bodyBegins(FetchResponse, size: UInt64)
  /// A piece of the body, valid until the next call.
  case bodyBytes(UnsafeRawBufferPointer)
  case bodyEnds
}

/// Why bytes are not IMAP. The excerpt shows printable characters only and never a literal's contents.
public struct ParseError: Error, Hashable, Sendable, CustomStringConvertible {
  public var message: String
  public var excerpt: String

  public init(_ message: String, excerpt: String = "") {
    self.message = message
    self.excerpt = excerpt
  }

  public var description: String { excerpt.isEmpty ? message : "\(message) near “\(excerpt)”" }
}
