import Glibc

/// Bytes to which others are only added, in one block of memory.
///
/// An array that grows is copied, and for a moment there are two of it: of a large mailbox's names that is megabytes. A
/// block of this size is moved by the system without being copied.
struct ByteBlock {
  private final class Storage {
    var start: UnsafeMutablePointer<UInt8>?
    var capacity = 0

    deinit { free(start) }

    func grow(to wanted: Int) {
      guard let moved = realloc(start, wanted) else { preconditionFailure("out of memory") }
      start = moved.assumingMemoryBound(to: UInt8.self)
      capacity = wanted
    }
  }

  private var storage = Storage()
  private(set) var count = 0

  init() {}

  init(_ bytes: [UInt8]) { append(bytes) }

  mutating func reserveCapacity(_ capacity: Int) {
    makeUnique()
    if storage.capacity < capacity { storage.grow(to: capacity) }
  }

  mutating func append(_ bytes: [UInt8]) {
    bytes.withUnsafeBufferPointer { append($0) }
  }

  mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
    guard let source = bytes.baseAddress, !bytes.isEmpty else { return }
    makeUnique()
    let needed = count + bytes.count
    // What is not used costs addresses, and no memory.
    if storage.capacity < needed { storage.grow(to: max(needed, count + count / 4, 256)) }
    storage.start?.advanced(by: count).update(from: source, count: bytes.count)
    count = needed
  }

  func withUnsafeBufferPointer<Result>(
    _ body: (UnsafeBufferPointer<UInt8>) -> Result
  ) -> Result {
    defer { withExtendedLifetime(storage) {} }
    return body(UnsafeBufferPointer(start: storage.start, count: storage.start == nil ? 0 : count))
  }

  /// A copy of a part.
  subscript(range: Range<Int>) -> [UInt8] {
    withUnsafeBufferPointer { Array($0[range]) }
  }

  /// Nobody else's bytes are changed.
  private mutating func makeUnique() {
    guard !isKnownUniquelyReferenced(&storage) else { return }
    let old = self
    storage = Storage()
    count = 0
    old.withUnsafeBufferPointer { bytes in
      guard let source = bytes.baseAddress, !bytes.isEmpty else { return }
      storage.grow(to: bytes.count)
      storage.start?.update(from: source, count: bytes.count)
      count = bytes.count
    }
  }
}
