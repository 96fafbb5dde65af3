import IMAPClient

/// Messages as a side shows them, in the order in which it does.
///
/// A mailbox may have a million of them: each takes 40 octets here, which is a quarter of what the whole of its
/// ``ObservedMessage`` and a list that grows take.
public struct MessageList: RandomAccessCollection, Sendable {
  private var entries = ChunkedArray<Entry>()
  private var flags = FlagTable()
  /// Sizes that do not fit into an entry.
  private var largeSizes: [UInt64] = []

  private struct Entry: Sendable {
    /// The UID, or the key of a file that has none.
    var key: UInt64
    var seconds: Int64 = 0
    var idHigh: UInt64 = 0
    var idLow: UInt64 = 0
    /// Or where among the large ones it is.
    var size: UInt32 = 0
    /// The number of the flags in the table is above the traits.
    private var flagsAndTraits: UInt32

    init(key: UInt64, flags: UInt32, traits: Traits) {
      self.key = key
      flagsAndTraits = flags << Traits.bits | UInt32(traits.rawValue)
    }

    /// In the table.
    var flags: UInt32 { flagsAndTraits >> Traits.bits }

    var traits: Traits {
      get { Traits(rawValue: UInt8(truncatingIfNeeded: flagsAndTraits & (1 << Traits.bits - 1))) }
      set { flagsAndTraits = flags << Traits.bits | UInt32(newValue.rawValue) }
    }
  }

  private struct Traits: OptionSet, Sendable {
    let rawValue: UInt8
    static let isNumbered = Traits(rawValue: 1)
    static let hasDetails = Traits(rawValue: 2)
    static let hasID = Traits(rawValue: 4)
    static let isHandled = Traits(rawValue: 8)
    static let isLarge = Traits(rawValue: 16)
    /// So many hold all of them. What is left has room for 134 million different sets of flags.
    static let bits: UInt32 = 5
  }

  public init() {}

  public init(_ messages: some Sequence<ObservedMessage>) {
    for message in messages { append(message) }
  }

  /// So many there is room for.
  var capacity: Int { entries.capacity }

  public var startIndex: Int { 0 }
  public var endIndex: Int { entries.count }

  public subscript(index: Int) -> ObservedMessage {
    MessageList.message(entries[index], flags, largeSizes)
  }

  /// The UIDs of those that have one.
  var uids: UIDSet { UIDSet(entries.lazy.compactMap { MessageList.handle($0).uid }) }

  /// The message with this UID, where they ascend by it.
  func message(withUID uid: UID) -> ObservedMessage? {
    var range = 0..<count
    while !range.isEmpty {
      let middle = range.lowerBound + range.count / 2
      let handle = MessageList.handle(entries[middle])
      if handle == .uid(uid) { return self[middle] }
      range =
        handle < .uid(uid) ? (middle + 1)..<range.upperBound : range.lowerBound..<middle
    }
    return nil
  }

  public mutating func append(_ message: ObservedMessage) { entries.append(entry(message)) }

  public static func += (list: inout MessageList, messages: some Sequence<ObservedMessage>) {
    for message in messages { list.append(message) }
  }

  public mutating func removeAll(where shouldRemove: (ObservedMessage) -> Bool) {
    entries.removeAll { [flags, largeSizes] in
      shouldRemove(MessageList.message($0, flags, largeSizes))
    }
  }

  /// Takes so many from the front.
  mutating func takeFirst(_ number: Int) -> [ObservedMessage] {
    let taken = entries.prefix(number).map { MessageList.message($0, flags, largeSizes) }
    entries.removeFirst(number)
    return taken
  }

  /// Puts them in the order of their handles.
  mutating func sortByHandle() {
    entries.sort { MessageList.handle($0) < MessageList.handle($1) }
  }

  /// Puts them in the order of their received dates; those of one date stay as they are.
  mutating func sortByDate() {
    guard let first = entries.first else { return }
    var bounds = first.seconds...first.seconds
    var isInOrder = true
    for entry in entries {
      if entry.seconds < bounds.upperBound { isInOrder = false }
      bounds =
        Swift.min(bounds.lowerBound, entry.seconds)...Swift.max(bounds.upperBound, entry.seconds)
    }
    if isInOrder { return }
    // A whole table more is not needed where dates and places fit into one number: dates of a century do.
    let (range, isTooWide) = bounds.upperBound.subtractingReportingOverflow(bounds.lowerBound)
    guard !isTooWide, UInt32(exactly: range) != nil, UInt32(exactly: count) != nil else {
      entries.sort { $0.seconds < $1.seconds }
      return
    }
    var order: [UInt64] = []
    order.reserveCapacity(count)
    for (index, entry) in entries.enumerated() {
      order.append(UInt64(entry.seconds - bounds.lowerBound) << 32 | UInt64(index))
    }
    order.sort()
    arrange(by: &order)
  }

  /// Puts every entry in its place, one circle after the other.
  ///
  /// - Parameter order: the lower half of each tells where the entry is that belongs there. Where it has come, nothing is to be done
  ///   any more.
  private mutating func arrange(by order: inout [UInt64]) {
    for start in order.indices where UInt32(truncatingIfNeeded: order[start]) != start {
      let first = entries[start]
      var place = start
      while true {
        let next = Int(UInt32(truncatingIfNeeded: order[place]))
        order[place] = UInt64(place)
        if next == start { break }
        entries[place] = entries[next]
        place = next
      }
      entries[place] = first
    }
  }

  private mutating func entry(_ message: ObservedMessage) -> Entry {
    var entry: Entry
    let number = flags.index(of: message.flags)
    switch message.handle {
    case .uid(let uid):
      entry = Entry(key: UInt64(uid.rawValue), flags: number, traits: .isNumbered)
    case .unnumbered(let key): entry = Entry(key: key, flags: number, traits: [])
    }
    guard let details = message.details else { return entry }
    entry.traits.insert(.hasDetails)
    if let size = UInt32(exactly: details.size) {
      entry.size = size
    } else {
      entry.traits.insert(.isLarge)
      entry.size = UInt32(truncatingIfNeeded: largeSizes.count)
      largeSizes.append(details.size)
    }
    entry.seconds = details.date.seconds
    if details.isHandled { entry.traits.insert(.isHandled) }
    if let id = details.id {
      entry.traits.insert(.hasID)
      entry.idHigh = id.high
      entry.idLow = id.low
    }
    return entry
  }

  private static func message(
    _ entry: Entry, _ flags: FlagTable, _ largeSizes: [UInt64]
  ) -> ObservedMessage {
    var details: MessageDetails?
    if entry.traits.contains(.hasDetails) {
      details = MessageDetails(
        size: entry.traits.contains(.isLarge) ? largeSizes[Int(entry.size)] : UInt64(entry.size),
        date: InternalDate(seconds: entry.seconds),
        id: entry.traits.contains(.hasID)
          ? GlobalUID(high: entry.idHigh, low: entry.idLow) : nil,
        isHandled: entry.traits.contains(.isHandled))
    }
    return ObservedMessage(
      handle: MessageList.handle(entry), flags: flags[entry.flags], details: details)
  }

  private static func handle(_ entry: Entry) -> MessageHandle {
    guard entry.traits.contains(.isNumbered), let uid = UID(UInt32(truncatingIfNeeded: entry.key))
    else { return .unnumbered(entry.key) }
    return .uid(uid)
  }
}

extension MessageList: Equatable {
  public static func == (left: MessageList, right: MessageList) -> Bool {
    left.elementsEqual(right)
  }
}

extension MessageList: ExpressibleByArrayLiteral {
  public init(arrayLiteral messages: ObservedMessage...) { self.init(messages) }
}

/// Sets of flags by number: of a million messages most have the same few.
struct FlagTable: Sendable {
  private var sets: [FlagSet] = []
  private var numbers: [FlagSet: UInt32] = [:]
  private var last: UInt32 = 0

  var count: Int { sets.count }

  subscript(number: UInt32) -> FlagSet { sets[Int(number)] }

  mutating func index(of flags: FlagSet) -> UInt32 {
    if !sets.isEmpty, sets[Int(last)] == flags { return last }
    if let known = numbers[flags] {
      last = known
    } else {
      last = UInt32(sets.count)
      sets.append(flags)
      numbers[flags] = last
    }
    return last
  }
}
