import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

@Suite("What is kept of messages that were read") struct VerifiedListTests {
  private static func handle(_ number: Int) -> MessageHandle {
    number % 5 == 0 ? .unnumbered(UInt64(number)) : .uid(uid(UInt32(number)))
  }

  private static func content(_ number: UInt64) -> ReadContent {
    let size = number % 3 == 0 ? number << 32 : number
    return ReadContent(
      size: size, digest: MessageDigest(SHA256.digest(of: guid(number).bytes)),
      identity: ContentID(size: size, digest: guid(number + 1)),
      essence: number % 4 == 0 ? nil : guid(number + 2),
      stub: number % 100 == 7 ? StubMark(size: number, digest: guid(number + 3)) : nil)
  }

  /// So many, those with a UID first; every seventh was not read.
  private static func messages(_ count: Int) -> [VerifiedMessage] {
    let numbers = (0..<count).filter { $0 % 5 != 0 } + (0..<count).filter { $0 % 5 == 0 }
    return numbers.map { number in
      VerifiedMessage(
        handle: handle(number), flags: FlagSet(number % 2 == 0 ? [.seen] : [.draft, .flagged]),
        date: InternalDate(seconds: Int64(-number)),
        content: number % 7 == 0 ? nil : content(UInt64(number)))
    }
  }

  private static func list(_ messages: [VerifiedMessage]) -> VerifiedList {
    var observed = MessageList(
      messages.map { message in
        ObservedMessage(
          handle: message.handle, flags: message.flags,
          details: MessageDetails(size: 1, date: message.date, id: nil))
      })
    let list = VerifiedList(taking: &observed)
    #expect(observed.isEmpty)
    return list
  }

  @Test("what was put in comes out", arguments: [0, 1, 4096, 9_000])
  func roundTrip(_ count: Int) {
    let messages = VerifiedListTests.messages(count)
    var list = VerifiedListTests.list(messages)
    #expect(list.handles == messages.map(\.handle))
    for (index, message) in messages.enumerated() {
      if let content = message.content { list.learn(content, at: index) }
    }
    #expect(list.indices.map { list[$0] } == messages)
    #expect(list.readCount == messages.count { $0.content != nil })
    #expect(list.octets == messages.reduce(0) { $0 + ($1.content?.size ?? 0) })
  }

  @Test("messages are found in any order")
  func find() {
    let messages = VerifiedListTests.messages(300)
    let list = VerifiedListTests.list(messages)
    var random = SplitMix64(seed: 1)
    for index in messages.indices.shuffled(using: &random) {
      let handle = messages[index].handle
      for last in [nil, 0, index - 1, index, 299] as [Int?] {
        #expect(list.index(of: handle, after: last) == index)
      }
    }
    #expect(list.index(of: .uid(uid(5)), after: 3) == nil)
    #expect(list.index(of: .unnumbered(1), after: nil) == nil)
  }

  @Test(
    "a digest belongs to its message, in whatever order they come, and one that is gone to none")
  func sink() throws {
    let handles = [1, 2, 3, 4, 5, 10].map(VerifiedListTests.handle)
    let list = VerifiedListTests.list(
      handles.map {
        VerifiedMessage(handle: $0, flags: .empty, date: InternalDate(seconds: 0), content: nil)
      })
    let sink = DigestSink(list, cancellation: Cancellation()) { _, _ in }
    for place in [5, 0, 3, 1] {
      let bytes = Array("Subject: \(place)\r\n\r\n".utf8)
      try sink.begin(handles[place], size: UInt64(bytes.count), form: .wire)
      try bytes.withUnsafeBytes { try sink.write($0) }
      try sink.end()
    }
    try sink.missing(handles[2], why: nil)
    try sink.missing(handles[4], why: "it is broken")
    for (place, handle) in handles.enumerated() {
      let digest = SHA256.digest(of: Array("Subject: \(place)\r\n\r\n".utf8))
      let isRead = ![2, 4].contains(place)
      #expect(sink.messages[place].handle == handle)
      #expect(
        sink.messages.content(at: place)?.digest == (isRead ? MessageDigest(digest) : nil))
      #expect(sink.messages.isGone(at: place) == (place == 2))
    }
    #expect(sink.unreadable.map(\.handle) == [handles[4]])
  }

  @Test("it is little, since all messages of both sides are held until they are compared")
  func size() {
    #expect(VerifiedList.octetsEach <= 96)
    #expect(MemoryLayout<MailboxMatching.Match>.stride <= 16)
    #expect(MemoryLayout<MailboxMatching.Single>.stride <= 16)
  }
}
