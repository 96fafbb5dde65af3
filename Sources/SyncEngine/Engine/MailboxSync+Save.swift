import IMAPClient

/// SAVE: messages that are carried from one side to the other.
extension MailboxSync {
  func save(
    _ jobs: [Job], on side: Side, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    var rest = jobs
    while true {
      let hopeful = rest.filter { !refuseIfFull($0, on: side) }
      guard !hopeful.isEmpty else { return }
      let left = try saveTogether(hopeful, on: side, endpoints)
      for job in left.alone where !refuseIfFull(job, on: side) {
        try saveAlone(job, isAgain: hopeful.count > 1, on: side, endpoints)
      }
      rest = left.unsent
    }
  }

  /// Alone, a message that is refused once more is refused for itself, or for its keywords.
  ///
  /// - Parameter isAgain: it was refused together with others.
  private func saveAlone(
    _ job: Job, isAgain: Bool, on side: Side, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    if isAgain, try saveTogether([job], on: side, endpoints).alone.isEmpty { return }
    let left = try saveTogether([job], on: side, endpoints, withKeywords: false)
    if !left.alone.isEmpty { refuse(job.index, on: side, .refused, "the server refused it") }
  }

  /// What was not done of some jobs.
  private struct Left {
    /// To be tried again, each on its own.
    var alone: [Job] = []
    /// Not sent, because the side refused what came before.
    var unsent: [Job] = []
  }

  /// Messages on their way to a side, by one saver.
  private struct Flight {
    let saver: any MessageSaver
    let transfer: Transfer
    let jobs: [MessageHandle: Job]
    let items: [MessageHandle: SaveItem]
    /// How many of the transfer's messages, and which, have been noted.
    var noted: Set<Int> = []
  }

  /// - Parameter withKeywords: false for messages whose keywords the side may have refused them for.
  private func saveTogether(
    _ jobs: [Job], on side: Side, _ endpoints: Both<any Endpoint>, withKeywords: Bool = true
  ) throws(SideFailure) -> Left {
    let from = side.other
    try noteIntents(jobs, on: side)
    try on(from) { () throws(EndpointError) in try select(from, endpoints[from]) }
    let saver = try on(side) { () throws(EndpointError) in
      try select(side, endpoints[side])
      return try endpoints[side].saver()
    }
    var flight = flight(of: jobs, on: side, saver, withKeywords: withKeywords)
    var rest = jobs.filter { work[$0.index].handles[from] != nil }[...]
    while true {
      let batch = takeBatch(of: &rest, on: side)
      do {
        try endpoints[from].fetch(
          batch.compactMap { work[$0.index].handles[from] }, into: flight.transfer)
      } catch {
        guard flight.transfer.saverError == nil else { throw SideFailure(side: side, error: error) }
        keepArrived(flight, after: error, on: side, endpoints)
        throw SideFailure(side: from, error: error)
      }
      guard !rest.isEmpty, try recordAnswered(&flight, on: side) else { break }
      if rest.count >= batchCount(on: side) { Memory.giveBack() }
    }
    return Left(alone: try land(flight, on: side, endpoints), unsent: Array(rest))
  }

  /// Where the line breaks, or a signal comes, what has come whole until then is put in its place and recorded: over a bad line
  /// a mailbox would never be finished otherwise. What broke first is told, whatever comes of this.
  private func keepArrived(
    _ flight: Flight, after error: EndpointError, on side: Side, _ endpoints: Both<any Endpoint>
  ) {
    let isCutShort = [.connectionLost, .timeout, .interrupted].contains(error.code)
    guard isCutShort, !flight.transfer.completed.isEmpty || hasIntents[side] else { return }
    var flight = flight
    let withdrawn = flight.transfer.beyondGap(of: flight.items)
    flight.noted.formUnion(withdrawn)
    do {
      let doubtful = try land(flight, on: side, endpoints, isCutShort: true, without: withdrawn)
      let indices = flight.jobs.values.map(\.index).sorted()
      try recordPlaced(indices)
      hasKeptArrived = doubtful.isEmpty
      // Nothing is under way that the next run would have to wait for, and nothing there that it does not know.
      if doubtful.isEmpty, isRecorded(indices, on: side) { try clearIntents(on: [side]) }
    } catch {
      // It comes once more.
    }
  }

  private func flight(
    of jobs: [Job], on side: Side, _ saver: any MessageSaver, withKeywords: Bool
  ) -> Flight {
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
    let transfer = Transfer(
      saver: saver, items: items,
      form: traits[side].takesStoredForm && traits[from].takesStoredForm ? .stored : .wire,
      cancellation: cancellation
    ) { [observer] octets in observer?.handle(.transferred(messages: 0, octets: octets)) }
    return Flight(saver: saver, transfer: transfer, jobs: jobOfHandle, items: items)
  }

  /// Notes and records what the side has answered, while it goes on with what else it was sent.
  ///
  /// - Returns: false if it refused something: before that was looked into, no more is sent to it.
  private func recordAnswered(_ flight: inout Flight, on side: Side) throws(SideFailure) -> Bool {
    let answered = try on(side) { () throws(EndpointError) in try flight.saver.answered() }
    guard !answered.isEmpty else { return true }
    var isRefused = false
    var placed: [(message: Transfer.Completed, outcome: PlacementOutcome)] = []
    for (position, outcome) in answered.enumerated() where !flight.noted.contains(position) {
      guard let outcome, position < flight.transfer.completed.count else { continue }
      guard case .placed = outcome else {
        isRefused = true
        continue
      }
      flight.noted.insert(position)
      placed.append((flight.transfer.completed[position], outcome))
    }
    _ = noteLanded(placed, of: flight, on: side)
    try recordPlaced(placed.compactMap { flight.jobs[$0.message.handle]?.index }, goesOn: true)
    return !isRefused
  }

  /// Waits for all answers.
  ///
  /// - Returns: those that have to be tried again, each on its own.
  private func land(
    _ flight: Flight, on side: Side, _ endpoints: Both<any Endpoint>, isCutShort: Bool = false,
    without withdrawn: Set<Int> = []
  ) throws(SideFailure) -> [Job] {
    let from = side.other
    let outcomes = try on(side) { () throws(EndpointError) in
      isCutShort
        ? try flight.saver.commitArrived(without: withdrawn) : try flight.saver.commit()
    }
    // Messages copied as they lie in their files were not hashed on the way.
    let contents = try on(from) { () throws(EndpointError) in
      let unhashed = flight.transfer.completed.filter { $0.content == nil }.map(\.handle)
      return unhashed.isEmpty ? [:] : try endpoints[from].contents(of: unhashed)
    }
    if !flight.saver.altered.isEmpty { noteAltered(flight.saver.altered, on: side) }
    var landed: [(message: Transfer.Completed, outcome: PlacementOutcome)] = []
    for (position, (message, outcome)) in zip(flight.transfer.completed, outcomes).enumerated()
    where !flight.noted.contains(position) {
      var message = message
      message.content = message.content ?? contents[message.handle]
      landed.append((message, outcome))
    }
    let alone = noteLanded(landed, of: flight, on: side)
    for (handle, why) in flight.transfer.missing {
      if let job = flight.jobs[handle] { noteUnread(job.index, on: from, why: why) }
    }
    return alone
  }

  /// - Returns: those that have to be tried again, each on its own.
  private func noteLanded(
    _ landed: [(message: Transfer.Completed, outcome: PlacementOutcome)], of flight: Flight,
    on side: Side
  ) -> [Job] {
    noteSizes(landed.map(\.message), flight.jobs, side.other)
    var alone: [Job] = []
    for (message, outcome) in landed {
      guard let job = flight.jobs[message.handle] else { continue }
      if outcome == .retryAlone {
        alone.append(job)
      } else {
        noteSaved(
          job.index, on: side, outcome, content: message.content,
          flags: flight.saver.kept(flight.items[message.handle]?.flags ?? .empty, outcome))
      }
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
    _ completed: [Transfer.Completed], _ jobs: [MessageHandle: Job], _ from: Side
  ) {
    let wrong = completed.filter { message in
      guard let size = message.content?.size, let job = jobs[message.handle],
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
}
