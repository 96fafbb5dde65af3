import IMAPClient

/// Step 5 of a first sync, a part at a time.
///
/// An ``ItemWork`` takes some hundred octets, and a mailbox that one side has and the other lacks may have a million messages.
/// Where each of them needs nothing but to be placed on the other side, they become items some thousand at a time; the round
/// is the same as if all had been.
extension MailboxSync {
  /// Arrivals that are no items yet.
  struct LaterArrivals {
    let side: Side
    var messages: MessageList
    /// Those of them that have to be compared with what has arrived on the other side, before it is certain that the rest
    /// may wait (``findOtherHalves(_:)``).
    var likely: LikelyHalves?
  }

  /// Takes what may wait out of the arrivals.
  func setAside(_ items: inout Items) {
    later = nil
    for side in Side.allCases where mayWait(items, on: side) {
      let messages = items.arrivals[side]
      var likely: LikelyHalves?
      if !items.arrivals[side.other].isEmpty {
        likely = LikelyHalves(of: items.arrivals[side.other], among: messages)
        guard let likely, isOneKind(messages, except: likely.handles, on: side) else { continue }
      } else if !isOneKind(messages, on: side) {
        continue
      }
      items.arrivals[side] = []
      later = LaterArrivals(side: side, messages: messages, likely: likely)
      if likely == nil { orderLater() }
    }
  }

  /// They are numbered in this order, and each part after the one before.
  func orderLater() {
    if sharesUIDs, later.map({ isToBeNumbered($0.messages) }) ?? false {
      later?.messages.sortByDate()
    }
  }

  /// Makes items of the next arrivals. What was placed before them, and needs nothing more, is not kept.
  ///
  /// - Returns: where in `work` they are.
  @discardableResult func takeNextPart() -> Range<Int> {
    guard var rest = later, rest.likely == nil else { return work.count..<work.count }
    later = nil
    work.removeAll(where: \.isReleased)
    let start = work.count
    for message in rest.messages.takeFirst(policy.batches.arrivals) {
      work.append(ItemWork(item: Item(arrival: message, on: rest.side)))
    }
    if !rest.messages.isEmpty { later = rest }
    return start..<work.count
  }

  /// Makes items of all arrivals, where they have to be compared with something.
  func takeAllParts() {
    while later != nil { takeNextPart() }
  }

  /// Places the rest, part by part.
  func placeLater(_ endpoints: Both<any Endpoint>) throws(SideFailure) {
    while later != nil {
      Memory.giveBack()
      laterParts += 1
      for index in takeNextPart() { decide(index) }
      try placeAll(endpoints)
    }
  }

  // MARK: Whether they may wait

  private func mayWait(_ items: Items, on side: Side) -> Bool {
    let other = side.other
    return items.arrivals[side].count > policy.batches.arrivals
      && items.arrivals[other].count <= policy.batches.arrivals
      && items.leavesAllInPlace(in: mode)
      && isPlain(side) && isPlain(other) && !policy.isDryRun && policy.maxSize == nil
      && wholeMessages.isEmpty && exists[other] && allows(.new, on: other)
      && Side.allCases.allSatisfy { !mayBeFillers(items.arrivals[$0], on: $0) }
      && isAllNew(items.arrivals[side], on: side)
  }

  /// Nothing is left over from another run, or from a round before, that arrivals would have to be compared with, beside what else
  /// is asked for before they may wait: that all that the base knows is in its place, and what is new on the other side has
  /// its half among them, or they are compared with each other.
  ///
  /// So what a run that died has left is no matter: what it was renumbering has two UIDs in the base, and what it had saved either has its
  /// half, or everything is compared. What was given up in this run is no arrival any more.
  func isPlain(_ side: Side) -> Bool {
    isTrustedOrNew(side) && pending[side].isEmpty && strays[side].isEmpty
  }

  private func isTrustedOrNew(_ side: Side) -> Bool {
    isTrusted(side) || record.anchors[side] == nil
  }

  /// Below the recorded UIDNEXT, there may be what was left alone for a reason.
  private func isAllNew(_ messages: MessageList, on side: Side) -> Bool {
    guard let then = record.anchors[side], let uid = messages.first?.handle.uid else { return true }
    return uid >= then.uidNext
  }

  /// In `mirror`: either all keep their UIDs on the other side, or all get new ones. What got one while others wait would
  /// take theirs; so nothing else may get one either (``Items/leavesAllInPlace(in:)``).
  ///
  /// - Parameter others: those that are not to be placed.
  func isOneKind(
    _ messages: MessageList, except others: Set<MessageHandle> = [], on side: Side
  ) -> Bool {
    guard sharesUIDs else { return true }
    let other = reach[side.other]
    if isToBeNumbered(messages, except: others) { return true }
    return traits[side.other].choosesUIDs
      && messages.allSatisfy { message in
        message.handle.uid.map { $0 >= other.lowest && $0 >= other.known } ?? false
          || others.contains(message.handle)
      }
  }

  private func isToBeNumbered(
    _ messages: MessageList, except others: Set<MessageHandle> = []
  ) -> Bool {
    messages.allSatisfy { $0.handle.uid == nil || others.contains($0.handle) }
  }

  /// A server's messages that may have been left by a run that died, to be expunged.
  func mayBeFillers(_ messages: MessageList, on side: Side) -> Bool {
    !traits[side].choosesUIDs
      && messages.contains { message in
        message.details?.size == Filler.content.size
      }
  }
}
