import IMAPClient
import SyncEngine
import TestSupport

/// Runs that are not left in peace.
extension Replay {
  /// Which of a run's incidents are due.
  private struct Incidents {
    var waiting: [History.Incident]
    private var calls: [SimulatedCall.Kind: Int] = [:]
    private var all = 0

    init(_ incidents: [History.Incident]) { waiting = incidents }

    mutating func due(at step: SimulatedStep) -> [History.Incident] {
      let kind = step.call.kind
      if step.moment == .before {
        all += 1
        calls[kind, default: 0] += 1
      }
      if waiting.isEmpty { return [] }
      let number = calls[kind] ?? 0
      let isDue = { [all] (incident: History.Incident) in
        incident.moment == step.moment
          && (incident.call == nil
            ? incident.number == all : incident.call == kind && incident.number == number)
      }
      let due = waiting.filter(isDue)
      if !due.isEmpty { waiting.removeAll(where: isDue) }
      return due
    }
  }

  func play(_ run: History.Run) {
    noteExpectation()
    countOptions(run)
    var incidents = Incidents(run.incidents)
    let policy = self.policy(of: run)
    let world = worlds[run.pair]
    let mustNotChange = isUnmounted(run.pair) && lacksAll(run.pair)
    world.onStep = { [unowned self] step in
      check(at: step, run.pair)
      if run.isDry, step.moment == .before, step.changes > 0 {
        failures.append("dry run: \(step.call)")
      }
      let fault = meet(incidents.due(at: step), at: step)
      noteUnselected(at: step, run.pair, policy)
      if mustNotChange, step.moment == .before, step.changes > 0, step.side != nil {
        failures.append("\(step.call), while a disk is not mounted")
      }
      openAccount(at: step, run.pair)
      return fault
    }
    account = SideAccount(
      world.servers, leavesStubs: history.wishes.hasMaxSize, bringsStubs: bringsStubs,
      exempt: phase.movedInRun)
    phase.copiedInRun = []
    phase.followsIntents = !stores[run.pair].intents().isEmpty
    noteStart(of: run)
    concedeSpares(to: run.pair)
    note("run \(run.pair + 1): \(run)")
    let report = carryOut(run.pair, policy)
    if isUnmounted(run.pair), report.result == .ok {
      failures.append("the missing disk was not noticed")
    }
    note("ended \(report.result): \(report.failures.map(\.message))")
    noteState()
    if report.result == .failed {
      deadPair = run.pair
      noteRenamesOfDead()
      noteUnrecorded(run.pair)
      noteTakenCopies(of: phase.copiedInRun)
    }
    if report.result != .ok {
      phase.isDisturbed = true
      noteUnrecordedStubs(run.pair)
    }
    world.onStep = nil
    world.restart()
    noteEnd(report)
    failures += ledger.losses(servers)
    mixState()
  }

  /// What a run left under two UIDs that died in a renumbering, only the next one of its own pair knows.
  func concedeSpares(to pair: Int) {
    if let deadPair, deadPair != pair { ledger.concedeSpares() }
    deadPair = nil
  }

  private func policy(of run: History.Run) -> Policy {
    var policy = selected(run.pair, run)
    // Nobody says that it is right like this.
    if isUnmounted(run.pair) { policy.isForced = false }
    return policy
  }

  /// Whether a store that the pair has left its mark in is not the one that is there.
  private func isUnmounted(_ pair: Int) -> Bool {
    Side.allCases.contains { side in
      let key: StateKey = side == .left ? .leftMarked : .rightMarked
      return worlds[pair].servers[side].isUnmounted && stores[pair].value(key) != nil
    }
  }

  /// Whether nothing that is known is there.
  private func lacksAll(_ pair: Int) -> Bool {
    Side.allCases.contains { side in
      let server = worlds[pair].servers[side]
      guard let mounted = server.mounted else { return false }
      return !server.isThere || mounted.mailboxes[.inbox]?.id != server[.inbox]?.id
    }
  }

  /// A stub that a run left without having recorded it can't be told from one that a user made, should its
  /// message go: then it asks for a copy of a twin of that, and this has the twin's date.
  private func noteUnrecordedStubs(_ pair: Int) {
    guard history.wishes.hasMaxSize else { return }
    for record in stores[pair].mailboxes() {
      let rows = stores[pair].messages(in: record.id)
      for side in Side.allCases {
        let known = Set(rows.map { MessageHandle.uid($0.uids[side]) })
        let mailbox = worlds[pair].servers[side][record.names[side]]
        for message in mailbox?.messages ?? []
        where message.isStub && !known.contains(message.handle) {
          refound.insert(message.origin)
          ledger.noteUnrecordedStub(message.origin)
        }
      }
    }
  }

  /// What lies on both sides with one date, in whatever mailboxes, and the base does not know.
  private func noteUnrecorded(_ pair: Int) {
    struct Trait: Hashable {
      var origin: SimulatedMail
      var date: InternalDate
    }
    let store = stores[pair]
    let unknown = Both { side in
      var traits: Set<Trait> = []
      for record in store.mailboxes() {
        let rows = store.messages(in: record.id)
        let known = Set(rows.map { MessageHandle.uid($0.uids[side]) })
        let mailbox = worlds[pair].servers[side][record.names[side]]
        for message in mailbox?.messages ?? [] where !known.contains(message.handle) {
          traits.insert(Trait(origin: message.origin, date: message.date))
        }
      }
      return traits
    }
    unrecorded.formUnion(unknown.left.intersection(unknown.right).map(\.origin))
  }

  /// - Returns: the first fault among them.
  private func meet(
    _ incidents: [History.Incident], at step: SimulatedStep
  ) -> SimulatedFault? {
    var first: SimulatedFault?
    for incident in incidents {
      switch incident.event {
      case .deed(let replica, let deed, let number):
        // What comes between the last look into a mailbox and its deletion can't be helped.
        if step.call.kind == .delete || step.call.kind == .close { continue }
        phase.isDisturbed = true
        coverage.note("deed during a run: \(deed.rawValue)")
        phase.isInRun = true
        ledger.isAtExpunge =
          step.call.kind == .expunge && step.moment == .before
          || step.call.kind == .describe && step.moment == .after
        act(replica, deed, number)
        ledger.isAtExpunge = false
        phase.isInRun = false
      case .fault(let fault):
        // A base can't be disconnected; it is the process that dies.
        guard first == nil else { continue }
        first = fault
        phase.hasFaultInRun = true
        phase.isDisturbed = true
        coverage.note("fault: \(fault.name)")
        coverage.note("fault at: \(step.call.kind.rawValue)")
        note("step \(step.number) \(step.moment) \(step.call) of \(step.changes): \(fault)")
      }
    }
    return first
  }

  private func countOptions(_ run: History.Run) {
    if run.changes == .left { coverage.note("run: pull") }
    if run.changes == .right { coverage.note("run: push") }
    if run.kinds == .new { coverage.note("run: only new") }
    if run.kinds == .expunge { coverage.note("run: only expunge") }
    if run.kinds == .flags { coverage.note("run: only flags") }
    if run.kinds == .mailboxes { coverage.note("run: only mailboxes") }
    if run.isDry { coverage.note("run: dry") }
    if run.isForced { coverage.note("run: forced") }
    if run.comparesEverything { coverage.note("run: full") }
    if !run.mailboxes.isEmpty { coverage.note("run: only some mailboxes") }
    if history.wishes.hasPrefix { coverage.note("run: with a prefix") }
    if history.wishes.hasMap { coverage.note("run: with names of its own") }
  }

  /// What a run's steps are worth.
  func carryOut(_ pair: Int, _ policy: Policy) -> SyncReport {
    let world = worlds[pair]
    // Were it still on its way, both pairs might save the same message, and neither knows of the other.
    for other in worlds where other !== world { other.settle() }
    phase.hasRun = true
    ledger.noteRun()
    noteStubsOutside(pair, policy)
    DecisionCount(world, stores[pair], policy).count(in: coverage)
    let stubs = StubCount(world)
    let (looks, keptLooks) = (world.quietLooks, world.keptLooks)
    let report = world.run(
      policy, stores[pair], pair: "pair \(pair + 1)", observer: ChangeCount(coverage))
    stubs.count(in: coverage, since: StubCount(world))
    if world.quietLooks.all > looks.all { coverage.note("look: nothing but the run's own") }
    if world.quietLooks.afterDeliveries > looks.afterDeliveries {
      coverage.note("look: nothing but the run's own, with messages")
    }
    if world.keptLooks > keptLooks { coverage.note("look: names that were kept") }
    if report.laterParts > 0 { coverage.note("run: arrivals in parts") }
    if report.laterParts > 0, report.laterHalves > 0 {
      coverage.note("run: arrivals in parts, some of them on both sides")
    }
    if report.settledParts > 0 { coverage.note("run: much on both sides, in parts") }
    countCircumstances(report)
    checkAlterations(pair, report)
    if report.notices.contains(where: { $0.code == .cannotRenumber }) {
      coverage.note("mode: fell back to map")
    }
    if report.result == .ok, !policy.isDryRun, policy.changes == .both, policy.kinds == .all {
      for side in Side.allCases { world.servers[side].isSetBack = false }
    }
    return report
  }

  /// What a server has made of a message is said once.
  private func checkAlterations(_ pair: Int, _ report: SyncReport) {
    let altering = Side.allCases.filter { worlds[pair].servers[$0].hasAltered }
    for side in altering { worlds[pair].servers[side].hasAltered = false }
    guard !altering.isEmpty else { return }
    coverage.note("change: altered by the server")
    let isSaid = report.notices.contains { $0.code == .altered }
    if report.result == .ok, !isSaid {
      failures.append("nothing was said of what a server altered")
    }
  }

  private func countCircumstances(_ report: SyncReport) {
    for failure in report.failures { coverage.note("failure: \(failure.code.rawValue)") }
    let refusals: [FailureCode] = [.overQuota, .refused, .tooLarge, .readOnly, .mailboxGone]
    if phase.hasMoved, report.failures.contains(where: { refusals.contains($0.code) }) {
      coverage.note("run: refused what was moved, perhaps")
    }
    if phase.isRolledBack { coverage.note("run: after an overtaken backup") }
    if servers.contains(where: \.isUnmounted) { coverage.note("run: without a disk") }
  }

  /// At every step: no client may have seen one UID with two meanings, and nothing may be lost, not even
  /// for a moment.
  func check(at step: SimulatedStep, _ pair: Int) {
    if step.moment == .after, let side = step.side {
      failures += account?.close(step, worlds[pair].servers[side], ledger) ?? []
      checkUnselected(at: step, pair)
    }
    if tellsCalls, step.moment == .after {
      note("  \(step.number) \(step.side?.rawValue ?? "base") \(step.call) \(step.changes)")
    }
    guard step.moment == .after, step.changes > 0, step.side != nil else { return }
    failures += watch.look(at: worlds[pair].servers)
    switch step.call {
    case .expunge, .copy, .delete, .renumber: failures += ledger.losses(servers)
    case .pad: coverage.note("change: padded")
    case .adopt: coverage.note("change: adopted a UIDVALIDITY")
    default: break
    }
  }

  /// Once users have done what they do before a call.
  func openAccount(at step: SimulatedStep, _ pair: Int) {
    guard step.moment == .before, let side = step.side else { return }
    account?.open(step, worlds[pair].servers[side])
  }

  /// Before the first run after users acted: what there should be after it, if that is beyond doubt.
  func noteExpectation() {
    guard !phase.hasRun, phase.level != nil, phase.actors.count < 2 else { return }
    phase.expected = SimulatedView.all(servers[phase.actors.first ?? 0])
  }
}
