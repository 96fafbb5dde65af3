import IMAPClient

/// What a run that died left half done.
extension MailboxSync {
  /// Fillers that were appended and not expunged. They are nobody's mail, and go wherever they are found.
  func expungeLeftFillers(_ endpoints: Both<any Endpoint>) throws(SideFailure) {
    for side in Side.allCases where !traits[side].choosesUIDs {
      let suspects = work.indices.filter { index in
        !work[index].item.isKnown
          && work[index].item.sides[side].seen?.details?.size == Filler.content.size
          && Filler.flags.subtracting(work[index].flags[side]).isEmpty
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
      try expungeNow(fillers, on: side, endpoints)
    }
  }

  /// Expunges what should never have stayed, and forgets it; where that may not be done it waits.
  private func expungeNow(
    _ extra: Set<Int>, on side: Side, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    guard !extra.isEmpty else { return }
    let handles = extra.compactMap { work[$0].handles[side] }
    if policy.isDryRun || !allows(.new, on: side) {
      for handle in handles { deferMessage(handle, on: side) }
    } else {
      changed[side] = true
      isContinued[side] = false
      try settleRecords()
      let uids = UIDSet(handles.compactMap(\.uid).sorted())
      _ = try on(side) { () throws(EndpointError) in
        try select(side, endpoints[side])
        return try endpoints[side].expunge(uids)
      }
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
      let found = copies(of: intents, on: side)
      guard !found.isEmpty else { continue }
      let handles = found.flatMap { [$0.original] + $0.copies }.compactMap {
        work[$0].handles[side]
      }
      let contents = try on(side) { () throws(EndpointError) in
        try select(side, endpoints[side])
        return try endpoints[side].contents(of: handles)
      }
      let isLeft = !mayRenumber
      if isLeft { hasIntents[side] = false }
      var replaced = Set<Int>()
      for (original, copies) in found {
        let content = work[original].handles[side].flatMap { contents[$0] }
        let copy = copies.first { copy in
          !replaced.contains(copy) && content != nil
            && work[copy].handles[side].flatMap { contents[$0] } == content
        }
        guard let copy else { continue }
        replaced.insert(copy)
        if isLeft {
          if let handle = work[copy].handles[side] { deferMessage(handle, on: side) }
          continue
        }
        let old = work[original].item.sides[side]
        work[original].item.sides[side] = work[copy].item.sides[side]
        work[copy].item.sides[side] = old
      }
      if isLeft {
        work = work.enumerated().filter { !replaced.contains($0.offset) }.map(\.element)
      } else {
        try expungeNow(replaced, on: side, endpoints)
      }
    }
  }

  /// Messages that were to be renumbered and are still there, and what may be a copy of each: messages that
  /// only this side has, and that came since then. A copy that has not got all flags yet is left alone: they
  /// would be taken for removed. (Of what lies as the base has it the size may not be known; the content decides.)
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
    return work.indices.compactMap { original in
      guard let uid = work[original].item.sides[side].seen?.handle.uid, let next = uidNexts[uid]
      else { return nil }
      let copies = arrivals.filter { copy in
        work[copy].item.sides[side].seen?.handle.uid.map { $0 >= next } ?? false
          && work[copy].item.date == work[original].item.date
          && [0, size(of: copy)].contains(size(of: original))
          && work[copy].flags[side] == work[original].flags[side]
      }
      return copies.isEmpty ? nil : (original, copies)
    }
  }
}
