import IMAPClient

/// Step 2: which messages that only one side has are the same as one that only the other has?
extension MailboxSync {
  func pair(_ endpoints: Both<any Endpoint>) throws(SideFailure) {
    try findOtherHalves(endpoints)
    try pairFilled(endpoints)
    try expungeLeftFillers(endpoints)
    try recordStrays()
    try rejoin(endpoints)
    try findFetchedMessages(endpoints, beforeMatching: true)
    let isParted = try match(endpoints)
    if try recognizeStubs(endpoints) || isParted { _ = try match(endpoints) }
    try findFetchedMessages(endpoints, beforeMatching: false)
    try finishRenumbering(endpoints)
  }

  /// - Returns: whether stubs were found that are not to be matched with each other.
  private func match(_ endpoints: Both<any Endpoint>) throws(SideFailure) -> Bool {
    var candidates = self.candidates()
    let sentAnew = self.sentAnew
    guard Side.allCases.allSatisfy({ !candidates[$0].isEmpty || !sentAnew[$0].isEmpty }) else {
      return false
    }
    try measure(&candidates, endpoints)
    var matches = Pairing.matchByID(&candidates)
    try readWanted(&candidates, endpoints)
    let equal = Pairing.matchByContent(&candidates)
    let parted = try pairsOfStubs(equal, rest: candidates, endpoints)
    matches += equal.filter { !parted.contains($0) }
    matches += try matchByOriginal(&candidates)
    matches += try matchBySending(&candidates, endpoints)
    matches += try matchByEssence(candidates, endpoints)
    join(matches)
    return !parted.isEmpty
  }

  /// Reads what has to be known before contents are compared.
  func readWanted(
    _ candidates: inout Both<[Pairing.Candidate]>, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    let wanted = Pairing.wanted(candidates)
    for side in Side.allCases where !wanted[side].isEmpty {
      let handles = wanted[side].compactMap(\.handle)
      let unread = try readContents(of: handles, on: side, endpoints[side]) { _, contents in
        for index in candidates[side].indices {
          guard let handle = candidates[side][index].handle, let content = contents[handle] else {
            continue
          }
          candidates[side][index].content = content
          remember(content, of: candidates[side][index].index, on: side)
        }
      }
      let gone = try dropGone(unread, on: side, endpoints[side])
      candidates[side].removeAll { $0.handle.map(gone.contains) ?? false }
    }
  }

  /// So many contents are held in memory twice.
  private static let contentsAtATime = 20_000

  /// Reads contents, some thousand at a time.
  ///
  /// - Parameter learn: gets what was read, and where the messages are among the handles.
  /// - Returns: messages that were not there to be read.
  func readContents(
    of handles: some RandomAccessCollection<MessageHandle>, on side: Side, _ endpoint: any Endpoint,
    _ learn: (Range<Int>, [MessageHandle: ContentID]) -> Void
  ) throws(SideFailure) -> [MessageHandle] {
    var unread: [MessageHandle] = []
    for start in stride(from: 0, to: handles.count, by: MailboxSync.contentsAtATime) {
      let some = Array(handles.dropFirst(start).prefix(MailboxSync.contentsAtATime))
      let contents = try on(side) { () throws(EndpointError) in
        try select(side, endpoint)
        return try endpoint.contents(of: some)
      }
      learn(start..<(start + some.count), contents)
      unread += some.filter { contents[$0] == nil }
    }
    return unread
  }

  /// What has arrived and is gone before its content could be read: known by less, it might be taken for something else.
  ///
  /// - Returns: those.
  func dropGone(
    _ unread: [MessageHandle], on side: Side, _ endpoint: any Endpoint
  ) throws(SideFailure) -> Set<MessageHandle> {
    let uids = UIDSet(unread.compactMap(\.uid).sorted())
    var gone = Set(uids.map { MessageHandle.uid($0) })
    if !uids.isEmpty {
      let there = try on(side) { () throws(EndpointError) in try endpoint.describe(uids) }
      gone.subtract(there.map(\.handle))
    }
    // Of files without numbers it is only told when they are to be read as a whole.
    let files = unread.filter { $0.uid == nil }
    if !files.isEmpty {
      let sink = GoneSink()
      try on(side) { () throws(EndpointError) in try endpoint.fetch(files, into: sink) }
      gone.formUnion(sink.gone)
    }
    guard !gone.isEmpty else { return [] }
    for index in work.indices where !work[index].item.isKnown {
      guard work[index].item.sides[side.other] == .absent,
        let handle = work[index].handles[side], gone.contains(handle)
      else { continue }
      work[index].item.sides[side] = .absent
    }
    return gone
  }

  private struct Original: Hashable {
    var guid: GlobalUID
    var date: InternalDate?
  }

  /// Copies of one message of the base on both sides, by the sides' own ids: a run died after it had copied what a user
  /// copied on the other side. Where a server altered the original, their contents don't tell that they are one.
  private func matchByOriginal(
    _ candidates: inout Both<[Pairing.Candidate]>
  ) throws(SideFailure) -> [Pairing.Match] {
    // At a first sync nobody can have copied anything; and there may be very many.
    guard !candidates.left.isEmpty, !candidates.right.isEmpty, record.anchors.left != nil,
      record.anchors.right != nil
    else { return [] }
    var originals: [Int: Original] = [:]
    let fewer: Side = candidates.left.count < candidates.right.count ? .left : .right
    try stateAccess { () throws(StateError) in try store.expectQuestions() }
    for side in [fewer, fewer.other] {
      let before = originals.count
      for candidate in candidates[side] {
        guard let id = candidate.id, !work[candidate.index].item.isKnown,
          work[candidate.index].stub == nil
        else { continue }
        let rows = try stateAccess { () throws(StateError) in
          try store.messages(withID: id, on: side)
        }
        guard let row = rows.first(where: { $0.stub == nil }) else { continue }
        originals[candidate.index] = Original(guid: row.guid, date: candidate.date)
      }
      if originals.count == before { return [] }
    }
    return Pairing.match(&candidates) { originals[$0.index] }
  }

  /// Messages of the base that nobody had to ask anything of so far have no size yet.
  private func measure(
    _ candidates: inout Both<[Pairing.Candidate]>, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    for side in Side.allCases {
      let bare = UIDSet(candidates[side].compactMap { $0.size == nil ? $0.handle?.uid : nil })
      guard !bare.isEmpty else { continue }
      let described = try on(side) { () throws(EndpointError) in
        try select(side, endpoints[side])
        return try endpoints[side].describe(bare)
      }
      var details: [MessageHandle: MessageDetails] = [:]
      for message in described { details[message.handle] = message.details }
      for index in candidates[side].indices where candidates[side][index].size == nil {
        guard let known = candidates[side][index].handle.flatMap({ details[$0] }) else { continue }
        candidates[side][index].size = known.size
        candidates[side][index].id = candidates[side][index].id ?? known.id
      }
    }
  }

  /// Messages that one side has and the other has not, and those that one side expunged while the other
  /// got a new UIDVALIDITY.
  func candidates() -> Both<[Pairing.Candidate]> {
    var candidates = Both<[Pairing.Candidate]>(left: [], right: [])
    for side in Side.allCases {
      candidates[side].reserveCapacity(work.count { $0.item.sides[side.other].seen == nil })
    }
    for (index, work) in work.enumerated() {
      for side in Side.allCases {
        switch (work.item.sides[side], work.item.sides[side.other]) {
        case (.present(let seen), .absent) where work.stub == side,
          (.present(let seen), .lost) where work.stub == side:
          // It stands for its message, which is known by what it is on the other side.
          if let content = work.stubDetails?.original ?? work.item.base?.contents[side.other] {
            candidates[side].append(
              Pairing.Candidate(
                index: index, handle: seen.handle, size: content.size, id: nil, content: content,
                date: seen.details?.date ?? work.item.base?.date(on: side),
                keepsDate: !hasNewValidity(side)))
          }
        case (.present(let seen), .absent), (.present(let seen), .lost):
          let known = work.item.base?.contents[side] ?? seen.content
          candidates[side].append(
            Pairing.Candidate(
              index: index, handle: seen.handle, size: seen.details?.size ?? known?.size,
              id: seen.details?.id ?? work.item.base?.ids[side], content: known,
              date: seen.details?.date ?? work.item.base?.date(on: side)))
        case (.vanished, .lost):
          if let content = work.item.base?.contents[side.other] ?? work.item.base?.contents[side] {
            candidates[side].append(
              Pairing.Candidate(
                index: index, handle: nil, size: content.size, id: nil, content: content,
                date: work.item.base?.date(on: side)))
          }
        default:
          break
        }
      }
    }
    return candidates
  }

  func remember(_ content: ContentID?, of index: Int, on side: Side) {
    guard let content, case .present(var seen) = work[index].item.sides[side] else { return }
    seen.content = content
    work[index].item.sides[side] = .present(seen)
  }

  func join(_ matches: [Pairing.Match]) {
    var gone = Set<Int>()
    for match in matches {
      // The one that the base knows stays; it brings the flags that were agreed on.
      let keepsRight = !work[match.left].item.isKnown && work[match.right].item.isKnown
      let (kept, other) = keepsRight ? (match.right, match.left) : (match.left, match.right)
      let side: Side = keepsRight ? .left : .right
      let presence = work[other].item.sides[side]
      work[kept].item.sides[side] = presence
      work[kept].stub = work[kept].stub ?? work[other].stub
      // A second row of the base for the other half says nothing any more: it is forgotten.
      work[other].item.sides = Both(left: .vanished, right: .vanished)
      if !work[other].item.isKnown { gone.insert(other) }
    }
    guard !gone.isEmpty else { return }
    work = work.enumerated().filter { !gone.contains($0.offset) }.map(\.element)
  }
}
