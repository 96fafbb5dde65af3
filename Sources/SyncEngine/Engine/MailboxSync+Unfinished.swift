import IMAPClient

/// What a run that died left half done.
extension MailboxSync {
  /// Fillers that were appended and not expunged. They are nobody's mail, and go wherever they are found.
  func expungeLeftFillers(_ endpoints: Both<any Endpoint>) throws(SideFailure) {
    for side in Side.allCases where !traits[side].choosesUIDs {
      let suspects = work.indices.filter { index in
        work[index].item.base == nil
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
  /// done at once, as long as the intents that tell of the copies are there.
  func finishRenumbering(_ endpoints: Both<any Endpoint>) throws(SideFailure) {
    for side in Side.allCases {
      let intents = leftIntents[side]
      leftIntents[side] = []
      guard let before = savedBefore[side], !intents.isEmpty, mode == .mirror, mayRenumber,
        !policy.isDryRun
      else { continue }
      let originals = originals(of: intents, below: before, on: side)
      let copies = arrivals(like: originals, from: before, on: side)
      guard !copies.isEmpty else { continue }
      let handles = (originals + copies).compactMap { work[$0].handles[side] }
      let contents = try on(side) { () throws(EndpointError) in
        try select(side, endpoints[side])
        return try endpoints[side].contents(of: handles)
      }
      var replaced = Set<Int>()
      for (original, copy) in pairs(originals, copies, contents, on: side) {
        let old = work[original].item.sides[side]
        work[original].item.sides[side] = work[copy].item.sides[side]
        work[copy].item.sides[side] = old
        replaced.insert(copy)
      }
      try expungeNow(replaced, on: side, endpoints)
    }
  }

  /// Messages that were there before the run that died, and that it was about to do something with.
  private func originals(of intents: [Intent], below uidNext: UID, on side: Side) -> [Int] {
    let ids = Set(intents.map(\.guid))
    return work.indices.filter { index in
      guard let seen = work[index].item.sides[side].seen, let uid = seen.handle.uid, uid < uidNext
      else { return false }
      guard let id = work[index].item.base?.guid ?? seen.details?.id else {
        return intents.contains { $0.size == size(of: index) }
      }
      return ids.contains(id)
    }
  }

  /// Messages that only this side has, that came since then, and that may be copies of one of these.
  private func arrivals(like originals: [Int], from uidNext: UID, on side: Side) -> [Int] {
    work.indices.filter { index in
      let item = work[index].item
      guard item.base == nil, item.sides[side.other] == .absent,
        let uid = item.sides[side].seen?.handle.uid, uid >= uidNext
      else { return false }
      return originals.contains {
        size(of: $0) == size(of: index) && work[$0].item.date == item.date
      }
    }
  }

  /// One copy at most for each original. A copy that has not got all flags yet is left alone: they would be
  /// taken for removed.
  private func pairs(
    _ originals: [Int], _ copies: [Int], _ contents: [MessageHandle: ContentID], on side: Side
  ) -> [(original: Int, copy: Int)] {
    var rest = copies
    var result: [(original: Int, copy: Int)] = []
    for original in originals {
      guard let content = work[original].handles[side].flatMap({ contents[$0] }) else { continue }
      let found = rest.firstIndex { copy in
        work[copy].handles[side].flatMap { contents[$0] } == content
          && work[copy].item.date == work[original].item.date
          && work[copy].flags[side] == work[original].flags[side]
      }
      if let found { result.append((original, rest.remove(at: found))) }
    }
    return result
  }
}
