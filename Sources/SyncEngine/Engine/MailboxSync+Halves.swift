import IMAPClient

/// Step 2 where arrivals wait for their turn (``MailboxSync/later``) and something has arrived on the other side, too.
///
/// A first pull that was killed leaves in the Maildir what it got last and did not record. If all of that is found to be the
/// other half of something that waits, what still has to be placed is as if it had been recorded. Else it is compared with
/// everything.
extension MailboxSync {
  func findOtherHalves(_ endpoints: Both<any Endpoint>) throws(SideFailure) {
    guard let likely = later?.likely, let side = later?.side else { return }
    later?.likely = nil
    let start = work.count
    work += likely.messages.map { ItemWork(item: Item(arrival: $0, on: side)) }
    guard let found = try otherHalves(likely, on: side, endpoints) else {
      compareAll(likely, from: start, on: side)
      return
    }
    laterHalves += found.matches.count
    join(found.matches)
    // What it is not waits in its place.
    let alone = Set(found.rest.compactMap(\.handle))
    work.removeAll { work in
      !work.item.isKnown && work.item.sides[side.other] == .absent
        && work.handles[side].map(alone.contains) ?? false
    }
    let gone = likely.handles.subtracting(alone)
    later?.messages.removeAll { gone.contains($0.handle) }
    orderLater()
    takeNextPart()
  }

  /// Makes items of all that waits; what has been read of some is kept.
  private func compareAll(_ likely: LikelyHalves, from start: Int, on side: Side) {
    var known: [MessageHandle: ItemWork] = [:]
    for (message, work) in zip(likely.messages, work[start...]) { known[message.handle] = work }
    work.removeSubrange(start...)
    takeAllParts()
    for index in start..<work.count {
      if let known = work[index].handles[side].flatMap({ known[$0] }) { work[index] = known }
    }
  }

  /// - Returns: what belongs together, and what of the side's likely halves does not; `nil` if not everything on the other side
  ///   has found its half, or more than to be placed has to be done about any of it.
  private func otherHalves(
    _ likely: LikelyHalves, on side: Side, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) -> (matches: [Pairing.Match], rest: [Pairing.Candidate])? {
    var candidates = self.candidates()
    let matches = Pairing.matchByID(&candidates)
    try readWanted(&candidates, endpoints)
    let equal = Pairing.matchByContent(&candidates)
    let rest = candidates[side]
    guard candidates[side.other].isEmpty, let waiting = later?.messages,
      equal.allSatisfy({ isCertain($0, likely) }),
      !sharesUIDs || (matches + equal).allSatisfy(hasOneUID)
    else { return nil }
    let settled = likely.handles.subtracting(rest.compactMap(\.handle))
    guard isOneKind(waiting, except: settled, on: side), try !isAnyKnown(rest, on: side) else {
      return nil
    }
    return (matches + equal, rest)
  }

  /// Whether the two would have found each other among all that waits.
  private func isCertain(_ match: Pairing.Match, _ likely: LikelyHalves) -> Bool {
    likely.sizes.contains(size(of: match.left)) || hasOneUID(match)
  }

  private func hasOneUID(_ match: Pairing.Match) -> Bool {
    work[match.left].handles.left == work[match.right].handles.right
  }

  /// What was read only to be compared may turn out to be a copy of something.
  private func isAnyKnown(
    _ candidates: [Pairing.Candidate], on side: Side
  ) throws(SideFailure) -> Bool {
    try stateAccess { () throws(StateError) in
      for content in candidates.compactMap(\.content) {
        if try !store.messages(withContent: content, on: side).isEmpty { return true }
      }
      return false
    }
  }
}

/// Messages of one side that may be the other halves of some few of the other.
struct LikelyHalves {
  private(set) var messages: [ObservedMessage] = []
  /// Of these sizes, all that there are. Of other sizes each of the few has one of its own UID and date: if they are equal,
  /// each is nearer to the other than any third one (``Pairing``).
  let sizes: Set<UInt64>

  var handles: Set<MessageHandle> { Set(messages.map(\.handle)) }

  /// - Returns: `nil` if the few do not tell, or there is none.
  init?(of few: MessageList, among many: MessageList) {
    var detailsOfUID: [UID: MessageDetails] = [:]
    var ids: Set<ContentID> = []
    for message in few {
      guard let uid = message.handle.uid, let details = message.details else { return nil }
      detailsOfUID[uid] = details
      if let id = details.id { ids.insert(ContentID(size: details.size, digest: id)) }
    }
    func isNear(_ message: ObservedMessage) -> Bool {
      guard let near = message.handle.uid.flatMap({ detailsOfUID[$0] }) else { return false }
      return near.size == message.details?.size && near.date == message.details?.date
    }
    let near = Set(many.lazy.filter(isNear).compactMap(\.handle.uid))
    sizes = Set(detailsOfUID.filter { !near.contains($0.key) }.map(\.value.size))
    for message in many {
      guard let details = message.details else { continue }
      let hasID = details.id.map { ids.contains(ContentID(size: details.size, digest: $0)) }
      if sizes.contains(details.size) || hasID == true || isNear(message) {
        messages.append(message)
      }
    }
    if messages.isEmpty { return nil }
  }
}
