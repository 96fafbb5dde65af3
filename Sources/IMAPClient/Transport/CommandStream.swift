/// IMAP over the standard input and output of a command.
public final class CommandStream: ByteStream {
  public private(set) var bytesRead: UInt64 = 0
  public private(set) var bytesWritten: UInt64 = 0

  /// Starts `/bin/sh -c command`.
  public init(command: String) throws(TransportError) { throw .cannotConnect(command) }

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
