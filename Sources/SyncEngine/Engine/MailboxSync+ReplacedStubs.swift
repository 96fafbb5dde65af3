import IMAPClient

/// A stub in whose place the whole message comes.
struct ReplacedStub {
  var side: Side
  var uid: UID
  /// Those that the message has been given with what else was to become of it.
  var flags: FlagSet
  /// As the base had it.
  var row: MessageRecord
  /// The base has the message in its place, and knows that the stub is to go.
  var isNoted = false
  /// It was to be expunged, and whether it is gone, or flagged for it, was not told.
  var wasTried = false

  /// What became of it.
  enum Fate: Hashable {
    case gone
    /// Somebody else did that.
    case takenAway
    /// Somebody else did this.
    case changed(FlagChange)
    case there
  }

  /// Once this run has tried to expunge it, that it is gone, or flagged `\Deleted`, is nobody else's doing: the message must
  /// not have to pay for it.
  func fate(_ outcome: RemovalOutcome?) -> Fate {
    switch outcome {
    case .removed: return .gone
    case .missing: return wasTried ? .gone : .takenAway
    case .changed(let now):
      var change = FlagChange(from: flags, to: now)
      if wasTried { change.added.system.remove(.deleted) }
      return .changed(change)
    case .kept, nil: return .there
    }
  }
}

/// The moment in which a whole message takes its stub's place. Until the stub is gone it is what its user sees of the
/// message: what he does to it is done to the message.
extension MailboxSync {
  /// Expunges the stubs of messages that are whole and recorded now.
  ///
  /// Not with the other expunges: the longer both are there, the more may be done to the one or the other.
  func replaceStubs(of indices: [Int], _ endpoints: Both<any Endpoint>) throws(SideFailure) {
    for side in Side.allCases {
      var due = indices.filter { index in
        guard !work[index].isDropped, let stub = work[index].stubDetails?.replaced else {
          return false
        }
        return stub.side == side && stub.isNoted
      }
      // What others change again and again goes in the end as it is, with what is stale.
      for _ in 0..<3 where !due.isEmpty { due = try remove(due, on: side, endpoints) }
    }
  }

  /// - Returns: those whose stubs are still there.
  private func remove(
    _ indices: [Int], on side: Side, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) -> [Int] {
    let stubs = indices.compactMap { index in
      work[index].stubDetails?.replaced.map { (index: index, stub: $0) }
    }
    let known = Dictionary(
      stubs.map { ($0.stub.uid, $0.stub.flags) }, uniquingKeysWith: { first, _ in first })
    isContinued[side] = false
    try settleRecords()
    let outcomes: [UID: RemovalOutcome]
    do throws(EndpointError) {
      try select(side, endpoints[side])
      outcomes = try endpoints[side].remove(known)
    } catch {
      guard error.scope != .side else { throw SideFailure(side: side, error: error) }
      for (index, _) in stubs { work[index].stubDetails?.replaced?.wasTried = true }
      // They are pending, and tried once more with what is stale.
      return []
    }
    noteStubsGone(from: side)
    var gone: [UID] = []
    var rest: [Int] = []
    for (index, stub) in stubs {
      if case .changed(let flags)? = outcomes[stub.uid] {
        work[index].stubDetails?.replaced?.flags = flags
      }
      switch stub.fate(outcomes[stub.uid]) {
      case .gone:
        work[index].stubDetails = nil
        gone.append(stub.uid)
      case .takenAway:
        try putBack(stub, index)
        gone.append(stub.uid)
      case .changed(let change):
        try carryOver(change, index, on: side, endpoints[side])
        rest.append(index)
      case .there:
        work[index].stubDetails?.replaced?.wasTried = true
        rest.append(index)
      }
    }
    try forgetStale(gone, on: side)
    return rest
  }

  private func forgetStale(_ uids: [UID], on side: Side) throws(SideFailure) {
    var changes: [StateChange] = []
    for uid in uids {
      staleStubs[side].remove(.uid(uid))
      if pending[side].removeValue(forKey: uid) != nil {
        changes.append(.removePending(record.id, side, uid))
      }
    }
    guard !changes.isEmpty else { return }
    try stateAccess { () throws(StateError) in try commit(changes, .soon) }
  }

  /// Copies that somebody made of them before are in mailboxes that have changed since those were looked at.
  func noteStubsGone(from side: Side) {
    changed[side] = true
    misses[side] = true
    hasRemovedStubs[side] = true
  }

  /// Somebody moved the stub or expunged it, before it was to go: that is done to the message, once the next round has found
  /// out which of the two it was. The message that was to take its place goes.
  private func putBack(_ stub: ReplacedStub, _ index: Int) throws(SideFailure) {
    guard var row = work[index].item.base else { return }
    let side = stub.side
    staleStubs[side].insert(.uid(row.uids[side]))
    row.uids[side] = stub.uid
    row.ids[side] = stub.row.ids[side]
    row.contents[side] = stub.row.contents[side]
    row.stub = side
    if side == .left { row.date = stub.row.date }
    row.rightDate = stub.row.rightDate
    work[index].item.base = row
    work[index].item.sides[side] = .absent
    work[index].stubDetails = nil
    try stateAccess { () throws(StateError) in try commit([.putMessage(row)]) }
    retry(index)
  }

  /// Somebody changed the stub's flags since it was looked at: the message gets the same change, as if he had made it there.
  private func carryOver(
    _ change: FlagChange, _ index: Int, on side: Side, _ endpoint: any Endpoint
  ) throws(SideFailure) {
    guard !change.isEmpty, let uid = work[index].handles[side]?.uid else { return }
    if allows(.flags, on: side.other) {
      work[index].wanted[side.other] = change.applied(to: work[index].wanted[side.other])
    } else {
      deferMessage(.uid(uid), on: side)
    }
    work[index].wanted[side] = change.applied(to: work[index].wanted[side])
    let now = FlagChange(from: work[index].flags[side], to: work[index].wanted[side])
    guard !now.isEmpty else { return }
    let outcome = try on(side) { () throws(EndpointError) in
      try endpoint.store([StoreOrder(uids: UIDSet(uid), added: now.added, removed: now.removed)])
    }
    take(outcome, indexOfUID: [uid: index], on: side)
  }
}
