import IMAPClient

extension IMAPEndpoint {
  func store(_ orders: [StoreOrder]) throws(EndpointError) -> StoreOutcome {
    let selected = try selectToChange()
    observer.begin()
    var outcome = StoreOutcome()
    let steps = orders.map { storable($0, selected, &outcome) }
    // A condition holds for one command only, since that changes the mod-sequence: of two changes of a message one goes
    // second, for messages that met the condition (RFC 7162 §3.1.3). Keywords are set into the room that others leave.
    let makesRoom = steps.contains { $0?.removed.hasKeywords ?? false }
    var first: [FlagStep] = []
    var second: [FlagStep] = []
    for step in steps {
      guard let step else { continue }
      let condition = selected.highestModSeq == nil ? nil : step.unchangedSince
      var changes = [
        FlagStep(step.uids, adding: true, step.added, condition),
        FlagStep(step.uids, adding: false, step.removed, condition),
      ]
      let isLater = makesRoom && step.added.hasKeywords
      if isLater { changes.reverse() }
      changes.removeAll(where: \.flags.isEmpty)
      if changes.count == 2 {
        first.append(changes[0])
        changes[1].unchangedSince = nil
        second.append(changes[1])
      } else if isLater {
        second += changes
      } else {
        first += changes
      }
    }
    try perform(first, &outcome)
    second = second.compactMap { step in
      var step = step
      step.uids = step.uids.subtracting(outcome.rejected)
      return step.uids.isEmpty ? nil : step
    }
    try perform(second, &outcome)
    let all = orders.reduce(UIDSet()) { $0.union($1.uids) }
    outcome.gone = observer.gathered.vanished.intersection(all)
    outcome.rejected = outcome.rejected.subtracting(outcome.gone)
    return outcome
  }

  /// One change of flags, before it is split into commands.
  private struct FlagStep {
    var uids: UIDSet
    var adding: Bool
    var flags: FlagSet
    var unchangedSince: ModSequence?

    init(_ uids: UIDSet, adding: Bool, _ flags: FlagSet, _ unchangedSince: ModSequence?) {
      self.uids = uids
      self.adding = adding
      self.flags = flags
      self.unchangedSince = unchangedSince
    }

    var commands: [Command] {
      uids.pieces().map {
        .store($0, adding: adding, flags, unchangedSince: unchangedSince)
      }
    }
  }

  /// The order without keywords that the mailbox does not keep.
  private func storable(
    _ order: StoreOrder, _ selected: SelectedMailbox, _ outcome: inout StoreOutcome
  ) -> StoreOrder? {
    var order = order
    for keyword in order.added.keywords where !selected.keeps(keyword) {
      outcome.unstorable[keyword, default: UIDSet()].formUnion(order.uids)
      order.added.remove(keyword)
    }
    for keyword in order.removed.keywords where !selected.keeps(keyword) {
      order.removed.remove(keyword)
    }
    return order.added.isEmpty && order.removed.isEmpty ? nil : order
  }

  private func perform(_ steps: [FlagStep], _ outcome: inout StoreOutcome) throws(EndpointError) {
    let statuses = try pipeline(steps.flatMap(\.commands))
    var position = 0
    for step in steps {
      for piece in step.uids.pieces() {
        let status = statuses[position]
        position += 1
        note(status, &outcome)
        guard let error = storeRefusal(status, to: "change flags") else { continue }
        guard step.adding, step.flags.hasKeywords else { throw EndpointError(error) }
        try storeOneByOne(
          FlagStep(piece, adding: true, step.flags, step.unchangedSince), &outcome)
      }
    }
  }

  /// A NO with MODIFIED says no more than an OK with it. RFC 7162 §3.1.3
  func storeRefusal(_ status: StatusResponse, to action: String) -> IMAPError? {
    if status.condition == .no, case .modified? = status.code { return nil }
    return refusal(status, to: action)
  }

  private func note(_ status: StatusResponse, _ outcome: inout StoreOutcome) {
    if case .modified(let uids)? = status.code {
      outcome.rejected = outcome.rejected.union(uids)
    }
  }

  /// The system flags, then each keyword by itself, to find the one that the mailbox refuses.
  private func storeOneByOne(
    _ step: FlagStep, _ outcome: inout StoreOutcome
  ) throws(EndpointError) {
    var uids = step.uids
    var condition = step.unchangedSince
    if !step.flags.system.isEmpty {
      let status = try wait(
        send(.store(uids, adding: true, FlagSet(step.flags.system), unchangedSince: condition)))
      note(status, &outcome)
      if let error = storeRefusal(status, to: "change flags") { throw EndpointError(error) }
      uids = uids.subtracting(outcome.rejected)
      condition = nil
    }
    for keyword in step.flags.keywords where !uids.isEmpty {
      let status = try wait(
        send(
          .store(uids, adding: true, FlagSet([], keywords: [keyword]), unchangedSince: condition)))
      note(status, &outcome)
      uids = uids.subtracting(outcome.rejected)
      if storeRefusal(status, to: "set the keyword") != nil {
        outcome.unstorable[keyword, default: UIDSet()].formUnion(uids)
      } else {
        condition = nil
      }
    }
  }
}

extension UIDSet {
  mutating func formUnion(_ other: UIDSet) { self = union(other) }
}
