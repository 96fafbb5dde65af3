import IMAPClient

extension Observation {
  /// Leaves of what a side showed only what differs from the base, and what is new to it.
  ///
  /// A listing of the whole mailbox becomes one of changes.
  ///
  /// - Parameter known: all messages of the base, under the UIDVALIDITY of this observation.
  /// - Returns: ids of otherwise unchanged messages that the base lacks: a server tells its own id of a
  ///   message that we saved only afterwards.
  mutating func reduce(to known: KnownList, side: Side) -> [(uid: UID, id: GlobalUID)] {
    guard !known.isEmpty || coverage == .full else { return [] }
    var newIDs: [(uid: UID, id: GlobalUID)] = []
    let order = Observation.order(of: known, side)
    var vanished: [UID] = []
    var next = 0
    messages.removeAll { message in
      guard let uid = message.handle.uid else { return false }
      while next < known.count, known.uid(at: order(next), on: side) < uid {
        vanished.append(known.uid(at: order(next), on: side))
        next += 1
      }
      let first = next
      while next < known.count, known.uid(at: order(next), on: side) == uid { next += 1 }
      // Two records under one UID are left to who knows what to do about them.
      guard next == first + 1, message.flags == known[order(first)].flags[side] else {
        return false
      }
      if !known[order(first)].hasID[side], let id = message.details?.id {
        newIDs.append((uid, id))
      }
      return true
    }
    guard coverage == .full else { return newIDs }
    while next < known.count {
      vanished.append(known.uid(at: order(next), on: side))
      next += 1
    }
    coverage = .changes(vanished: UIDSet(vanished))
    return newIDs
  }

  /// The indices of `known` in the order of a side's UIDs.
  private static func order(of known: KnownList, _ side: Side) -> (Int) -> Int {
    if known.isInOrder(on: side) { return { $0 } }
    let order = known.indices.map { UInt32(truncatingIfNeeded: $0) }.sorted {
      (known.uid(at: Int($0), on: side), $0) < (known.uid(at: Int($1), on: side), $1)
    }
    return { Int(order[$0]) }
  }
}
