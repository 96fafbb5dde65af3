extension Pairing {
  /// Candidates that have something in common with one of the other side, by their positions.
  ///
  /// Of two large mailboxes there are as many groups as messages: they are kept as two lists of numbers, and not as an array
  /// of candidates each.
  struct Groups<Key: Hashable>: Sequence {
    typealias Group = (left: ArraySlice<UInt32>, right: ArraySlice<UInt32>)

    /// Positions of candidates, those of a group together.
    private var positions = Both<[UInt32]>(left: [], right: [])
    /// Where in `positions` each group begins; one more, where the last one ends.
    private var starts = Both<[UInt32]>(left: [], right: [])

    init(_ candidates: Both<[Candidate]>, by key: (Candidate) -> Key?) {
      var groups: [Key: UInt32] = [:]
      let left = candidates.left.map { candidate -> UInt32? in
        guard let key = key(candidate) else { return nil }
        if let known = groups[key] { return known }
        let new = UInt32(groups.count)
        groups[key] = new
        return new
      }
      let right = candidates.right.map { candidate in key(candidate).flatMap { groups[$0] } }
      sort(left, into: groups.count, on: .left)
      sort(right, into: groups.count, on: .right)
    }

    /// Groups are numbered: each number's positions, ascending.
    private mutating func sort(_ numbers: [UInt32?], into count: Int, on side: Side) {
      var next = [UInt32](repeating: 0, count: count + 1)
      for case let number? in numbers { next[Int(number) + 1] += 1 }
      for group in next.indices.dropFirst() { next[group] += next[group - 1] }
      starts[side] = next
      positions[side] = [UInt32](repeating: 0, count: Int(next[count]))
      for case (let position, let number?) in numbers.enumerated() {
        positions[side][Int(next[Int(number)])] = UInt32(position)
        next[Int(number)] += 1
      }
    }

    /// Those of both sides.
    func makeIterator() -> some IteratorProtocol<Group> {
      starts.left.indices.dropLast().lazy.map { group -> Group in
        (self.group(group, .left), self.group(group, .right))
      }.filter { !$0.left.isEmpty && !$0.right.isEmpty }.makeIterator()
    }

    private func group(_ group: Int, _ side: Side) -> ArraySlice<UInt32> {
      positions[side][Int(starts[side][group])..<Int(starts[side][group + 1])]
    }
  }
}
