import IMAPClient

/// Step 3, over all mailboxes: is the content that arrived on one side on the other already?
///
/// A message that was moved or copied on one side is moved or copied on the other, so that no body
/// crosses the wire; a file that only got another name is the message that it was.
struct CopySources {
  let mailboxes: [MailboxSync]
  /// Mailboxes that can be copied from, on each side.
  let records: Both<[MailboxID: MailboxRecord]>
  let store: any StateStore
  let policy: Policy

  private struct Size: Hashable {
    var mailbox: MailboxID
    var octets: UInt64
  }

  struct Place: Hashable {
    var mailbox: Int
    var work: Int
  }

  /// Rows that this round knows something of.
  private(set) var places: [MessageID: Place] = [:]
  private var vanishedSizes: Both<Set<UInt64>> = Both(left: [], right: [])
  /// The same by mailbox.
  private var vanishedHere: Both<Set<Size>> = Both(left: [], right: [])
  /// Of stubs of which the side's own id is not known: a body that is not read for anyone must not be
  /// taken for one that is.
  private var vanishedStubs: Both<Set<UInt64>> = Both(left: [], right: [])

  init(
    mailboxes: [MailboxSync], records: Both<[MailboxID: MailboxRecord]>, store: any StateStore,
    policy: Policy
  ) {
    self.mailboxes = mailboxes
    self.records = records
    self.store = store
    self.policy = policy
    for (m, mailbox) in mailboxes.enumerated() {
      places.reserveCapacity(places.count + mailbox.work.count)
      for w in mailbox.work.indices {
        guard let base = mailbox.work[w].item.base else { continue }
        places[base.id] = Place(mailbox: m, work: w)
        for side in Side.allCases where mailbox.work[w].item.sides[side].isVanished {
          guard let size = base.contents[side]?.size else { continue }
          vanishedSizes[side].insert(size)
          vanishedHere[side].insert(Size(mailbox: mailbox.record.id, octets: size))
          if base.stub == side, base.ids[side] == nil { vanishedStubs[side].insert(size) }
        }
      }
    }
  }

  /// Finds the sources of everything that arrived on `side` in mailbox `m`.
  mutating func find(
    in m: Int, side: Side, endpoint: any Endpoint
  ) throws(SideFailure) {
    let mailbox = mailboxes[m]
    let arrivals = mailbox.work.indices.filter { index in
      guard !mailbox.work[index].item.isKnown || mailbox.work[index].stub == side else {
        return false
      }
      let item = mailbox.work[index].item
      guard item.sides[side].seen != nil else { return false }
      return !item.isKnown
        ? item.sides[side.other] == .absent : mailbox.work[index].isStubOfLost(on: side)
    }
    guard !arrivals.isEmpty else { return }
    let contents = try self.contents(
      of: arrivals.compactMap { mailbox.work[$0].item.sides[side].seen }, mailbox: mailbox,
      side: side, endpoint: endpoint)
    var found: [(index: Int, rows: [MessageRecord], hasDate: Bool)] = []
    for index in arrivals {
      guard let seen = mailbox.work[index].item.sides[side].seen else { continue }
      let content = seen.content ?? contents[seen.handle]
      let rows = try stateAccess { () throws(StateError) in
        let rows = try self.rows(like: seen, content: content, side: side)
        let originals = try self.originals(rows, of: mailbox.work[index], on: side)
        if rows.isEmpty || !originals.isEmpty { return rows + originals }
        return rows + (try goneTwins(rows, content, of: index, in: m, side: side))
      }
      guard !rows.isEmpty else { continue }
      if let content, rows.contains(where: { $0.stub == side }) {
        mailbox.noteContent(content, of: index, on: side)
      }
      let date = mailbox.work[index].item.date
      found.append((index, rows, rows.contains { $0.date(on: side) == date }))
    }
    var rejoined = Set<Int>()
    // Equal bytes with another date must not take what a message of the very date is.
    for (index, rows, _) in found.filter(\.hasDate) + found.filter({ !$0.hasDate }) {
      let isArrival = !mailbox.work[index].item.isKnown
      if isArrival && isStale(index, rows, of: m, side: side)
        || use(rows, for: index, of: m, side: side)
      {
        rejoined.insert(index)
      }
    }
    if !rejoined.isEmpty { remove(rejoined, from: m) }
  }

  /// Contents of arrivals that the side's own ids can't tell, where they may be something known.
  func contents(
    of arrivals: [Seen], mailbox: MailboxSync, side: Side, endpoint: any Endpoint
  ) throws(SideFailure) -> [MessageHandle: ContentID] {
    var handles: [MessageHandle] = []
    for seen in arrivals {
      guard seen.content == nil, let details = seen.details else { continue }
      let isWorthwhile = try stateAccess { () throws(StateError) in
        if mailbox.traits[side].hasCheapContents {
          return try store.hasMessage(ofSize: details.size, on: side)
        }
        // A server gives an id of its own even to what a run that died has saved in place of another; and all are new
        // where it has lost them together with its UIDs.
        let isSuspect =
          mailbox.hasChangedValidity(side)
          || mailbox.savedBefore[side].map { seen.handle >= .uid($0) } ?? false
        if !mailbox.traits[side].hasIDs, policy.maxSize != nil,
          details.size <= StubMessage.sizeLimit,
          try store.hasMessage(ofSize: details.size, on: side)
        {
          return true
        }
        // Another pair of a ring may bring back what was expunged before it reached there.
        let size = Size(mailbox: mailbox.record.id, octets: details.size)
        return vanishedStubs[side].contains(details.size) || vanishedHere[side].contains(size)
          || (!mailbox.traits[side].hasIDs || isSuspect)
            && vanishedSizes[side].contains(details.size)
      }
      if isWorthwhile { handles.append(seen.handle) }
    }
    guard !handles.isEmpty else { return [:] }
    return try mailbox.on(side) { () throws(EndpointError) in
      try mailbox.select(side, endpoint)
      return try endpoint.contents(of: handles)
    }
  }

  func rows(
    like seen: Seen, content: ContentID?, side: Side
  ) throws(StateError) -> [MessageRecord] {
    if let id = seen.details?.id {
      let rows = try store.messages(withID: id, on: side).filter { row in
        guard let size = row.contents[side]?.size, let mine = seen.details else { return true }
        // What a server altered has another size than what it was sent. (In a Maildir a program may write another message
        // under an old file's name.)
        let isServers = mailboxes.first.map { !$0.traits[side].choosesUIDs } ?? false
        return size == mine.size || isServers && row.date(on: side) == mine.date
      }
      if !rows.isEmpty { return rows }
    }
    guard let content else { return [] }
    return try store.messages(withContent: content, on: side)
  }

  /// Of a stub, whatever is equal to its message on the other side: where none of the rows which the stub itself is known by has
  /// its message there any more, that was moved, too, and has a row of its own by now.
  private func originals(
    _ rows: [MessageRecord], of work: ItemWork, on side: Side
  ) throws(StateError) -> [MessageRecord] {
    let known = rows.first { $0.stub == side }?.contents[side.other]
    guard let original = work.original(of: side) ?? known,
      !rows.contains(where: { alive($0, places[$0.id], on: side.other) != nil })
    else { return [] }
    return try store.messages(withContent: original, on: side.other).filter { row in
      !rows.contains { $0.id == row.id }
    }
  }

  /// Equal messages of the same date that are gone from the arrival's own mailbox. What is a copy of one that is still
  /// there may as well be such a one, which another pair has placed anew by copying.
  private func goneTwins(
    _ rows: [MessageRecord], _ content: ContentID?, of index: Int, in m: Int, side: Side
  ) throws(StateError) -> [MessageRecord] {
    let mailbox = mailboxes[m].record.id
    guard let first = rows.first, mailboxes[m].work[index].stub == nil,
      let content = content ?? first.contents[side],
      vanishedHere[side].contains(Size(mailbox: mailbox, octets: content.size))
    else { return [] }
    let date = mailboxes[m].work[index].item.date
    return try store.messages(withContent: content, on: side).filter { row in
      row.mailbox == mailbox && row.stub == nil && row.date(on: side) == date
        && !rows.contains { $0.id == row.id }
    }
  }

  /// - Returns: true if the arrival turned out to be a message of the same mailbox under a new name.
  private mutating func use(
    _ rows: [MessageRecord], for index: Int, of m: Int, side: Side
  ) -> Bool {
    let other = side.other
    let date = mailboxes[m].work[index].item.date
    var copy: (row: MessageRecord, flags: FlagSet, uid: UID)?
    let isFlagged = mailboxes[m].work[index].flags[side].system.contains(.flagged)
    if rows.contains(where: { $0.stub == side }) { mailboxes[m].work[index].stub = side }
    let isStub = mailboxes[m].work[index].stub == side
    // What arrives flagged is wanted whole.
    let gone = mailboxes[m].goneSources
    let isSource = { (row: MessageRecord, uid: UID) in
      gone[row.id] != uid
        && (isStub || (row.date(on: other) == date && !(row.stub == other && isFlagged)))
    }
    // A copy has the received date of its original: equal bytes with another date are saved.
    let sameDate = rows.filter { $0.date(on: side) == date }
    for row in sameDate + rows.filter({ $0.date(on: side) != date }) {
      let place = places[row.id]
      guard let alive = self.alive(row, place, on: other) else { continue }
      guard !mailboxes[m].work[index].item.isKnown, let place,
        mailboxes[place.mailbox].work[place.work].item.sides[side] == .vanished,
        mailboxes[place.mailbox].work[place.work].claim == nil
      else {
        if copy == nil, let uid = alive.uid, isSource(row, uid) { copy = (row, alive.flags, uid) }
        continue
      }
      if place.mailbox == m, row.date(on: side) == date || isStub {
        rejoin(index, to: place, side: side)
        return true
      }
      let claim = MoveClaim(side: other)
      mailboxes[place.mailbox].work[place.work].claim = claim
      mailboxes[m].work[index].fulfils = claim
      if let uid = alive.uid, isSource(row, uid),
        let source = source(row, uid: uid, flags: alive.flags, on: other)
      {
        mailboxes[m].work[index].source = source
        noteStub(row, index, of: m, side: side)
        mailboxes[m].work[index].source?.isMove =
          mailboxes[place.mailbox].allows(.expunge, on: other)
      }
      return false
    }
    if let copy {
      mailboxes[m].work[index].source = source(
        copy.row, uid: copy.uid, flags: copy.flags, on: other)
      noteStub(copy.row, index, of: m, side: side)
    }
    return false
  }

  /// A stub of which the message has come whole, left by a run that was cut short, is no copy.
  private func isStale(_ index: Int, _ rows: [MessageRecord], of m: Int, side: Side) -> Bool {
    let mailbox = mailboxes[m]
    guard mailbox.work[index].stub == side, let handle = mailbox.work[index].handles[side],
      rows.contains(where: { $0.mailbox == mailbox.record.id && $0.stub == nil })
    else { return false }
    mailbox.staleStubs[side].insert(handle)
    return true
  }

  /// A copy of a stub, or of its message, has a stub on the same side.
  private func noteStub(_ row: MessageRecord, _ index: Int, of m: Int, side: Side) {
    if mailboxes[m].work[index].stub != side { mailboxes[m].work[index].stub = row.stub }
  }

  /// The row's message on a side, if it is still there; a file may have no number at the moment, and can't be copied.
  private func alive(
    _ row: MessageRecord, _ place: Place?, on side: Side
  ) -> (uid: UID?, flags: FlagSet)? {
    guard let place else { return (row.uids[side], row.flags(on: side)) }
    guard let seen = mailboxes[place.mailbox].work[place.work].item.sides[side].seen else {
      return nil
    }
    return (seen.handle.uid, seen.flags)
  }

  private func source(
    _ row: MessageRecord, uid: UID, flags: FlagSet, on side: Side
  ) -> CopySource? {
    guard let record = records[side][row.mailbox] else { return nil }
    var row = row
    for side in Side.allCases {
      row.lacking[side].formUnion(record.unproven[side].intersection(row.flags))
    }
    let validity =
      places[row.id].map { mailboxes[$0.mailbox].anchors[side].uidValidity }
      ?? record.anchors[side]?.uidValidity
    return CopySource(
      record: row, mailbox: policy.fullName(record.names[side], on: side), uidValidity: validity,
      uid: uid, isMove: false, flags: flags)
  }

  private func rejoin(_ index: Int, to place: Place, side: Side) {
    let mailbox = mailboxes[place.mailbox]
    mailbox.work[place.work].item.sides[side] = mailbox.work[index].item.sides[side]
  }

  private mutating func remove(_ indices: Set<Int>, from m: Int) {
    let mailbox = mailboxes[m]
    mailbox.work = mailbox.work.enumerated().filter { !indices.contains($0.offset) }
      .map(\.element)
    for (w, work) in mailbox.work.enumerated() {
      if let base = work.item.base { places[base.id] = Place(mailbox: m, work: w) }
    }
  }
}

extension ItemWork {
  /// A stub that the base knows, whose message is not in its mailbox any more; it may be in another.
  fileprivate func isStubOfLost(on side: Side) -> Bool {
    stub == side && item.isKnown && item.sides[side.other] == .lost
  }

  /// The message that a stub on this side stands for.
  fileprivate func original(of side: Side) -> ContentID? {
    guard stub == side else { return nil }
    return stubDetails?.original ?? item.base?.contents[side.other]
  }
}
