/// What all TLS connections of one configuration share: trusted authorities, client certificate,
/// pin. Used by several threads at once.
public final class TLSContext: Sendable {
  public init(_ options: IMAPConfiguration.TLSOptions) throws(TransportError) {
    throw .tls("")
  }

  /// The context of these options, made on first use.
  public static func shared(_ options: IMAPConfiguration.TLSOptions) throws(TransportError)
    -> TLSContext
  { try TLSContext(options) }
}
