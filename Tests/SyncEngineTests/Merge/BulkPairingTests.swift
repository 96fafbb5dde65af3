import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

@Suite("Pairing much at a time") struct BulkPairingTests {
  private struct Message {
    var seen: ObservedMessage
    var content: ContentID
  }

  /// Few values of everything, so that much is equal; contents need not have the sizes that were told.
  private func messages(_ count: Int, _ random: inout SplitMix64) -> [Message] {
    (1...count).map { number in
      let size = UInt64.random(in: 1...6, using: &random)
      let isNumbered = !random.oneIn(4)
      let details = MessageDetails(
        size: size, date: InternalDate(seconds: .random(in: 1...3, using: &random)),
        id: random.oneIn(3) ? guid(.random(in: 1...8, using: &random)) : nil)
      return Message(
        seen: ObservedMessage(
          handle: isNumbered ? .uid(uid(UInt32(number * 2))) : .unnumbered(UInt64(number)),
          flags: .empty, details: details),
        content: ContentID(
          size: random.oneIn(10) ? size + 1 : size,
          digest: guid(.random(in: 1...5, using: &random))))
    }
  }

  /// What ``Pairing`` makes of all at once.
  private func pairs(_ messages: Both<[Message]>) -> Set<[Int]> {
    var candidates = Both { side in
      messages[side].enumerated().map { index, message in
        Pairing.Candidate(
          index: index, handle: message.seen.handle, size: message.seen.details?.size,
          id: message.seen.details?.id, content: nil, date: message.seen.details?.date)
      }
    }
    var matches = Pairing.matchByID(&candidates)
    let wanted = Pairing.wanted(candidates).map { Set($0.map(\.index)) }
    for side in Side.allCases {
      for place in candidates[side].indices {
        let index = candidates[side][place].index
        if wanted[side].contains(index) {
          candidates[side][place].content = messages[side][index].content
        }
      }
    }
    matches += Pairing.matchByContent(&candidates)
    return Set(matches.map { [$0.left, $0.right] })
  }

  private func pairs(_ messages: Both<[Message]>, partCount: Int) -> Set<[Int]> {
    var pairing = BulkPairing(
      messages.map { MessageList($0.map(\.seen)) }, partCount: partCount)
    pairing.matchByID()
    let wanted = pairing.wanted()
    for side in Side.allCases {
      #expect(wanted[side] == wanted[side].sorted())
      for index in wanted[side] {
        pairing.learn(messages[side][index].content, of: index, on: side)
      }
    }
    pairing.matchByContent()
    let pairs = messages.left.indices.compactMap { index in
      pairing.partner(of: index, on: .left).map { [index, $0] }
    }
    for pair in pairs { #expect(pairing.partner(of: pair[1], on: .right) == pair[0]) }
    return Set(pairs)
  }

  @Test("finds what is found all at once", arguments: 0..<40)
  func same(_ seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let messages = Both(
      left: messages(.random(in: 1...60, using: &random), &random),
      right: messages(.random(in: 1...60, using: &random), &random))
    let expected = pairs(messages)
    for partCount in [1, 7, 1000] { #expect(pairs(messages, partCount: partCount) == expected) }
  }

  @Test("a pair that is parted has no halves")
  func parted() {
    let message = ObservedMessage(
      handle: .uid(uid(1)), flags: .empty,
      details: MessageDetails(size: 10, date: InternalDate(seconds: 1), id: guid(3)))
    var pairing = BulkPairing(Both(left: [message], right: [message]), partCount: 1)
    pairing.matchByID()
    #expect(pairing.partner(of: 0, on: .left) == 0)
    pairing.part(0, on: .right)
    for side in Side.allCases { #expect(pairing.partner(of: 0, on: side) == nil) }
  }
}
