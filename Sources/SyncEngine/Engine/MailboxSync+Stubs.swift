import IMAPClient

/// What is known of a stub that arrived, or of one that is about to go.
final class StubDetails {
  /// The message for which an arrival that turned out to be a stub stands, if that tells.
  fileprivate(set) var original: ContentID?
  /// The stub in whose place the whole message is to come.
  var replaced: ReplacedStub?

  fileprivate init(original: ContentID?) { self.original = original }

  fileprivate init(replaced: ReplacedStub) { self.replaced = replaced }
}

/// `max-size`: a message larger than that comes to the other side as a stub (``StubMessage``), until
/// someone flags it.
///
/// A row whose ``MessageRecord/stub`` is set is like any other as to flags, expunges, moves and copies;
/// only a body is never taken from the side that has the stub.
extension MailboxSync {
  // MARK: Planning

  /// A stub can't stand in for its message: where that is gone, so is the stub.
  func isBodyLost(_ item: Item, decision: Decision) -> Bool {
    guard case .place(let side) = decision, item.base?.stub == side.other else { return false }
    return item.sides[side] == .vanished
  }

  /// Whether the message comes to `side` as a stub.
  func isToBeStub(_ index: Int, on side: Side) -> Bool {
    let item = work[index].item
    guard !work[index].flags[side.other].system.contains(.flagged) else { return false }
    if item.base?.stub == side { return !isAskedFor(item, on: side) }
    let size = item.sides[side.other].seen?.details?.size ?? item.base?.contents[side.other]?.size
    guard let size, let maxSize = policy.maxSize else { return false }
    return size > maxSize
  }

  /// The stubs of this mailbox that `fetch` names.
  var wholeMessages: UIDSet { policy.wholeMessages[record.names.left] ?? UIDSet() }

  private func isAskedFor(_ item: Item, on side: Side) -> Bool {
    item.base.map { wholeMessages.contains($0.uids[side]) } ?? false
  }

  /// A stub that is flagged, on either side, or named by `fetch` makes place for its message: this becomes
  /// one that is to be placed where the stub lies.
  func planWholeMessage(_ index: Int) {
    guard let side = work[index].stub,
      work[index].wanted[side].system.contains(.flagged)
        || isAskedFor(work[index].item, on: side),
      let base = work[index].item.base, let stub = work[index].handles[side]?.uid,
      let message = work[index].handles[side.other]
    else { return }
    let isPossible =
      allows(.new, on: side) && (mode == .map || mayRenumber)
      && !givenUp[side.other].contains(message)
    guard isPossible else {
      deferMessage(.uid(stub), on: side)
      deferMessage(message, on: side.other)
      return
    }
    work[index].stubDetails = StubDetails(
      replaced: ReplacedStub(side: side, uid: stub, flags: work[index].flags[side], row: base))
    work[index].stub = nil
    work[index].decision = .place(on: side)
    work[index].item.sides[side] = .absent
    work[index].isDropped = false
  }

  /// Flagged stubs that came about in this round: the next one fetches their messages.
  func noteFlaggedStubs() {
    for index in work.indices where isOnBothSides(index) {
      guard let side = work[index].stub, allows(.new, on: side),
        work[index].wanted[side].system.contains(.flagged),
        let uid = work[index].handles[side]?.uid, let message = work[index].handles[side.other],
        !givenUp[side.other].contains(message), mode == .map || mayRenumber
      else { continue }
      deferMessage(.uid(uid), on: side)
      changed[side] = true
    }
  }

  // MARK: Saving

  /// Makes stubs of the messages' headers and saves them.
  func saveStubs(
    _ jobs: [Job], on side: Side, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    let (stubs, rest) = try makeStubs(jobs, on: side, endpoints)
    for job in rest { work[job.index].stub = nil }
    for (job, stub) in try saveTogether(stubs, on: side, endpoints) {
      for (job, _) in try saveTogether([(job, stub)], on: side, endpoints) {
        refuse(job.index, on: side, .refused, "the server refused it")
      }
    }
    if !rest.isEmpty { try save(rest, on: side, endpoints) }
  }

  /// - Returns: also those of which no stub can be made; asked for as a whole, they tell why.
  private func makeStubs(
    _ jobs: [Job], on side: Side, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) -> ([(Job, StubMessage)], [Job]) {
    let from = side.other
    let headers = try on(from) { () throws(EndpointError) in
      try select(from, endpoints[from])
      return try endpoints[from].headers(of: jobs.compactMap { work[$0.index].handles[from] })
    }
    let parts = try parts(
      of: jobs.compactMap { work[$0.index].handles[from] }, from, endpoints[from])
    var stubs: [(Job, StubMessage)] = []
    var rest: [Job] = []
    for job in jobs {
      let size = size(of: job.index)
      if let handle = work[job.index].handles[from], let header = headers[handle] {
        let stub = StubMessage(header: header, size: size, parts: parts[handle] ?? [])
        if stub.content.size < size {
          stubs.append((job, stub))
          continue
        }
      }
      rest.append(job)
    }
    return (stubs, rest)
  }

  /// A server that does not tell of parts is no hindrance: then there is only the header.
  private func parts(
    of handles: [MessageHandle], _ side: Side, _ endpoint: any Endpoint
  ) throws(SideFailure) -> [MessageHandle: [MessagePart]] {
    let limit = min(MessagePart.textLimit, Int(clamping: policy.maxSize ?? 0))
    do throws(EndpointError) {
      return try endpoint.parts(of: handles, textLimit: limit)
    } catch {
      guard error.scope == .side else { return [:] }
      throw SideFailure(side: side, error: error)
    }
  }

  /// - Returns: those that have to be tried again, each on its own.
  private func saveTogether(
    _ stubs: [(job: Job, stub: StubMessage)], on side: Side, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) -> [(Job, StubMessage)] {
    guard !stubs.isEmpty else { return [] }
    try noteIntents(stubs.map(\.job), on: side, sizes: stubs.map(\.stub.content.size))
    let saver = try on(side) { () throws(EndpointError) in
      try select(side, endpoints[side])
      return try endpoints[side].saver()
    }
    let outcomes = try on(side) { () throws(EndpointError) in
      for (job, stub) in stubs {
        // The id of the message is none of the stub's.
        var item = saveItem(job, on: side)
        item.guid = nil
        try saver.begin(item, size: stub.content.size, form: .wire)
        try MailboxSync.write(stub.bytes, to: saver)
        try saver.end()
      }
      return try saver.commit()
    }
    var alone: [(Job, StubMessage)] = []
    for ((job, stub), outcome) in zip(stubs, outcomes) {
      if outcome == .retryAlone {
        alone.append((job, stub))
        continue
      }
      // The one that was here is gone: if it was moved, nothing but its first lines tells what it is.
      if work[job.index].item.base?.stub == side { noteStubsGone(from: side) }
      noteSaved(
        job.index, on: side, outcome, content: stub.original,
        flags: saver.kept(flagsToSave(job.index, on: side), outcome))
      noteContent(stub.content, of: job.index, on: side)
      if case .placed(let uid, _, _) = outcome { savedStubs[side].insert(uid) }
    }
    return alone
  }

  private static func write(
    _ bytes: [UInt8], to saver: any MessageSaver
  ) throws(EndpointError) {
    let result = bytes.withUnsafeBytes { buffer -> Result<Void, EndpointError> in
      do throws(EndpointError) {
        return .success(try saver.write(buffer))
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }

  /// What lies on `side` is not what lies on the other.
  func noteContent(_ content: ContentID?, of index: Int, on side: Side) {
    guard case .present(var seen) = work[index].item.sides[side] else { return }
    seen.content = content
    if let content { seen.details?.size = content.size }
    work[index].item.sides[side] = .present(seen)
  }

  // MARK: Recognising

  /// Stubs of one message are equal, on whichever sides they lie: left by runs that were cut short, one of them in either
  /// direction. Each stands for the message on the other side, neither for the other stub.
  ///
  /// - Parameter rest: what matches nothing. Where none of it is large, there is nothing that a stub may stand for.
  /// - Returns: those of the matches that are such; they are to be recognised.
  func pairsOfStubs(
    _ matches: [Pairing.Match], rest: Both<[Pairing.Candidate]>, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) -> [Pairing.Match] {
    guard let maxSize = policy.maxSize,
      Side.allCases.contains(where: { rest[$0].contains { ($0.size ?? 0) > maxSize } })
    else { return [] }
    let suspects = matches.filter { match in
      !work[match.left].item.isKnown && !work[match.right].item.isKnown
        && work[match.left].stub == nil && work[match.right].stub == nil
        && size(of: match.left) <= StubMessage.sizeLimit
    }
    guard !suspects.isEmpty else { return [] }
    let side: Side = traits.left.hasCheapContents ? .left : .right
    let handles = suspects.map { work[side == .left ? $0.left : $0.right].handles[side] }
    let headers = try on(side) { () throws(EndpointError) in
      try select(side, endpoints[side])
      return try endpoints[side].headers(of: handles.compactMap { $0 })
    }
    let parted = zip(suspects, handles).filter { _, handle in
      handle.flatMap { headers[$0] }.map { StubMark(header: $0) != nil } ?? false
    }.map(\.0)
    for match in parted {
      partedStubs.left.formUnion([work[match.left].handles.left].compactMap { $0 })
      partedStubs.right.formUnion([work[match.right].handles.right].compactMap { $0 })
    }
    return parted
  }

  /// Stubs among what arrived: left by a run whose base was lost or that was cut short, or moved by a
  /// program that gave them new names. They are told by their first line.
  ///
  /// - Returns: whether there are any.
  func recognizeStubs(_ endpoints: Both<any Endpoint>) throws(SideFailure) -> Bool {
    var isAny = false
    for side in Side.allCases {
      let suspects = work.indices.filter { isSuspect($0, on: side) }
      guard !suspects.isEmpty else { continue }
      let headers = try on(side) { () throws(EndpointError) in
        try select(side, endpoints[side])
        return try endpoints[side].headers(of: suspects.compactMap { work[$0].handles[side] })
      }
      var stubs: [Int] = []
      for index in suspects {
        guard let header = work[index].handles[side].flatMap({ headers[$0] }),
          let mark = StubMark(header: header)
        else { continue }
        work[index].stub = side
        work[index].stubDetails = mark.original.map { StubDetails(original: $0) }
        stubs.append(index)
      }
      guard !stubs.isEmpty else { continue }
      isAny = true
      var stale = Set<Int>()
      for index in stubs where try isReplaced(index, on: side) { stale.insert(index) }
      try learnContents(ofStubs: stubs.filter { !stale.contains($0) }, on: side, endpoints[side])
      if !stale.isEmpty {
        work = work.enumerated().filter { !stale.contains($0.offset) }.map(\.element)
      }
    }
    return isAny
  }

  /// By its content a stub is known where a user moves it; without that it would be taken there for a new
  /// message, and its message for expunged.
  private func learnContents(
    ofStubs stubs: [Int], on side: Side, _ endpoint: any Endpoint
  ) throws(SideFailure) {
    let unknown = stubs.filter { work[$0].item.sides[side].seen?.content == nil }
    let contents = try on(side) { () throws(EndpointError) in
      try endpoint.contents(of: unknown.compactMap { work[$0].handles[side] })
    }
    for index in unknown {
      guard let content = work[index].handles[side].flatMap({ contents[$0] }) else { continue }
      noteContent(content, of: index, on: side)
    }
  }

  /// Headers of new mail are not read from a server at every run: only where stubs may have been lost from
  /// sight, and messages they could stand for are there.
  private func isSuspect(_ index: Int, on side: Side) -> Bool {
    let item = work[index].item
    guard !item.isKnown, work[index].stub == nil, item.sides[side.other] == .absent,
      let seen = item.sides[side].seen, let size = seen.details?.size,
      size <= StubMessage.sizeLimit
    else { return false }
    if partedStubs[side].contains(seen.handle) { return true }
    if let uid = seen.handle.uid {
      if pending[side][uid] != nil { return true }
      // It was looked at before, and is not synced: a stub that was left alone, perhaps.
      if let then = record.anchors[side], uid < then.uidNext { return true }
    }
    guard policy.maxSize != nil else { return false }
    if traits[side].hasCheapContents { return true }
    // What a run that died has given another UID, or saved, or a copy of that: its message may lie in another mailbox.
    if followsUncleanEnd[side] || mayHaveStrayed[side] { return true }
    let isUncertain = record.anchors[side] == nil || hasNewValidity(side) || hasIntents[side]
    return work.contains { other in
      guard other.item.sides[side] == .absent || other.item.sides[side] == .lost,
        let seen = other.item.sides[side.other].seen
      else { return false }
      let full = seen.details?.size ?? other.item.base?.contents[side.other]?.size ?? 0
      // Copies of a stub and of its message, of which a run that died has not recorded the second.
      let isLarge = !other.item.isKnown && policy.maxSize.map { full > $0 } ?? false
      return full > size && (isUncertain || isLarge)
    }
  }

  /// A run that was cut short has saved the whole message, but did not come to record it: it takes the
  /// stub's place now.
  ///
  /// - Parameter beforeMatching: only those to which nothing that arrived on the other side is nearer, though it may be equal.
  func findFetchedMessages(
    _ endpoints: Both<any Endpoint>, beforeMatching: Bool
  ) throws(SideFailure) {
    for side in Side.allCases {
      let stubs = work.indices.filter { index in
        let item = work[index].item
        return work[index].stub == side && item.base?.contents[side.other] != nil
          && item.sides[side].seen?.handle.uid != nil && item.sides[side.other].seen != nil
          && Side.allCases.contains { work[index].flags[$0].system.contains(.flagged) }
      }
      let sizes = Set(stubs.compactMap { work[$0].item.base?.contents[side.other]?.size })
      let arrivals = work.indices.filter { index in
        let item = work[index].item
        return !item.isKnown && work[index].stub == nil && item.sides[side.other] == .absent
          && item.sides[side].seen?.details.map { sizes.contains($0.size) } ?? false
          && !(beforeMatching && hasLikeArrival(index, on: side.other))
      }
      guard !arrivals.isEmpty else { continue }
      let contents = try on(side) { () throws(EndpointError) in
        try select(side, endpoints[side])
        return try endpoints[side].contents(of: arrivals.compactMap { work[$0].handles[side] })
      }
      takePlaces(of: stubs, arrivals: arrivals, contents, on: side)
    }
  }

  /// Whether a message of the same size and date is new on a side.
  private func hasLikeArrival(_ index: Int, on side: Side) -> Bool {
    guard let details = work[index].item.sides[side.other].seen?.details else { return false }
    return work.contains { other in
      let item = other.item
      guard !item.isKnown, item.sides[side.other] == .absent,
        let like = item.sides[side].seen?.details
      else { return false }
      return like.size == details.size && like.date == details.date
    }
  }

  private func takePlaces(
    of stubs: [Int], arrivals: [Int], _ contents: [MessageHandle: ContentID], on side: Side
  ) {
    var rest = arrivals
    var gone = Set<Int>()
    for stub in stubs {
      let wanted = work[stub].item.base?.contents[side.other]
      let found = rest.firstIndex { arrival in
        work[arrival].handles[side].flatMap { contents[$0] } == wanted
          && work[arrival].item.date == work[stub].item.date
      }
      guard let found, let uid = work[stub].handles[side]?.uid, let row = work[stub].item.base
      else { continue }
      let arrival = rest.remove(at: found)
      gone.insert(arrival)
      work[stub].item.sides[side] = work[arrival].item.sides[side]
      work[stub].stub = nil
      // What was changed on the stub since it was recorded is not on the message yet.
      work[stub].stubDetails = StubDetails(
        replaced: ReplacedStub(side: side, uid: uid, flags: row.flags(on: side), row: row))
      noteContent(wanted, of: stub, on: side)
    }
    work = work.enumerated().filter { !gone.contains($0.offset) }.map(\.element)
  }
}
