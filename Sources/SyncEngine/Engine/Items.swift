import IMAPClient

/// Brings what the sides showed together with what the base knows: one ``Item`` for each message that
/// may need something.
struct Items {
  var rows: [MessageRecord]
  /// Messages not in the base, by side.
  var arrivals: Both<MessageList> = Both(left: [], right: [])
  /// Rows changed by what was seen (not by what was decided), to be written back.
  var amended: [Int] = []
  private let record: MailboxRecord
  private var isDoubtful = false
  /// The highest UID whose message was found to be that of the base, where this is doubtful.
  private var lastKept: UID?
  /// Of the rows that are not as they were, by index.
  private var states: [Int: Both<Presence?>] = [:]
  private static let untouched = Both<Presence?>(left: nil, right: nil)

  init(rows: [MessageRecord], record: MailboxRecord) {
    self.rows = rows
    self.record = record
  }

  /// - Parameters:
  ///   - observation: reduced to what differs from the base, unless that means nothing any more.
  ///   - vanished: UIDs that are gone.
  ///   - isDoubtful: an older state of the mailbox was restored, and UIDs that it had given may have been
  ///     given again. Every message is listed with its details.
  mutating func absorb(
    _ observation: consuming Observation, side: Side, vanished: UIDSet, isDoubtful: Bool = false
  ) {
    self.isDoubtful = isDoubtful
    lastKept = nil
    guard record.anchors[side]?.uidValidity == observation.anchor.uidValidity else {
      rebind(observation, side: side, expunged: [])
      return
    }
    let uidNext = observation.anchor.uidNext
    absorbChanges(observation, side: side, vanished: vanished)
    noteLost(from: isDoubtful ? firstDoubtful : uidNext, side: side)
  }

  /// The UIDs that the restored mailbox had not given yet, or has given again: all above the last message that is
  /// still the one of the base.
  private var firstDoubtful: UID {
    guard let lastKept else { return .first }
    return lastKept.next ?? .last
  }

  /// An older state of the mailbox was restored, which knows nothing of what came since. Nobody expunged that.
  private mutating func noteLost(from uidNext: UID, side: Side) {
    for index in Array(states.keys)
    where rows[index].uids[side] >= uidNext && states[index]?[side] == .vanished {
      states[index]?[side] = Presence.lost
    }
  }

  /// Whether all that the base knows stays where it is: nothing was seen to be gone from a side, nothing is to get another
  /// UID, and no message is to come in the place of its stub.
  func leavesAllInPlace(in mode: UIDMode) -> Bool {
    states.values.allSatisfy { state in
      Side.allCases.allSatisfy { state[$0] == nil || state[$0]?.seen != nil }
    }
      && rows.allSatisfy { row in
        row.stub == nil && (mode == .map || row.uids.left == row.uids.right)
      }
  }

  /// Rows whose messages are gone from a side.
  func vanishedRows(on side: Side) -> Set<Int> {
    Set(states.filter { $0.value[side] == .vanished }.keys)
  }

  private mutating func absorbChanges(
    _ observation: consuming Observation, side: Side, vanished: UIDSet
  ) {
    var messages = observation.messages
    guard !rows.isEmpty || !vanished.isEmpty else {
      // A first sync: all of them, as they are.
      arrivals[side] = messages
      return
    }
    var rowOfUID: [UID: Int] = [:]
    for index in rows.indices {
      let uid = rows[index].uids[side]
      rowOfUID[uid] = index
      if vanished.contains(uid) { states[index, default: Items.untouched][side] = .vanished }
    }
    messages.removeAll { message in
      guard let uid = message.handle.uid else { return false }
      guard let index = rowOfUID[uid] else { return vanished.contains(uid) }
      return isTaken(message, row: index, side: side)
    }
    arrivals[side] = messages
  }

  /// - Returns: false if this is not the row's message.
  private mutating func isTaken(
    _ message: ObservedMessage, row index: Int, side: Side
  ) -> Bool {
    guard states[index]?[side] != .vanished else { return true }
    guard !isDoubtful || rows[index].isLike(message, on: side) else {
      states[index, default: Items.untouched][side] = .lost
      return false
    }
    if isDoubtful { lastKept = max(lastKept ?? .first, rows[index].uids[side]) }
    // A server tells its own id of a message that we saved only afterwards; where the message is moved to
    // later, it is known by that.
    if rows[index].ids[side] == nil, let id = message.details?.id {
      rows[index].ids[side] = id
      amended.append(index)
    }
    if message.flags != rows[index].flags(on: side) {
      states[index, default: Items.untouched][side] = .present(Seen(message))
    }
    return true
  }

  /// The mailbox has another UIDVALIDITY: its messages are found again by the side's own ids. What is
  /// not found was not expunged (design.md §4); `expunged` rows were, as was seen before the change.
  mutating func rebind(_ observation: Observation, side: Side, expunged: Set<Int>) {
    guard !rows.isEmpty else {
      arrivals[side] = observation.messages
      return
    }
    arrivals[side] = []
    var rowsOfID: [GlobalUID: [Int]] = [:]
    for index in rows.indices.reversed() {
      if let id = rows[index].ids[side] { rowsOfID[id, default: []].append(index) }
      states[index, default: Items.untouched][side] = expunged.contains(index) ? .vanished : .lost
    }
    for message in observation.messages {
      if let details = message.details, let id = details.id,
        let index = rowsOfID[id]?.popLast(),
        rows[index].contents[side].map({ $0.size == details.size }) ?? true
      {
        states[index, default: Items.untouched][side] = .present(Seen(message))
      } else {
        arrivals[side].append(message)
      }
    }
  }

  mutating func describe(_ described: [ObservedMessage], side: Side) {
    var byHandle: [MessageHandle: ObservedMessage] = [:]
    for message in described { byHandle[message.handle] = message }
    arrivals[side] = MessageList(
      arrivals[side].lazy.compactMap { arrival in
        guard arrival.details == nil else { return arrival }
        // Gone in between, if it is not described.
        return byHandle[arrival.handle]
      })
  }

  /// - Parameters:
  ///   - includingUnequal: messages whose UIDs differ are wanted too (`mirror`).
  ///   - stubs: those of these UIDs are wanted, too.
  consuming func finish(includingUnequal: Bool, stubs: UIDSet = UIDSet()) -> [ItemWork] {
    var work: [ItemWork] = []
    work.reserveCapacity(states.count + arrivals.left.count + arrivals.right.count)
    for index in rows.indices {
      let row = rows[index]
      let state = states[index]
      guard
        state != nil || (includingUnequal && row.uids.left != row.uids.right) || row.asksForMessage
          || row.isStub(in: stubs)
      else { continue }
      let sides = Both<Presence> { side in
        state?[side]
          ?? .present(Seen(handle: .uid(row.uids[side]), flags: row.flags(on: side)))
      }
      work.append(ItemWork(item: Item(base: row, sides: sides)))
    }
    for side in Side.allCases {
      for message in arrivals[side] {
        work.append(ItemWork(item: Item(arrival: message, on: side)))
      }
      arrivals[side] = []
    }
    return work
  }
}

extension MessageRecord {
  fileprivate func isStub(in uids: UIDSet) -> Bool {
    stub.map { uids.contains(self.uids[$0]) } ?? false
  }

  /// A stub that is flagged: its message could not be fetched so far.
  fileprivate var asksForMessage: Bool { stub != nil && flags.system.contains(.flagged) }

  /// Whether a message may be this one, by what is cheap to know. One that is taken for another by mistake
  /// is found to be the same by its content.
  fileprivate func isLike(_ message: ObservedMessage, on side: Side) -> Bool {
    guard let details = message.details else { return false }
    if let then = ids[side], let now = details.id { return then == now }
    return details.date == self.date(on: side)
      && contents[side].map { $0.size == details.size } ?? true
  }
}

extension Item {
  /// What one side has and the base does not know.
  init(arrival message: ObservedMessage, on side: Side) {
    let seen = Presence.present(Seen(message))
    self.init(base: nil, sides: Both { $0 == side ? seen : .absent })
  }
}

extension Seen {
  init(_ message: ObservedMessage) {
    self.init(
      handle: message.handle, flags: message.flags,
      details: message.details)
  }
}
