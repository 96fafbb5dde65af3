import IMAPClient

/// Step 1: what did each side do since the base?
extension MailboxSync {
  /// Looks at both sides, as far as they have to be, and makes this round's items of what is found.
  func load(_ endpoints: Both<any Endpoint>) throws(SideFailure) {
    work = []
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
    var observations = Both<Observation?>(left: nil, right: nil)
    var known: [KnownMessage]?
    for side in Side.allCases {
      observations[side] = try look(side, endpoints[side])
      try stateAccess { () throws(StateError) in
        try shorten(&observations[side], side, &known)
      }
    }
    for side in Side.allCases where !isTrusted(side) { savedStubs[side] = [] }
    chooseMode()
    let rows = try stateAccess { () throws(StateError) in try relevantRows(observations, known) }
    known = nil
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
    work = items.finish(includingUnequal: mode == .mirror, stubs: wholeMessages)
  }

  private func look(_ side: Side, _ endpoint: any Endpoint) throws(SideFailure) -> Observation? {
    looked[side] = false
    isOvertaken[side] = false
    isAnchorStale[side] = false
    defer { observedLowest[side] = reach[side].lowest }
    guard exists[side] else {
      anchors[side] = MailboxSync.emptyAnchor
      return Observation(anchor: anchors[side], coverage: .full, messages: [])
    }
    guard needsLook[side] || record.anchors[side] == nil || isReopened(side) else {
      anchors[side] = record.anchors[side] ?? MailboxSync.emptyAnchor
      return nil
    }
    let isFit =
      !policy.comparesEverything && record.selection == MailboxSync.selection(of: policy)
    var request = OpenRequest()
    if let anchor = record.anchors[side] {
      request.detailsFrom = anchor.uidNext
      // What was dropped in silence need not be among the changes.
      let isAnyDoubted = !doubted[side].isEmpty && roundsWorked == 0
      if isFit && !isAnyDoubted || roundsWorked > 0 { request.since = anchor }
    }
    request.recheck = UIDSet(pending[side].keys)
    let probed = try probes(side)
    request.probe = UIDSet(probed.map { $0.uids[side] }.sorted())
    var observation = try open(side, endpoint, request)
    if hasLostItsList(observation, on: side) {
      record.anchors[side] = MailboxSync.emptyAnchor
      observation = try open(side, endpoint, OpenRequest())
    }
    if isTrusted(side), try isOvertaken(by: observation, probed, side, endpoint) {
      isOvertaken[side] = true
      observation = try open(side, endpoint, OpenRequest(recheck: request.recheck))
    } else if isTrusted(side), try showsReturned(observation, on: side) {
      isAnchorStale[side] = true
      request.since = nil
      observation = try open(side, endpoint, request)
    }
    looked[side] = true
    readOnly[side] = observation.isReadOnly
    // Nothing can be stored in a read-only mailbox; what is missing there, others took away.
    keptKeywords[side] = observation.isReadOnly ? nil : observation.permanentKeywords
    keptFlags[side] = observation.permanentFlags
    if let id = observation.mailboxID { record.mailboxIDs[side] = id }
    return observation
  }

  /// Whether a Maildir's `dovecot-uidlist`, in which its id stands, is another one than before: it was lost, and another
  /// pair has numbered the messages anew under the same UIDVALIDITY. So this is as good as a new one.
  private func hasLostItsList(_ observation: Observation, on side: Side) -> Bool {
    guard traits[side].choosesUIDs, !hasNewValidity(side), let now = observation.mailboxID,
      let then = record.mailboxIDs[side]
    else { return false }
    return now != then
  }

  private func open(
    _ side: Side, _ endpoint: any Endpoint, _ request: OpenRequest
  ) throws(SideFailure) -> Observation {
    let observation = try on(side) { () throws(EndpointError) in
      try endpoint.open(fullNames[side], request)
    }
    anchors[side] = observation.anchor
    origins[side] = observation.origin
    observedLowest[side] = reach[side].lowest
    return observation
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
    observation.messages = observation.messages.compactMap { message in
      message.details == nil ? described[message.handle] : message
    }
  }

  private func writeBack(_ items: Items) throws(SideFailure) {
    guard !items.amended.isEmpty, !policy.isDryRun else { return }
    try stateAccess { () throws(StateError) in
      try store.commit(items.amended.map { .putMessage(items.rows[$0]) }, .soon)
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

  func stateAccess<Result>(
    _ body: () throws(StateError) -> Result
  ) throws(SideFailure) -> Result {
    do {
      return try body()
    } catch {
      throw SideFailure(side: .left, error: EndpointError(error))
    }
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
