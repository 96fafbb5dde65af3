/// What two sides have in common, some of it at a time.
///
/// Equal messages have equal numbers (their sizes, or the beginnings of digests), so only what has a number of both sides has to be
/// looked at closely, and what has one number stays together.
enum CommonNumbers {
  struct Entry: Comparable {
    var number: UInt64
    /// Which of the side's messages it is.
    var index: UInt32

    static func < (left: Entry, right: Entry) -> Bool {
      (left.number, left.index) < (right.number, right.index)
    }
  }

  /// Goes through what both sides have of one number.
  ///
  /// - Parameter entries: ascending.
  static func forEach(_ entries: Both<[Entry]>, _ body: (Both<ArraySlice<Entry>>) -> Void) {
    var rest = entries.map { $0[...] }
    while let left = rest.left.first, let right = rest.right.first {
      let number = max(left.number, right.number)
      rest = rest.map { $0.drop { $0.number < number } }
      let group = rest.map { $0.prefix { $0.number == number } }
      rest = Both { rest[$0].dropFirst(group[$0].count) }
      if !group.left.isEmpty, !group.right.isEmpty { body(group) }
    }
  }

  /// Goes through the same in parts of about `count` messages, told by their indices.
  static func forEachPart(
    _ entries: Both<[Entry]>, of count: Int, _ body: (Both<[Int]>) -> Void
  ) {
    var part = Both<[Int]>(left: [], right: [])
    forEach(entries) { group in
      for side in Side.allCases { part[side] += group[side].lazy.map { Int($0.index) } }
      guard part.left.count + part.right.count >= count else { return }
      body(part)
      part = Both(left: [], right: [])
    }
    if !part.left.isEmpty { body(part) }
  }
}
