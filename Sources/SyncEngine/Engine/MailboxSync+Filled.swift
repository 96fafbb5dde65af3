import IMAPClient

/// Step 2 where both sides have much that the base does not know: a first sync of two filled mailboxes, or one whose base is
/// lost.
///
/// An ``ItemWork`` takes some hundred octets, and as much is needed to compare it. Nearly all of such messages have their
/// other halves and need nothing but to be recorded: these are found before any items are made, and become items some
/// thousand at a time. The round is the same as if all had been items.
extension MailboxSync {
  /// Takes the arrivals, where they are many and nothing but each other is to be compared with them.
  func takeFilled(_ items: inout Items) {
    filled = nil
    let isPlain = Side.allCases.allSatisfy { side in
      !items.arrivals[side].isEmpty && self.isPlain(side)
        && !mayBeFillers(items.arrivals[side], on: side)
    }
    guard items.arrivals.left.count + items.arrivals.right.count > policy.batches.arrivals,
      later == nil, isPlain, items.leavesAllInPlace(in: mode), policy.maxSize == nil,
      wholeMessages.isEmpty
    else { return }
    filled = items.arrivals
    items.arrivals = Both(left: [], right: [])
    // What it took to read them.
    Memory.giveBack()
  }

  /// Finds what belongs together, and makes items of what needs more than to be recorded.
  func pairFilled(_ endpoints: Both<any Endpoint>) throws(SideFailure) {
    guard let messages = filled else { return }
    filled = nil
    var pairing = BulkPairing(messages, partCount: policy.batches.arrivals)
    pairing.matchByID()
    let wanted = pairing.wanted()
    var unread = Both<[MessageHandle]>(left: [], right: [])
    for side in Side.allCases where !wanted[side].isEmpty {
      let handles = wanted[side].lazy.map { messages[side][$0].handle }
      unread[side] = try readContents(of: handles, on: side, endpoints[side]) { places, contents in
        for index in wanted[side][places] {
          guard let content = contents[messages[side][index].handle] else { continue }
          pairing.learn(content, of: index, on: side)
        }
      }
    }
    pairing.matchByContent()
    makeItems(of: &pairing)
    for side in Side.allCases { _ = try dropGone(unread[side], on: side, endpoints[side]) }
  }

  /// Of all but the pairs that are ``settled``, in the order in which all would be.
  private func makeItems(of pairing: inout BulkPairing) {
    let messages = pairing.messages
    let alone = messages.right.indices.filter { pairing.partner(of: $0, on: .right) == nil }
    let numbered = sideToBeNumbered(messages)
    var isAnySettled = false
    for index in messages.left.indices {
      let partner = pairing.partner(of: index, on: .left)
      if let partner, isSettled(messages.left[index], messages.right[partner], numbered) {
        isAnySettled = true
        continue
      }
      work.append(pairing.work(left: index, right: partner))
      pairing.part(index, on: .left)
    }
    for index in alone { work.append(pairing.work(left: nil, right: index)) }
    if isAnySettled { settled = SettledPairs(pairing: pairing, numbered: numbered) }
  }

  /// A Maildir with files that may get the UIDs of their other halves.
  private func sideToBeNumbered(_ messages: Both<MessageList>) -> Side? {
    guard sharesUIDs else { return nil }
    return Side.allCases.first { side in
      traits[side].choosesUIDs && messages[side].last.map { $0.handle.uid == nil } ?? false
    }
  }

  /// Nothing is to be done about the two but to record that they are one; or before that, to give the one the UID of the
  /// other, which is free.
  private func isSettled(
    _ left: ObservedMessage, _ right: ObservedMessage, _ numbered: Side?
  ) -> Bool {
    guard left.flags == right.flags else { return false }
    let uids = Both(left: left.handle.uid, right: right.handle.uid)
    if let leftUID = uids.left, let rightUID = uids.right {
      return mode == .map || leftUID == rightUID
    }
    guard let numbered, uids[numbered] == nil, let uid = uids[numbered.other] else { return false }
    return uid >= reach[numbered].lowest && uid >= reach[numbered].known
  }

  // MARK: Their turn

  /// Makes items of so many pairs.
  ///
  /// - Returns: where in `work` they are.
  @discardableResult private func takeSettled(_ count: Int) -> Range<Int> {
    let start = work.count
    work += settled?.takeFirst(count) ?? []
    if settled?.isEmpty ?? true { settled = nil }
    return start..<work.count
  }

  /// Makes items of all pairs, where they have to be compared with something.
  @discardableResult func takeAllSettled() -> Range<Int> { takeSettled(.max) }

  /// Records the pairs, part by part, where that is all.
  func recordSettled() throws(SideFailure) {
    guard settled?.numbered == nil else { return }
    while settled != nil { try takeSettledPart { _ throws(SideFailure) in } }
  }

  /// The same where files get the UIDs of their other halves.
  ///
  /// - Parameter keepers: others that get UIDs on that side which they have on the other: all in one order.
  func placeSettled(
    _ keepers: [UIDSpace.Keeper], on side: Side, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    var rest = keepers[...]
    while settled != nil {
      try takeSettledPart { part throws(SideFailure) in
        var next = part.compactMap { index -> UIDSpace.Keeper? in
          guard work[index].handles[side]?.uid == nil, let uid = work[index].uids[side.other]
          else { return nil }
          return UIDSpace.Keeper(index: index, uid: uid, side: side)
        }
        guard let last = next.last else { return }
        let others = rest.prefix { $0.uid < last.uid }
        rest = rest.dropFirst(others.count)
        next = (next + others).sorted { $0.uid < $1.uid }
        try placeKeepers(next, on: side, endpoints)
      }
    }
    try placeKeepers(Array(rest), on: side, endpoints)
  }

  /// What was settled needs what all others need, after all: each side keeps its own UIDs. (A server that can't be brought level
  /// has handed out less than the Maildir, and then no file can have its half's UID; so there is nothing settled, as far as
  /// is known.)
  func unsettle() throws(SideFailure) {
    let all = takeAllSettled()
    for index in all { decide(index) }
    try recordPlaced(all.filter { isOnBothSides($0) })
  }

  /// - Parameter body: places those that do not lie on both sides under their UIDs yet.
  private func takeSettledPart(
    _ body: (Range<Int>) throws(SideFailure) -> Void
  ) throws(SideFailure) {
    if settledParts > 0 { Memory.giveBack() }
    settledParts += 1
    // No more than are numbered at a time.
    let part = takeSettled(min(policy.batches.arrivals, policy.batches.numbered))
    for index in part { decide(index) }
    try recordPlaced(part.filter { isOnBothSides($0) })
    try body(part)
    work.replaceSubrange(part, with: work[part].filter { !$0.isReleased })
  }
}

/// Messages that lie on both sides, and that nothing is to be done about but to record it, and to number some of them.
struct SettledPairs {
  private let pairing: BulkPairing
  /// The side on which some are files that are to get the UIDs of the other one.
  let numbered: Side?
  /// They are taken in the order of this side: ascending by UID.
  private let leading: Side
  /// Those before it were taken.
  private var next = 0

  init(pairing: BulkPairing, numbered: Side?) {
    self.pairing = pairing
    self.numbered = numbered
    leading = numbered?.other ?? .left
    goOn()
  }

  var isEmpty: Bool { next == pairing.messages[leading].count }

  private mutating func goOn() {
    while !isEmpty, pairing.partner(of: next, on: leading) == nil { next += 1 }
  }

  /// - Returns: so many, or all that there are.
  mutating func takeFirst(_ count: Int) -> [ItemWork] {
    var taken: [ItemWork] = []
    while taken.count < count, !isEmpty {
      let partner = pairing.partner(of: next, on: leading)
      taken.append(
        leading == .left
          ? pairing.work(left: next, right: partner) : pairing.work(left: partner, right: next))
      next += 1
      goOn()
    }
    return taken
  }
}

extension BulkPairing {
  /// What is known of a message by now.
  fileprivate func work(left: Int?, right: Int?) -> ItemWork {
    let indices = Both(left: left, right: right)
    return ItemWork(
      item: Item(
        base: nil,
        sides: Both<Presence> { side in
          guard let index = indices[side] else { return .absent }
          var seen = Seen(messages[side][index])
          seen.content = content(of: index, on: side)
          return .present(seen)
        }))
  }
}
