import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

@Suite struct MessageListTests {
  private static let flags: [FlagSet] = [
    .empty, FlagSet(.seen), FlagSet([.seen, .flagged]),
    FlagSet([], keywords: [Keyword("$Later")].compactMap { $0 }),
  ]

  private func uid(_ number: Int) -> UID { UID(UInt32(number)) ?? .first }

  private func message(_ number: Int) -> ObservedMessage {
    ObservedMessage(
      handle: .uid(uid(number)), flags: Self.flags[number % Self.flags.count],
      details: number % 3 == 0
        ? nil
        : MessageDetails(
          size: UInt64(number), date: InternalDate(seconds: Int64(-number)),
          id: number % 2 == 0 ? GlobalUID(high: UInt64(number), low: 7) : nil,
          isHandled: number % 5 == 0))
  }

  @Test("what was put in comes out", arguments: [0, 1, 4095, 4096, 4097, 10_000])
  func roundTrip(_ count: Int) {
    let messages = (0..<count).map { message($0 + 1) }
    let list = MessageList(messages)
    #expect(list.count == count && list.elementsEqual(messages))
    #expect(list.uids == UIDSet(messages.compactMap(\.handle.uid)))
  }

  @Test("files without a number keep their keys, however like a UID these are")
  func unnumbered() {
    let handles: [MessageHandle] = [.unnumbered(1), .unnumbered(.max), .uid(uid(1))]
    let list = MessageList(handles.map { ObservedMessage(handle: $0, flags: .empty) })
    #expect(list.map(\.handle) == handles && list.uids == UIDSet(uid(1)))
  }

  @Test("taken from the front, over the bounds of its pieces", arguments: [1, 1000, 4096, 5000])
  func takeFirst(_ step: Int) {
    let messages = (1...9_000).map(message)
    var list = MessageList(messages)
    var taken: [ObservedMessage] = []
    while !list.isEmpty {
      let count = list.count
      taken += list.takeFirst(step)
      #expect(
        list.count == max(0, count - step) && list.first == messages.dropFirst(taken.count).first)
    }
    #expect(taken == messages && list.takeFirst(3).isEmpty)
    list.append(message(4))
    #expect(Array(list) == [message(4)])
  }

  @Test("some removed, the others stay as they are", arguments: [2, 3, 4096, 8_999])
  func remove(_ number: Int) {
    let messages = (1...9_000).map(message)
    var list = MessageList(messages)
    _ = list.takeFirst(10)
    list.removeAll { ($0.handle.uid?.rawValue ?? 0) % UInt32(number) != 0 }
    #expect(
      list.elementsEqual(
        messages.dropFirst(10).filter { ($0.handle.uid?.rawValue ?? 0) % UInt32(number) == 0 }))
    list.append(message(1))
    #expect(list.last == message(1))
  }

  @Test("found by UID, whatever is missing in between")
  func find() {
    let messages = (1...5_000).map { message($0 * 2) }
    var list = MessageList(messages)
    list.append(ObservedMessage(handle: .unnumbered(4), flags: .empty))
    for number in [2, 4, 4096, 8192, 10_000] {
      #expect(list.message(withUID: uid(number)) == message(number))
    }
    for number in [1, 3, 9_999, 10_001] { #expect(list.message(withUID: uid(number)) == nil) }
  }

  @Test("by date; what has one date stays in its order")
  func byDate() {
    let dates = [3, 1, 2, 1, 3, 2]
    var list = MessageList(
      dates.enumerated().map { index, date in
        ObservedMessage(
          handle: .unnumbered(UInt64(index)), flags: .empty,
          details: MessageDetails(size: 1, date: InternalDate(seconds: Int64(date)), id: nil))
      })
    list.sortByDate()
    #expect(list.map(\.handle) == [1, 3, 2, 5, 0, 4].map { .unnumbered($0) })
  }

  /// The last of them are so far apart that dates and places just fit into one number, just not, and that the distance is no number.
  private static let times: [ClosedRange<Int64>] = [
    0...3, -5_000...5_000, -1...4_294_967_294, 0...4_294_967_296, Int64.min...Int64.max,
  ]

  @Test(
    "by date, many of them, of few and of all times", arguments: 1...4,
    MessageListTests.times)
  func byDates(seed: UInt64, _ dates: ClosedRange<Int64>) {
    var random = SplitMix64(seed: seed)
    var messages = (1...5_000).map { number in
      var message = message(number)
      let date = Int64.random(in: dates, using: &random)
      message.details = MessageDetails(
        size: UInt64(number), date: InternalDate(seconds: date), id: nil)
      return message
    }
    messages[17].details?.date = InternalDate(seconds: dates.upperBound)
    messages[4_100].details?.date = InternalDate(seconds: dates.lowerBound)
    var list = MessageList(messages)
    #expect(list.takeFirst(3) == Array(messages.prefix(3)))
    list.sortByDate()
    let sorted: [ObservedMessage] = messages.dropFirst(3).sorted { a, b in
      let (x, y) = (a.details?.date.seconds ?? 0, b.details?.date.seconds ?? 0)
      return x == y ? a.handle < b.handle : x < y
    }
    #expect(Array(list) == sorted)
    list.sortByDate()
    #expect(Array(list) == sorted)
  }

  @Test("sizes beyond 4 GiB stay what they are, wherever their messages go") func large() {
    let limit = UInt64(UInt32.max)
    let sizes: [UInt64] = [limit, limit + 1, 7, UInt64.max, limit + 2, 0]
    let messages = (1...6).map { number in
      var message = message(number)
      message.details = MessageDetails(
        size: sizes[number - 1], date: InternalDate(seconds: Int64(-number)), id: nil)
      return message
    }
    var list = MessageList(messages)
    #expect(Array(list) == messages)
    list.removeAll { $0.handle == .uid(uid(3)) }
    list.sortByDate()
    let kept: [UInt64] = [0, limit + 2, UInt64.max, limit + 1, limit]
    let left: [UInt64] = list.compactMap { $0.details?.size }
    #expect(left == kept)
    let taken: [UInt64] = list.takeFirst(2).compactMap { $0.details?.size }
    #expect(taken == Array(kept.prefix(2)))
    #expect(list.first?.details?.size == UInt64.max)
  }
}
