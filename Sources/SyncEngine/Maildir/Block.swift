import Glibc

/// Elements to which others are only added, in one block of memory.
///
/// An array that grows is copied, and for a moment there are two of it: of what is held for each message of a large mailbox that is
/// megabytes. A block of this size is moved by the system without being copied. Where one is assigned to another, the two are for one
/// thread, because they share it even when one of them grows.
struct Block<Element: BitwiseCopyable>: RandomAccessCollection, MutableCollection {
  private final class Storage {
    var start: UnsafeMutablePointer<Element>?
    var capacity = 0
    /// As many as the longest of those has that share it.
    var used = 0

    deinit { free(start) }

    func grow(to wanted: Int) {
      guard let moved = realloc(start, wanted * MemoryLayout<Element>.stride) else {
        preconditionFailure("out of memory")
      }
      start = moved.assumingMemoryBound(to: Element.self)
      capacity = wanted
    }
  }

  private var storage = Storage()
  private(set) var count = 0

  init() {}

  init(_ elements: [Element]) { append(elements) }

  /// - Parameter fill: gets room for so many elements, and returns how many it has put there.
  init<Failure>(
    capacity: Int, _ fill: (UnsafeMutableBufferPointer<Element>) throws(Failure) -> Int
  ) throws(Failure) {
    guard capacity > 0 else { return }
    storage.grow(to: capacity)
    count = try fill(UnsafeMutableBufferPointer(start: storage.start, count: capacity))
    storage.used = count
  }

  var startIndex: Int { 0 }
  var endIndex: Int { count }

  subscript(index: Int) -> Element {
    get {
      guard let start = storage.start, index >= 0, index < count else {
        preconditionFailure("no such element")
      }
      return start[index]
    }
    _modify {
      makeUnique()
      guard let start = storage.start, index >= 0, index < count else {
        preconditionFailure("no such element")
      }
      yield &start[index]
    }
  }

  mutating func reserveCapacity(_ capacity: Int) {
    makeUnique()
    if storage.capacity < capacity { storage.grow(to: capacity) }
  }

  mutating func append(_ element: Element) {
    makeRoom(for: 1)
    storage.start?.advanced(by: count - 1).pointee = element
  }

  mutating func append(_ elements: UnsafeBufferPointer<Element>) {
    guard let source = elements.baseAddress, !elements.isEmpty else { return }
    makeRoom(for: elements.count)
    storage.start?.advanced(by: count - elements.count).update(
      from: source, count: elements.count)
  }

  mutating func append(_ elements: [Element]) {
    elements.withUnsafeBufferPointer { append($0) }
  }

  /// What is added behind all that anybody sees changes nothing for anybody: it is not copied for that.
  private mutating func makeRoom(for more: Int) {
    if storage.used != count { makeUnique() }
    let needed = count + more
    // What is not used costs addresses, and no memory.
    if storage.capacity < needed { storage.grow(to: Swift.max(needed, count + count / 4, 64)) }
    count = needed
    storage.used = needed
  }

  func withUnsafeBufferPointer<Result>(
    _ body: (UnsafeBufferPointer<Element>) -> Result
  ) -> Result {
    defer { withExtendedLifetime(storage) {} }
    return body(UnsafeBufferPointer(start: storage.start, count: storage.start == nil ? 0 : count))
  }

  mutating func withUnsafeMutableBufferPointer<Result>(
    _ body: (UnsafeMutableBufferPointer<Element>) -> Result
  ) -> Result {
    makeUnique()
    defer { withExtendedLifetime(storage) {} }
    return body(
      UnsafeMutableBufferPointer(start: storage.start, count: storage.start == nil ? 0 : count))
  }

  /// A copy of a part.
  func copy(_ range: Range<Int>) -> [Element] {
    withUnsafeBufferPointer { Array($0[range]) }
  }

  /// Nobody else's elements are changed.
  private mutating func makeUnique() {
    guard !isKnownUniquelyReferenced(&storage) else { return }
    let old = self
    storage = Storage()
    count = 0
    old.withUnsafeBufferPointer { elements in
      guard let source = elements.baseAddress, !elements.isEmpty else { return }
      storage.grow(to: elements.count)
      storage.start?.update(from: source, count: elements.count)
      count = elements.count
      storage.used = count
    }
  }
}
