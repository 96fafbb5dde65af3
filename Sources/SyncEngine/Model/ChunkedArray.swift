/// An array in pieces of equal size.
///
/// What holds something for every message of a mailbox grows to many megabytes. An array is copied when it grows, and for a
/// moment there are two of it; this one only gets another piece, and gives back its pieces as they are taken from it.
struct ChunkedArray<Element>: RandomAccessCollection, MutableCollection {
  private static var chunkCount: Int { 4096 }

  private var chunks: [[Element]] = []
  /// How many elements have been taken from the front of the first chunk.
  private var taken = 0
  private(set) var count = 0

  /// So many elements there is room for.
  var capacity: Int { chunks.reduce(0) { $0 + $1.capacity } }

  var startIndex: Int { 0 }
  var endIndex: Int { count }

  subscript(index: Int) -> Element {
    get {
      let place = index + taken
      return chunks[place / Self.chunkCount][place % Self.chunkCount]
    }
    _modify {
      let place = index + taken
      yield &chunks[place / Self.chunkCount][place % Self.chunkCount]
    }
  }

  mutating func append(_ element: Element) {
    if chunks.last.map({ $0.count == Self.chunkCount }) ?? true {
      var chunk: [Element] = []
      // A small table stays small.
      if !chunks.isEmpty { chunk.reserveCapacity(Self.chunkCount) }
      chunks.append(chunk)
    }
    chunks[chunks.count - 1].append(element)
    count += 1
  }

  /// Takes elements from the front, and gives back the room that they had.
  mutating func removeFirst(_ number: Int) {
    let number = Swift.min(number, count)
    taken += number
    count -= number
    let emptied = taken / Self.chunkCount
    if count == 0 {
      self = ChunkedArray()
    } else if emptied > 0 {
      chunks.removeFirst(emptied)
      taken -= emptied * Self.chunkCount
    }
  }

  mutating func removeLast(_ number: Int) {
    let number = Swift.min(number, count)
    count -= number
    guard count > 0 else {
      self = ChunkedArray()
      return
    }
    let end = taken + count
    chunks.removeLast(chunks.count - (end + Self.chunkCount - 1) / Self.chunkCount)
    let last = chunks.count - 1
    chunks[last].removeLast(chunks[last].count - (end - last * Self.chunkCount))
  }

  /// Keeps the order of the rest.
  mutating func removeAll(where shouldRemove: (Element) -> Bool) {
    var kept = 0
    for index in 0..<count where !shouldRemove(self[index]) {
      if kept != index { self[kept] = self[index] }
      kept += 1
    }
    removeLast(count - kept)
    // A shortened array keeps all its room.
    if let last = chunks.last, last.capacity > 2 * last.count {
      chunks[chunks.count - 1] = last[...].map { $0 }
    }
  }
}

extension ChunkedArray: Sendable where Element: Sendable {}
