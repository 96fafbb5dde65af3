import IMAPClient
import SyncEngine
import TestSupport

/// What has to hold once everything is left in peace.
extension Replay {
  /// So often at most has each pair to be run until nothing is left to do: what came to one end of a chain
  /// is carried to the other by the second round at the latest, and what it was renumbered to goes back.
  private static let roundLimit = 4
  /// In a ring two changes may have to meet first.
  private static let ringLimit = 20

  func rest() {
    for server in servers { server.mount() }
    noteExpectation()
    let isQuick = history.pairs.count == 1
    for world in worlds { world.settle() }
    for server in servers { server.makeRoom() }
    let rule = FlagRule(self)
    let limit = [1, Replay.roundLimit, Replay.ringLimit][min(history.pairs.count, 3) - 1]
    var isBusy = true
    var round = 0
    while isBusy {
      round += 1
      if round > limit + 1 {
        failures.append("no rest after \(round - 1) rounds")
        return
      }
      isBusy = false
      for pair in order(round) {
        isBusy = runInPeace(pair, mustBeIdle: isQuick && round > 1) || isBusy
        if !failures.isEmpty { return }
      }
      if isQuick, !isNarrowed {
        checkLevel(rule)
        if !failures.isEmpty { return }
      }
    }
    if !isQuick, !isNarrowed { checkLevel(rule) }
    mixState()
    guard failures.isEmpty else { return }
    if isNarrowed {
      failures += ledger.losses(servers)
      return
    }
    switch history.pairs.count {
    case 1: coverage.note("rest: two replicas")
    case 2: coverage.note("rest: a chain")
    default: coverage.note("rest: a ring")
    }
    phase = Phase()
    phase.level = reference.map { SimulatedView.all($0) }
    ledger.settle(servers)
  }

  /// Another one every time: in a ring that is always gone round the same way, a change and its opposite
  /// may follow each other for ever.
  private func order(_ round: Int) -> [Int] {
    var random = SplitMix64(seed: history.seed &+ UInt64(round))
    return history.pairs.count < 3
      ? Array(history.pairs.indices) : history.pairs.indices.shuffled(using: &random)
  }

  /// - Returns: whether anything was changed.
  private func runInPeace(_ pair: Int, mustBeIdle: Bool) -> Bool {
    var isBusy = false
    worlds[pair].onStep = { [unowned self] step in
      check(at: step, pair)
      openAccount(at: step, pair)
      if step.moment == .before { noteUnselected(at: step, pair, selected(pair)) }
      guard step.moment == .before, step.changes > 0 else { return nil }
      isBusy = true
      if mustBeIdle { failures.append("second run: \(step.call)") }
      return nil
    }
    defer { worlds[pair].onStep = nil }
    concedeSpares(to: pair)
    note("run \(pair + 1) in peace")
    var policy = selected(pair)
    account = SideAccount(
      worlds[pair].servers, leavesStubs: history.wishes.hasMaxSize, bringsStubs: bringsStubs,
      exempt: phase.movedInRun,
      limit: expungeLimit)
    var report = carryOut(pair, policy)
    if report.failures.contains(where: { $0.code == .guarded }) {
      note("refused: \(report.failures.map(\.message)); again by force")
      policy.isForced = true
      account?.limit = nil
      report = carryOut(pair, policy)
    }
    note("ended \(report.result) after \(report.rounds) rounds")
    if report.rounds > 0 { noteState() }
    for failure in report.failures where ![.cannotRenumber, .keywords].contains(failure.code) {
      failures.append("run in peace: \(failure.code) \(failure.message)")
    }
    if mustBeIdle, !report.counts.left.isEmpty || !report.counts.right.isEmpty {
      failures.append("second run: \(report.counts)")
    }
    return isBusy
  }

  /// Expunges that wait for a second round, as those of stubs do, are judged in each by itself.
  private var expungeLimit: Int? {
    let wishes = history.wishes
    guard wishes.isGuarded, wishes.expunge == .none, !wishes.hasMaxSize else { return nil }
    return History.Wishes.guardedLimit
  }

  // MARK: Level

  /// One with room for all keywords, if there is any.
  var reference: SimulatedServer? {
    servers.first { $0.originalTraits.keywordLimit == .max } ?? servers.first
  }

  var hasKeywordLimit: Bool {
    history.replicas.contains { $0.keywordLimit != .max }
  }

  /// Messages of which there are stubs that may be left alone, because the message is gone, or because it
  /// was forgotten what they stand for.
  private var doubtful: Set<SimulatedMail> {
    guard history.wishes.hasMaxSize else { return [] }
    let stubs = servers.flatMap { server in
      server.mailboxes.values.flatMap { $0.messages.filter(\.isStub).map(\.origin) }
    }
    let whole = Set(servers.flatMap { $0.wholeContentCounts.keys })
    return Set(
      stubs.filter { content in
        let entry = ledger.entries[content]
        let isPlaced = ledger.hasPlacedStubs(of: content)
        // In a mailbox that was deleted on one side a stub may be all that is left.
        let isOrphaned = (isPlaced || refound.contains(content)) && entry?.all.removals ?? 0 > 0
        return hasForgotten || isOrphaned || !whole.contains(content)
      })
  }

  /// Whether stubs that are left alone lie in one of these mailboxes: then it is left, too.
  private func hasOrphans(in mailboxes: Set<MailboxName>) -> Bool {
    let doubtful = self.doubtful
    return servers.contains { server in
      mailboxes.contains { name in
        server[name]?.messages.contains { $0.isStub && doubtful.contains($0.origin) } ?? false
      }
    }
  }

  private func isSynced(_ date: InternalDate) -> Bool {
    history.wishes.since.map { RandomUser.date($0) <= date } ?? true
  }

  private func checkLevel(_ rule: FlagRule) {
    failures += watch.look(at: servers)
    for world in worlds { failures += world.misuses }
    for pair in worlds.indices { checkLevel(pair) }
    let unsynced = Set(
      servers.flatMap { SimulatedView.all($0) }
        .filter { !isSynced($0.date) || ledger.isEdited($0.content) }.map(\.content))
    failures += ledger.losses(servers) + ledger.lostEdits(servers)
    let doubtful = self.doubtful
    let outside = outsideAtRest
    failures += ledger.violations(servers, allowsMore: hasMultiplied, meets: meets) {
      !unsynced.contains($0) && !doubtful.contains($0) && !outside.contains($0)
    }
    checkGone()
    guard failures.isEmpty else { return }
    checkExpectation()
    failures += rule.violations(self)
  }

  /// Whether mailboxes of one name are one to both sides, and have been since all were level. Of several pairs each sees
  /// what another one has done; and a stub is not what it stands for.
  private var meets: Bool {
    history.pairs.count == 1 && !history.wishes.hasPrefix && !history.wishes.hasMap
      && !history.wishes.hasMaxSize && !phase.hasChangedMailboxes
  }

  /// What the base takes for a message and is a stub would be taken for the message itself once it is moved.
  private func checkStubs(_ pair: Int) {
    for record in stores[pair].mailboxes() {
      let messages = Both { side in
        worlds[pair].servers[side][policyName(record, side)]
      }
      for row in stores[pair].messages(in: record.id) {
        let isStub = Both { side in messages[side]?.message(.uid(row.uids[side]))?.isStub }
        guard let left = isStub.left, let right = isStub.right, left != right else { continue }
        let side: Side = left ? .left : .right
        if row.stub != side {
          failures.append(
            "\(record.names.left): the base does not know that \(row.uids[side]) is a stub")
        }
      }
    }
  }

  func policyName(_ record: MailboxRecord, _ side: Side) -> MailboxName {
    history.wishes.policy.fullName(record.names[side], on: side)
  }

  private func checkLevel(_ pair: Int) {
    if history.wishes.hasMaxSize { checkStubs(pair) }
    let servers = worlds[pair].servers
    let records = Dictionary(
      stores[pair].mailboxes().map { ($0.names.left, $0) }, uniquingKeysWith: { first, _ in first })
    for record in records.values {
      if let mode = record.mode { coverage.note("mode: \(mode.rawValue)") }
    }
    var tolerance = SimulatedConvergence.Tolerance()
    tolerance.ignoresDate = ignoresDate
    tolerance.ignoresKeywords = hasKeywordLimit
    let doubtful = self.doubtful
    tolerance.isSynced = { [self] in
      isSynced($0.date) && !doubtful.contains($0.origin) && !ledger.isEdited($0.origin)
    }
    if let prefix = history.wishes.policy.prefixes.right {
      tolerance.rightPrefix = prefix
      failures += SimulatedConvergence.differences(
        servers, rightName: { prefix.appending($0) }, mode: { records[$0]?.mode },
        tolerance: tolerance)
      return
    }
    if history.wishes.hasMap {
      failures += SimulatedConvergence.differences(
        servers, rightName: { records[$0]?.names.right ?? $0 }, mode: { records[$0]?.mode },
        tolerance: tolerance)
      return
    }
    failures += SimulatedConvergence.differences(
      servers, mode: { records[$0]?.mode }, tolerance: tolerance)
    failures += watch.switchSides(servers, isSynced: tolerance.isSynced) {
      records[$0]?.mode == .mirror
    }
    if !hasForgotten, servers.left.liveSubscriptions != servers.right.liveSubscriptions {
      failures.append("subscriptions differ")
    }
  }

  /// Equal messages that were born apart, or that had to be found anew, may be taken for each other
  /// whatever their dates are. (In a mailbox that was deleted and made anew under another UIDVALIDITY, what is
  /// there may as well be the old message with a new date as a twin of it that was moved there. Along a chain one that was
  /// kept on one side has arrived to the next pair, as may a twin on its other side. And of what a run that died had brought to
  /// a side nobody can tell, once its original is gone, that it did not come there by itself, as a twin did to the other
  /// side: messages that come to both sides are one, for to have both twice would be worse.)
  private func ignoresDate(_ content: SimulatedMail) -> Bool {
    ledger.isBornOnSeveralSides(content)
      || (unrecorded.contains(content) && ledger.wasBornTwice(content) && ledger.wasTaken(content))
      || ((hasForgotten || refound.contains(content)) && ledger.wasBornTwice(content))
      || ledger.hasPlacedStubs(of: content)
      || (history.pairs.count > 1 && ledger.mayBeKept(content) && ledger.wasBornTwice(content))
  }

  /// Where only one replica was changed, all are what it was.
  private func checkExpectation() {
    // A mailbox that was deleted comes back, unless the user wants it otherwise, and nothing is in it that he
    // does not want synced, or that is left alone.
    let isDeletionFollowed =
      history.wishes.delete != .none && history.wishes.since == nil
      && !hasOrphans(in: phase.deleted)
    guard !history.wishes.hasPrefix, !history.wishes.hasMap, let expected = phase.expected,
      phase.actors.count < 2,
      !phase.hasForgotten,
      !phase.hasDeletedMailbox || isDeletionFollowed, !ledger.hasSpares
    else { return }
    coverage.note("rest: as its only user left it")
    for server in servers {
      let differences = SimulatedView.difference(
        expectable(expected), expectable(SimulatedView.all(server)), ignoresDate: ignoresDate,
        // A copy whose flags were not set before the run was killed is not known for a copy any more.
        ignoresFlags: { [self] in phase.isDisturbed && ledger.isBornTwice($0) })
      if !differences.isEmpty {
        failures.append("\(server.name) is not as the only user left it: \(differences)")
      }
    }
  }

  /// A copy that was made and not recorded has not got its flags yet; should `\Deleted` be among them, it is not
  /// known that it is to go.
  /// (Nor is what a server altered, if nothing tells what it is: that may come once more.)
  private func expectable(_ views: [SimulatedView]) -> [SimulatedView] {
    let isUncertain = phase.isDisturbed && history.wishes.expunge != .none
    return simplified(views).filter { view in
      !(isUncertain && ledger.isBornTwice(view.content))
        && !(phase.isDisturbed && ledger.mayBeRepeated(view.content))
    }
  }

  /// Without what the policy takes away or lets differ.
  private func simplified(_ views: [SimulatedView]) -> [SimulatedView] {
    let doubtful = self.doubtful
    return views.compactMap { view in
      if history.wishes.expunge != .none, view.flags.system.contains(.deleted) { return nil }
      guard isSynced(view.date), !doubtful.contains(view.content), !ledger.isEdited(view.content)
      else { return nil }
      var view = view
      if hasKeywordLimit { view.flags = FlagSet(view.flags.system) }
      return view
    }
  }
}
