import CZlib

/// Raw deflate in both directions over another stream. RFC 4978.
///
/// Whatever the other end sends, a read gives at most what its buffer holds: a few bytes that
/// inflate to gigabytes come out piece by piece.
public final class DeflateStream: ByteStream {
  /// Compressed bytes held in each direction before the other side of this layer has to move.
  private static let bufferSize = 32 * 1024

  let base: any ByteStream
  /// On the heap, since zlib's state points back to it.
  private let inflater: UnsafeMutablePointer<z_stream>
  private let deflater: UnsafeMutablePointer<z_stream>
  private var received: [UInt8]
  /// The part of `received` that is not yet inflated.
  private var unread: Range<Int>
  private var mayHoldInput: Bool
  private var hasEnded = false
  private var pending = OutputQueue()
  /// Bytes went into the deflater since the last flush.
  private var isUnflushed = false

  /// `alreadyRead` are the bytes behind the server's OK to COMPRESS that were read together with it.
  public init(over base: any ByteStream, alreadyRead: [UInt8] = []) throws(TransportError) {
    self.base = base
    inflater = .allocate(capacity: 1)
    deflater = .allocate(capacity: 1)
    inflater.initialize(to: z_stream())
    deflater.initialize(to: z_stream())
    received = alreadyRead
    unread = 0..<alreadyRead.count
    mayHoldInput = !alreadyRead.isEmpty
    guard mbs_inflateInit2(inflater, -MAX_WBITS) == Z_OK,
      mbs_deflateInit2(deflater, Z_DEFAULT_COMPRESSION, -MAX_WBITS) == Z_OK
    else { throw .corrupt("compression can't be started") }
  }

  deinit {
    inflateEnd(inflater)
    deflateEnd(deflater)
    inflater.deallocate()
    deflater.deallocate()
  }

  public var hasBufferedInput: Bool { mayHoldInput || base.hasBufferedInput }

  public var pollDescriptors: (read: Int32, write: Int32) { base.pollDescriptors }

  public var bytesRead: UInt64 { base.bytesRead }

  public var bytesWritten: UInt64 { base.bytesWritten }

  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(TransportError)
    -> StreamProgress
  {
    if buffer.isEmpty { return .done(0) }
    while !hasEnded {
      let count = try inflateReceived(into: buffer)
      if count > 0 {
        // A full buffer may mean that zlib holds more.
        mayHoldInput = count == buffer.count || !unread.isEmpty || hasEnded
        return .done(count)
      }
      mayHoldInput = false
      if hasEnded { break }
      let progress = try receive()
      guard case .done = progress else { return progress }
    }
    return .ended
  }

  public func write(_ bytes: UnsafeRawBufferPointer) throws(TransportError) -> StreamProgress {
    if bytes.isEmpty { return .done(0) }
    if pending.count >= Self.bufferSize {
      let progress = try pending.drain(into: base)
      if pending.count >= Self.bufferSize { return progress }
    }
    let piece = UnsafeRawBufferPointer(rebasing: bytes.prefix(Self.bufferSize))
    try compress(piece, flush: Z_NO_FLUSH)
    isUnflushed = true
    return .done(piece.count)
  }

  public func flush() throws(TransportError) -> StreamProgress {
    if isUnflushed {
      try compress(UnsafeRawBufferPointer(start: nil, count: 0), flush: Z_SYNC_FLUSH)
      isUnflushed = false
    }
    let progress = try pending.drain(into: base)
    return pending.isEmpty ? try base.flush() : progress
  }

  public func letWrittenArrive() { base.letWrittenArrive() }

  public func close() { base.close() }

  /// Inflates into `buffer` from what has been received, as far as that goes.
  private func inflateReceived(into buffer: UnsafeMutableRawBufferPointer) throws(TransportError)
    -> Int
  {
    let stream = inflater
    let room = UInt32(clamping: buffer.count)
    let status = received.withUnsafeMutableBytes { bytes in
      let input = UnsafeMutableRawBufferPointer(rebasing: bytes[unread])
      stream.pointee.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
      stream.pointee.avail_in = UInt32(input.count)
      stream.pointee.next_out = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
      stream.pointee.avail_out = room
      return inflate(stream, Z_NO_FLUSH)
    }
    unread = (unread.upperBound - Int(stream.pointee.avail_in))..<unread.upperBound
    switch status {
    case Z_OK, Z_BUF_ERROR: break
    case Z_STREAM_END: hasEnded = true
    default:
      throw .corrupt(stream.pointee.msg.map { String(cString: $0) } ?? "zlib error \(status)")
    }
    return Int(room - stream.pointee.avail_out)
  }

  private func receive() throws(TransportError) -> StreamProgress {
    if received.count < Self.bufferSize {
      received = [UInt8](repeating: 0, count: Self.bufferSize)
    }
    let result = received.withUnsafeMutableBytes { buffer in
      Result { () throws(TransportError) in try base.read(into: buffer) }
    }
    let progress = try result.get()
    if case .done(let count) = progress { unread = 0..<count }
    return progress
  }

  private func compress(_ bytes: UnsafeRawBufferPointer, flush: Int32) throws(TransportError) {
    let stream = deflater
    stream.pointee.next_in = UnsafeMutableRawPointer(mutating: bytes.baseAddress)?
      .assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_in = UInt32(clamping: bytes.count)
    // zlib has given all when it leaves room in the buffer.
    repeat {
      let status = pending.append { room in
        stream.pointee.next_out = room.baseAddress
        stream.pointee.avail_out = UInt32(clamping: room.count)
        let status = deflate(stream, flush)
        return (room.count - Int(stream.pointee.avail_out), status)
      }
      guard status == Z_OK || status == Z_BUF_ERROR else {
        throw .corrupt("zlib error \(status)")
      }
    } while stream.pointee.avail_out == 0
  }
}
