import IMAPClient

/// ``Pairing`` of all that arrived on two sides, where that is much: by ids and contents.
///
/// It finds what ``Pairing`` finds. But a ``Pairing/Candidate`` takes more than a hundred octets, and both sides may have a
/// million messages; equal messages are of equal size, so candidates are only made of those of some sizes at a time.
struct BulkPairing: Sendable {
  let messages: Both<MessageList>
  /// So many messages are compared at a time, as long as they are not all of one size.
  private let partCount: Int
  /// The index of each message's other half.
  private var partners: Both<[UInt32]>
  /// Those that were read, by index; empty where none was.
  private var contents = Both<[ContentID?]>(left: [], right: [])

  private static let none = UInt32.max

  /// - Parameter messages: with their details; what has none is equal to nothing.
  init(_ messages: Both<MessageList>, partCount: Int) {
    self.messages = messages
    self.partCount = partCount
    partners = messages.map { [UInt32](repeating: BulkPairing.none, count: $0.count) }
  }

  /// The other half of a message.
  func partner(of index: Int, on side: Side) -> Int? {
    let partner = partners[side][index]
    return partner == BulkPairing.none ? nil : Int(partner)
  }

  func content(of index: Int, on side: Side) -> ContentID? {
    contents[side].isEmpty ? nil : contents[side][index]
  }

  mutating func learn(_ content: ContentID, of index: Int, on side: Side) {
    if contents[side].isEmpty {
      contents[side] = [ContentID?](repeating: nil, count: messages[side].count)
    }
    contents[side][index] = content
  }

  /// The two are no longer known as halves of one.
  mutating func part(_ index: Int, on side: Side) {
    guard let partner = partner(of: index, on: side) else { return }
    partners[side][index] = BulkPairing.none
    partners[side.other][partner] = BulkPairing.none
  }

  // MARK: The steps of the ladder

  mutating func matchByID() {
    match(inOrder { $1.details?.id == nil ? nil : $1.details?.size }, Pairing.matchByID)
  }

  /// As ``Pairing/wanted(_:)``: the messages whose contents have to be known, ascending.
  func wanted() -> Both<[Int]> {
    var wanted = Both<[Int]>(left: [], right: [])
    CommonNumbers.forEach(inOrder { $1.details?.size }) { group in
      for side in Side.allCases {
        wanted[side] += group[side].lazy.map { Int($0.index) }
          .filter { content(of: $0, on: side) == nil }
      }
    }
    return wanted.map { $0.sorted() }
  }

  /// What a message was found to be need not have the size that it was said to have.
  mutating func matchByContent() {
    match(
      Both { side in
        contents[side].isEmpty ? [] : inOrder(on: side) { index, _ in contents[side][index]?.size }
      }, Pairing.matchByContent)
  }

  // MARK: Parts

  /// The messages that have no other half yet, in the order of a size.
  private func inOrder(_ size: (Int, ObservedMessage) -> UInt64?) -> Both<[CommonNumbers.Entry]> {
    Both { inOrder(on: $0, size) }
  }

  private func inOrder(
    on side: Side, _ size: (Int, ObservedMessage) -> UInt64?
  ) -> [CommonNumbers.Entry] {
    var entries: [CommonNumbers.Entry] = []
    for (index, message) in messages[side].enumerated()
    where partners[side][index] == BulkPairing.none {
      if let size = size(index, message) {
        entries.append(CommonNumbers.Entry(number: size, index: UInt32(index)))
      }
    }
    entries.sort()
    return entries
  }

  private mutating func match(
    _ entries: Both<[CommonNumbers.Entry]>,
    _ matched: (inout Both<[Pairing.Candidate]>) -> [Pairing.Match]
  ) {
    var matches: [Pairing.Match] = []
    CommonNumbers.forEachPart(entries, of: partCount) { part in
      var candidates = Both { side in part[side].map { candidate($0, on: side) } }
      matches += matched(&candidates)
    }
    for match in matches {
      partners.left[match.left] = UInt32(match.right)
      partners.right[match.right] = UInt32(match.left)
    }
  }

  private func candidate(_ index: Int, on side: Side) -> Pairing.Candidate {
    let message = messages[side][index]
    return Pairing.Candidate(
      index: index, handle: message.handle, size: message.details?.size, id: message.details?.id,
      content: content(of: index, on: side), date: message.details?.date)
  }
}
