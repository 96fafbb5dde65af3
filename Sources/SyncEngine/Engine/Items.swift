import IMAPClient

/// Brings what the sides showed together with what the base knows: one ``Item`` for each message that
/// may need something.
struct Items {
  var rows: [MessageRecord]
  /// Messages not in the base, by side.
  var arrivals: Both<[Seen]> = Both(left: [], right: [])
  /// Rows changed by what was seen (not by what was decided), to be written back.
  var amended: [Int] = []
  private let record: MailboxRecord
  private var isDoubtful = false
  /// Of the rows that are not as they were, by index.
  private var states: [Int: Both<Presence?>] = [:]
  private static let untouched = Both<Presence?>(left: nil, right: nil)

  init(rows: [MessageRecord], record: MailboxRecord) {
    self.rows = rows
    self.record = record
  }

  /// - Parameters:
  ///   - vanished: UIDs that are gone; `nil` where the observation lists the whole mailbox.
  ///   - isDoubtful: an older state of the mailbox was restored, and UIDs that it had given may have been
  ///     given again. Every message is listed with its details.
  mutating func absorb(
    _ observation: Observation, side: Side, vanished: UIDSet?, isDoubtful: Bool = false
  ) {
    arrivals[side] = []
    self.isDoubtful = isDoubtful
    if record.anchors[side]?.uidValidity != observation.anchor.uidValidity {
      rebind(observation, side: side, expunged: [])
    } else if let vanished {
      absorbChanges(observation, side: side, vanished: vanished)
    } else {
      absorbAll(observation, side: side)
    }
    if record.anchors[side]?.uidValidity == observation.anchor.uidValidity {
      noteLost(from: observation.anchor.uidNext, side: side)
    }
  }

  /// A UIDNEXT that went back: an older state of the mailbox was restored, which knows nothing of what
  /// came since. Nobody expunged that.
  private mutating func noteLost(from uidNext: UID, side: Side) {
    for index in Array(states.keys)
    where rows[index].uids[side] >= uidNext && states[index]?[side] == .vanished {
      states[index]?[side] = Presence.lost
    }
  }

  /// Rows whose messages are gone from a side.
  func vanishedRows(on side: Side) -> Set<Int> {
    Set(states.filter { $0.value[side] == .vanished }.keys)
  }

  private mutating func absorbChanges(_ observation: Observation, side: Side, vanished: UIDSet) {
    var rowOfUID: [UID: Int] = [:]
    for index in rows.indices {
      let uid = rows[index].uids[side]
      rowOfUID[uid] = index
      if vanished.contains(uid) { states[index, default: Items.untouched][side] = .vanished }
    }
    for message in observation.messages {
      if let uid = message.handle.uid, let index = rowOfUID[uid] {
        noteSeen(message, row: index, side: side)
      } else if !(message.handle.uid.map(vanished.contains) ?? false) {
        arrivals[side].append(Seen(message))
      }
    }
  }

  /// Both are walked in the order of UIDs.
  private mutating func absorbAll(_ observation: Observation, side: Side) {
    let order =
      side == .left
      ? Array(rows.indices) : rows.indices.sorted { rows[$0].uids[side] < rows[$1].uids[side] }
    var next = 0
    for message in observation.messages {
      guard let uid = message.handle.uid else {
        arrivals[side].append(Seen(message))
        continue
      }
      while next < order.count, rows[order[next]].uids[side] < uid {
        states[order[next], default: Items.untouched][side] = .vanished
        next += 1
      }
      if next < order.count, rows[order[next]].uids[side] == uid {
        noteSeen(message, row: order[next], side: side)
        next += 1
      } else {
        arrivals[side].append(Seen(message))
      }
    }
    for index in order[next...] { states[index, default: Items.untouched][side] = .vanished }
  }

  private mutating func noteSeen(_ message: ObservedMessage, row index: Int, side: Side) {
    guard states[index]?[side] != .vanished else { return }
    if isDoubtful, !rows[index].isLike(message, on: side) {
      states[index, default: Items.untouched][side] = .lost
      arrivals[side].append(Seen(message))
      return
    }
    // A server tells its own id of a message that we saved only afterwards; where the message is moved to
    // later, it is known by that.
    if rows[index].ids[side] == nil, let id = message.details?.id {
      rows[index].ids[side] = id
      amended.append(index)
    }
    if message.flags != rows[index].flags(on: side) {
      states[index, default: Items.untouched][side] = .present(Seen(message))
    }
  }

  /// The mailbox has another UIDVALIDITY: its messages are found again by the side's own ids. What is
  /// not found was not expunged (design.md §4); `expunged` rows were, as was seen before the change.
  mutating func rebind(_ observation: Observation, side: Side, expunged: Set<Int>) {
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
        arrivals[side].append(Seen(message))
      }
    }
  }

  mutating func describe(_ described: [ObservedMessage], side: Side) {
    var byHandle: [MessageHandle: ObservedMessage] = [:]
    for message in described { byHandle[message.handle] = message }
    arrivals[side] = arrivals[side].compactMap { arrival in
      guard arrival.details == nil else { return arrival }
      // Gone in between, if it is not described.
      return byHandle[arrival.handle].map { Seen($0) }
    }
  }

  /// - Parameter includingUnequal: messages whose UIDs differ are wanted too (`mirror`).
  func finish(includingUnequal: Bool) -> [Item] {
    var items: [Item] = []
    for index in rows.indices {
      let row = rows[index]
      let state = states[index]
      guard
        state != nil || (includingUnequal && row.uids.left != row.uids.right) || row.asksForMessage
      else { continue }
      let sides = Both<Presence> { side in
        state?[side]
          ?? .present(Seen(handle: .uid(row.uids[side]), flags: row.flags(on: side)))
      }
      items.append(Item(base: row, sides: sides))
    }
    for seen in arrivals.left {
      items.append(Item(base: nil, left: .present(seen), right: .absent))
    }
    for seen in arrivals.right {
      items.append(Item(base: nil, left: .absent, right: .present(seen)))
    }
    return items
  }
}

extension MessageRecord {
  /// A stub that is flagged: its message could not be fetched so far.
  fileprivate var asksForMessage: Bool { stub != nil && flags.system.contains(.flagged) }

  /// Whether a message may be this one, by what is cheap to know. One that is taken for another by mistake is found
  /// to be the same by its content.
  fileprivate func isLike(_ message: ObservedMessage, on side: Side) -> Bool {
    guard let details = message.details else { return false }
    if let then = ids[side], let now = details.id { return then == now }
    return details.date == date && contents[side].map { $0.size == details.size } ?? true
  }
}

extension Seen {
  init(_ message: ObservedMessage) {
    self.init(
      handle: message.handle, flags: message.flags,
      details: message.details)
  }
}
