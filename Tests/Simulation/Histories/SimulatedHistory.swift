import IMAPClient
import SyncEngine
import TestSupport

/// A random history of two stores and the runs between them, all of it made of one seed.
///
/// Phases follow each other: users do things on both sides, runs meet faults and users that don't wait,
/// then a run in quiet has to bring everything level. After each of those the invariants are checked.
public final class SimulatedHistory {
  public let seed: UInt64
  public let setup: SimulatedSetup
  public let world: SimulatedWorld
  public internal(set) var log: [String] = []
  /// What is wrong; empty: nothing.
  public internal(set) var failures: [String] = []

  var random: SplitMix64
  var users: Both<RandomUser>
  var store: MemoryStateStore
  private var lastToken = 2_000_000
  /// Nobody acts but on this side, and what that side holds is what both have to hold in the end.
  var actor: Side?
  /// What the actor's side held before the runs began to carry it over.
  private var expected: [SimulatedView]?
  var isFaulty = true
  private var isOver = false
  /// UIDs or the base had to be made anew some time.
  private var hasForgotten = false
  /// And that while the sides had different mailboxes.
  private var hasMultiplied = false

  public init(seed: UInt64, setup: SimulatedSetup? = nil) {
    self.seed = seed
    var random = SplitMix64(seed: seed)
    let setup = setup ?? SimulatedSetup(using: &random)
    self.setup = setup
    world = SimulatedWorld(setup.traits.left, setup.traits.right)
    users = Both { side in
      RandomUser(
        seed: random.next(), deeds: SimulatedHistory.deeds,
        firstToken: side == .left ? 0 : 1_000_000)
    }
    self.random = random
    store = world.stateStore()
    if setup.sharesValidity { world.shareUIDValidity() }
  }

  static let deeds: [RandomUser.Deed] =
    RandomUser.everyday + RandomUser.everyday + [
      .createMailbox, .renameMailbox, .deleteMailbox,
    ]

  /// Without a Dovecot that numbers the files of a Maildir while they are numbered.
  /// And without anyone who takes a flag away that a run has just set: in a mailbox where no other message
  /// has it, that can't be told from a server that does not keep it.
  static let deedsDuringRuns = deeds.filter { ![.numberAll, .unflag, .keyword].contains($0) }

  /// - Returns: whether everything held.
  @discardableResult public func play() -> Bool {
    note("\(setup)")
    act(on: .left, Int.random(in: 0...5, using: &random))
    act(on: .right, Int.random(in: 0...5, using: &random))
    for _ in 0..<Int.random(in: 0...2, using: &random) { deliverToBoth() }
    for _ in 0..<Int.random(in: 2...4, using: &random) where failures.isEmpty && !isOver {
      playPhase()
    }
    return failures.isEmpty
  }

  // MARK: A phase

  private func playPhase() {
    isFaulty = Bool.random(using: &random)
    let noisyRuns = isFaulty ? Int.random(in: 1...3, using: &random) : 0
    for _ in 0..<noisyRuns { runInTurmoil() }
    if random.oneIn(12) { loseState() }
    runInQuiet()
    guard failures.isEmpty, !isOver else { return }
    actor = random.oneIn(2) ? Side.allCases.randomElement(using: &random) : nil
    if let actor {
      note("only \(actor) acts")
      let names = Set(world.servers[actor].mailboxes.keys)
      act(on: actor, Int.random(in: 1...6, using: &random))
      let isDeleting = !names.isSubset(of: world.servers[actor].mailboxes.keys)
      // A mailbox that was deleted comes back, unless the user wants it otherwise.
      expected =
        isDeleting && setup.policy.delete == .none ? nil : SimulatedView.all(world.servers[actor])
    } else {
      expected = nil
      for side in Side.allCases { act(on: side, Int.random(in: 0...5, using: &random)) }
      if random.oneIn(3) { deliverToBoth() }
      if random.oneIn(6) { resetSome() }
    }
  }

  private func act(on side: Side, _ count: Int) {
    for _ in 0..<count { act(on: side) }
  }

  func act(on side: Side) {
    let before = SimulatedView.all(world.servers[side])
    let deed = users[side].act(on: world.servers[side])
    let change = SimulatedView.difference(before, SimulatedView.all(world.servers[side]))
    note("\(side) user: \(deed): \(change)")
  }

  private func deliverToBoth() {
    lastToken += 1
    let content = SimulatedContent.random(token: lastToken, using: &random)
    note("both get \(SimulatedContent.label(content))")
    world.deliverToBoth(content)
  }

  private func resetSome() {
    let side: Side = Bool.random(using: &random) ? .left : .right
    let server = world.servers[side]
    guard let name = server.mailboxes.keys.sorted().randomElement(using: &random),
      server[name]?.uidValidity != nil
    else { return }
    hasForgotten = true
    let keepingIDs = Bool.random(using: &random)
    note("\(side): new UIDVALIDITY of \(name)\(keepingIDs ? "" : " and new ids")")
    server.resetUIDValidity(name, keepingIDs: keepingIDs)
  }

  private func loseState() {
    note("the state is lost")
    hasForgotten = true
    if Set(world.servers.left.mailboxes.keys) != Set(world.servers.right.mailboxes.keys) {
      hasMultiplied = true
    }
    store = world.stateStore()
    // What was expunged on one side can't be told any more from what never came.
    expected = nil
  }

  // MARK: Runs

  /// A run among faults and, unless only one side may act, users.
  private func runInTurmoil() {
    for side in Side.allCases { users[side].deeds = SimulatedHistory.deedsDuringRuns }
    defer { for side in Side.allCases { users[side].deeds = SimulatedHistory.deeds } }
    var faults = Int.random(in: 0...2, using: &random)
    world.onStep = { [unowned self] step in
      check(at: step)
      if actor == nil, step.moment == .before, random.oneIn(12) {
        act(on: Bool.random(using: &random) ? .left : .right)
      }
      guard faults > 0, random.oneIn(14), let fault = fault(at: step) else { return nil }
      faults -= 1
      note("step \(step.number) \(step.moment) \(step.call) of \(step.changes): \(fault)")
      return fault
    }
    note("run in turmoil")
    let report = run()
    note("ended \(report.result): \(report.failures.map(\.message))")
    world.restart()
  }

  private func runInQuiet() {
    world.settle()
    world.onStep = { [unowned self] step in
      check(at: step)
      return nil
    }
    note("quiet run")
    let report = run()
    note("ended \(report.result) after \(report.rounds) rounds")
    // Users may delete all that there was: the guard against lost stores is right to ask, and has tests
    // of its own.
    isOver = report.failures.contains { $0.code == .guarded && $0.scope == .side }
    if isOver { return }
    for failure in report.failures where failure.code != .cannotRenumber {
      failures.append("quiet run: \(failure.code) \(failure.message)")
    }
    checkLevel()
    guard failures.isEmpty else { return }
    checkNothingIsLeft()
  }

  private func checkNothingIsLeft() {
    world.onStep = { [unowned self] step in
      if step.moment == .before, step.changes > 0 { failures.append("second run: \(step.call)") }
      return nil
    }
    let report = run()
    note("second run: \(report.result)")
    if !report.counts.left.isEmpty || !report.counts.right.isEmpty {
      failures.append("second run: \(report.counts)")
    }
    world.onStep = nil
  }

  private func run() -> SyncReport {
    SyncRun(
      pair: "simulated", policy: setup.policy, factories: world.factories, store: store,
      pause: { _ in }
    ).run()
  }

  private func fault(at step: SimulatedStep) -> SimulatedFault? {
    let effect: SimulatedFault.Effect
    switch Int.random(in: 0..<4, using: &random) {
    case 0: effect = .none
    case 1: effect = .all
    case 2: effect = .partial(Int.random(in: 0...max(1, step.changes), using: &random))
    default: effect = .late(Int.random(in: 1...8, using: &random))
    }
    if random.oneIn(3) { return .crash(effect) }
    if step.side == nil { return nil }
    if step.moment == .before, random.oneIn(3) {
      switch step.call {
      case .connect, .list, .hasMark, .leaveMark, .close: return nil
      default: return .refused(.mailbox, .refused)
      }
    }
    return .connectionLost(effect)
  }

  // MARK: What has to hold

  /// Tells every call, for someone who looks for the cause of a failure.
  public var tellsCalls = false

  /// At every step: no client may have seen one UID with two meanings.
  private func check(at step: SimulatedStep) {
    if tellsCalls, step.moment == .after {
      note("  \(step.number) \(step.side?.rawValue ?? "base") \(step.call) \(step.changes)")
    }
    guard step.moment == .after, step.changes > 0, step.side != nil else { return }
    failures += world.watch.look(at: world.servers, isDuringRun: true)
  }

  private func checkLevel() {
    let servers = world.servers
    failures += world.watch.look(at: servers)
    failures += world.misuses
    let records = Dictionary(
      store.mailboxes().map { ($0.names.left, $0) }, uniquingKeysWith: { first, _ in first })
    failures += SimulatedConvergence.differences(
      servers, mode: { records[$0]?.mode },
      ignoresDate: ignoresDate)
    failures += world.ledger.violations(servers, allowsMore: hasMultiplied)
    failures += world.watch.switchSides(servers) { records[$0]?.mode == .mirror }
    if !hasForgotten, servers.left.liveSubscriptions != servers.right.liveSubscriptions {
      failures.append("subscriptions differ")
    }
    if let expected, let actor, failures.isEmpty {
      let differences = SimulatedView.difference(
        expected, SimulatedView.all(servers[actor.other]),
        ignoresDate: ignoresDate,
        // A copy whose flags were not set before the run was killed is not known for a copy any more.
        ignoresFlags: { [self] in isFaulty && world.ledger.isBornTwice($0) })
      if !differences.isEmpty { failures.append("not as \(actor) left it: \(differences)") }
    }
  }

  /// Equal messages that were born apart, or that had to be found anew, may be taken for each other
  /// whatever their dates are.
  private func ignoresDate(_ content: [UInt8]) -> Bool {
    world.ledger.isBornOnBothSides(content)
      || (hasForgotten && world.ledger.isBornTwice(content))
  }

  func note(_ line: String) { log.append(line) }

  /// Everything that someone needs to see what went wrong.
  public var story: String {
    "seed \(seed):\n  " + (log + ["WRONG:"] + failures.prefix(20)).joined(separator: "\n  ")
  }
}
