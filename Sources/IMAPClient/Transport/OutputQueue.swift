/// Bytes on their way to a stream that takes them bit by bit.
struct OutputQueue {
  private var bytes: [UInt8] = []
  /// Those before it have been taken.
  private var start = 0

  var count: Int { bytes.count - start }

  var isEmpty: Bool { count == 0 }

  /// Lets `fill` write into fresh room; it tells how many bytes it wrote, and a result to pass on.
  mutating func append<Result>(
    upTo room: Int, _ fill: (UnsafeMutableBufferPointer<UInt8>) -> (Int, Result)
  ) -> Result {
    let old = bytes.count
    bytes.append(contentsOf: repeatElement(0, count: room))
    let (written, result) = bytes.withUnsafeMutableBufferPointer { buffer in
      fill(UnsafeMutableBufferPointer(rebasing: buffer[old...]))
    }
    bytes.removeLast(room - written)
    return result
  }

  /// Writes until all is gone (`done(0)`) or the stream has to wait.
  mutating func drain(into stream: any ByteStream) throws(TransportError) -> StreamProgress {
    while !isEmpty {
      let result = bytes.withUnsafeBytes { buffer in
        Result { () throws(TransportError) in
          try stream.write(UnsafeRawBufferPointer(rebasing: buffer[start...]))
        }
      }
      let progress = try result.get()
      guard case .done(let taken) = progress else {
        compact()
        return progress
      }
      start += taken
    }
    compact()
    return .done(0)
  }

  /// Moves what is left to the front once that is cheap.
  private mutating func compact() {
    guard start >= bytes.count / 2 else { return }
    bytes.removeFirst(start)
    start = 0
  }
}
