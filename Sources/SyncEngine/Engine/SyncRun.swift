import IMAPClient

/// One run of one pair.
///
/// Data flows one way: list both sides → settle the mailboxes → for each mailbox load both deltas → merge
/// → apply → record; and all mailboxes go through each step together, so that every copy is made before
/// the first expunge (design.md §4).
public final class SyncRun {
  let pair: String
  let policy: Policy
  let store: any StateStore
  let observer: (any SyncObserver)?
  let lanes: Lanes
  let cancellation: Cancellation
  let connectionNames: Both<String>
  /// Lets so many milliseconds pass.
  let pause: @Sendable (UInt32) -> Void
  private let closing: ((SyncReport) -> [StateChange])?
  var report = SyncReport()
  var mailboxes: [MailboxSync] = []
  /// Mailboxes that are there on one side at least and could not even be prepared.
  var unprepared: [MailboxSync] = []
  /// Mailboxes that this run is not to create or to rename: one that may do so syncs them.
  var leftOut: [MailboxSync] = []
  /// No expunge anywhere, because a store is not what it was.
  var refusesExpunges = false
  var generatedMark: String?
  /// What came of the mailboxes that were made all at once, by their names on the side.
  var made: Both<[MailboxName: EndpointError?]>?
  /// Sides on which mailboxes were created.
  var createdMailboxes: Set<Side> = []

  /// After so many rounds a mailbox that others keep changing is left to the next run.
  static let roundLimit = 6

  /// - Parameters:
  ///   - pair: its name, for the marks left in stores.
  ///   - pause: lets so many milliseconds pass, while a server settles.
  ///   - closing: what is to be recorded of the run itself, together with the last that it did.
  public init(
    pair: String, policy: Policy, factories: Both<any EndpointFactory>, store: any StateStore,
    observer: (any SyncObserver)? = nil, cancellation: Cancellation = Cancellation(),
    pause: (@Sendable (UInt32) -> Void)? = nil,
    closing: ((SyncReport) -> [StateChange])? = nil
  ) {
    self.pair = pair
    self.policy = policy
    self.store = store
    self.observer = observer
    self.cancellation = cancellation
    self.pause = pause ?? { Pause.milliseconds($0) }
    self.closing = closing
    connectionNames = factories.map(\.name)
    lanes = Lanes(factories: factories, jobs: policy.jobs, cancellation: cancellation)
  }

  /// Never throws: what went wrong is in the report.
  public func run() -> SyncReport {
    do {
      try carryOut()
    } catch {
      // The password was being asked for, or a command had to find it, when the signal came.
      let isStopped = cancellation.isRequested && error.error.code == .auth
      let cause = isStopped ? EndpointError.interrupted : error.error
      note(cause, side: cause.code == .interrupted ? nil : error.side)
    }
    finish()
    // While the disk is waited for.
    let farewell = Promise { [lanes] in lanes.disconnect() }
    if policy.jobs > 1 { farewell.start() }
    if !policy.isDryRun { close() }
    farewell.finish()
    report.traffic = lanes.traffic
    return report
  }

  /// What was done is recorded also if the run failed.
  private func close() {
    do {
      try stateAccess { () throws(StateError) in
        try store.commit(closing?(report) ?? [], .now)
      }
    } catch {
      // A base that fails has most often said so before.
      guard !report.failures.contains(where: { $0.code == error.error.code }) else { return }
      note(error.error, side: nil)
      report.result = result(of: report.failures)
    }
  }

  private func carryOut() throws(SideFailure) {
    try stateAccess { () throws(StateError) in try store.expectQuestions() }
    let known = Once { [store] in Result { () throws(StateError) in try store.mailboxes() } }
    let listings = try lanes.connect { [self] (side, endpoint) throws(EndpointError) in
      let records = (try? known.value.get()) ?? []
      let listing = try endpoint.list(withIDs: SyncRun.lacksIDs(records, on: side))
      lookAhead(side, endpoint, listing, records)
      return listing
    }
    let records = try stateAccess { () throws(StateError) in try known.value.get() }
    let endpoints = try lanes.first()
    guard try checkStores(endpoints, records) else { return }
    var tree = try settleMailboxes(endpoints, records, listings)
    try prepare(&tree, endpoints)
    report.hasLooked = !tree.entries.isEmpty
    observer?.handle(.mailboxesToSync(mailboxes.count))
    try syncMailboxes()
    try deleteMailboxes(tree, endpoints)
    if !policy.isDryRun {
      try recordIDsOfCreated(endpoints)
      try leaveMarks(endpoints)
    }
  }

  private func syncMailboxes() throws(SideFailure) {
    var active = mailboxes
    for round in 1...SyncRun.roundLimit where !active.isEmpty {
      try lanes.run(active, ahead: MailboxSync.lookAhead) {
        mailbox, endpoints throws(SideFailure) in
        mailbox.tellBegun()
        try mailbox.load(endpoints)
        try mailbox.pair(endpoints)
      }
      active.removeAll(where: \.isBroken)
      for mailbox in active { mailbox.isLaterRound = round > 1 }
      try findSources(active)
      let busy = active.filter { $0.plan() }
      applyGuards(active)
      if policy.isDryRun {
        for mailbox in active { mailbox.countPlanned() }
        return
      }
      announceWork(active, busy: busy)
      try noteStubCopies(active)
      try lanes.run(busy, ahead: MailboxSync.fetchAhead) {
        mailbox, endpoints throws(SideFailure) in
        try mailbox.begin()
        try mailbox.place(endpoints)
        mailbox.tellDone()
      }
      for mailbox in busy { mailbox.isAlone = busy.count == 1 }
      // Not before every copy is made: a copy has the flags that its original has at that moment.
      try lanes.run(busy.filter { !$0.isBroken }) { mailbox, endpoints throws(SideFailure) in
        try mailbox.storeFlags(endpoints)
      }
      for mailbox in active where mailbox.isBroken { try mailbox.keepStubs() }
      try lanes.run(active.filter { !$0.isBroken }) { mailbox, endpoints throws(SideFailure) in
        try mailbox.expunge(endpoints)
      }
      active = try finishRound(active)
      Memory.giveBack()
      report.rounds = round
    }
    for mailbox in active where !mailbox.isBroken {
      mailbox.noteFailure(
        EndpointError(
          .mailbox, .interrupted, "it keeps changing while it is synced",
          advice: "the next run carries on"), on: nil)
    }
  }

  /// - Returns: the mailboxes that need another round.
  private func finishRound(_ active: [MailboxSync]) throws(SideFailure) -> [MailboxSync] {
    markMovedFrom(active)
    let hasLearned = active.contains(where: \.hasLearned)
    let isWhole = self.isWhole
    var again: [MailboxSync] = []
    for mailbox in active where !mailbox.isBroken {
      try mailbox.finishOrphans(hasLearned: hasLearned, isWhole: isWhole)
      if try mailbox.finishRound() {
        again.append(mailbox)
      } else {
        mailbox.tellDone()
      }
    }
    return try addingChanged(again, after: active)
  }

  /// Whether all that there is in the mailboxes selected is, or will be, recorded by this run.
  private var isWhole: Bool {
    policy.changes == .both && policy.kinds == .all && !refusesExpunges && unprepared.isEmpty
      && leftOut.isEmpty
      && !mailboxes.contains { $0.mayLackMessages || $0.readOnly.left || $0.readOnly.right }
  }

  /// A message moved away by another mailbox's step changed its old mailbox too.
  private func markMovedFrom(_ active: [MailboxSync]) {
    for mailbox in active {
      for index in mailbox.work.indices {
        guard let claim = mailbox.work[index].claim, claim.outcome == .moved else { continue }
        mailbox.changed[claim.side] = true
      }
    }
  }

  /// Tells how much there is to send, and which mailboxes have nothing.
  private func announceWork(_ active: [MailboxSync], busy: [MailboxSync]) {
    let ids = Set(busy.map(\.record.id))
    for mailbox in active where !mailbox.isBroken {
      if ids.contains(mailbox.record.id) {
        mailbox.announceTransfers()
      } else {
        mailbox.tellDone()
      }
    }
  }

  private func findSources(_ active: [MailboxSync]) throws(SideFailure) {
    let endpoints = try lanes.first()
    try stateAccess { () throws(StateError) in try store.expectQuestions() }
    var known: [MailboxID: MailboxRecord] = [:]
    for mailbox in mailboxes
    where mailbox.exists.left && mailbox.exists.right && !mailbox.isBroken {
      known[mailbox.record.id] = mailbox.record
    }
    for mailbox in quiet { known[mailbox.record.id] = mailbox.record }
    var records = Both { _ in known }
    for (record, side) in doomed { records[side][record.id] = record }
    var sources = CopySources(mailboxes: active, records: records, store: store, policy: policy)
    for mailbox in active { try sources.admitLater(of: mailbox) }
    let isMovedOnBoth = Side.allCases.allSatisfy { sources.hasVanished(on: $0) }
    for m in active.indices {
      if isMovedOnBoth {
        active[m].takeAllSettled()
        try sources.partTwins(in: m)
      }
      for side in Side.allCases {
        do {
          try sources.admit(in: m, side: side, endpoint: endpoints[side])
          try sources.find(in: m, side: side, endpoint: endpoints[side])
        } catch  where error.error.scope == .side {
          throw error
        } catch {
          active[m].noteFailure(error)
        }
      }
    }
    try holdBackStranded(&sources, endpoints)
  }

  /// Mailboxes with nothing to do, whose messages may be copied from.
  var quiet: [MailboxSync] = []
  /// Mailboxes that are to be deleted on the side that still has them, when what was moved out of them is copied.
  var doomed: [(record: MailboxRecord, side: Side)] = []
  /// The full names of what either side listed when the mailboxes were settled.
  var knownAtStart: Both<Set<MailboxName>> = Both(left: [], right: [])

  // MARK: Guards

  private func applyGuards(_ active: [MailboxSync]) {
    if refusesExpunges { for mailbox in active { mailbox.keepForgotten() } }
    for side in Side.allCases {
      if refusesExpunges {
        for mailbox in active where !mailbox.plannedExpunges(on: side).isEmpty {
          mailbox.refuseExpunges(
            on: side, "nothing is expunged, because the other side is not the store it was",
            advice: "if that is right, run once with --force")
        }
        continue
      }
      guard !policy.isForced else { continue }
      for mailbox in active { applyGuard(mailbox, side) }
      applyGuardToAll(active, side)
    }
  }

  private func applyGuard(_ mailbox: MailboxSync, _ side: Side) {
    let expunges = mailbox.plannedExpunges(on: side).count
    guard expunges > 0 else { return }
    // Counting takes some time of its own in a large mailbox.
    let enough = Guard.known(allowing: expunges, limit: policy.maxExpunge)
    guard
      Guard.refuses(
        expunges: expunges, known: mailbox.knownCount(atMost: enough), limit: policy.maxExpunge)
    else { return }
    let known = mailbox.knownCount
    mailbox.refuseExpunges(
      on: side,
      "\(expunges) of \(known) messages are gone on the \(side.other) side; they were not expunged here",
      advice: "if that is right, run once with --force, or raise max-expunge")
  }

  private func applyGuardToAll(_ active: [MailboxSync], _ side: Side) {
    let expunges = active.reduce(0) { $0 + $1.plannedExpunges(on: side).count }
    guard expunges > 10 else { return }
    // More than are expunged are enough.
    let known = (active + quiet).reduce(0) { known, mailbox in
      known > expunges ? known : known + mailbox.knownCount(atMost: expunges + 1 - known)
    }
    guard Guard.refusesWholeSide(expunges: expunges, known: known, limit: policy.maxExpunge) else {
      return
    }
    for mailbox in active where !mailbox.plannedExpunges(on: side).isEmpty {
      mailbox.refuseExpunges(
        on: side, "every message is gone on the \(side.other) side; none was expunged here",
        advice: "if that is right, run once with --force")
    }
  }

  // MARK: The report

  func note(_ error: EndpointError, side: Side?, mailbox: MailboxName? = nil) {
    report.failures.append(
      SyncFailure(
        side: side, mailbox: mailbox, code: error.code, scope: error.scope,
        message: error.message, advice: error.advice))
  }

  /// Once, however often the sides are listed.
  func tell(_ notice: SyncFailure) {
    guard !report.notices.contains(notice) else { return }
    report.notices.append(notice)
    observer?.handle(.notice(notice))
  }

  private func finish() {
    report.traffic = lanes.traffic
    for mailbox in mailboxes {
      report.failures += mailbox.failures
      report.laterParts += mailbox.laterParts
      report.laterHalves += mailbox.laterHalves
      report.settledParts += mailbox.settledParts
      report.notices += mailbox.notices
      for side in Side.allCases {
        report.counts[side] = report.counts[side] + mailbox.counts[side]
      }
      let isQuiet =
        mailbox.counts.left.isEmpty && mailbox.counts.right.isEmpty && mailbox.failures.isEmpty
      if isQuiet, mailbox.roundsWorked == 0 { continue }
      report.mailboxes.append(
        MailboxReport(
          name: mailbox.record.names.left, result: result(of: mailbox.failures),
          mode: mailbox.record.mode, messages: mailbox.messageCount ?? mailbox.finalCount,
          counts: mailbox.counts))
    }
    report.result = result(of: report.failures)
  }

  private func result(of failures: [SyncFailure]) -> SyncResult {
    if failures.contains(where: { $0.scope == .side && $0.code != .guarded }) { return .failed }
    if failures.contains(where: { $0.code == .guarded }) { return .refused }
    return failures.isEmpty ? .ok : .partial
  }
}
