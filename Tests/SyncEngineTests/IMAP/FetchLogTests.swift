import IMAPClient
import Testing

@testable import SyncEngine

@Suite("What FETCH responses say") struct FetchLogTests {
  private func note(
    _ log: inout FetchLog, _ number: UInt32, size: UInt64? = nil, flags: FlagSet? = nil
  ) throws {
    var response = FetchResponse(sequenceNumber: 1)
    response.size = size
    response.flags = flags
    log.note(try #require(UID(number)), response)
  }

  @Test("whatever the order: each message once, ascending, and as it was told last")
  func order() throws {
    var log = FetchLog()
    // The last ones first, as when they are looked at with their details.
    for number in 98...100 as ClosedRange<UInt32> {
      try note(&log, number, size: UInt64(number), flags: .empty)
    }
    for number in 1...100 as ClosedRange<UInt32> {
      try note(&log, number, flags: FlagSet([.seen]))
    }
    try note(&log, 7, size: 70, flags: FlagSet([.flagged]))
    try note(&log, 7, flags: FlagSet([.answered]))
    let messages = log.messages()
    #expect(messages.map(\.uid.rawValue) == Array(1...100))
    for message in messages {
      let number = message.uid.rawValue
      let size: UInt64? = number == 7 ? 70 : number < 98 ? nil : UInt64(number)
      let flags = number == 7 ? FlagSet([.answered]) : FlagSet([.seen])
      #expect(message.size == size)
      #expect(message.flags == flags)
    }
    // It goes on from there.
    try note(&log, 3, flags: FlagSet([.draft]))
    try note(&log, 101, size: 5)
    #expect(log.messages().count == 101)
    #expect(log.byUID()[try #require(UID(3))]?.flags == FlagSet([.draft]))
  }

  @Test("the same messages again and again take no more room") func repeated() throws {
    var log = FetchLog()
    for round in 0..<50 {
      for number in (1...400 as ClosedRange<UInt32>).reversed() {
        try note(&log, number, size: UInt64(round))
      }
    }
    let messages = log.messages()
    #expect(messages.count == 400 && messages.allSatisfy { $0.size == 49 })
  }

  @Test("nor do their flags, however often they change") func changing() throws {
    var log = FetchLog()
    let keywords = (0..<14).compactMap { Keyword("k\($0)") }
    for bits in 0..<(1 << 14) {
      let set = keywords.indices.filter { bits >> $0 & 1 == 1 }.map { keywords[$0] }
      try note(&log, bits % 3 == 0 ? 1 : 2, flags: FlagSet([], keywords: set))
    }
    #expect(log.flagSetCount <= 2048)
    let last = (1 << 14) - 1
    let flags = log.messages().map(\.flags)
    #expect(flags.count == 2)
    #expect(flags[last % 3 == 0 ? 0 : 1] == FlagSet([], keywords: keywords))
  }

  @Test("flags first and details later, or some of them") func twice() throws {
    var log = FetchLog()
    let numbers = 1...3_000 as ClosedRange<UInt32>
    for number in numbers where number % 3 > 0 { try note(&log, number, flags: FlagSet([.seen])) }
    for number in [2_999, 1, 1_500, 4] as [UInt32] { try note(&log, number, size: 1) }
    for number in numbers { try note(&log, number, size: UInt64(number)) }
    let messages = log.messages()
    #expect(messages.map(\.uid.rawValue) == Array(numbers))
    #expect(messages.allSatisfy { $0.size == UInt64($0.uid.rawValue) })
    #expect(messages.count { $0.flags == nil } == 1_000)
  }

  @Test("nothing was said") func empty() {
    var log = FetchLog()
    #expect(log.messages().isEmpty && log.byUID().isEmpty)
  }

  @Test("which messages were fetched whole is not kept: that may be a hundred thousand")
  func bodies() throws {
    let observer = MailboxObserver()
    var response = FetchResponse(sequenceNumber: 1)
    response.uid = UID(7)
    response.hadBody = true
    observer.take(.response(.fetch(response)))
    #expect(observer.gathered.fetched.messages().isEmpty)
    // What else comes with it counts.
    response.flags = FlagSet([.seen])
    observer.take(.response(.fetch(response)))
    #expect(observer.gathered.fetched.messages().map(\.flags) == [FlagSet([.seen])])
  }
}
