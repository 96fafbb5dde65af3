/// Raw deflate in both directions over another stream. RFC 4978.
public final class DeflateStream: ByteStream {
  /// `alreadyRead` are the bytes behind the server's OK to COMPRESS that were read together with it.
  public init(over base: any ByteStream, alreadyRead: [UInt8] = []) throws(TransportError) {
    throw .corrupt("")
  }

  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(TransportError)
    -> StreamProgress
  { .ended }
  public func write(_ bytes: UnsafeRawBufferPointer) throws(TransportError) -> StreamProgress {
    .ended
  }
  public func flush() throws(TransportError) -> StreamProgress { .done(0) }
  public var hasBufferedInput: Bool { false }
  public var pollDescriptors: (read: Int32, write: Int32) { (-1, -1) }
  public var bytesRead: UInt64 { 0 }
  public var bytesWritten: UInt64 { 0 }
  public func close() {}
}
