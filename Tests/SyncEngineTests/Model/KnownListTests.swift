import IMAPClient
import Testing

@testable import SyncEngine

@Suite struct KnownListTests {
  private func message(_ left: Int, _ right: Int, _ number: Int = 0) -> KnownMessage {
    KnownMessage(
      uids: Both { UID(UInt32($0 == .left ? left : right)) ?? .first },
      flags: Both(
        left: number % 2 == 0 ? FlagSet(.seen) : .empty,
        right: FlagSet([], keywords: [Keyword("k\(number % 5)")].compactMap { $0 })),
      hasID: Both(left: number % 3 == 0, right: number % 7 == 0), isStub: number % 11 == 0)
  }

  @Test("what was put in comes out", arguments: [0, 1, 4097])
  func roundTrip(_ count: Int) {
    let messages = (0..<count).map { message($0 + 1, 2 * $0 + 1, $0) }
    let list = KnownList(messages)
    #expect(list.count == count && list.elementsEqual(messages))
    for (index, message) in messages.enumerated() {
      #expect(Side.allCases.allSatisfy { list.uid(at: index, on: $0) == message.uids[$0] })
    }
  }

  @Test("whether it is in order is told of each side")
  func order() {
    #expect(KnownList().isInOrder(on: .left))
    let list: KnownList = [message(1, 5), message(2, 5), message(4, 3)]
    #expect(list.isInOrder(on: .left) && !list.isInOrder(on: .right))
  }
}
