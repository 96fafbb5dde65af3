import IMAPClient
import SyncEngine
import TestSupport

/// Histories about first syncs of sides that both hold mail, partly the same: in parts so small that a few messages are
/// many, cut short again and again, while users go on. They happen once more where the base is lost, or UIDs are.
extension HistoryMaker {
  mutating func makeFilled() {
    chooseFilled()
    if random.oneIn(3) { makeMailboxes() }
    fillAll(4...9)
    cutShort(1...4)
    history.steps.append(.rest)
    guard Bool.random(using: &random) else { return }
    loseSomething()
    fillAll(2...7)
    cutShort(1...3)
    history.steps.append(.rest)
  }

  private mutating func chooseFilled() {
    if random.oneIn(12) { chooseThree() } else { chooseTwo() }
    // In a ring what is equal may chase itself.
    if history.pairs.count > 2 { history.pairs.removeLast() }
    for index in history.replicas.indices where !history.replicas[index].isMaildir {
      if random.oneIn(3) { history.replicas[index].canMove = false }
    }
    chooseWishes()
    // Neither with the one nor with the other is anything done in parts.
    history.wishes.hasMaxSize = false
    history.wishes.since = nil
    history.wishes.partSize = [1, 1, 2, 3].randomElement(using: &random)
  }

  /// Some that all have, and of which no base knows anything.
  private mutating func makeMailboxes() {
    act([.create], 1...2)
    history.steps.append(.rest)
    if Bool.random(using: &random) { loseStates() }
  }

  private mutating func loseStates() {
    for pair in history.pairs.indices { history.steps.append(.lose(pair)) }
  }

  private mutating func loseSomething() {
    switch Int.random(in: 0..<4, using: &random) {
    case 0: loseStates()
    case 1: act([.reset, .resetIDs])
    case 2: history.steps.append(.lose(pair()))
    default: break
    }
  }

  // MARK: Mail

  private typealias Delivery = (deed: Deed, number: Int)

  /// Of most messages every side has one; some are on one side only, have twins, or other received dates.
  private mutating func fillAll(_ count: ClosedRange<Int>) {
    var mail = history.replicas.map { _ in [Delivery]() }
    for _ in 0..<Int.random(in: count, using: &random) {
      let number = self.number()
      let one: Delivery = (.deliver, number)
      let other: Delivery = (.again, self.number())
      let side = Int.random(in: mail.indices, using: &random)
      switch Int.random(in: 0..<10, using: &random) {
      case 0, 1:
        mail[side].append(Bool.random(using: &random) ? one : other)
      case 2:
        for index in mail.indices { mail[index].append(index == side ? other : one) }
      case 3:
        for index in mail.indices { mail[index] += index == side ? [one, one] : [one] }
      case 4:
        for index in mail.indices { mail[index] += index == side ? [other, one] : [one, other] }
      case 5:
        for index in mail.indices { mail[index] += index == side ? [one, other] : [other] }
      default:
        for index in mail.indices { mail[index].append(one) }
      }
    }
    for replica in mail.indices { fill(replica, mail[replica]) }
    if random.oneIn(3) { act(FilledDeeds.before, 1...4) }
  }

  /// - Parameter mail: in the order in which the others get it.
  private mutating func fill(_ replica: Int, _ mail: [Delivery]) {
    var mail = mail
    switch Int.random(in: 0..<6, using: &random) {
    case 0: mail.shuffle(using: &random)
    case 1, 2:
      if let a = mail.indices.randomElement(using: &random),
        let b = mail.indices.randomElement(using: &random)
      {
        mail.swapAt(a, b)
      }
    default: break
    }
    let isMaildir = history.replicas[replica].isMaildir
    // Each at once: in the order in which they came. Else in any.
    let numbersEach = isMaildir && random.oneIn(3)
    let numbersSome = isMaildir && random.oneIn(3)
    for (deed, number) in mail {
      history.steps.append(.deed(replica, deed, number))
      if numbersEach || numbersSome && random.oneIn(4) { act([.number], on: replica) }
      if random.oneIn(8) { act(FilledDeeds.before, on: replica) }
    }
  }

  // MARK: Runs

  private mutating func cutShort(_ count: ClosedRange<Int>) {
    for _ in 0..<Int.random(in: count, using: &random) {
      if random.oneIn(5) { act([.full, .refusing, .readOnly, .loseMove, .loseIDs]) }
      var run = History.Run(pair: pair())
      if random.oneIn(12) { run.changes = Bool.random(using: &random) ? .left : .right }
      if random.oneIn(12) {
        run.kinds = [.expunge, .new, .flags, [.new, .flags]].randomElement(using: &random) ?? .all
      }
      if random.oneIn(16) { run.isDry = true }
      for _ in 0..<(random.oneIn(3) ? 2 : 1) {
        run.incidents.append(random.oneIn(4) ? fault() : cut())
      }
      for _ in 0..<Int.random(in: 0...4, using: &random) { meddle(&run) }
      history.steps.append(.run(run))
      if Bool.random(using: &random) { act(FilledDeeds.between, 1...4) }
      if random.oneIn(6) { history.steps.append(.everywhere(number())) }
    }
  }

  /// At one of the calls by which a first sync gets on, early or late.
  private mutating func cut() -> History.Incident {
    let calls: [SimulatedCall.Kind] = [
      .save, .save, .save, .renumber, .renumber, .renumber, .commit, .commit, .commit, .commit,
      .store, .adopt, .pad, .expunge, .copy, .fetch, .contents, .open,
    ]
    let limit = Int.random(in: 1...12, using: &random)
    let effect: SimulatedFault.Effect
    switch Int.random(in: 0..<4, using: &random) {
    case 0: effect = .all
    case 1: effect = .late(Int.random(in: 1...8, using: &random))
    default: effect = .partial(Int.random(in: 0...3, using: &random))
    }
    let isKilled = !random.oneIn(3)
    return History.Incident(
      moment: random.oneIn(3) ? .after : .before, call: calls.randomElement(using: &random),
      number: Int.random(in: 1...limit, using: &random),
      event: .fault(isKilled ? .crash(effect) : .connectionLost(effect)))
  }

  /// Users don't wait for the run.
  private mutating func meddle(_ run: inout History.Run) {
    let calls: [SimulatedCall.Kind] = [.save, .renumber, .commit, .store, .contents, .adopt]
    let call = Bool.random(using: &random) ? nil : calls.randomElement(using: &random)
    guard random.oneIn(5) else {
      run.incidents.append(deed(FilledDeeds.during, before: call, upTo: call == nil ? 50 : 6))
      return
    }
    // The same comes to all sides, not at the same moment.
    let number = self.number()
    for replica in history.replicas.indices {
      run.incidents.append(
        History.Incident(
          moment: .before, call: nil, number: anyNumber(), event: .deed(replica, .deliver, number)))
    }
  }
}

/// What users do while two filled sides come together.
private enum FilledDeeds {
  static let before: [Deed] = [
    .flag, .flag, .keyword, .unflag, .expunge, .twin, .variant, .variant, .number, .copy,
  ]
  static let between: [Deed] =
    [.deliver, .deliver, .twin, .variant, .flag, .flag, .unflag, .keyword, .unkeyword]
    + [.expunge, .expunge, .copy, .move, .number]
  /// As ``Deed/duringRuns``; and a Dovecot.
  static let during: [Deed] = [
    .deliver, .deliver, .twin, .variant, .flag, .flag, .expunge, .expunge, .copy, .move, .number,
  ]
}
