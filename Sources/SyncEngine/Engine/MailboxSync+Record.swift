import IMAPClient

/// Step 8: what both sides have been seen or made to hold is written to the base; never what was only
/// intended, save for the notes that ``noteIntents(_:on:)`` leaves for a run after an unclean end.
extension MailboxSync {
  /// Records messages that lie on both sides now.
  ///
  /// - Parameter goesOn: others are to be placed next: what may take its time is written down meanwhile.
  func recordPlaced(_ indices: [Int], goesOn: Bool = false) throws(SideFailure) {
    // One that is not written down is found again by its content, unless a server altered it; and a UID that has
    // changed without the base knowing could change once more.
    var durability: Durability = !mayBeAltered ? .soon : goesOn ? .behind : .now
    var isAny = false
    for start in stride(from: 0, to: indices.count, by: MailboxSync.rowsAtATime) {
      let end = min(start + MailboxSync.rowsAtATime, indices.count)
      try recordPart(indices[start..<end], &durability, &isAny, isLast: end == indices.count)
    }
  }

  /// Rows are large: where all messages of a mailbox are found to be on both sides, no more are made at a time.
  private static let rowsAtATime = 2000

  /// - Parameters:
  ///   - durability: of all parts; it is seen to with the last one.
  ///   - isAny: whether anything was written down, in this or an earlier part.
  private func recordPart(
    _ indices: ArraySlice<Int>, _ durability: inout Durability, _ isAny: inout Bool, isLast: Bool
  ) throws(SideFailure) {
    try stateAccess { () throws(StateError) in
      var changes: [StateChange] = []
      for index in indices {
        guard let row = try self.row(index), row != work[index].item.base || !work[index].isRecorded
        else { continue }
        if !work[index].item.isKnown || !work[index].isRecorded { hasLearned = true }
        if let base = work[index].item.base, base.uids != row.uids { durability = .now }
        work[index].item.base = row
        work[index].isRecorded = true
        changes.append(.putMessage(row))
        if let note = noteReplaced(index, row) { changes.append(note) }
      }
      if !changes.isEmpty, let note = noteUnproven() { changes.append(note) }
      isAny = isAny || !changes.isEmpty
      guard isLast ? isAny : !changes.isEmpty else { return }
      try commit(changes, isLast ? durability : .soon)
      if isLast { mayBeAltered = false }
    }
    for index in indices where isSettled(index) { work[index].release() }
  }

  /// Whether all of these that lie on `side` were recorded by ``recordPlaced(_:goesOn:)``; one of which nothing is left to be done
  /// has been released.
  func isRecorded(_ indices: [Int], on side: Side) -> Bool {
    indices.allSatisfy { work[$0].handles[side] == nil || isOnBothSides($0) }
  }

  /// Whether nothing is left to be done about a message that was placed and recorded.
  private func isSettled(_ index: Int) -> Bool {
    let item = work[index]
    guard isOnBothSides(index), item.isRecorded, item.stub == nil, item.fulfils == nil,
      item.claim == nil, item.stubDetails == nil,
      item.flags == item.wanted, item.item.base?.flags == agreedFlags(index)
    else { return false }
    return mode == .map || item.uids.left == item.uids.right
  }

  private func row(_ index: Int) throws(StateError) -> MessageRecord? {
    guard let left = work[index].uids.left, let right = work[index].uids.right else { return nil }
    return try row(index, under: Both(left: left, right: right))
  }

  func row(_ index: Int, under uids: Both<UID>) throws(StateError) -> MessageRecord {
    let work = self.work[index]
    let seen = work.item.sides.map(\.seen)
    if var row = work.item.base {
      row.uids = uids
      for side in Side.allCases {
        row.ids[side] = seen[side]?.details?.id ?? row.ids[side]
        row.contents[side] = seen[side]?.content ?? row.contents[side]
      }
      row.date = seen.left?.details?.date ?? row.date
      if let right = seen.right?.details?.date {
        row.rightDate = right == row.date ? nil : right
      }
      row.stub = work.stub
      return row
    }
    let content = seen.left?.content ?? seen.right?.content
    // Where one side has a stub, nothing that is known of it holds for the other.
    let first: Side = work.stub == .left ? .right : .left
    let shared = work.stub == nil ? content ?? work.source?.record.contents.left : nil
    let id = try store.newMessageID()
    return MessageRecord(
      id: id, mailbox: record.id, uids: uids,
      guid: work.source?.record.guid ?? seen[first]?.details?.id ?? seen[first.other]?.details?.id
        ?? content?.digest
        ?? GlobalUID(
          high: UInt64(bitPattern: record.id.rawValue), low: UInt64(bitPattern: id.rawValue)),
      ids: seen.map { $0?.details?.id },
      contents: Both { side in
        seen[side]?.content ?? shared
          ?? (work.stub == nil ? nil : work.source?.record.contents[side])
      },
      flags: FlagMerge.base(
        leadingTo: goal(work), left: work.flags.left, right: work.flags.right),
      date: work.item.date ?? InternalDate(seconds: 0), rightDate: otherDate(seen),
      stub: work.stub)
  }

  /// The right side's received date, if it is another than the left one's.
  private func otherDate(_ seen: Both<Seen?>) -> InternalDate? {
    guard let left = seen.left?.details?.date, let right = seen.right?.details?.date else {
      return nil
    }
    return left == right ? nil : right
  }

  private func goal(_ work: ItemWork) -> FlagSet {
    if case .agree(let flags, _) = work.decision { return flags }
    return work.wanted.left
  }

  func recordFlags() throws(SideFailure) {
    var changes: [StateChange] = []
    var stored = Both<[FlagSet: [UID]]>(left: [:], right: [:])
    for index in work.indices where isOnBothSides(index) {
      guard var row = work[index].item.base else { continue }
      row.flags = agreedFlags(index)
      row.lacking = row.lacking.map { $0.intersection(row.flags) }
      guard row != work[index].item.base || row.lacking != .init(left: .empty, right: .empty) else {
        continue
      }
      // Of what was placed in this round more may be new than its flags.
      let isFresh = work[index].isFresh.left || work[index].isFresh.right
      let isRecorded = work[index].isRecorded && !isFresh
      work[index].item.base = row
      changes.append(isRecorded ? .putFlags(row.id, row.flags, row.lacking) : .putMessage(row))
      guard isRecorded, isAsRecorded(work[index]) else { continue }
      for side in Side.allCases { stored[side][row.flags, default: []].append(row.uids[side]) }
    }
    storedFlags = stored.map { $0.mapValues { UIDSet($0) } }
    guard !changes.isEmpty else { return }
    if let note = noteUnproven() { changes.append(note) }
    try stateAccess { () throws(StateError) in try commit(changes, .soon) }
  }

  /// Whether nothing has to be done about a message as long as its flags stay as they are.
  private func isAsRecorded(_ work: ItemWork) -> Bool {
    guard let base = work.item.base, work.stub == nil, base.stub == nil,
      base.lacking == Both(left: .empty, right: .empty)
    else { return false }
    return work.flags == Both(left: base.flags, right: base.flags)
      && work.uids == Both(left: base.uids.left, right: base.uids.right)
      && (mode == .map || base.uids.left == base.uids.right)
  }

  // MARK: Intents

  /// Notes the messages of a batch that are to be saved, and those of the following ones.
  func noteIntents(
    _ batch: [Job], before rest: ArraySlice<Job>, on side: Side
  ) throws(SideFailure) {
    guard traits[side].settlesSlowly, batch.contains(where: { !work[$0.index].isIntended[side] })
    else { return }
    let following = rest.prefix(max(0, policy.batches.intended - batch.count))
      .prefix { $0.kind == .save }
    try noteIntents(batch + following, on: side)
  }

  /// The same for messages that are to get new UIDs on both sides, as far as they are to be saved.
  func noteIntents(
    _ batch: [Job], before fresh: ArraySlice<Int>, on side: Side
  ) throws(SideFailure) {
    guard traits[side].settlesSlowly, batch.contains(where: { !work[$0.index].isIntended[side] })
    else { return }
    let following = fresh.prefix(policy.batches.intended).lazy.compactMap {
      self.job($0, on: side, target: nil)
    }.filter { $0.kind == .save }
    try noteIntents(batch, before: Array(following)[...], on: side)
  }

  /// Notes what is about to be saved on a side whose server may go on without us: design.md §6.
  ///
  /// - Parameter sizes: where they are not those of the messages.
  func noteIntents(
    _ jobs: [Job], on side: Side, sizes: [UInt64]? = nil
  ) throws(SideFailure) {
    guard traits[side].settlesSlowly else { return }
    var changes: [StateChange] = []
    for (number, job) in jobs.enumerated()
    where job.kind != .save || !work[job.index].isIntended[side] {
      work[job.index].isIntended[side] = true
      let isCopied = job.kind == .renumber && traits[side].renumbersByCopy
      let item = work[job.index].item
      // The copy is what its original is on this side.
      let date = isCopied ? item.date(on: side) : item.date
      let ownSize = isCopied ? size(of: job.index, on: side) : nil
      changes.append(
        .putIntent(
          Intent(
            mailbox: record.id, side: side, size: sizes?[number] ?? ownSize ?? size(of: job.index),
            date: date ?? InternalDate(seconds: 0),
            uidNext: anchors[side].uidNext,
            original: isCopied ? work[job.index].handles[side]?.uid : nil)))
    }
    guard !changes.isEmpty else { return }
    hasIntents[side] = true
    try stateAccess { () throws(StateError) in try commit(changes) }
  }

  func clearIntents(on sides: [Side] = Side.allCases) throws(SideFailure) {
    // What was saved and could not be recorded yet, a run that follows one which dies now has to know of.
    let sides = sides.filter { hasIntents[$0] && strays[$0].isEmpty }
    guard !sides.isEmpty else { return }
    let changes = sides.flatMap { side in
      [StateChange.clearIntents(record.id, side)] + keptIntents[side].map { .putIntent($0) }
    }
    for side in sides { hasIntents[side] = false }
    try stateAccess { () throws(StateError) in try commit(changes, .soon) }
  }

  /// A refusal is no unclean end: where a side has handed out no UID but those that this run knows of, nothing else
  /// was done, nor is it under way. A copy that a user makes there afterwards is not one that was meant to take its
  /// original's place.
  func takeBackIntents(_ endpoints: Both<any Endpoint>) throws(SideFailure) {
    for side in Side.allCases where hasIntents[side] && savedBefore[side] == nil {
      let now = try on(side) { () throws(EndpointError) in
        try endpoints[side].open(
          fullNames[side],
          OpenRequest(since: record.anchors[side], detailsFrom: anchors[side].uidNext))
      }.anchor
      guard now.uidValidity == anchors[side].uidValidity, now.uidNext == anchors[side].uidNext
      else { continue }
      hasIntents[side] = false
      try stateAccess { () throws(StateError) in try commit([.clearIntents(record.id, side)])
      }
    }
  }

  // MARK: The end of a round

  /// Records how far the sides have been read.
  ///
  /// - Returns: whether they have to be looked at once more, because this round changed something.
  func finishRound() throws(SideFailure) -> Bool {
    try clearIntents()
    for side in Side.allCases { record.anchors[side] = finishedAnchor(side) }
    hasDroppedStamp = Both(left: false, right: false)
    keepRecordedStamps()
    settleUnproven()
    let mayHoldStubCopies = record.mayHoldStubCopies
    record.selection = MailboxSync.selection(of: policy)
    for side in Side.allCases where mayHoldStubCopies[side] && !looked[side] {
      record.mayHoldStubCopies[side] = true
    }
    let isChanged = changed.left || changed.right
    if mode == .mirror, !isChanged, anchors.left.uidNext == anchors.right.uidNext,
      !isReopened(.left), !isReopened(.right),
      !work.indices.contains(where: { isOnBothSidesUnlike($0) })
    {
      record.agreedNext = anchors.left.uidNext
    }
    var changes = pendingChanges()
    if record != storedRecord {
      changes.append(.putMailbox(record))
      storedRecord = record
    }
    if !changes.isEmpty {
      try stateAccess { () throws(StateError) in try commit(changes, .soon) }
    }
    messageCount = nil
    needsLook = changed
    for side in Side.allCases { isContinued[side] = isContinued[side] && hasOnlyDealtWith(side) }
    if isChanged { roundsWorked += 1 }
    return isChanged
  }

  /// How far a side has been read when the round ends.
  func finishedAnchor(_ side: Side) -> Anchor? {
    guard looked[side] else {
      var anchor = record.anchors[side]
      if hasDroppedStamp[side] { anchor?.stamp = changed[side] ? nil : anchors[side].stamp }
      return anchor
    }
    var anchor = observed[side]
    // Messages that lack their numbers have still to be looked at.
    let isReopened = observedLowest[side] < anchor.uidNext
    if changed[side] || isReopened || anchors[side].stamp == nil { anchor.stamp = nil }
    anchor.uidNext = observedLowest[side]
    return anchor
  }

  /// Whether nothing was done on a side in this round but to store flags, to put messages there and to expunge what the base does not
  /// know any more, and nothing of what was seen there is left over. One that was not looked at stands where all was known.
  func hasOnlyDealtWith(_ side: Side) -> Bool {
    (looked[side] || anchors[side].stamp != nil) && isTrusted(side) && !isReopened(side)
      && doubted[side].isEmpty && policy.since == nil && policy.maxSize == nil && failures.isEmpty
      && givenUp[side].isEmpty
      && work.indices.allSatisfy { index in
        if work[index].isReleased { return true }
        return switch work[index].decision {
        case .agree: work[index].item.isKnown && work[index].stub == nil
        case .expunge: work[index].isExpunged && work[index].claim == nil
        case .place, .forget: false
        }
      }
  }

  private func isOnBothSidesUnlike(_ index: Int) -> Bool {
    guard let left = work[index].uids.left, let right = work[index].uids.right else { return false }
    return left != right
  }

  private func pendingChanges() -> [StateChange] {
    var changes: [StateChange] = []
    for side in Side.allCases {
      var wanted =
        looked[side] ? [:] : pending[side].filter { !restored[side].contains($0.key) }
      restored[side] = []
      wanted.merge(deferred[side]) { _, new in new }
      for (uid, message) in wanted where pending[side][uid] != message {
        changes.append(.putPending(message))
      }
      for uid in pending[side].keys where wanted[uid] == nil {
        changes.append(.removePending(record.id, side, uid))
      }
      pending[side] = wanted
    }
    return changes
  }

  /// To be called before anything is expunged: what makes up for it has to be known to the next run, too.
  func settleRecords() throws(SideFailure) {
    try stateAccess { () throws(StateError) in try store.flush() }
  }
}
