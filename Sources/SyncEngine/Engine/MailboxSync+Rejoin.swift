import IMAPClient

/// Step 2, before the sides are compared: a message that vanished from a side and arrived there under another UID
/// is the one that it was.
///
/// Another pair has renumbered it, or a run that died; or a mail program gave its file another name. Were it
/// compared with the other side first, a twin there could be taken for it, and its own other half for expunged.
extension MailboxSync {
  func rejoin(_ endpoints: Both<any Endpoint>) throws(SideFailure) {
    for side in Side.allCases {
      var (rows, arrivals) = suspects(on: side)
      guard !rows.isEmpty else { continue }
      var gone = Set<Int>()
      gone.formUnion(
        take(&rows, &arrivals, on: side, where: { isOneSize($0, $1, on: side) }) {
          id(of: $0, on: side)
        })
      if !rows.isEmpty { arrivals = try withoutKnown(arrivals, on: side) }
      if !rows.isEmpty, !arrivals.isEmpty {
        let contents = try contents(of: rows, arrivals, on: side, endpoints)
        gone.formUnion(take(&rows, &arrivals, on: side) { contents[$0] })
        gone.formUnion(takeWhole(&rows, &arrivals, contents, on: side))
      }
      if !gone.isEmpty {
        work = work.enumerated().filter { !gone.contains($0.offset) }.map(\.element)
      }
    }
  }

  /// What vanished and what arrived, as far as there is both of one received date: a new UID does not change that.
  private func suspects(on side: Side) -> (rows: [Int], arrivals: [Int]) {
    // What the other side has expunged is forgotten: there the arrival may as well be a copy that someone made before.
    let vanished = work.indices.filter {
      work[$0].item.isKnown && work[$0].isVanished(on: side)
    }
    guard !vanished.isEmpty else { return ([], []) }
    let arrived = work.indices.filter { index in
      !work[index].item.isKnown && work[index].item.sides[side].seen?.details != nil
        && work[index].item.sides[side.other] == .absent
    }
    let dates = Set(vanished.compactMap { work[$0].item.date(on: side) })
      .intersection(arrived.compactMap { work[$0].item.date(on: side) })
    let hasDate = { [work] (index: Int) in
      work[index].item.date(on: side).map(dates.contains) ?? false
    }
    return (vanished.filter(hasDate), arrived.filter(hasDate))
  }

  private func id(of index: Int, on side: Side) -> GlobalUID? {
    let item = work[index].item
    return !item.isKnown ? item.sides[side].seen?.details?.id : item.base?.ids[side]
  }

  /// Without those that are another message of the base by their ids, one that was moved here or copied: beside a twin that
  /// is gone from here, too.
  private func withoutKnown(_ arrivals: [Int], on side: Side) throws(SideFailure) -> [Int] {
    try stateAccess { () throws(StateError) in
      var rest: [Int] = []
      for index in arrivals {
        if let id = id(of: index, on: side), try !store.messages(withID: id, on: side).isEmpty {
          continue
        }
        rest.append(index)
      }
      return rest
    }
  }

  private func contents(
    of rows: [Int], _ arrivals: [Int], on side: Side, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) -> [Int: ContentID] {
    var contents: [Int: ContentID] = [:]
    // Where nobody had a reason to read the header so far, the other side may have it still.
    var unknown: [Int] = []
    for index in rows {
      if let content = work[index].item.base?.contents[side] {
        contents[index] = content
      } else if work[index].stub == nil, work[index].handles[side.other] != nil {
        unknown.append(index)
      }
    }
    try read(&contents, unknown, on: side.other, endpoints[side.other])
    let whole = rows.filter { work[$0].stub == side }.compactMap { original(of: $0, on: side) }
    let sizes = Set(contents.values.map(\.size)).union(whole.map(\.size))
    let likely = arrivals.filter { index in
      work[index].item.sides[side].seen?.details.map { sizes.contains($0.size) } ?? false
    }
    try read(&contents, likely, on: side, endpoints[side])
    return contents
  }

  /// A run that died may have put the whole message in a stub's place, after the stub had been expunged.
  private func takeWhole(
    _ rows: inout [Int], _ arrivals: inout [Int], _ contents: [Int: ContentID], on side: Side
  ) -> Set<Int> {
    var stubs = rows.filter { work[$0].stub == side }
    guard !stubs.isEmpty, !arrivals.isEmpty else { return [] }
    let all = stubs
    let gone = take(&stubs, &arrivals, on: side) {
      !work[$0].item.isKnown ? contents[$0] : original(of: $0, on: side)
    }
    let taken = Set(all).subtracting(stubs)
    for row in taken { work[row].stub = nil }
    rows.removeAll(where: taken.contains)
    return gone
  }

  /// What the stub that a row has on this side stands for.
  private func original(of row: Int, on side: Side) -> ContentID? {
    work[row].item.base?.contents[side.other]
  }

  private func read(
    _ contents: inout [Int: ContentID], _ indices: [Int], on side: Side, _ endpoint: any Endpoint
  ) throws(SideFailure) {
    guard !indices.isEmpty else { return }
    let found = try on(side) { () throws(EndpointError) in
      try select(side, endpoint)
      return try endpoint.contents(of: indices.compactMap { work[$0].handles[side] })
    }
    for index in indices {
      guard let content = work[index].handles[side].flatMap({ found[$0] }) else { continue }
      contents[index] = content
      remember(content, of: index, on: side)
    }
  }

  private struct Trait<Key: Hashable>: Hashable {
    var key: Key
    var date: InternalDate
  }

  /// Gives rows the arrivals that have the same key and the same date.
  ///
  /// - Returns: those.
  private func take<Key: Hashable>(
    _ rows: inout [Int], _ arrivals: inout [Int], on side: Side,
    where isPossible: (_ row: Int, _ arrival: Int) -> Bool = { _, _ in true },
    by key: (Int) -> Key?
  ) -> Set<Int> {
    func trait(_ index: Int) -> Trait<Key>? {
      guard let key = key(index), let date = work[index].item.date(on: side) else { return nil }
      return Trait(key: key, date: date)
    }
    var arrivalsOf: [Trait<Key>: [Int]] = [:]
    for index in arrivals.reversed() {
      if let trait = trait(index) { arrivalsOf[trait, default: []].append(index) }
    }
    var taken = Set<Int>()
    rows.removeAll { row in
      guard let trait = trait(row), let arrival = arrivalsOf[trait]?.last,
        isPossible(row, arrival)
      else { return false }
      arrivalsOf[trait]?.removeLast()
      taken.insert(arrival)
      work[row].item.sides[side] = work[arrival].item.sides[side]
      return true
    }
    arrivals.removeAll(where: taken.contains)
    return taken
  }

  /// As far as is known. (A program may write another message under an old file's name.)
  private func isOneSize(_ row: Int, _ arrival: Int, on side: Side) -> Bool {
    guard let then = work[row].item.base?.contents[side]?.size,
      let now = work[arrival].item.sides[side].seen?.details?.size
    else { return true }
    return then == now
  }
}
