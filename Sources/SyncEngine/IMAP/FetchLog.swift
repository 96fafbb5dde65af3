import IMAPClient

/// What FETCH responses said of messages.
///
/// A mailbox may have a hundred thousand of them: they are kept in the order in which they come, which is
/// nearly always that of their UIDs, and put in order only if it was not.
struct FetchLog {
  private var entries = ChunkedArray<Entry>()
  private var flags = FlagTable()
  private var isAscending = true
  /// So many entries out of order are put in order before more are taken: a server that tells the same
  /// messages again and again must not fill memory.
  private var limit = 1024
  /// So many sets of flags are kept before those are dropped that no message has any more: the same holds for its flags.
  private var flagLimit = 1024
  private var arrivals: UInt32 = 0
  /// The index that was last found.
  private var lastFound = 0

  mutating func note(_ uid: UID, _ response: FetchResponse) {
    if let last = entries.last, uid <= last.uid {
      if uid == last.uid {
        merge(response, into: entries.count - 1)
        return
      }
      // A mailbox is often told twice: what changed by SELECT, and details by FETCH.
      if isAscending, let index = index(of: uid) {
        merge(response, into: index)
        return
      }
      isAscending = false
    }
    entries.append(Entry(uid: uid, arrival: arrivals))
    arrivals &+= 1
    merge(response, into: entries.count - 1)
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

  private mutating func merge(_ response: FetchResponse, into index: Int) {
    let flags = response.flags.map { self.flags.index(of: $0) }
    entries[index].merge(response, flags: flags)
    if self.flags.count > flagLimit {
      dropUnusedFlags()
      flagLimit = max(1024, self.flags.count * 2)
    }
  }

  private mutating func dropUnusedFlags() {
    var used = FlagTable()
    for index in entries.indices where entries[index].told.contains(.flags) {
      entries[index].flags = used.index(of: flags[entries[index].flags])
    }
    flags = used
  }

  /// How many sets of flags there is room taken for.
  var flagSetCount: Int { flags.count }

  /// Everything that was said of each message, ascending.
  mutating func messages() -> some RandomAccessCollection<FetchedMessage> {
    putInOrder()
    return entries.lazy.map { [flags] in FetchedMessage($0, flags) }
  }

  /// The same, by UID.
  mutating func byUID() -> [UID: FetchedMessage] {
    Dictionary(uniqueKeysWithValues: messages().lazy.map { ($0.uid, $0) })
  }

  /// Takes the first of the messages, of which nothing is known any more then.
  mutating func takeFirst(_ number: Int) -> [FetchedMessage] {
    putInOrder()
    let taken = entries.prefix(number).map { FetchedMessage($0, flags) }
    entries.removeFirst(number)
    return taken
  }

  private mutating func putInOrder() {
    guard !isAscending else { return }
    // It takes a second table for the time. Servers tell of messages in their order, as good as all of them.
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
    lastFound = 0
  }

  /// As little as will do for one message.
  fileprivate struct Entry {
    let uid: UID
    /// Which of two entries for one message says how it is now.
    let arrival: UInt32
    var size: UInt64 = 0
    var seconds: Int64 = 0
    var idHigh: UInt64 = 0
    var idLow: UInt64 = 0
    var modSeq: ModSequence?
    var told: Told = []
    /// In the table.
    var flags: UInt32 = 0

    init(uid: UID, arrival: UInt32) {
      self.uid = uid
      self.arrival = arrival
    }

    mutating func merge(_ response: FetchResponse, flags: UInt32?) {
      if let flags { set(flags: flags) }
      if let size = response.size { set(size: size) }
      if let date = response.internalDate { set(seconds: date.seconds) }
      modSeq = response.modSeq ?? modSeq
      if let emailID = response.emailID, !emailID.isEmpty {
        let id = GlobalUID(identifier: emailID)
        set(id: (id.high, id.low))
      }
    }

    mutating func merge(_ later: Entry) {
      if later.told.contains(.flags) { set(flags: later.flags) }
      if later.told.contains(.size) { set(size: later.size) }
      if later.told.contains(.date) { set(seconds: later.seconds) }
      if later.told.contains(.id) { set(id: (later.idHigh, later.idLow)) }
      modSeq = later.modSeq ?? modSeq
    }

    private mutating func set(flags: UInt32) {
      self.flags = flags
      told.insert(.flags)
    }

    private mutating func set(size: UInt64) {
      self.size = size
      told.insert(.size)
    }

    private mutating func set(seconds: Int64) {
      self.seconds = seconds
      told.insert(.date)
    }

    private mutating func set(id: (high: UInt64, low: UInt64)) {
      (idHigh, idLow) = id
      told.insert(.id)
    }
  }

  fileprivate struct Told: OptionSet {
    let rawValue: UInt8
    static let flags = Told(rawValue: 1)
    static let size = Told(rawValue: 2)
    static let date = Told(rawValue: 4)
    static let id = Told(rawValue: 8)
  }
}

/// Everything that was said of one message, in whatever order.
struct FetchedMessage {
  let uid: UID
  let flags: FlagSet?
  let size: UInt64?
  let date: InternalDate?
  let id: GlobalUID?
  let modSeq: ModSequence?

  fileprivate init(_ entry: FetchLog.Entry, _ flags: FlagTable) {
    uid = entry.uid
    self.flags = entry.told.contains(.flags) ? flags[entry.flags] : nil
    size = entry.told.contains(.size) ? entry.size : nil
    date = entry.told.contains(.date) ? InternalDate(seconds: entry.seconds) : nil
    id = entry.told.contains(.id) ? GlobalUID(high: entry.idHigh, low: entry.idLow) : nil
    modSeq = entry.modSeq
  }

  var details: MessageDetails? {
    guard let size, let date else { return nil }
    return MessageDetails(size: size, date: date, id: id)
  }
}
