/// A set of UIDs kept as sorted, disjoint, non-adjacent ranges.
///
/// Its size in memory depends on the number of runs, not of UIDs. RFC 9051 §9 (`uid-set`).
public struct UIDSet: Hashable, Sendable, CustomStringConvertible {
  /// Ascending; each upper bound is at least two below the next lower bound.
  public private(set) var ranges: [ClosedRange<UID>] = []

  public init() {}

  public init(_ range: ClosedRange<UID>) { ranges = [range] }

  public init(_ uid: UID) { ranges = [uid...uid] }

  /// The order of `uids` does not matter; sorted input takes linear time.
  // Inlined where it is called from another module, or it would be generic code at run time.
  @inlinable
  public init(_ uids: some Sequence<UID>) { self.init(Array(uids)) }

  /// The order of `all` does not matter; sorted input takes linear time.
  public init(_ all: [UID]) {
    var isSorted = true
    var last: UID?
    for uid in all {
      if let last, uid < last {
        isSorted = false
        break
      }
      last = uid
    }
    for uid in isSorted ? all : all.sorted() { appendAtEnd(uid...uid) }
  }

  public init(ranges: [ClosedRange<UID>]) {
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) { appendAtEnd(range) }
  }

  public var isEmpty: Bool { ranges.isEmpty }

  /// The number of UIDs in the set; O(number of ranges).
  public var count: Int {
    ranges.reduce(0) { $0 + Int($1.upperBound.rawValue - $1.lowerBound.rawValue) + 1 }
  }

  public var min: UID? { ranges.first?.lowerBound }
  public var max: UID? { ranges.last?.upperBound }

  /// Binary search: O(log number of ranges).
  public func contains(_ uid: UID) -> Bool {
    let index = firstIndex(endingAtOrAfter: uid)
    return index < ranges.count && ranges[index].lowerBound <= uid
  }

  public mutating func insert(_ uid: UID) { insert(uid...uid) }

  public mutating func insert(_ range: ClosedRange<UID>) {
    if let last = ranges.last, range.lowerBound <= last.upperBound {
      self = union(UIDSet(range))
    } else {
      appendAtEnd(range)
    }
  }

  public func union(_ other: UIDSet) -> UIDSet {
    if isEmpty { return other }
    if other.isEmpty { return self }
    var result = UIDSet()
    var mine = ranges[...]
    var theirs = other.ranges[...]
    while let a = mine.first, let b = theirs.first {
      if a.lowerBound <= b.lowerBound {
        result.appendAtEnd(a)
        mine.removeFirst()
      } else {
        result.appendAtEnd(b)
        theirs.removeFirst()
      }
    }
    for range in mine { result.appendAtEnd(range) }
    for range in theirs { result.appendAtEnd(range) }
    return result
  }

  public func intersection(_ other: UIDSet) -> UIDSet {
    var result = UIDSet()
    var i = 0
    var j = 0
    while i < ranges.count, j < other.ranges.count {
      let a = ranges[i]
      let b = other.ranges[j]
      if a.overlaps(b) { result.appendAtEnd(a.clamped(to: b)) }
      if a.upperBound < b.upperBound { i += 1 } else { j += 1 }
    }
    return result
  }

  public func subtracting(_ other: UIDSet) -> UIDSet {
    var result = UIDSet()
    var j = 0
    for range in ranges {
      var lower: UID? = range.lowerBound
      while j < other.ranges.count, other.ranges[j].upperBound < range.lowerBound { j += 1 }
      var k = j
      while let start = lower, k < other.ranges.count,
        other.ranges[k].lowerBound <= range.upperBound
      {
        let hole = other.ranges[k]
        if let end = hole.lowerBound.previous, start <= end { result.appendAtEnd(start...end) }
        lower = hole.upperBound < range.upperBound ? hole.upperBound.next : nil
        k += 1
      }
      if let start = lower { result.appendAtEnd(start...range.upperBound) }
    }
    return result
  }

  /// In the form of IMAP's `sequence-set`: `1:3,7`. Empty for the empty set.
  public var description: String {
    ranges.map {
      $0.lowerBound == $0.upperBound ? "\($0.lowerBound)" : "\($0.lowerBound):\($0.upperBound)"
    }
    .joined(separator: ",")
  }

  private func firstIndex(endingAtOrAfter uid: UID) -> Int {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound < uid { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// `range.lowerBound` must not lie below the last range's.
  private mutating func appendAtEnd(_ range: ClosedRange<UID>) {
    guard let last = ranges.last,
      range.lowerBound.rawValue <= last.upperBound.rawValue &+ 1 || last.upperBound == .last
    else {
      ranges.append(range)
      return
    }
    if range.upperBound > last.upperBound {
      ranges[ranges.count - 1] = last.lowerBound...range.upperBound
    }
  }
}

extension UIDSet: Sequence {
  public struct Iterator: IteratorProtocol {
    fileprivate var remaining: ArraySlice<ClosedRange<UID>>
    fileprivate var nextUID: UID?

    public mutating func next() -> UID? {
      guard let range = remaining.first else { return nil }
      let uid = nextUID ?? range.lowerBound
      if uid == range.upperBound {
        remaining.removeFirst()
        nextUID = nil
      } else {
        nextUID = uid.next
      }
      return uid
    }
  }

  /// Ascending. A set read from a server may span billions: bound it before iterating.
  public func makeIterator() -> Iterator { Iterator(remaining: ranges[...], nextUID: nil) }

  public var underestimatedCount: Int { ranges.count }
}
