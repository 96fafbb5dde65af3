import IMAPClient
import SyncEngine
import TestSupport

/// Makes a history of a seed.
///
/// Phases follow each other: users do things on all replicas, runs meet faults and users that don't wait,
/// then comes a rest, after which everything has to be level.
public struct HistoryMaker {
  var random: SplitMix64
  var history: History
  private var lastNumber = 0
  private var deeds = Deed.all
  private var deedsDuringRuns = Deed.duringRuns

  /// - Parameter wanted: what it is to be about; `nil`: what the seed makes of it.
  public static func history(seed: UInt64, about wanted: Profile? = nil) -> History {
    var maker = HistoryMaker(seed: seed)
    let (chosen, random) = Profile.choose(seed)
    let profile = wanted ?? chosen
    if profile != .ordinary { maker.random = random }
    maker.make(profile)
    // Drawn from nothing, so that the other histories stay what they were.
    // (In a ring a name would be another one each time round.)
    if seed % 7 == 3, maker.history.pairs.count < 3, !maker.history.wishes.hasPrefix {
      maker.history.wishes.hasMap = true
    }
    // By a generator of its own, so that the other histories stay what they were.
    var batches = SplitMix64(seed: seed ^ 0x62_6174_6368_6573)
    maker.history.wishes.hasSmallBatches = batches.oneIn(3)
    if batches.oneIn(8) { maker.letDovecotNumber(using: &batches) }
    let isParted = batches.oneIn(3)
    maker.history.wishes.keepsNames = batches.oneIn(2)
    if isParted, maker.history.wishes.partSize == nil {
      maker.history.wishes.partSize = batches.oneIn(2) ? 1 : Int.random(in: 2...4, using: &batches)
    }
    return maker.history
  }

  private init(seed: UInt64) {
    random = SplitMix64(seed: seed)
    history = History(seed: seed, replicas: [], pairs: [])
  }

  mutating func make() {
    if random.oneIn(8) { chooseThree() } else { chooseTwo() }
    chooseWishes()
    for replica in history.replicas.indices { act(on: replica, upTo: 5) }
    for _ in 0..<Int.random(in: 0...2, using: &random) { deliverEverywhere() }
    for _ in 0..<Int.random(in: 2...4, using: &random) { addPhase() }
  }

  /// While runs are at work, a Dovecot numbers what lies in a Maildir.
  private mutating func letDovecotNumber(using random: inout SplitMix64) {
    let maildirs = history.replicas.indices.filter { history.replicas[$0].isMaildir }
    for index in history.steps.indices {
      guard case .run(var run) = history.steps[index], !run.isDry,
        let replica = maildirs.randomElement(using: &random)
      else { continue }
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let limit = Int.random(in: 2...50, using: &random)
        run.incidents.append(
          History.Incident(
            moment: .before, call: nil, number: Int.random(in: 1...limit, using: &random),
            event: .deed(replica, .number, number())))
      }
      history.steps[index] = .run(run)
    }
  }

  // MARK: Replicas and wishes

  mutating func server() -> SimulatedTraits {
    let tiers = SimulatedTraits.Tier.allCases
    var traits = SimulatedTraits.imap(
      tier: tiers.randomElement(using: &random) ?? .qresync, hasIDs: !random.oneIn(3),
      hasUIDPlus: !random.oneIn(5), canMove: !random.oneIn(3))
    traits.savesAtOnce = Bool.random(using: &random)
    traits.vanishesBroadly = random.oneIn(4)
    return traits
  }

  mutating func maildir() -> SimulatedTraits {
    var traits = SimulatedTraits.maildir
    traits.hasStamps = !random.oneIn(4)
    if random.oneIn(10) { traits.keywordLimit = 2 }
    return traits
  }

  mutating func chooseTwo() {
    history.pairs = [History.Pair(left: 0, right: 1)]
    switch Int.random(in: 0..<8, using: &random) {
    case 0: history.replicas = [maildir(), maildir()]
    case 1, 2:
      history.replicas = [server(), server()]
      history.wishes.sharesValidity = Bool.random(using: &random)
    case 3: history.replicas = [server(), maildir()]
    default: history.replicas = [maildir(), server()]
    }
  }

  /// In a chain or a ring.
  mutating func chooseThree() {
    history.replicas = (0..<3).map { _ in Bool.random(using: &random) ? maildir() : server() }
    history.pairs = [History.Pair(left: 0, right: 1), History.Pair(left: 1, right: 2)]
    let isRing = random.oneIn(3)
    if isRing {
      history.pairs.append(History.Pair(left: 2, right: 0))
      // That one of two equal messages came and one went are news that may chase each other round a ring.
      deeds = deeds.filter { $0 != .twin && $0 != .copy }
      deedsDuringRuns = deedsDuringRuns.filter { $0 != .twin && $0 != .copy }
    }
    if Bool.random(using: &random) { history.pairs.shuffle(using: &random) }
  }

  mutating func chooseWishes() {
    var wishes = history.wishes
    wishes.uids = [.auto, .auto, .mirror, .map].randomElement(using: &random) ?? .auto
    wishes.conflict = Policy.Conflict.allCases.randomElement(using: &random) ?? .keep
    wishes.delete = random.oneIn(3) ? .both : .none
    if random.oneIn(8) { wishes.comparesEverything = true }
    if random.oneIn(6) { wishes.padding = 2 }
    if random.oneIn(8) { wishes.isGuarded = true }
    if random.oneIn(10) {
      wishes.expunge = [.both, .left, .right].randomElement(using: &random) ?? .both
    }
    if history.replicas.count == 2 {
      if random.oneIn(6) { wishes.hasMaxSize = true }
      if random.oneIn(10) { wishes.since = Int.random(in: 4...30, using: &random) }
    }
    history.wishes = wishes
  }

  // MARK: Phases

  private mutating func addPhase() {
    if Bool.random(using: &random) {
      for _ in 0..<Int.random(in: 1...3, using: &random) { addRun() }
    }
    if random.oneIn(12) { history.steps.append(.lose(pair())) }
    history.steps.append(.rest)
    actor = random.oneIn(2) ? history.replicas.indices.randomElement(using: &random) : nil
    if let actor {
      act(on: actor, upTo: 6)
    } else {
      for replica in history.replicas.indices { act(on: replica, upTo: 5) }
      if random.oneIn(3) { deliverEverywhere() }
      if random.oneIn(4) { administrate() }
      if random.oneIn(8) { administrate() }
    }
  }

  /// Nobody acts but on this replica.
  private var actor: Int?

  mutating func pair() -> Int { Int.random(in: history.pairs.indices, using: &random) }

  mutating func number() -> Int {
    lastNumber += 1
    return lastNumber
  }

  private mutating func act(on replica: Int, upTo count: Int) {
    for _ in 0..<Int.random(in: 0...count, using: &random) {
      let deed = deeds.randomElement(using: &random) ?? .deliver
      history.steps.append(.deed(replica, deed, number()))
    }
  }

  private mutating func deliverEverywhere() { history.steps.append(.everywhere(number())) }

  private mutating func administrate() {
    let replica = Int.random(in: history.replicas.indices, using: &random)
    var deed = Deed.administrative.randomElement(using: &random) ?? .heal
    // Its other pair would see UIDs that have been given out again: that can't be helped.
    if history.replicas.count > 2, deed == .restore { deed = .restoreAnew }
    // What was larger than max-size or not selected is nowhere else as a whole.
    if history.wishes.hasMaxSize || history.wishes.since != nil, deed == .backup { deed = .reset }
    history.steps.append(.deed(replica, deed, number()))
    guard deed == .backup else { return }
    // It comes back one of these days.
    for other in history.replicas.indices { act(on: other, upTo: 3) }
    history.steps.append(.rest)
    act(on: replica, upTo: 4)
    if Bool.random(using: &random) { history.steps.append(.rest) }
    let restores: [Deed] = history.replicas.count > 2 ? [.restoreAnew] : [.restore, .restoreAnew]
    history.steps.append(
      .deed(replica, restores.randomElement(using: &random) ?? .restoreAnew, number()))
  }

  // MARK: Runs

  private mutating func addRun() {
    var run = History.Run(pair: pair())
    if random.oneIn(8) { run.changes = Bool.random(using: &random) ? .left : .right }
    if random.oneIn(8) {
      let kinds: [Policy.Kinds] = [.new, .expunge, .flags, .mailboxes, [.new, .flags]]
      run.kinds = kinds.randomElement(using: &random) ?? .all
    }
    if random.oneIn(16) { run.isDry = true }
    if random.oneIn(12) { run.comparesEverything = true }
    if random.oneIn(16) { run.isForced = true }
    for _ in 0..<Int.random(in: 0...2, using: &random) { run.incidents.append(fault()) }
    if actor == nil {
      for _ in 0..<Int.random(in: 0...4, using: &random) {
        let replica = Int.random(in: history.replicas.indices, using: &random)
        let deed = deedsDuringRuns.randomElement(using: &random) ?? .deliver
        run.incidents.append(
          History.Incident(
            moment: .before, call: nil, number: anyNumber(),
            event: .deed(replica, deed, number())))
      }
    }
    history.steps.append(.run(run))
  }

  /// Early calls more often than late ones.
  mutating func anyNumber() -> Int {
    let limit = Int.random(in: 2...70, using: &random)
    return Int.random(in: 1...limit, using: &random)
  }

  mutating func fault() -> History.Incident {
    // Few runs come to these.
    let rare: [SimulatedCall.Kind] = [.delete, .delete, .close, .close, .rename, .copy, .pad]
    let calls = random.oneIn(3) ? rare : SimulatedCall.Kind.allCases
    let call = random.oneIn(3) ? nil : calls.randomElement(using: &random)
    let number = call == nil ? anyNumber() : Int.random(in: 1...2, using: &random)
    let moment: SimulatedStep.Moment = random.oneIn(3) ? .after : .before
    let effect: SimulatedFault.Effect
    switch Int.random(in: 0..<4, using: &random) {
    case 0: effect = .none
    case 1: effect = .all
    case 2: effect = .partial(Int.random(in: 0...3, using: &random))
    default: effect = .late(Int.random(in: 1...8, using: &random))
    }
    let fault: SimulatedFault
    switch Int.random(in: 0..<4, using: &random) {
    case 0: fault = .crash(effect)
    case 1 where moment == .before:
      fault = .refused(.mailbox, Bool.random(using: &random) ? .refused : .overQuota)
    default: fault = .connectionLost(effect)
    }
    return History.Incident(moment: moment, call: call, number: number, event: .fault(fault))
  }
}
