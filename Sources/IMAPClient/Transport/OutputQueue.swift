/// Bytes on their way to a stream that takes them bit by bit.
struct OutputQueue {
  private static let leastRoom = 4096

  /// In use between `start` and `end`.
  private var storage: [UInt8] = []
  private var start = 0
  private var end = 0

  var count: Int { end - start }

  var isEmpty: Bool { start == end }

  /// Lets `fill` write behind the rest; it tells how many bytes it wrote, and a result to pass on.
  mutating func append<Result>(
    _ fill: (UnsafeMutableBufferPointer<UInt8>) -> (Int, Result)
  ) -> Result {
    makeRoom()
    let free = end...
    let (written, result) = storage.withUnsafeMutableBufferPointer { buffer in
      fill(UnsafeMutableBufferPointer(rebasing: buffer[free]))
    }
    end += written
    return result
  }

  /// Writes until all is gone (`done(0)`) or the stream has to wait.
  mutating func drain(into stream: any ByteStream) throws(TransportError) -> StreamProgress {
    while !isEmpty {
      let rest = start..<end
      let result = storage.withUnsafeBytes { buffer in
        Result { () throws(TransportError) in
          try stream.write(UnsafeRawBufferPointer(rebasing: buffer[rest]))
        }
      }
      let progress = try result.get()
      guard case .done(let taken) = progress else { return progress }
      start += taken
    }
    start = 0
    end = 0
    return .done(0)
  }

  private mutating func makeRoom() {
    if storage.count - end >= Self.leastRoom { return }
    // Moving the rest to the front pays once it is the smaller part.
    if start > end - start {
      storage.replaceSubrange(0..<count, with: storage[start..<end])
      end -= start
      start = 0
    }
    if storage.count - end < Self.leastRoom {
      let more = max(storage.count, 4 * Self.leastRoom)
      storage.append(contentsOf: [UInt8](repeating: 0, count: more))
    }
  }
}
