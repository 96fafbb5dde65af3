import IMAPClient

/// What FETCH responses said of messages.
///
/// A mailbox may have a hundred thousand of them: they are kept in the order in which they come, which is
/// nearly always that of their UIDs, and put in order only if it was not.
struct FetchLog {
  private var entries: [FetchedMessage] = []
  private var isAscending = true
  /// So many entries out of order are put in order before more are taken: a server that tells the same
  /// messages again and again must not fill memory.
  private var limit = 1024
  private var arrivals: UInt32 = 0
  /// The index that was last found.
  private var lastFound = 0

  mutating func note(_ uid: UID, _ response: FetchResponse) {
    if let last = entries.last, uid <= last.uid {
      if uid == last.uid {
        entries[entries.count - 1].merge(response)
        return
      }
      // A mailbox is often told twice: what changed by SELECT, and details by FETCH.
      if isAscending, let index = index(of: uid) {
        entries[index].merge(response)
        return
      }
      isAscending = false
    }
    var entry = FetchedMessage(uid: uid, arrival: arrivals)
    arrivals &+= 1
    entry.merge(response)
    entries.append(entry)
    if !isAscending, entries.count > limit {
      putInOrder()
      limit = max(1024, entries.count * 2)
    }
  }

  /// Where a message stands among entries that ascend; the one after the last that was asked for is tried first.
  private mutating func index(of uid: UID) -> Int? {
    if lastFound + 1 < entries.count, entries[lastFound + 1].uid == uid {
      lastFound += 1
      return lastFound
    }
    var range = entries.startIndex..<entries.endIndex
    while let middle = range.isEmpty ? nil : (range.lowerBound + range.upperBound) / 2 {
      if entries[middle].uid == uid {
        lastFound = middle
        return middle
      }
      range =
        entries[middle].uid < uid
        ? (middle + 1)..<range.upperBound : range.lowerBound..<middle
    }
    return nil
  }

  /// Everything that was said of each message, ascending.
  mutating func messages() -> [FetchedMessage] {
    putInOrder()
    return entries
  }

  /// The same, by UID.
  mutating func byUID() -> [UID: FetchedMessage] {
    putInOrder()
    return Dictionary(uniqueKeysWithValues: entries.lazy.map { ($0.uid, $0) })
  }

  private mutating func putInOrder() {
    guard !isAscending else { return }
    // In place: a second table of all messages would be megabytes.
    entries.sort { ($0.uid, $0.arrival) < ($1.uid, $1.arrival) }
    var last = 0
    for index in entries.indices.dropFirst() {
      if entries[index].uid == entries[last].uid {
        entries[last].merge(entries[index])
      } else {
        last += 1
        if last < index { entries[last] = entries[index] }
      }
    }
    entries.removeLast(entries.count - 1 - last)
    isAscending = true
  }
}

/// Everything that was said of one message, in whatever order.
struct FetchedMessage {
  let uid: UID
  /// Which of two entries for one message says how it is now.
  fileprivate let arrival: UInt32
  var flags: FlagSet?
  var size: UInt64?
  var date: InternalDate?
  var id: GlobalUID?
  var modSeq: ModSequence?

  fileprivate init(uid: UID, arrival: UInt32) {
    self.uid = uid
    self.arrival = arrival
  }

  var details: MessageDetails? {
    guard let size, let date else { return nil }
    return MessageDetails(size: size, date: date, id: id)
  }

  mutating func merge(_ response: FetchResponse) {
    flags = response.flags ?? flags
    size = response.size ?? size
    date = response.internalDate ?? date
    modSeq = response.modSeq ?? modSeq
    if let emailID = response.emailID, !emailID.isEmpty { id = GlobalUID(identifier: emailID) }
  }

  fileprivate mutating func merge(_ later: FetchedMessage) {
    flags = later.flags ?? flags
    size = later.size ?? size
    date = later.date ?? date
    id = later.id ?? id
    modSeq = later.modSeq ?? modSeq
  }
}
