import IMAPClient
import SyncEngine
import TestSupport

/// Histories that are about one thing. All begin with filled mailboxes that are level.
extension HistoryMaker {
  mutating func make(_ profile: Profile) {
    switch profile {
    case .ordinary: make()
    case .moves: makeMoves()
    case .backups: makeBackups()
    case .numbers: makeNumbers()
    case .flags: makeFlags()
    case .guards: makeGuards()
    case .selections: makeSelections()
    case .alterations: makeAlterations()
    case .stubs: makeStubs()
    case .pulls: makePulls()
    case .filled: makeFilled()
    }
  }

  mutating func furnish(mailboxes: ClosedRange<Int>, messages: ClosedRange<Int>) {
    for _ in 0..<Int.random(in: mailboxes, using: &random) { act([.create]) }
    history.steps.append(.rest)
    let deeds: [Deed] = isRing ? [.deliver] : [.deliver, .deliver, .twin]
    for _ in 0..<Int.random(in: messages, using: &random) { act(deeds) }
    history.steps.append(.rest)
  }

  /// One of these, by anyone.
  mutating func act(_ deeds: [Deed]) {
    act(deeds, on: Int.random(in: history.replicas.indices, using: &random))
  }

  mutating func act(_ deeds: [Deed], on replica: Int) {
    let deed = deeds.randomElement(using: &random) ?? .deliver
    history.steps.append(.deed(replica, deed, number()))
  }

  mutating func act(_ deeds: [Deed], _ count: ClosedRange<Int>) {
    for _ in 0..<Int.random(in: count, using: &random) { act(deeds) }
  }

  mutating func run(_ incidents: [History.Incident]) {
    var run = History.Run(pair: pair())
    if random.oneIn(12) { run.changes = Bool.random(using: &random) ? .left : .right }
    if random.oneIn(12) { run.kinds = [.expunge, .new].randomElement(using: &random) ?? .all }
    run.incidents = incidents
    history.steps.append(.run(run))
  }

  /// Something goes wrong with one of the first of these calls, whichever is made.
  mutating func fault(
    at calls: [SimulatedCall.Kind], isRefused: Bool
  ) -> History.Incident {
    let fault: SimulatedFault
    let count = Int.random(in: 0...2, using: &random)
    let effect: SimulatedFault.Effect =
      random.oneIn(3) ? .late(count + 1) : random.oneIn(4) ? .all : .partial(count)
    if isRefused {
      fault = .refused(.mailbox, Bool.random(using: &random) ? .refused : .overQuota)
    } else {
      fault = Bool.random(using: &random) ? .crash(effect) : .connectionLost(effect)
    }
    let isAfter = !isRefused && random.oneIn(4)
    return History.Incident(
      moment: isAfter ? .after : .before, call: calls.randomElement(using: &random),
      number: Int.random(in: 1...3, using: &random), event: .fault(fault))
  }

  mutating func deed(
    _ deeds: [Deed], before call: SimulatedCall.Kind?, upTo number: Int
  ) -> History.Incident {
    let replica = Int.random(in: history.replicas.indices, using: &random)
    return History.Incident(
      moment: .before, call: call, number: Int.random(in: 1...number, using: &random),
      event: .deed(replica, deeds.randomElement(using: &random) ?? .deliver, self.number()))
  }

  // MARK: Moves

  private mutating func makeMoves() {
    if random.oneIn(6) { chooseThree() } else { chooseTwo() }
    chooseWishes()
    furnish(mailboxes: 1...3, messages: 3...7)
    let deeds: [Deed] = [
      .move, .move, .move, .move, .copy, .deliver, .expunge, .flag, .unflag, .unflag, .twin,
    ]
    let refusing: [SimulatedCall.Kind] = [.copy, .copy, .copy, .save, .create, .select]
    let breaking: [SimulatedCall.Kind] = [.copy, .copy, .save, .expunge, .commit, .commit]
    let obstacles: [Deed] = [.full, .full, .refusing, .readOnly, .readOnly, .delete, .rename]
    for _ in 0..<Int.random(in: 2...3, using: &random) {
      if !random.oneIn(3) { act(obstacles) }
      act(isRing ? deeds.filter { $0 != .copy && $0 != .twin } : deeds, 1...5)
      if random.oneIn(4) { act(obstacles) }
      for _ in 0..<Int.random(in: 1...2, using: &random) {
        var incidents: [History.Incident] = []
        for _ in 0..<Int.random(in: 0...2, using: &random) {
          let isRefused = Bool.random(using: &random)
          incidents.append(
            fault(at: isRefused ? refusing : breaking, isRefused: isRefused))
        }
        run(incidents)
      }
      history.steps.append(.rest)
    }
  }

  private var isRing: Bool { history.pairs.count > 2 }

  // MARK: Backups

  /// Of two replicas only: a third would see UIDs that have been given out again.
  private mutating func makeBackups() {
    chooseTwo()
    chooseWishes()
    history.wishes.hasMaxSize = false
    history.wishes.since = nil
    // Without ids of its own a server may show another message of the same size under an old UID.
    for index in history.replicas.indices { history.replicas[index].hasIDs = true }
    let hasOthers = Bool.random(using: &random)
    furnish(mailboxes: hasOthers ? 1...1 : 0...0, messages: 2...6)
    // A restored mailbox is known by the UIDs that it gives again; that only its flags went back can't be seen.
    let deeds: [Deed] =
      [.deliver, .deliver, .expunge, .move, .copy] + (hasOthers ? [] : [.flag, .keyword])
    for _ in 0..<Int.random(in: 1...2, using: &random) {
      let both = random.oneIn(3)
      let first = Int.random(in: 0...1, using: &random)
      let restored = both ? [first, 1 - first] : [first]
      for replica in restored { act([.setAside], on: replica) }
      act(deeds, 0...4)
      if random.oneIn(3) { run([fault(at: [.save, .store, .commit], isRefused: false)]) }
      history.steps.append(.rest)
      act(deeds, 0...3)
      for replica in restored { act([.deliver], on: replica) }
      history.steps.append(.rest)
      for replica in restored {
        act([.rollBack], on: replica)
        // So much that the numbers of before are reached again, and passed.
        for _ in 0..<Int.random(in: 0...8, using: &random) {
          act([.deliver, .deliver, .flag, .twin, .number], on: replica)
        }
      }
      if !both, Bool.random(using: &random) { act(deeds, on: 1 - first) }
      if random.oneIn(3) {
        run([fault(at: [.save, .renumber, .store, .commit, .adopt], isRefused: false)])
      }
      history.steps.append(.rest)
    }
  }

  // MARK: Numbers

  private mutating func makeNumbers() {
    if Bool.random(using: &random) {
      chooseTwo()
    } else {
      var server = self.server()
      server.canMove = !random.oneIn(3)
      history.replicas = [maildir(), random.oneIn(3) ? maildir() : server, maildir()]
      if random.oneIn(4) { history.replicas.swapAt(0, 1) }
      history.pairs = [History.Pair(left: 0, right: 1), History.Pair(left: 1, right: 2)]
      if Bool.random(using: &random) { history.pairs.swapAt(0, 1) }
    }
    for index in history.replicas.indices where !history.replicas[index].isMaildir {
      history.replicas[index].hasUIDPlus = true
      if Bool.random(using: &random) { history.replicas[index].canMove = false }
    }
    chooseWishes()
    history.wishes.uids = .auto
    history.wishes.padding = nil
    furnish(mailboxes: 0...1, messages: 1...4)
    for _ in 0..<Int.random(in: 2...3, using: &random) {
      for replica in history.replicas.indices {
        for _ in 0..<Int.random(in: 0...3, using: &random) {
          act([.deliver, .deliver, .deliver, .copy, .twin, .flag, .expunge, .number], on: replica)
        }
      }
      for _ in 0..<Int.random(in: 0...2, using: &random) {
        let calls: [SimulatedCall.Kind] = [.renumber, .renumber, .renumber, .pad, .commit, .save]
        run([fault(at: calls, isRefused: false)])
      }
      history.steps.append(.rest)
    }
  }

  // MARK: Flags

  private mutating func makeFlags() {
    chooseTwo()
    chooseWishes()
    for index in history.replicas.indices where random.oneIn(3) {
      history.replicas[index].keywordLimit = Int.random(in: 0...2, using: &random)
    }
    furnish(mailboxes: 0...1, messages: 2...4)
    // What was made of `random` before stays what it was.
    var others = SplitMix64(seed: history.seed ^ 0x6b65_7977_6f72_6473)
    for _ in 0..<Int.random(in: 2...3, using: &random) {
      act([.flag, .flag, .unflag, .keyword, .keyword, .unkeyword, .copy, .move], 2...6)
      var incidents: [History.Incident] = []
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        incidents.append(
          random.oneIn(4)
            ? deed([.flag, .expunge, .move], before: nil, upTo: 20)
            : deed([.flag, .flag, .expunge], before: .store, upTo: 2))
      }
      if random.oneIn(3) { incidents.append(fault(at: [.store, .commit], isRefused: false)) }
      if others.oneIn(3) { incidents.append(keywordOfNewMessage(using: &others)) }
      run(incidents)
      if Bool.random(using: &random) { run([]) }
      history.steps.append(.rest)
    }
  }

  /// A message that is new, perhaps with a keyword, and a run that dies at about the time when it would look whether that
  /// has stayed.
  private mutating func keywordOfNewMessage(
    using random: inout SplitMix64
  ) -> History.Incident {
    let replica = Int.random(in: history.replicas.indices, using: &random)
    history.steps.append(.deed(replica, .deliver, number()))
    history.steps.append(.deed(replica, .keyword, number()))
    return History.Incident(
      moment: .before, call: Bool.random(using: &random) ? .open : .commit,
      number: Int.random(in: 2...5, using: &random), event: .fault(.crash(.none)))
  }

  // MARK: Guards

  private mutating func makeGuards() {
    chooseTwo()
    chooseWishes()
    history.wishes.isGuarded = !random.oneIn(4)
    if Bool.random(using: &random) { history.wishes.hasMaxSize = false }
    furnish(mailboxes: 0...2, messages: 4...9)
    for _ in 0..<Int.random(in: 2...3, using: &random) {
      act([.deliver, .flag, .expunge, .move], 0...2)
      if Bool.random(using: &random) {
        act([.empty, .empty, .expunge], 1...4)
      } else {
        act([.unmount])
        act([.deliver, .flag, .expunge, .move], 0...2)
      }
      for _ in 0..<Int.random(in: 0...2, using: &random) {
        run(random.oneIn(3) ? [fault(at: [.open, .expunge, .commit], isRefused: false)] : [])
      }
      history.steps.append(.rest)
    }
  }

  // MARK: Alterations

  private mutating func makeAlterations() {
    chooseTwo()
    if history.replicas.allSatisfy(\.isMaildir) { history.replicas[1] = server() }
    chooseWishes()
    history.wishes.hasMaxSize = false
    history.wishes.since = nil
    history.wishes.expunge = .none
    for index in history.replicas.indices where !history.replicas[index].isMaildir {
      history.replicas[index].isAltering = !random.oneIn(3)
    }
    furnish(mailboxes: 0...2, messages: 2...6)
    let deeds: [Deed] = [.edit, .edit, .deliver, .deliver, .flag, .move, .copy, .expunge]
    for _ in 0..<Int.random(in: 2...3, using: &random) {
      act(deeds, 1...6)
      if Bool.random(using: &random) {
        // What was altered and not recorded can't be recognised.
        run([
          deed(deeds, before: nil, upTo: 30),
          fault(at: [.store, .open, .save, .commit, .copy], isRefused: false),
        ])
      }
      history.steps.append(.rest)
    }
  }

  // MARK: Selections

  private mutating func makeSelections() {
    chooseTwo()
    chooseWishes()
    history.wishes.sharesValidity = false
    history.wishes.hasMaxSize = history.seed % 3 == 0
    history.wishes.hasPrefix = random.oneIn(3)
    furnish(mailboxes: 1...4, messages: 3...8)
    let choices = [
      ["INBOX"], ["*", "!m*"], ["m*"], ["*", "!INBOX"], ["*", "!*-A"], ["INBOX", "*-B"],
    ]
    // A third of these may come to be called what is not selected, or the other way; the others stay what they were.
    let others: [Deed] = history.seed % 3 == 2 ? [.rename, .rename] : []
    let deeds = Deed.all.filter { $0 != .rename } + [.move, .move, .expunge, .empty] + others
    for _ in 0..<Int.random(in: 2...3, using: &random) {
      act(deeds, 0...3)
      if Bool.random(using: &random) {
        history.steps.append(.select(0, choices.randomElement(using: &random) ?? ["INBOX"]))
        act(deeds, 0...3)
        if Bool.random(using: &random) { run([]) }
        history.steps.append(.rest)
        act(deeds, 0...4)
        if random.oneIn(3) { history.steps.append(.rest) }
        history.steps.append(.select(0, ["*"]))
      } else {
        // A run of some mailboxes waits with a rename that leads into them, or out of them.
        if history.seed % 3 == 1 { act([.rename], 0...2) }
        var run = History.Run(pair: 0)
        run.mailboxes = choices.randomElement(using: &random) ?? ["INBOX"]
        if random.oneIn(4) {
          run.incidents = [fault(at: [.copy, .save, .expunge], isRefused: false)]
        }
        history.steps.append(.run(run))
        act(deeds, 0...3)
      }
      history.steps.append(.rest)
    }
  }
}
