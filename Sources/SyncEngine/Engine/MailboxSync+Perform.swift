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
      let isNumbered = first.kind == .renumber && traits[side].choosesUIDs
      let batchCount = isNumbered ? policy.batches.numbered : batchCount(on: side)
      var batch: [Job] = []
      var octets: UInt64 = 0
      while let job = rest.first, job.kind == first.kind, batch.count < batchCount,
        batch.isEmpty || octets < MailboxSync.batchOctets
      {
        octets += self.octets(of: job)
        batch.append(job)
        rest.removeFirst()
      }
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
      if rest.count >= batchCount { Memory.giveBack() }
    }
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

  // MARK: SAVE

  func save(
    _ jobs: [Job], on side: Side, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    let hopeful = jobs.filter { !refuseIfFull($0, on: side) }
    guard !hopeful.isEmpty else { return }
    for job in try saveTogether(hopeful, on: side, endpoints) where !refuseIfFull(job, on: side) {
      // Alone, a message that is refused once more is refused for itself, or for its keywords.
      var again = hopeful.count == 1 ? [job] : try saveTogether([job], on: side, endpoints)
      if !again.isEmpty {
        again = try saveTogether([job], on: side, endpoints, withKeywords: false)
      }
      if !again.isEmpty { refuse(job.index, on: side, .refused, "the server refused it") }
    }
  }

  /// - Parameter withKeywords: false for messages whose keywords the side may have refused them for.
  /// - Returns: those that have to be tried again, each on its own.
  private func saveTogether(
    _ jobs: [Job], on side: Side, _ endpoints: Both<any Endpoint>, withKeywords: Bool = true
  ) throws(SideFailure) -> [Job] {
    let from = side.other
    var items: [MessageHandle: SaveItem] = [:]
    var jobOfHandle: [MessageHandle: Job] = [:]
    for job in jobs {
      guard let handle = work[job.index].handles[from] else { continue }
      var item = saveItem(job, on: side)
      if !withKeywords { item.flags = FlagSet(item.flags.system) }
      items[handle] = item
      jobOfHandle[handle] = job
    }
    let handles = jobs.compactMap { work[$0.index].handles[from] }
    try noteIntents(jobs, on: side)
    try on(from) { () throws(EndpointError) in try select(from, endpoints[from]) }
    let saver = try on(side) { () throws(EndpointError) in
      try select(side, endpoints[side])
      return try endpoints[side].saver()
    }
    let transfer = Transfer(
      saver: saver, items: items,
      form: traits[side].takesStoredForm && traits[from].takesStoredForm ? .stored : .wire
    ) { [observer] octets in observer?.handle(.transferred(messages: 0, octets: octets)) }
    do {
      try endpoints[from].fetch(handles, into: transfer)
    } catch {
      throw SideFailure(side: transfer.saverError == nil ? from : side, error: error)
    }
    let outcomes = try on(side) { () throws(EndpointError) in try saver.commit() }
    // Messages copied as they lie in their files were not hashed on the way.
    let contents = try on(from) { () throws(EndpointError) in
      let unhashed = transfer.completed.filter { $0.content == nil }.map(\.handle)
      return unhashed.isEmpty ? [:] : try endpoints[from].contents(of: unhashed)
    }
    if !saver.altered.isEmpty { noteAltered(saver.altered, on: side) }
    noteSizes(transfer.completed, contents, jobOfHandle, from)
    var alone: [Job] = []
    for (completed, outcome) in zip(transfer.completed, outcomes) {
      guard let job = jobOfHandle[completed.handle] else { continue }
      if outcome == .retryAlone {
        alone.append(job)
      } else {
        let flags = items[completed.handle]?.flags ?? .empty
        noteSaved(
          job.index, on: side, outcome,
          content: completed.content ?? contents[completed.handle],
          flags: saver.kept(flags, outcome))
      }
    }
    for (handle, why) in transfer.missing {
      if let job = jobOfHandle[handle] { noteUnread(job.index, on: from, why: why) }
    }
    return alone
  }

  func noteAltered(_ uids: [UID], on side: Side) {
    say(
      side, .altered, "the server altered what it was given: \(UIDSet(uids))",
      advice:
        "these messages have octets that IMAP or the server does not allow; they stay as they are")
  }

  /// A text is taken as it comes, however long it was said to be: some servers only estimate that. But it may
  /// be damaged, and without the base it is not recognised on the other side.
  private func noteSizes(
    _ completed: [Transfer.Completed], _ contents: [MessageHandle: ContentID],
    _ jobs: [MessageHandle: Job], _ from: Side
  ) {
    let wrong = completed.filter { message in
      guard let size = (message.content ?? contents[message.handle])?.size,
        let job = jobs[message.handle],
        let told = work[job.index].item.sides[from].seen?.details?.size
      else { return false }
      return size != told
    }
    guard !wrong.isEmpty else { return }
    say(
      from, .wrongSize,
      "the text has another size than was told: \(UIDSet(wrong.compactMap(\.handle.uid).sorted()))",
      advice: "it was copied as it is: look whether it is whole")
  }

  private func say(_ side: Side, _ code: FailureCode, _ message: String, advice: String) {
    let notice = SyncFailure(
      side: side, mailbox: record.names[side], code: code, scope: .message, message: message,
      advice: advice)
    notices.append(notice)
    observer?.handle(.notice(notice))
  }

  func saveItem(_ job: Job, on side: Side) -> SaveItem {
    let index = job.index
    let item = work[index].item
    let seen = item.sides[side.other].seen
    var saved = SaveItem(
      flags: flagsToSave(index, on: side),
      date: item.date ?? InternalDate(seconds: 0),
      guid: item.base?.guid ?? seen?.details?.id,
      target: traits[side].choosesUIDs ? job.target : nil)
    saved.wasRefused = wasRefused(index, by: side)
    return saved
  }

  /// Those of the other side; of a message that takes its stub's place, what is to become of both.
  func flagsToSave(_ index: Int, on side: Side) -> FlagSet {
    work[index].stubDetails?.replaced == nil
      ? work[index].flags[side.other] : work[index].wanted[side]
  }

  func noteSaved(
    _ index: Int, on side: Side, _ outcome: PlacementOutcome, content: ContentID?, flags: FlagSet
  ) {
    if let content {
      for side in Side.allCases {
        guard case .present(var seen) = work[index].item.sides[side] else { continue }
        seen.content = content
        work[index].item.sides[side] = .present(seen)
      }
    }
    guard case .placed(let uid, let id, _) = outcome else {
      noteFailed(index, on: side, outcome)
      return
    }
    notePlaced(index, on: side, uid: uid, id: id, flags: flags)
    if !traits[side].choosesUIDs { mayBeAltered = true }
    if !flags.isEmpty { attempted[side][flags, default: UIDSet()].insert(uid) }
    counts[side].saved += 1
    observer?.handle(.transferred(messages: 1, octets: 0))
    report(side, .saved(uid))
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
      try stateAccess { () throws(StateError) in try store.commit(removed, .soon) }
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
    guard handles.count == jobs.count else { return }
    try noteIntents(jobs, on: side)
    let outcomes = try on(side) { () throws(EndpointError) in
      try select(side, endpoints[side])
      return try endpoints[side].renumber(
        handles, targets: traits[side].choosesUIDs ? targets(jobs, on: side) : [])
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
      try stateAccess { () throws(StateError) in try store.commit(changes) }
    }
  }

  // MARK: Outcomes

  private func notePlaced(
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

  private func noteFailed(_ index: Int, on side: Side, _ outcome: PlacementOutcome) {
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
