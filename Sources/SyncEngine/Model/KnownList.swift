import IMAPClient

/// All messages of a mailbox that the base knows, in short: of a million there are 20 octets of each.
public struct KnownList: RandomAccessCollection, Sendable {
  private var entries = ChunkedArray<Entry>()
  private var flags = FlagTable()

  private struct Entry: Sendable {
    var left: UID
    var right: UID
    /// In the table.
    var leftFlags: UInt32
    var rightFlags: UInt32
    var traits: Traits
  }

  private struct Traits: OptionSet, Sendable {
    let rawValue: UInt8
    static let hasLeftID = Traits(rawValue: 1)
    static let hasRightID = Traits(rawValue: 2)
    static let isStub = Traits(rawValue: 4)
  }

  public init() {}

  public init(_ messages: some Sequence<KnownMessage>) {
    for message in messages { append(message) }
  }

  public var startIndex: Int { 0 }
  public var endIndex: Int { entries.count }

  public subscript(index: Int) -> KnownMessage {
    let entry = entries[index]
    return KnownMessage(
      uids: Both(left: entry.left, right: entry.right),
      flags: Both(left: flags[entry.leftFlags], right: flags[entry.rightFlags]),
      hasID: Both(
        left: entry.traits.contains(.hasLeftID), right: entry.traits.contains(.hasRightID)),
      isStub: entry.traits.contains(.isStub))
  }

  /// The UID alone, which costs less than the whole.
  func uid(at index: Int, on side: Side) -> UID {
    side == .left ? entries[index].left : entries[index].right
  }

  /// Whether they ascend by a side's UIDs.
  func isInOrder(on side: Side) -> Bool {
    indices.dropFirst().allSatisfy { uid(at: $0 - 1, on: side) <= uid(at: $0, on: side) }
  }

  public mutating func append(_ message: KnownMessage) {
    var traits: Traits = []
    if message.hasID.left { traits.insert(.hasLeftID) }
    if message.hasID.right { traits.insert(.hasRightID) }
    if message.isStub { traits.insert(.isStub) }
    entries.append(
      Entry(
        left: message.uids.left, right: message.uids.right,
        leftFlags: flags.index(of: message.flags.left),
        rightFlags: flags.index(of: message.flags.right), traits: traits))
  }
}

extension KnownList: ExpressibleByArrayLiteral {
  public init(arrayLiteral messages: KnownMessage...) { self.init(messages) }
}
