import IMAPClient

/// Step 1: both sides are looked at, at the same time where that is allowed.
extension MailboxSync {
  /// How a side is looked at.
  fileprivate struct Look {
    var request: OpenRequest
    /// Messages of the base that are looked at closely.
    var probed: [MessageRecord]
  }

  /// Two sides that are about to be looked at, or have been opened already.
  struct Looks {
    fileprivate var looks: Both<Look?>
    fileprivate var calls: Both<Promise<Result<Observation, EndpointError>>?>
    /// The base's messages, if they are certain to be wanted.
    var known: KnownList?
    /// What the base knows of the messages that the right side has told first.
    var rows: RowsOfRight?
  }

  /// Rows that were read while the left side was still being looked at.
  struct RowsOfRight {
    var uids: UIDSet
    var rows: [MessageRecord]
  }

  /// Where a side will tell only what has changed, both are opened at the same time: a Maildir is read, and what the base knows
  /// of it, while the server answers. (Two that tell everything would both have to be held in memory.)
  func beginLooking(_ endpoints: Both<any Endpoint>) throws(SideFailure) -> Looks {
    let looks = Both(left: try prepare(.left), right: try prepare(.right))
    let calls = Both { side in
      looks[side].map { [name = fullNames[side], endpoint = endpoints[side]] look in
        takeEarlyLook(side).map { .done(.success($0)) }
          ?? Promise {
            Result { () throws(EndpointError) in try endpoint.open(name, look.request) }
          }
      }
    }
    var result = Looks(looks: looks, calls: calls)
    guard policy.jobs > 1 else { return result }
    let base = promiseOfKnown(looks, endpoints)
    base?.start()
    if Side.allCases.contains(where: { looks[$0]?.request.since?.highestModSeq != nil }) {
      if calls.right != nil { calls.left?.start() }
      defer { calls.left?.finish() }
      calls.right?.finish()
      if base == nil, let right = calls.right?.peek(), let probe = looks.right?.request.probe {
        result.rows = try rowsOfRight(right, probe)
      }
    }
    if let known = base?.take() {
      result.known = try stateAccess { () throws(StateError) in try known.get() }
    }
    return result
  }

  /// Only what would be looked for by itself in any case.
  ///
  /// - Parameter probed: what is written of these depends on what was told.
  private func rowsOfRight(
    _ answer: Result<Observation, EndpointError>, _ probed: UIDSet
  ) throws(SideFailure) -> RowsOfRight? {
    guard case .success(let observation) = answer, case .changes = observation.coverage,
      observation.messages.count <= MailboxSync.fewMessages * 4
    else { return nil }
    let changed = observation.messages.lazy.filter { !self.isStored($0, on: .right) }
    let uids = UIDSet(changed.compactMap(\.handle.uid)).subtracting(probed)
    guard !uids.isEmpty else { return nil }
    let rows = try stateAccess { () throws(StateError) in
      try store.messages(in: record.id, uids: Both(left: UIDSet(), right: uids))
    }
    return RowsOfRight(uids: uids, rows: rows)
  }

  func foreseenRequest(_ side: Side) throws(SideFailure) -> OpenRequest? {
    try prepare(side)?.request
  }

  /// - Returns: `nil` if the side stands where it stood.
  private func prepare(_ side: Side) throws(SideFailure) -> Look? {
    guard isToBeLookedAt(side) else { return nil }
    let probed = try probes(side)
    var request = request(side, probed, anchor: record.anchors[side])
    request.since = knownAnchor(side)
    request.isContinued = isContinued[side] && request.recheck.isEmpty && !isReopened(side)
    dropEarlyLook(side, unlessIt: &request)
    return Look(request: request, probed: probed)
  }

  /// - Parameter anchor: how far the side has been read.
  private func request(
    _ side: Side, _ probed: [MessageRecord], anchor: Anchor?
  ) -> OpenRequest {
    var request = OpenRequest()
    if let anchor { request.detailsFrom = anchor.uidNext }
    request.recheck = UIDSet(pending[side].keys)
    request.probe = UIDSet(probed.map { $0.uids[side] }.sorted())
    return request
  }

  /// How the side is going to be looked at in the next round, if nothing more is done there in this one but to store flags,
  /// and nothing is left over.
  func requestOfNextRound(_ side: Side) throws(SideFailure) -> OpenRequest? {
    guard let anchor = finishedAnchor(side), !isReopened(side) else { return nil }
    var request = request(side, try probes(side), anchor: anchor)
    request.since = anchor
    request.isContinued = isContinued[side] && request.recheck.isEmpty && hasOnlyDealtWith(side)
    return request
  }

  func isToBeLookedAt(_ side: Side) -> Bool {
    exists[side] && (needsLook[side] || record.anchors[side] == nil || isReopened(side))
  }

  /// From where on a side need only tell what has changed; `nil` if it has to tell all.
  func knownAnchor(_ side: Side) -> Anchor? {
    let isFit = !policy.comparesEverything && record.isSelected(as: policy)
    // What was dropped in silence need not be among the changes.
    let isAnyDoubted = !doubted[side].isEmpty && roundsWorked == 0
    return isFit && !isAnyDoubted || roundsWorked > 0 ? record.anchors[side] : nil
  }

  /// A Maildir tells all that there is, and to find what has changed takes all that the base knows.
  private func promiseOfKnown(
    _ looks: Both<Look?>, _ endpoints: Both<any Endpoint>
  ) -> Promise<Result<KnownList, StateError>>? {
    let isWanted = Side.allCases.contains { side in
      guard let look = looks[side], let anchor = look.request.since else { return false }
      return traits[side].choosesUIDs && !look.request.isContinued
        && anchor.messages > MailboxSync.fewMessages
        && !endpoints[side].mayTellChanges(fullNames[side], since: anchor)
    }
    guard isWanted else { return nil }
    return Promise { [store, id = record.id] in
      Result { () throws(StateError) in try store.knownMessages(in: id) }
    }
  }

  /// What a side shows; `nil` if it stands where it stood.
  func look(
    _ side: Side, _ endpoint: any Endpoint, _ looks: Looks
  ) throws(SideFailure) -> Observation? {
    looked[side] = false
    isOvertaken[side] = false
    isAnchorStale[side] = false
    defer { observedLowest[side] = reach[side].lowest }
    guard exists[side] else {
      anchors[side] = MailboxSync.emptyAnchor
      return Observation(anchor: anchors[side], coverage: .full, messages: [])
    }
    guard let look = looks.looks[side], let opened = looks.calls[side]?.take() else {
      anchors[side] = record.anchors[side] ?? MailboxSync.emptyAnchor
      return nil
    }
    var request = look.request
    let probed = look.probed
    var observation = try on(side) { () throws(EndpointError) in try opened.get() }
    note(observation, on: side)
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
    keptFlags[side] = observation.isReadOnly ? nil : observation.permanentFlags
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
    note(observation, on: side)
    return observation
  }

  private func note(_ observation: Observation, on side: Side) {
    anchors[side] = observation.anchor
    origins[side] = observation.origin
    observedLowest[side] = reach[side].lowest
    noteLeftOut(observation, on: side)
  }

  /// Once a run.
  private func noteLeftOut(_ observation: Observation, on side: Side) {
    guard let leftOut = observation.leftOut, !hasToldLeftOut[side] else { return }
    hasToldLeftOut[side] = true
    noteFailure(leftOut.error(advice: "rename it; until then it stays where it is"), on: side)
  }
}
