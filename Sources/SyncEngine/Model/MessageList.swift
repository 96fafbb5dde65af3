import IMAPClient

/// Messages as a side shows them, in the order in which it does.
///
/// A mailbox may have a million of them: each takes 48 octets here, which is a third of what the whole of its
/// ``ObservedMessage`` and a list that grows take.
public struct MessageList: RandomAccessCollection, Sendable {
  private var entries = ChunkedArray<Entry>()
  private var flags = FlagTable()

  private struct Entry: Sendable {
    /// The UID, or the key of a file that has none.
    var key: UInt64
    var size: UInt64 = 0
    var seconds: Int64 = 0
    var idHigh: UInt64 = 0
    var idLow: UInt64 = 0
    /// In the table.
    var flags: UInt32
    var traits: Traits
  }

  private struct Traits: OptionSet, Sendable {
    let rawValue: UInt8
    static let isNumbered = Traits(rawValue: 1)
    static let hasDetails = Traits(rawValue: 2)
    static let hasID = Traits(rawValue: 4)
    static let isHandled = Traits(rawValue: 8)
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
    MessageList.message(entries[index], flags)
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
    entries.removeAll { [flags] in shouldRemove(MessageList.message($0, flags)) }
  }

  /// Takes so many from the front.
  mutating func takeFirst(_ number: Int) -> [ObservedMessage] {
    let taken = entries.prefix(number).map { MessageList.message($0, flags) }
    entries.removeFirst(number)
    return taken
  }

  /// Puts them in the order of their handles.
  mutating func sortByHandle() {
    entries.sort { MessageList.handle($0) < MessageList.handle($1) }
  }

  /// Puts them in the order of their received dates; those of one date stay as they are.
  mutating func sortByDate() { entries.sort { $0.seconds < $1.seconds } }

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
    entry.size = details.size
    entry.seconds = details.date.seconds
    if details.isHandled { entry.traits.insert(.isHandled) }
    if let id = details.id {
      entry.traits.insert(.hasID)
      entry.idHigh = id.high
      entry.idLow = id.low
    }
    return entry
  }

  private static func message(_ entry: Entry, _ flags: FlagTable) -> ObservedMessage {
    var details: MessageDetails?
    if entry.traits.contains(.hasDetails) {
      details = MessageDetails(
        size: entry.size, date: InternalDate(seconds: entry.seconds),
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
