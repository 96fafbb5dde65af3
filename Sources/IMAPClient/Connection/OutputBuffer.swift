/// Bytes on their way out, in the order in which they were added.
struct OutputBuffer {
  private var bytes: [UInt8] = []
  private var head = 0

  var count: Int { bytes.count - head }
  var isEmpty: Bool { count == 0 }

  mutating func append(_ more: some Sequence<UInt8>) { bytes.append(contentsOf: more) }

  mutating func append(_ more: UnsafeRawBufferPointer) { bytes.append(contentsOf: more) }

  func withBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try bytes.withBytes { (all) throws(Failure) in
      try body(UnsafeRawBufferPointer(rebasing: all[head...]))
    }
  }

  /// Forgets the first `count` bytes, which were written.
  mutating func remove(_ count: Int) {
    head += min(count, self.count)
    if head == bytes.count {
      bytes.removeAll(keepingCapacity: bytes.capacity <= 1 << 20)
      head = 0
    } else if head >= 1 << 16, head * 2 >= bytes.count {
      bytes.removeSubrange(..<head)
      head = 0
    }
  }
}
