import IMAPClient

/// The messages of one side of a mailbox, and what their bytes came to.
///
/// A mailbox may have a million of them, and all of both sides are held until they are compared: each takes 96 octets here, which
/// is less than half of what its ``VerifiedMessage`` takes.
struct VerifiedList {
  private var entries = ChunkedArray<Entry>()
  private var flags = FlagTable()
  /// By index. Few messages are stubs.
  private var stubs: [Int: StubMark] = [:]
  /// Messages read.
  private(set) var readCount = 0
  /// Octets read.
  private(set) var octets: UInt64 = 0

  /// So many octets are kept of each message.
  static var octetsEach: Int { MemoryLayout<Entry>.stride }

  private struct Entry {
    /// The UID, or the key of a file that has none.
    var key: UInt64
    var seconds: Int64
    var size: UInt64 = 0
    var digest = MessageDigest.zero
    var identity = GlobalUID(high: 0, low: 0)
    var essence = GlobalUID(high: 0, low: 0)
    /// In the table.
    var flags: UInt32
    var traits: Traits = []
  }

  private struct Traits: OptionSet {
    let rawValue: UInt8
    static let isNumbered = Traits(rawValue: 1)
    static let isRead = Traits(rawValue: 2)
    static let hasEssence = Traits(rawValue: 4)
    static let isStub = Traits(rawValue: 8)
    static let isGone = Traits(rawValue: 16)
  }

  /// Takes those with details out of `messages`, which is empty then: of a large mailbox nobody has room for both.
  init(taking messages: inout MessageList) {
    while !messages.isEmpty {
      for message in messages.takeFirst(1000) { append(message) }
    }
  }

  private mutating func append(_ message: ObservedMessage) {
    guard let date = message.details?.date else { return }
    let number = flags.index(of: message.flags)
    switch message.handle {
    case .uid(let uid):
      entries.append(
        Entry(
          key: UInt64(uid.rawValue), seconds: date.seconds, flags: number, traits: .isNumbered))
    case .unnumbered(let key):
      entries.append(Entry(key: key, seconds: date.seconds, flags: number))
    }
  }

  // MARK: What was read

  /// - Parameter index: of the message.
  mutating func learn(_ content: ReadContent, at index: Int) {
    if !entries[index].traits.contains(.isRead) {
      readCount += 1
      octets &+= content.size
    }
    entries[index].traits.insert(.isRead)
    entries[index].size = content.size
    entries[index].digest = content.digest
    entries[index].identity = content.identity.digest
    if let essence = content.essence {
      entries[index].essence = essence
      entries[index].traits.insert(.hasEssence)
    }
    if let stub = content.stub {
      stubs[index] = stub
      entries[index].traits.insert(.isStub)
    }
  }

  /// It was expunged since the mailbox was looked at.
  mutating func noteGone(at index: Int) { entries[index].traits.insert(.isGone) }

  // MARK: What there is

  var count: Int { entries.count }
  var indices: Range<Int> { entries.indices }
  var handles: [MessageHandle] { indices.map { handle(at: $0) } }

  func isGone(at index: Int) -> Bool { entries[index].traits.contains(.isGone) }

  func handle(at index: Int) -> MessageHandle { VerifiedList.handle(entries[index]) }

  func content(at index: Int) -> ReadContent? { content(entries[index], at: index) }

  subscript(index: Int) -> VerifiedMessage {
    let entry = entries[index]
    return VerifiedMessage(
      handle: VerifiedList.handle(entry), flags: flags[entry.flags],
      date: InternalDate(seconds: entry.seconds), content: content(entry, at: index))
  }

  /// Where a message is, whether it is gone or not.
  ///
  /// - Parameter last: the message that was asked for before; the one after it is tried first.
  func index(of handle: MessageHandle, after last: Int?) -> Int? {
    let next = last.map { $0 + 1 } ?? 0
    if next < count, self.handle(at: next) == handle { return next }
    guard handle.uid != nil else {
      // Only from a Maildir, which tells them in their order.
      return indices.first { self.handle(at: $0) == handle }
    }
    // Ascending by UID, and then those without one.
    var range = indices
    while !range.isEmpty {
      let middle = range.lowerBound + range.count / 2
      let there = self.handle(at: middle)
      if there == handle { return middle }
      range = there < handle ? (middle + 1)..<range.upperBound : range.lowerBound..<middle
    }
    return nil
  }

  private static func handle(_ entry: Entry) -> MessageHandle {
    guard entry.traits.contains(.isNumbered), let uid = UID(UInt32(truncatingIfNeeded: entry.key))
    else { return .unnumbered(entry.key) }
    return .uid(uid)
  }

  private func content(_ entry: Entry, at index: Int) -> ReadContent? {
    guard entry.traits.contains(.isRead) else { return nil }
    return ReadContent(
      size: entry.size, digest: entry.digest,
      identity: ContentID(size: entry.size, digest: entry.identity),
      essence: entry.traits.contains(.hasEssence) ? entry.essence : nil,
      stub: entry.traits.contains(.isStub) ? stubs[index] : nil)
  }
}
