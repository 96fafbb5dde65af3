/// The way to a server, as a configuration describes it.
public enum Transport {
  /// Connects: a socket, TLS over it if `tls` is `implicit`, or a command. Waits at most the
  /// configured time, and for name servers.
  public static func open(_ configuration: IMAPConfiguration) throws(TransportError)
    -> any ByteStream
  {
    switch configuration.target {
    case .command(let command):
      return try CommandStream(command: command)
    case .tcp(let host, let port):
      let deadline = Deadline.after(seconds: configuration.timeoutSeconds)
      let stream = try TCPStream.connect(host: host, port: port, until: deadline)
      guard configuration.tls == .implicit else { return stream }
      return try secure(stream, host: host, configuration)
    }
  }

  /// Starts TLS on the plain stream after the server's OK to STARTTLS.
  ///
  /// Everything read from `stream` must have been used up: plain bytes behind that OK are an attack
  /// (RFC 9051 §11.3) and are for the connection to refuse.
  public static func startTLS(on stream: any ByteStream, _ configuration: IMAPConfiguration)
    throws(TransportError) -> TLSStream
  {
    guard let socket = stream as? TCPStream, case .tcp(let host, _) = configuration.target else {
      throw .tls("TLS can only be started on a connection over TCP")
    }
    return try secure(socket, host: host, configuration)
  }

  /// True for a command and for a peer on this machine, where compression would only cost time.
  public static func isLocal(_ stream: any ByteStream) -> Bool {
    switch stream {
    case let stream as TCPStream: stream.isLoopback
    case let stream as TLSStream: stream.isLoopback
    case let stream as DeflateStream: isLocal(stream.base)
    default: stream is CommandStream
    }
  }

  private static func secure(
    _ socket: TCPStream, host: String, _ configuration: IMAPConfiguration
  ) throws(TransportError) -> TLSStream {
    let context = try TLSContext.shared(configuration.tlsOptions)
    // A session holds for whom this end showed itself to be, too.
    let sessions =
      configuration.tlsOptions.clientCertificate == nil ? configuration.tlsSessions : nil
    let stream = try TLSStream(over: socket, host: host, context: context, sessions: sessions)
    let seconds = configuration.timeoutSeconds
    try stream.handshake(until: .after(seconds: seconds), seconds: seconds)
    return stream
  }
}
