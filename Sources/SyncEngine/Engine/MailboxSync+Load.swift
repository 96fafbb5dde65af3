import IMAPClient

/// Step 1: what did each side do since the base?
extension MailboxSync {
  /// Looks at both sides, as far as they have to be, and makes this round's items of what is found.
  func load(_ endpoints: Both<any Endpoint>) throws(SideFailure) {
    work = []
    later = nil
    settled = nil
    changed = Both(left: false, right: false)
    deferred = Both(left: [:], right: [:])
    staleStubs = Both(left: [], right: [])
    partedStubs = Both(left: [], right: [])
    unselected = Both(left: [], right: [])
    stranded = Both(left: [], right: [])
    orphans = Both(left: [], right: [])
    misses = Both(left: false, right: false)
    hasLearned = false
    doubtful = Both(left: [], right: [])
    hasRemovedStubs = Both(left: false, right: false)
    for side in Side.allCases where !unsettled[side].isEmpty {
      try settle(side, endpoints[side])
    }
    uidsOfBase = Both(left: nil, right: nil)
    let before = record.anchors
    var looks = try beginLooking(endpoints)
    var observations = Both<Observation?>(left: nil, right: nil)
    var known = looks.known
    looks.known = nil
    isContinued = Both(left: true, right: true)
    for side in Side.allCases {
      observations[side] = try look(side, endpoints[side], looks)
      try stateAccess { () throws(StateError) in
        try shorten(&observations[side], side, &known)
      }
    }
    storedFlags = Both(left: [:], right: [:])
    for side in Side.allCases where !isTrusted(side) { savedStubs[side] = [] }
    dropStamps(endpoints)
    chooseMode()
    let rows = try stateAccess { () throws(StateError) in
      try relevantRows(observations, known, looks.rows)
    }
    known = nil
    looks.rows = nil
    var items = Items(rows: rows, record: record)
    for side in Side.allCases {
      guard var observation = observations[side] else { continue }
      observations[side] = nil
      try completeForRebinding(&observation, side, endpoints[side], rows: rows)
      try addReturned(&observation, side, endpoints[side])
      noteLacking(observation, side: side, items: &items)
      let vanished = try vanishedUIDs(observation, side: side)
      items.absorb(
        observation, side: side, vanished: vanished, isDoubtful: hasGoneBack(side))
    }
    uidsOfBase = Both(left: nil, right: nil)
    try adoptValidity(endpoints, before: before, items: &items)
    noteKnownNext(before)
    observed = anchors
    try describeArrivals(endpoints, items: &items)
    dropUnselected(&items)
    try writeBack(items)
    setAside(&items)
    takeFilled(&items)
    work = items.finish(includingUnequal: mode == .mirror, stubs: wholeMessages)
    takeNextPart()
  }

  /// Under a new UIDVALIDITY, or in an older state, the side's own ids of all messages are needed.
  private func completeForRebinding(
    _ observation: inout Observation, _ side: Side, _ endpoint: any Endpoint, rows: [MessageRecord]
  ) throws(SideFailure) {
    guard !isTrusted(side), !rows.isEmpty else { return }
    let bare = UIDSet(
      observation.messages.compactMap { $0.details == nil ? $0.handle.uid : nil })
    guard !bare.isEmpty else { return }
    var described: [MessageHandle: ObservedMessage] = [:]
    for message in try on(side, { () throws(EndpointError) in try endpoint.describe(bare) }) {
      described[message.handle] = message
    }
    observation.messages = MessageList(
      observation.messages.lazy.compactMap { message in
        message.details == nil ? described[message.handle] : message
      })
  }

  private func writeBack(_ items: Items) throws(SideFailure) {
    guard !items.amended.isEmpty, !policy.isDryRun else { return }
    try stateAccess { () throws(StateError) in
      try commit(items.amended.map { .putMessage(items.rows[$0]) }, .soon)
    }
  }

  func hasNewValidity(_ side: Side) -> Bool {
    record.anchors[side]?.uidValidity != anchors[side].uidValidity
  }

  /// Not only a mailbox that was never looked at.
  func hasChangedValidity(_ side: Side) -> Bool {
    record.anchors[side]?.uidValidity != nil && hasNewValidity(side)
  }

  /// Details of messages that arrived below the recorded UIDNEXT (left out by an earlier selection).
  private func describeArrivals(
    _ endpoints: Both<any Endpoint>, items: inout Items
  ) throws(SideFailure) {
    for side in Side.allCases {
      let bare = UIDSet(
        items.arrivals[side].compactMap { $0.details == nil ? $0.handle.uid : nil })
      guard !bare.isEmpty else { continue }
      let described = try on(side) { () throws(EndpointError) in
        try endpoints[side].describe(bare)
      }
      items.describe(described, side: side)
    }
  }

  private func dropUnselected(_ items: inout Items) {
    for side in Side.allCases {
      items.arrivals[side].removeAll { arrival in
        if givenUp[side].contains(arrival.handle) {
          // Why, was found out in the round before.
          let known = arrival.handle.uid.flatMap { pending[side][$0] }
          deferMessage(arrival.handle, on: side, code: known?.code, text: known?.text ?? "")
          stranded[side].append(Seen(arrival))
          return true
        }
        guard isTooOld(arrival) else { return false }
        unselected[side].append(Seen(arrival))
        return true
      }
    }
  }

  private func isTooOld(_ arrival: ObservedMessage) -> Bool {
    guard let since = policy.since, let date = arrival.details?.date else { return false }
    return date < since
  }
}

extension EndpointError {
  /// A base that fails ends the run.
  public init(_ error: StateError) {
    let code: FailureCode =
      switch error.kind {
      case .locked: .locked
      case .permission: .permission
      case .noSpace: .noSpace
      // Nothing of the pair can be synced before the user decides which version it is to be.
      case .newer: .configuration
      case .damaged, .other: .state
      }
    self.init(.side, code, error.message, advice: error.advice)
  }
}
