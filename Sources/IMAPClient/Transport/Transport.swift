/// The way to a server, as a configuration describes it.
public enum Transport {
  /// Connects: a socket, TLS over it if `tls` is `implicit`, or a command. Waits at most the
  /// configured time.
  public static func open(_ configuration: IMAPConfiguration) throws(TransportError)
    -> any ByteStream
  { throw .cannotConnect("") }

  /// Starts TLS on the plain stream after the server's OK to STARTTLS.
  ///
  /// Everything read from `stream` must have been used up: plain bytes behind that OK are an attack
  /// (RFC 9051 §11.3) and are for the connection to refuse.
  public static func startTLS(on stream: any ByteStream, _ configuration: IMAPConfiguration)
    throws(TransportError) -> TLSStream
  { throw .cannotConnect("") }

  /// True for a peer on this machine, where compression would only cost time.
  public static func isLocal(_ stream: any ByteStream) -> Bool { false }
}
