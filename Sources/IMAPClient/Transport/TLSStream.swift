/// TLS as the client, over a connected socket.
public final class TLSStream: ByteStream {
  public private(set) var bytesRead: UInt64 = 0
  public private(set) var bytesWritten: UInt64 = 0
  /// Known after the handshake.
  public private(set) var info: TLSInfo?
  public let isLoopback: Bool

  /// `host` is the name or address the certificate must be for. `stream` is not to be used by
  /// anyone else from now on, and nothing of it may have been read ahead.
  public init(over stream: TCPStream, host: String, context: TLSContext) throws(TransportError) {
    isLoopback = stream.isLoopback
    throw .tls("")
  }

  /// One step: `done(0)` when it is complete and the certificate is accepted.
  public func handshake() throws(TransportError) -> StreamProgress { .ended }
  /// The whole handshake, waiting.
  public func handshake(until deadline: Deadline, seconds: Int) throws(TransportError) {}

  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(TransportError)
    -> StreamProgress
  { .ended }
  public func write(_ bytes: UnsafeRawBufferPointer) throws(TransportError) -> StreamProgress {
    .ended
  }
  public func flush() throws(TransportError) -> StreamProgress { .done(0) }
  public var hasBufferedInput: Bool { false }
  public var pollDescriptors: (read: Int32, write: Int32) { (-1, -1) }
  public func close() {}
}
