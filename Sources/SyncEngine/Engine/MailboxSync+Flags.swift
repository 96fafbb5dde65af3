import IMAPClient

/// Step 6: flags and keywords that changed on one side change on the other.
extension MailboxSync {
  private struct OrderKey: Hashable {
    var change: FlagChange
    var expected: FlagSet?
    var isFresh: Bool

    var makesRoom: Bool { change.removed.hasKeywords }
  }

  /// What a side is to be told, and which message each UID is.
  private struct Plan {
    var orders: [StoreOrder]
    var indexOfUID: [UID: Int]
  }

  /// On both sides at the same time; messages that are changed on both come last on the right: what the left refuses then,
  /// because somebody has changed it meanwhile, is not done on the right either.
  func storeFlags(_ endpoints: Both<any Endpoint>) throws(SideFailure) {
    let left = plan(.left) { _ in true }
    let twice = Set(left.indexOfUID.values.filter { !change(of: $0, on: .right).isEmpty })
    if twice.contains(where: { change(of: $0, on: .right).removed.hasKeywords }) {
      // They may make room for keywords of the others.
      try carryOut(Both(left: left, right: nil), endpoints)
      try carryOut(Both(left: nil, right: plan(.right) { _ in true }), endpoints)
    } else {
      let right = plan(.right) { !twice.contains($0) }
      try carryOut(Both(left: left, right: right), endpoints)
      if !twice.isEmpty {
        try carryOut(Both(left: nil, right: plan(.right) { twice.contains($0) }), endpoints)
      }
    }
    var looks = beginEarlyLooks(endpoints)
    defer { takeEarlyLooks(&looks) }
    try recordFlags()
    noteFlaggedStubs()
  }

  private func change(of index: Int, on side: Side) -> FlagChange {
    FlagChange(from: work[index].flags[side], to: work[index].wanted[side])
  }

  /// - Parameter isIncluded: of the messages that are to be considered at all, by index.
  private func plan(_ side: Side, _ isIncluded: (Int) -> Bool) -> Plan {
    var groups: [OrderKey: [Int]] = [:]
    var unstorable = FlagSet.empty
    for index in work.indices where isOnBothSides(index) && isIncluded(index) {
      unstorable.formUnion(renounceUnkept(index, on: side))
      let change = self.change(of: index, on: side)
      guard !change.isEmpty else { continue }
      let key = OrderKey(
        change: change, expected: traits[side].choosesUIDs ? work[index].flags[side] : nil,
        isFresh: work[index].isFresh[side])
      groups[key, default: []].append(index)
    }
    if !unstorable.isEmpty { noteUnstorable(unstorable, on: side) }
    var indexOfUID: [UID: Int] = [:]
    for index in groups.values.joined() {
      if let uid = work[index].handles[side]?.uid { indexOfUID[uid] = index }
    }
    // In the order of the UIDs, so that runs are the same every time; keywords that are taken off make room for others.
    let sorted = groups.sorted { a, b in
      let makesRoom = (a.key.makesRoom, b.key.makesRoom)
      guard makesRoom.0 == makesRoom.1 else { return makesRoom.0 }
      return (a.value.first ?? 0) < (b.value.first ?? 0)
    }
    let orders = sorted.map { key, indices in
      StoreOrder(
        uids: UIDSet(indices.compactMap { work[$0].handles[side]?.uid }),
        added: key.change.added, removed: key.change.removed,
        unchangedSince: key.isFresh ? nil : observed[side].highestModSeq,
        expected: key.expected)
    }
    return Plan(orders: orders, indexOfUID: indexOfUID)
  }

  /// What one side has done is taken note of, though the other fails.
  private func carryOut(_ plans: Both<Plan?>, _ endpoints: Both<any Endpoint>) throws(SideFailure) {
    let calls = Both { side in
      plans[side].flatMap { plan in
        plan.orders.isEmpty
          ? nil
          : Promise {
            Result { () throws(EndpointError) in
              try self.select(side, endpoints[side])
              return try endpoints[side].store(plan.orders)
            }
          }
      }
    }
    for side in Side.allCases where calls[side] != nil { changed[side] = true }
    let isAtOnce = policy.jobs > 1
    if isAtOnce {
      // Neither thread writes anything of this object's.
      if calls.right != nil { calls.left?.start() }
      calls.right?.finish()
    }
    var failures: [SideFailure] = []
    for side in Side.allCases where failures.isEmpty || isAtOnce {
      switch calls[side]?.take() {
      case .success(let outcome):
        take(outcome, indexOfUID: plans[side]?.indexOfUID ?? [:], on: side)
      case .failure(let error): failures.append(SideFailure(side: side, error: error))
      case nil: break
      }
    }
    // Of two, the one that ends more is thrown.
    let worst = failures.firstIndex { $0.error.scope == .side } ?? failures.startIndex
    for index in failures.indices where index != worst { noteFailure(failures[index]) }
    if !failures.isEmpty { throw failures[worst] }
  }

  /// Keywords that the side does not keep are not sent there.
  /// - Returns: those.
  private func renounceUnkept(_ index: Int, on side: Side) -> FlagSet {
    let added = work[index].wanted[side].subtracting(work[index].flags[side])
    let unkept = unkept(added, on: side)
    guard !unkept.isEmpty else { return .empty }
    work[index].wanted[side] = work[index].wanted[side].subtracting(unkept)
    work[index].item.base?.lacking[side].formUnion(unkept)
    return unkept
  }

  func isOnBothSides(_ index: Int) -> Bool {
    guard !work[index].isDropped else { return false }
    switch work[index].decision {
    case .agree, .place: return work[index].uids.left != nil && work[index].uids.right != nil
    case .expunge, .forget: return false
    }
  }

  func take(_ outcome: StoreOutcome, indexOfUID: [UID: Int], on side: Side) {
    var missing: [UID: FlagSet] = [:]
    for (keyword, uids) in outcome.unstorable {
      for uid in uids where indexOfUID[uid] != nil {
        missing[uid, default: .empty].insert(keyword)
      }
    }
    var unstorable = FlagSet.empty
    var tried: [FlagSet: [UID]] = [:]
    for (uid, index) in indexOfUID {
      if outcome.rejected.contains(uid) || outcome.gone.contains(uid) {
        retry(index)
        continue
      }
      let change = self.change(of: index, on: side)
      let lacking = missing[uid] ?? .empty
      work[index].setFlags(work[index].wanted[side].subtracting(lacking), on: side)
      if let base = work[index].item.base {
        doubtful[side].remove(base.id)
        // Whether they stay now, the next look shows.
        work[index].item.base?.lacking[side] = base.lacking[side].subtracting(change.added)
          .union(lacking)
        unstorable = unstorable.union(lacking)
      }
      tried[change.added.subtracting(lacking), default: []].append(uid)
      withdrawAttempt(change.removed, uid, on: side)
      if !work[index].isFresh[side] {
        counts[side].flagged += 1
        report(side, .flagged(uid, added: change.added, removed: change.removed))
      }
    }
    for (flags, uids) in tried { noteAttempt(flags, UIDSet(uids), on: side) }
    if !unstorable.isEmpty { noteUnstorable(unstorable, on: side) }
  }

  /// Flags that came with a copy, and were taken off it, did not fail to stay.
  private func withdrawAttempt(_ flags: FlagSet, _ uid: UID, on side: Side) {
    guard !flags.isEmpty else { return }
    for (tried, uids) in attempted[side]
    where uids.contains(uid) && !tried.intersection(flags).isEmpty {
      let others = uids.subtracting(UIDSet(uid))
      attempted[side][tried] = others.isEmpty ? nil : others
      noteAttempt(tried.subtracting(flags), UIDSet(uid), on: side)
    }
  }

  /// Remembers flags that were set: the next look shows whether they stayed.
  func noteAttempt(_ flags: FlagSet, _ uids: UIDSet, on side: Side) {
    guard !flags.isEmpty else { return }
    let known = attempted[side][flags] ?? UIDSet()
    attempted[side][flags] = known.union(uids)
  }
}

extension FlagSet {
  mutating func formUnion(_ other: FlagSet) { self = union(other) }
}
