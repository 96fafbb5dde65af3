import IMAPClient

/// Step 1: what did each side do since the base?
extension MailboxSync {
  /// Looks at both sides, as far as they have to be, and makes this round's items of what is found.
  func load(_ endpoints: Both<any Endpoint>) throws(SideFailure) {
    work = []
    changed = Both(left: false, right: false)
    deferred = Both(left: [:], right: [:])
    staleStubs = Both(left: [], right: [])
    unselected = Both(left: [], right: [])
    stranded = Both(left: [], right: [])
    for side in Side.allCases where !unsettled[side].isEmpty {
      try settle(side, endpoints[side])
    }
    var observations = Both<Observation?>(left: nil, right: nil)
    for side in Side.allCases {
      observations[side] = try look(side, endpoints[side])
    }
    let rows = try stateAccess { () throws(StateError) in try relevantRows(observations) }
    var items = Items(rows: rows, record: record)
    for side in Side.allCases {
      guard var observation = observations[side] else { continue }
      try completeForRebinding(&observation, side, endpoints[side], rows: rows)
      noteLacking(observation, side: side, items: &items)
      let absent = try missingUIDs(observation, side: side)
      items.absorb(observation, side: side, vanished: absent)
    }
    chooseMode()
    try adoptValidity(endpoints, items: &items)
    observed = anchors
    try describeArrivals(endpoints, items: &items)
    dropUnselected(&items)
    try writeBack(items)
    work = items.finish(includingUnequal: mode == .mirror).map { item in
      ItemWork(item: item)
    }
  }

  private func look(_ side: Side, _ endpoint: any Endpoint) throws(SideFailure) -> Observation? {
    looked[side] = false
    guard exists[side] else {
      anchors[side] = MailboxSync.emptyAnchor
      return Observation(anchor: anchors[side], coverage: .full, messages: [])
    }
    guard needsLook[side] || record.anchors[side] == nil else {
      anchors[side] = record.anchors[side] ?? MailboxSync.emptyAnchor
      return nil
    }
    let isFit =
      !policy.comparesEverything && record.selection == MailboxSync.selection(of: policy)
    var request = OpenRequest()
    if let anchor = record.anchors[side] {
      request.detailsFrom = anchor.uidNext
      if isFit || roundsWorked > 0 { request.since = anchor }
    }
    request.recheck = UIDSet(pending[side].keys)
    let observation = try on(side) { () throws(EndpointError) in
      try endpoint.open(fullNames[side], request)
    }
    anchors[side] = observation.anchor
    looked[side] = true
    readOnly[side] = observation.isReadOnly
    // Nothing can be stored in a read-only mailbox; what is missing there, others took away.
    keptKeywords[side] = observation.isReadOnly ? nil : observation.permanentKeywords
    if let id = observation.mailboxID { record.mailboxIDs[side] = id }
    return observation
  }

  /// Under a new UIDVALIDITY the side's own ids of all messages are needed.
  private func completeForRebinding(
    _ observation: inout Observation, _ side: Side, _ endpoint: any Endpoint, rows: [MessageRecord]
  ) throws(SideFailure) {
    guard hasNewValidity(side), !rows.isEmpty else { return }
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
      try store.commit(items.amended.map { .putMessage(items.rows[$0]) })
    }
  }

  func hasNewValidity(_ side: Side) -> Bool {
    record.anchors[side]?.uidValidity != anchors[side].uidValidity
  }

  private func relevantRows(
    _ observations: Both<Observation?>
  ) throws(StateError) -> [MessageRecord] {
    // A Maildir is about to be numbered anew, whether it was looked at or not.
    if record.mode != .map, policy.uids != .map,
      traits.left.choosesUIDs || traits.right.choosesUIDs,
      anchors.left.uidValidity != anchors.right.uidValidity
    {
      return try store.messages(in: record.id)
    }
    for side in Side.allCases {
      guard let observation = observations[side] else { continue }
      if case .full = observation.coverage { return try store.messages(in: record.id) }
      if hasNewValidity(side) { return try store.messages(in: record.id) }
    }
    var uids = Both(left: UIDSet(), right: UIDSet())
    for side in Side.allCases {
      if record.mode == .mirror { uids[side] = UIDSet(record.agreedNext...UID.last) }
      guard let observation = observations[side] else { continue }
      uids[side] = uids[side].union(UIDSet(observation.messages.compactMap(\.handle.uid)))
      switch observation.coverage {
      case .changes(let vanished): uids[side] = uids[side].union(vanished)
      case .present(let present):
        uids[side] = uids[side].union(
          try store.uids(in: record.id, side: side).subtracting(present))
      case .full: break
      }
    }
    return try store.messages(in: record.id, uids: uids)
  }

  /// UIDs of the base that are not there any more; `nil` where the whole mailbox was listed.
  private func missingUIDs(
    _ observation: Observation, side: Side
  ) throws(SideFailure) -> UIDSet? {
    switch observation.coverage {
    case .full: return nil
    case .changes(let vanished): return vanished
    case .present(let present):
      return try stateAccess { () throws(StateError) in
        try store.uids(in: record.id, side: side).subtracting(present)
      }
    }
  }

  /// Flags that we set and that did not stay, on a side where no message has them, and keywords that the
  /// mailbox does not keep: the side can't hold them; nobody removed them. Those that are there after all
  /// can be held.
  private func noteLacking(_ observation: Observation, side: Side, items: inout Items) {
    let attempted = self.attempted[side]
    self.attempted[side] = [:]
    guard !hasNewValidity(side) else { return }
    let hasLacking = items.rows.contains { !$0.lacking[side].isEmpty }
    guard !attempted.isEmpty || hasLacking || keptKeywords[side] != nil else { return }
    var seen: [UID: FlagSet] = [:]
    var held = observation.messages.reduce(FlagSet.empty) { $0.union($1.flags) }
    for row in items.rows where attempted[row.uids[side]] == nil {
      held = held.union(row.flags(on: side))
    }
    for message in observation.messages {
      if let uid = message.handle.uid { seen[uid] = message.flags }
    }
    var unstorable = FlagSet.empty
    for index in items.rows.indices {
      let row = items.rows[index]
      guard let now = seen[row.uids[side]] else { continue }
      let tried = (attempted[row.uids[side]] ?? .empty).subtracting(held)
        .union(unkept(row.flags, on: side))
      let missing = tried.subtracting(now).intersection(row.flags)
      let lacking = row.lacking[side].union(missing).subtracting(now)
      guard lacking != row.lacking[side] else { continue }
      unstorable = unstorable.union(missing.subtracting(row.lacking[side]))
      items.rows[index].lacking[side] = lacking
      items.amended.append(index)
    }
    if !unstorable.isEmpty { noteUnstorable(unstorable, on: side) }
  }

  /// Keywords among these flags that the side is known not to keep. RFC 9051 §7.1 (PERMANENTFLAGS)
  func unkept(_ flags: FlagSet, on side: Side) -> FlagSet {
    guard let kept = keptKeywords[side] else { return .empty }
    return FlagSet([], keywords: flags.keywords.filter { !kept.contains($0) })
  }

  func noteUnstorable(_ flags: FlagSet, on side: Side) {
    let names = flags.names.joined(separator: " ")
    noteFailure(
      EndpointError(
        .message, .keywords, "can't hold the flag \(names) on every message that has it",
        advice: "the flag stays where it is; nothing was lost"),
      on: side)
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
          deferMessage(arrival.handle, on: side)
          stranded[side].append(arrival)
          return true
        }
        guard isTooOld(arrival) else { return false }
        unselected[side].append(arrival)
        return true
      }
    }
  }

  private func isTooOld(_ arrival: Seen) -> Bool {
    guard let since = policy.since, let date = arrival.details?.date else { return false }
    return date < since
  }

  /// Waits until what a dead run's connection had sent is carried out: design.md §6.
  private func settle(_ side: Side, _ endpoint: any Endpoint) throws(SideFailure) {
    guard exists[side], traits[side].settlesSlowly else {
      unsettled[side] = []
      return
    }
    let expected = unsettled[side].count
    let before = unsettled[side].map(\.uidNext).min() ?? .first
    var last: UID?
    var quiet = 0
    // 20 looks without a change, or everything that was under way has arrived.
    for _ in 0..<300 where quiet < 20 {
      let observation = try on(side) { () throws(EndpointError) in
        try endpoint.open(
          fullNames[side],
          OpenRequest(since: record.anchors[side], detailsFrom: before))
      }
      let next = observation.anchor.uidNext
      quiet = next == last ? quiet + 1 : 0
      last = next
      if Int(next.rawValue) - Int(before.rawValue) >= expected { break }
      pause(50)
    }
    unsettled[side] = []
    savedBefore[side] = before
    hasIntents[side] = true
    needsLook[side] = true
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
      case .newer, .damaged, .other: .state
      }
    self.init(.side, code, error.message, advice: error.advice)
  }
}
