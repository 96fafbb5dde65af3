/// Which entry of a ``FileTable`` has which UID.
struct FileUIDs {
  /// The indices of the entries that have a UID, ascending by it, once one is asked for.
  private var order: Block<UInt32>?
  /// The entries that have got one since, and not the highest.
  private var later: [UInt32: UInt32] = [:]

  /// An entry has got a UID.
  ///
  /// - Parameter old: the one that it had; 0: none.
  mutating func note(
    _ uid: UInt32, insteadOf old: UInt32, at index: Int, _ entries: Block<FileTable.Entry>
  ) {
    guard let order, old != uid else { return }
    let highest = order.last.map { entries[Int($0)].uid } ?? 0
    if old != 0 {
      self = FileUIDs()
    } else if uid > highest {
      self.order?.append(UInt32(truncatingIfNeeded: index))
    } else {
      later[uid] = UInt32(truncatingIfNeeded: index)
    }
  }

  mutating func sort(_ entries: Block<FileTable.Entry>) {
    if order == nil { order = FileUIDs.sorted(entries) }
  }

  /// The index of the entry that has this UID.
  mutating func index(of uid: UInt32, _ entries: Block<FileTable.Entry>) -> Int? {
    sort(entries)
    guard let order else { return nil }
    var range = 0..<order.count
    while !range.isEmpty {
      let middle = range.lowerBound + range.count / 2
      range =
        entries[Int(order[middle])].uid < uid
        ? (middle + 1)..<range.upperBound : range.lowerBound..<middle
    }
    if range.lowerBound < order.count {
      let index = Int(order[range.lowerBound])
      if entries[index].uid == uid { return index }
    }
    guard let index = later[uid].map({ Int($0) }), entries[index].uid == uid else { return nil }
    return index
  }

  /// By the lower half of their UIDs, then by the upper one: comparing them would take ten times as long.
  private static func sorted(_ entries: Block<FileTable.Entry>) -> Block<UInt32> {
    var sorted: [UInt32] = []
    sorted.reserveCapacity(entries.count)
    for (index, entry) in entries.enumerated() where entry.uid != 0 {
      sorted.append(UInt32(truncatingIfNeeded: index))
    }
    for shift in [UInt32(0), 16] {
      var places = [Int](repeating: 0, count: 1 << 16 + 1)
      for index in sorted { places[Int(entries[Int(index)].uid >> shift & 0xffff) + 1] += 1 }
      for place in places.indices.dropFirst() { places[place] += places[place - 1] }
      var next = sorted
      for index in sorted {
        let digit = Int(entries[Int(index)].uid >> shift & 0xffff)
        next[places[digit]] = index
        places[digit] += 1
      }
      sorted = next
    }
    return Block(sorted)
  }
}
