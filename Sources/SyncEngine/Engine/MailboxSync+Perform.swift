import IMAPClient

/// How jobs are carried out: batch by batch, each recorded before the next begins.
extension MailboxSync {
  private static let batchOctets: UInt64 = 64 << 20

  func batchCount(on side: Side) -> Int {
    traits[side].choosesUIDs ? policy.batches.forMaildir : policy.batches.forServer
  }

  /// Carries out jobs in their order, those of a kind together, and records each batch.
  ///
  /// - Parameter goesOn: more jobs for this side are to follow.
  func perform(
    _ jobs: [Job], on side: Side, _ endpoints: Both<any Endpoint>, goesOn: Bool = false
  ) throws(SideFailure) {
    guard !jobs.isEmpty else { return }
    changed[side] = true
    var rest = jobs[...]
    while let first = rest.first {
      let batch = takeBatch(of: &rest, on: side, asLongAsMayBe: true)
      switch first.kind {
      case .save:
        try noteIntents(batch, before: rest, on: side)
        try save(batch, on: side, endpoints)
      case .stub: try saveStubs(batch, on: side, endpoints)
      case .copy(let mailbox, let moving):
        try copy(batch, on: side, from: mailbox, moving: moving, endpoints)
      case .renumber: try renumber(batch, on: side, endpoints)
      }
      try recordPlaced(batch.map(\.index), goesOn: goesOn || !rest.isEmpty)
      try replaceStubs(of: batch.map(\.index), endpoints)
      if rest.count >= batchCount(on: side) { Memory.giveBack() }
    }
  }

  /// Takes jobs of one kind from the front, as many as are carried out before what was done is recorded.
  ///
  /// - Parameter asLongAsMayBe: of messages for a server, all that are noted as intended: what it has answered is recorded
  ///   while they are sent (``saveTogether(_:on:_:withKeywords:)``).
  func takeBatch(
    of rest: inout ArraySlice<Job>, on side: Side, asLongAsMayBe: Bool = false
  ) -> [Job] {
    guard let kind = rest.first?.kind else { return [] }
    let isNumbered = kind == .renumber && traits[side].choosesUIDs
    var limit = isNumbered ? policy.batches.numbered : batchCount(on: side)
    let isLong = asLongAsMayBe && kind == .save && traits[side].settlesSlowly
    if isLong { limit = max(limit, policy.batches.intended) }
    var batch: [Job] = []
    var octets: UInt64 = 0
    while let job = rest.first, job.kind == kind, batch.count < limit,
      batch.isEmpty || isLong || octets < MailboxSync.batchOctets
    {
      // A server may say any number.
      octets += min(self.octets(of: job), MailboxSync.batchOctets)
      batch.append(job)
      rest.removeFirst()
    }
    return batch
  }

  /// What crosses the wire, or is written, for a job.
  private func octets(of job: Job) -> UInt64 {
    switch job.kind {
    case .renumber: 0
    case .stub: UInt64(StubMessage.headerLimit)
    case .save, .copy: size(of: job.index)
    }
  }

  func size(of index: Int) -> UInt64 {
    let item = work[index].item
    // A stub's size is not that of its message.
    for side in Side.allCases where side != item.base?.stub {
      if let size = item.sides[side].seen?.details?.size ?? item.base?.contents[side]?.size {
        return size
      }
    }
    return 0
  }

  /// What it has on a side, or had when it was recorded: there it may be a stub, or what a server made of it.
  func size(of index: Int, on side: Side) -> UInt64? {
    let item = work[index].item
    return item.sides[side].seen?.details?.size ?? item.base?.contents[side]?.size
  }

  // MARK: COPY and MOVE

  private func copy(
    _ jobs: [Job], on side: Side, from mailbox: MailboxName, moving: Bool,
    _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    let sources = jobs.compactMap { work[$0.index].source }
    guard sources.count == jobs.count else { return }
    try noteIntents(jobs, on: side)
    let outcomes = try on(side) { () throws(EndpointError) in
      try select(side, endpoints[side])
      if let validity = sources.first?.uidValidity { endpoints[side].expect(validity, of: mailbox) }
      return try endpoints[side].copy(
        sources.map(\.uid), from: mailbox, moving: moving,
        targets: traits[side].choosesUIDs ? targets(jobs, on: side) : [])
    }
    var removed: [StateChange] = []
    // It may be one that the server altered when it was sent there.
    if !traits[side].choosesUIDs { mayBeAltered = true }
    for ((job, source), outcome) in zip(zip(jobs, sources), outcomes) {
      guard case .placed(let uid, let id, let movedAway) = outcome else {
        if outcome == .gone { goneSources[source.record.id] = source.uid }
        noteFailed(job.index, on: side, outcome)
        continue
      }
      notePlaced(
        job.index, on: side, uid: uid, id: id ?? source.record.ids[side], flags: source.flags)
      if work[job.index].stub != nil {
        noteContent(source.record.contents[side], of: job.index, on: side)
      }
      noteAttempt(source.flags, UIDSet(uid), on: side)
      counts[side].copied += 1
      report(side, moving ? .moved(uid, from: mailbox) : .copied(uid, from: mailbox))
      if movedAway {
        work[job.index].fulfils?.outcome = .moved
        removed.append(.removeMessage(source.record.id))
      }
    }
    // The new place is recorded before the old one is forgotten.
    try recordPlaced(jobs.map(\.index))
    if !removed.isEmpty {
      try stateAccess { () throws(StateError) in try commit(removed, .soon) }
    }
  }

  private func targets(_ jobs: [Job], on side: Side) -> [UID] {
    var next: UID? = anchors[side].uidNext
    return jobs.map { job in
      let target = job.target ?? next ?? .last
      next = target.next
      return target
    }
  }

  // MARK: RENUMBER

  private func renumber(
    _ jobs: [Job], on side: Side, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    let handles = jobs.compactMap { work[$0.index].handles[side] }
    guard handles.count == jobs.count, traits[side].choosesUIDs || !isRenumberingRefused else {
      return
    }
    try noteIntents(jobs, on: side)
    let outcomes: [PlacementOutcome]
    do {
      outcomes = try on(side) { () throws(EndpointError) in
        try select(side, endpoints[side])
        return try endpoints[side].renumber(
          handles, targets: traits[side].choosesUIDs ? targets(jobs, on: side) : [])
      }
    } catch {
      try noteRenumberingRefused(error)
      return
    }
    var changes: [StateChange] = []
    for ((job, handle), outcome) in zip(zip(jobs, handles), outcomes) {
      guard case .placed(let uid, let id, _) = outcome else {
        if outcome == .gone { try noteStray(job.index, on: side) }
        noteFailed(job.index, on: side, outcome)
        continue
      }
      notePlaced(
        job.index, on: side, uid: uid, id: id, flags: work[job.index].flags[side])
      if let note = noteRenumberedStub(job.index, on: side, uid) { changes.append(note) }
      // A file that had no number yet did not get another one.
      guard let old = handle.uid else { continue }
      counts[side].renumbered += 1
      report(side, .renumbered(from: old, to: uid))
    }
    if !changes.isEmpty {
      try stateAccess { () throws(StateError) in try commit(changes) }
    }
  }

  // MARK: Outcomes

  func notePlaced(
    _ index: Int, on side: Side, uid: UID, id: GlobalUID?, flags given: FlagSet
  ) {
    let flags = given.subtracting(unkept(given, on: side))
    if case .present(var seen) = work[index].item.sides[side] {
      seen.handle = .uid(uid)
      seen.flags = flags
      work[index].item.sides[side] = .present(seen)
    } else {
      let other = work[index].item.sides[side.other].seen
      var details = other?.details
      details?.id = id
      if let date = work[index].item.date { details?.date = date }
      // It was saved with the date that the base has.
      if side == .right { work[index].item.base?.rightDate = nil }
      // What lay here before had another id; by that a move of this one would not be known.
      work[index].item.base?.ids[side] = id
      work[index].item.sides[side] = .present(
        Seen(handle: .uid(uid), flags: flags, details: details, content: other?.content))
    }
    work[index].isFresh[side] = true
    noteGiven(uid, on: side)
  }

  func noteFailed(_ index: Int, on side: Side, _ outcome: PlacementOutcome) {
    work[index].isDropped = true
    switch outcome {
    case .refused(let code, let text):
      refuse(index, on: side, code, text)
    case .gone, .targetTaken, .retryAlone, .placed:
      // Someone else was there in between.
      work[index].fulfils?.outcome = .failed
      retry(index)
    }
  }
}
