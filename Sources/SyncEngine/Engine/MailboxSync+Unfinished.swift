import IMAPClient

/// What a run that died left half done.
extension MailboxSync {
  /// Fillers that were appended and not expunged. They are nobody's mail, and go wherever they are found; where they can't be
  /// expunged, they are left alone. (Who may not flag a message `\Deleted` does not get that flag for his own either.)
  func expungeLeftFillers(_ endpoints: Both<any Endpoint>) throws(SideFailure) {
    for side in Side.allCases where !traits[side].choosesUIDs {
      let suspects = work.indices.filter { index in
        !work[index].item.isKnown
          && work[index].item.sides[side].seen?.details?.size == Filler.content.size
          && (work[index].item.sides[side.other] == .absent
            || Filler.flags.subtracting(work[index].flags[side]).isEmpty)
      }
      guard !suspects.isEmpty else { continue }
      let contents = try on(side) { () throws(EndpointError) in
        try select(side, endpoints[side])
        return try endpoints[side].contents(of: suspects.compactMap { work[$0].handles[side] })
      }
      let fillers = Set(
        suspects.filter { index in
          work[index].handles[side].flatMap { contents[$0] } == Filler.content
        })
      try expungeNow(fillers, mayStay: true, on: side, endpoints)
    }
  }

  /// Expunges what should never have stayed, and forgets it; where that may not be done it waits.
  ///
  /// - Parameter mayStay: what the side does not expunge is left alone there; else that is an error of the mailbox.
  private func expungeNow(
    _ extra: Set<Int>, mayStay: Bool, on side: Side, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    guard !extra.isEmpty else { return }
    let handles = extra.compactMap { work[$0].handles[side] }
    if policy.isDryRun || !allows(.new, on: side) {
      for handle in handles { deferMessage(handle, on: side) }
    } else {
      isContinued[side] = false
      try settleRecords()
      let uids = UIDSet(handles.compactMap(\.uid).sorted())
      let (gone, refusal) = try expungeIfAllowed(uids, on: side, endpoints)
      if let refusal, !mayStay { throw SideFailure(side: side, error: refusal) }
      changed[side] = changed[side] || !gone.isEmpty
    }
    work = work.enumerated().filter { !extra.contains($0.offset) }.map(\.element)
  }

  // MARK: Copies

  /// A server without MOVE gives a message a new UID by COPY and expunging the old one, and between the two there
  /// are two messages.
  ///
  /// What was begun is carried on: the copy is the message from now on, and the old one goes. Never the other way
  /// round: the EXPUNGE that the dead run had sent may still be carried out, and then nothing would be left. It is
  /// done at once, as long as the intents that tell of the copies are there; a run that may not do it leaves copies and
  /// intents to another one.
  func finishRenumbering(_ endpoints: Both<any Endpoint>) throws(SideFailure) {
    for side in Side.allCases {
      let intents = leftIntents[side]
      leftIntents[side] = []
      guard mode == .mirror, !policy.isDryRun else { continue }
      let pairs = try originalsAndCopies(of: intents, on: side, endpoints[side])
      guard !pairs.isEmpty else { continue }
      if mayRenumber {
        try replace(pairs, on: side, endpoints)
      } else {
        leave(pairs, intents, on: side)
      }
    }
  }

  private typealias OriginalAndCopy = (original: Int, copy: Int)

  /// What may be a copy and has the content of the original is one.
  private func originalsAndCopies(
    of intents: [Intent], on side: Side, _ endpoint: any Endpoint
  ) throws(SideFailure) -> [OriginalAndCopy] {
    let found = copies(of: intents, on: side)
    guard !found.isEmpty else { return [] }
    let handles = found.flatMap { [$0.original] + $0.copies }.compactMap { work[$0].handles[side] }
    let contents = try on(side) { () throws(EndpointError) in
      try select(side, endpoint)
      return try endpoint.contents(of: handles)
    }
    var taken = Set<Int>()
    return found.compactMap { original, copies in
      let content = work[original].handles[side].flatMap { contents[$0] }
      let copy = copies.first { copy in
        !taken.contains(copy) && content != nil
          && work[copy].handles[side].flatMap { contents[$0] } == content
      }
      guard let copy else { return nil }
      taken.insert(copy)
      return (original, copy)
    }
  }

  private func replace(
    _ pairs: [OriginalAndCopy], on side: Side, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    let left = try uniteFlags(pairs, on: side, endpoints[side])
    let pairs = try removeOriginals(
      pairs.filter { !left.contains($0.copy) }, on: side, endpoints[side])
    for (original, copy) in pairs {
      let old = work[original].item.sides[side]
      work[original].item.sides[side] = work[copy].item.sides[side]
      work[copy].item.sides[side] = old
    }
    try expungeNow(Set(pairs.map(\.copy)), mayStay: false, on: side, endpoints)
  }

  /// The originals go with the flags that they were seen to have. What somebody has changed in the meantime the copies get first;
  /// who does so again and again is not waited for.
  ///
  /// - Returns: those whose copies take their places; of a copy that is gone, or can't get the flags, the original stays.
  private func removeOriginals(
    _ pairs: [OriginalAndCopy], on side: Side, _ endpoint: any Endpoint
  ) throws(SideFailure) -> [OriginalAndCopy] {
    guard !pairs.isEmpty else { return [] }
    changed[side] = true
    isContinued[side] = false
    try settleRecords()
    var rest = pairs
    var left = Set<Int>()
    for _ in 1...MailboxSync.removalAttempts where !rest.isEmpty {
      var known: [UID: FlagSet] = [:]
      for (original, _) in rest {
        if let uid = work[original].handles[side]?.uid { known[uid] = work[original].flags[side] }
      }
      let outcomes = try on(side) { () throws(EndpointError) in
        try select(side, endpoint)
        return try endpoint.remove(known)
      }
      rest = rest.filter { original, _ in
        guard let uid = work[original].handles[side]?.uid else { return false }
        switch outcomes[uid] {
        case .changed(let now):
          work[original].setFlags(now, on: side)
          return true
        case .kept: return true
        case .removed, .missing, nil: return false
        }
      }
      left.formUnion(try uniteFlags(rest, on: side, endpoint))
      rest.removeAll { left.contains($0.copy) }
    }
    return pairs.filter { !left.contains($0.copy) }
  }

  private static let removalAttempts = 3

  /// As long as there are two messages, somebody may change the flags of either; or the run died before the copy had got all
  /// that the server had lost on the way. What of the original's is missing from the copy would be taken for removed.
  ///
  /// - Returns: copies that can't get them, or are gone: they do not take their originals' places.
  private func uniteFlags(
    _ pairs: [OriginalAndCopy], on side: Side, _ endpoint: any Endpoint
  ) throws(SideFailure) -> Set<Int> {
    var copies: [FlagChange: [Int]] = [:]
    for (original, copy) in pairs {
      let now = work[copy].flags[side]
      let wanted = FlagMerge.unite(left: work[original].flags[side], right: now)
      let change = FlagChange(from: now, to: wanted)
      if !change.isEmpty { copies[change, default: []].append(copy) }
    }
    guard !copies.isEmpty else { return [] }
    changed[side] = true
    let orders = copies.map { change, copies in
      StoreOrder(
        uids: UIDSet(copies.compactMap { work[$0].handles[side]?.uid }.sorted()),
        added: change.added, removed: change.removed)
    }.sorted { ($0.uids.min ?? .first) < ($1.uids.min ?? .first) }
    let outcome = try on(side) { () throws(EndpointError) in
      try select(side, endpoint)
      return try endpoint.store(orders)
    }
    let failed = outcome.unstorable.values.reduce(outcome.gone.union(outcome.rejected)) {
      $0.union($1)
    }
    var left = Set<Int>()
    for (change, copies) in copies {
      for copy in copies {
        guard let uid = work[copy].handles[side]?.uid, !failed.contains(uid) else {
          left.insert(copy)
          continue
        }
        noteAttempt(change.added, UIDSet(uid), on: side)
        work[copy].setFlags(change.applied(to: work[copy].flags[side]), on: side)
      }
    }
    return left
  }

  /// A run that may not renumber leaves both to another one, in whatever round it comes across them, and with them what tells
  /// of them.
  private func leave(_ pairs: [OriginalAndCopy], _ intents: [Intent], on side: Side) {
    let originals = Set(pairs.compactMap { work[$0.original].handles[side]?.uid })
    leftIntents[side] = intents.filter { $0.original != nil }
    keptIntents[side] = intents.filter { $0.original.map(originals.contains) ?? false }
    hasIntents[side] = false
    for (_, copy) in pairs {
      if let handle = work[copy].handles[side] { deferMessage(handle, on: side) }
    }
    let copies = Set(pairs.map(\.copy))
    work = work.enumerated().filter { !copies.contains($0.offset) }.map(\.element)
  }

  /// Messages that were to be renumbered and are still there, and what may be a copy of each: messages that only this side
  /// has, and that came since then; those with the flags of the original first. A copy is what the original is on this side:
  /// the other one may have it with another received date, or a server may have altered it. (Of what lies as the base has it
  /// the size may not be known; the content decides.)
  private func copies(
    of intents: [Intent], on side: Side
  ) -> [(original: Int, copies: [Int])] {
    var uidNexts: [UID: UID] = [:]
    for intent in intents {
      if let original = intent.original { uidNexts[original] = intent.uidNext }
    }
    guard let before = uidNexts.values.min() else { return [] }
    let arrivals = work.indices.filter { index in
      let item = work[index].item
      return !item.isKnown && item.sides[side.other] == .absent
        && item.sides[side].seen?.handle.uid.map { $0 >= before } ?? false
    }
    return work.indices.compactMap { original -> (original: Int, copies: [Int])? in
      guard let uid = work[original].item.sides[side].seen?.handle.uid, let next = uidNexts[uid]
      else { return nil }
      // The base may know no more than what was sent.
      let known = work[original].item.sides[side].seen?.details?.size
      let copies = arrivals.filter { copy in
        work[copy].item.sides[side].seen?.handle.uid.map { $0 >= next } ?? false
          && work[copy].item.date(on: side) == work[original].item.date(on: side)
          && [nil, size(of: copy, on: side)].contains(known)
      }
      let flags = work[original].flags[side]
      let (like, unlike) = (
        copies.filter { work[$0].flags[side] == flags },
        copies.filter { work[$0].flags[side] != flags }
      )
      return copies.isEmpty ? nil : (original, like + unlike)
    }
  }
}
