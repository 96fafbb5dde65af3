/// A non-blocking stream of bytes in both directions: TCP, TLS over it, a child's pipes, deflate over any.
///
/// The owner polls ``pollDescriptors`` for what ``read(into:)`` and ``write(_:)`` said they wait for.
public protocol ByteStream: AnyObject {
  /// Reads what is there, at most `buffer.count` bytes.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(TransportError) -> StreamProgress
  /// Writes what can be taken now, at least one byte unless it says that it would block. The bytes
  /// not taken are to be offered again, the same ones first.
  func write(_ bytes: UnsafeRawBufferPointer) throws(TransportError) -> StreamProgress
  /// Pushes out what a layer has gathered (deflate's block). `done` when nothing is left inside.
  func flush() throws(TransportError) -> StreamProgress
  /// True if `read` may give bytes although the descriptor is not readable (decrypted or inflated ones).
  var hasBufferedInput: Bool { get }
  /// Where to wait: for reading and for writing; the same descriptor for a socket.
  var pollDescriptors: (read: Int32, write: Int32) { get }
  /// Bytes that crossed the wire, after compression and before encryption.
  var bytesRead: UInt64 { get }
  var bytesWritten: UInt64 { get }
  /// Ends it; no more calls afterwards. Never blocks for long.
  func close()
  /// What has been written is to reach the other end although the stream is closed: until this is called, it is not
  /// sent any more then, where that can be helped.
  func letWrittenArrive()
}

extension ByteStream {
  public func letWrittenArrive() {}
}

public enum StreamProgress: Hashable, Sendable {
  /// So many bytes, at least one; 0 only for `flush`.
  case done(Int)
  /// Nothing until the read descriptor is readable (TLS may say so even for a write).
  case needsRead
  /// Nothing until the write descriptor is writable.
  case needsWrite
  /// The other end has closed its direction: no more to read.
  case ended
}

/// Why a transport failed, by what the user can do about it. Texts hold no secrets.
public enum TransportError: Error, Hashable, Sendable {
  /// The name does not resolve.
  case unknownHost(String)
  /// Nobody accepts a connection there, or the way is barred.
  case cannotConnect(String)
  /// The certificate is not accepted, or TLS could not be agreed on.
  case tls(String, advice: String = "")
  /// A file named in the configuration (CA, client certificate, key) can't be used.
  case badFile(path: String, reason: String)
  /// The connection broke.
  case broken(String)
  /// Nothing moved for the time allowed.
  case timedOut(seconds: Int)
  /// The compressed stream is damaged.
  case corrupt(String)
}
