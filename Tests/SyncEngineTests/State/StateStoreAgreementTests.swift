import Foundation
import IMAPClient
import SyncEngine
import TestSupport
import Testing

/// Both stores in step, bulk insertion, use by several threads.
@Suite("State stores in agreement") struct StateStoreAgreementTests {
  let directory: StateDirectory
  let sqlite: SQLiteStateStore

  init() throws {
    directory = try StateDirectory()
    sqlite = try SQLiteStateStore.open(directory: directory.path, pair: "p").store
  }

  @Test("random commits give the same answers", arguments: 1...8 as ClosedRange<UInt64>)
  func agreement(_ seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let memory = MemoryStateStore()
    for _ in 0..<60 {
      let changes = (0..<Int.random(in: 0...6, using: &random)).map { _ in change(&random) }
      try memory.commit(changes)
      try sqlite.commit(changes)
    }
    #expect(try sqlite.mailboxes() == memory.mailboxes())
    #expect(try sqlite.pending() == memory.pending())
    #expect(try sqlite.intents() == memory.intents())
    #expect(try sqlite.value(.mark) == memory.value(.mark))
    #expect(try sqlite.newMessageID() == memory.newMessageID())
    #expect(try sqlite.newMailboxID() == memory.newMailboxID())
    for mailbox in (1...3).map({ MailboxID($0) }) {
      #expect(try sqlite.messages(in: mailbox) == memory.messages(in: mailbox))
      #expect(try sqlite.messageCount(in: mailbox) == memory.messageCount(in: mailbox))
      #expect(
        try Array(sqlite.knownMessages(in: mailbox)) == Array(memory.knownMessages(in: mailbox)))
      #expect(try sqlite.unevenUIDs(in: mailbox) == memory.unevenUIDs(in: mailbox))
      let uids = Both { _ in
        UIDSet((0..<4).map { _ in uid(UInt32.random(in: 1...9, using: &random)) })
      }
      #expect(
        try sqlite.messages(in: mailbox, uids: uids) == memory.messages(in: mailbox, uids: uids))
      for side in Side.allCases {
        #expect(try sqlite.uids(in: mailbox, side: side) == memory.uids(in: mailbox, side: side))
      }
    }
    for side in Side.allCases {
      for message in (1...20).map({ sampleMessage($0, left: 1, right: 1) }) {
        let id = try #require(message.ids[side])
        let content = try #require(message.contents[side])
        #expect(try sqlite.messages(withID: id, on: side) == memory.messages(withID: id, on: side))
        #expect(
          try sqlite.messages(withContent: content, on: side)
            == memory.messages(withContent: content, on: side))
        #expect(
          try sqlite.hasMessage(ofSize: content.size, on: side)
            == memory.hasMessage(ofSize: content.size, on: side))
      }
    }
  }

  private func change(_ random: inout SplitMix64) -> StateChange {
    let mailbox = Int64.random(in: 1...3, using: &random)
    let number = UInt32.random(in: 1...9, using: &random)
    let side: Side = Bool.random(using: &random) ? .left : .right
    switch Int.random(in: 0...24, using: &random) {
    case 0: return .removeMailbox(MailboxID(mailbox))
    case 1...2: return .putMailbox(sampleMailbox(mailbox))
    case 3...5: return .removeMessage(MessageID(Int64.random(in: 1...20, using: &random)))
    case 6: return .putPending(samplePending(mailbox, side, number))
    case 7: return .removePending(MailboxID(mailbox), side, uid(number))
    case 8: return .putIntent(sampleIntent(mailbox, side, UInt64(number)))
    case 9: return .clearIntents(MailboxID(mailbox), side)
    case 10: return .setValue(.mark, String(number))
    case 11...12:
      let id = guid(UInt64.random(in: 1001...1020, using: &random))
      return .putID(MailboxID(mailbox), side, uid(number), id)
    case 13...14:
      return .putFlags(
        MessageID(Int64.random(in: 1...20, using: &random)),
        flags(random.oneIn(2) ? [.seen] : [.seen, .flagged], "Key\(number)"),
        Both(left: .empty, right: flags([], "Key\(number)")))
    default:
      var message = sampleMessage(
        Int64.random(in: 1...20, using: &random), in: mailbox, left: number,
        right: UInt32.random(in: 1...9, using: &random))
      if random.oneIn(3) { message.ids[side] = nil }
      if random.oneIn(3) { message.contents[side] = nil }
      return .putMessage(message)
    }
  }

  @Test("a first sync's many messages are found like any others")
  func filling() throws {
    let count: Int64 = 12_000
    let messages = (1...count).map {
      sampleMessage($0, left: UInt32($0), right: UInt32(count + 1 - $0))
    }
    try sqlite.commit(messages.map { .putMessage($0) })
    for message in messages.prefix(3) + messages.suffix(3) {
      for side in Side.allCases {
        let id = try #require(message.ids[side])
        let content = try #require(message.contents[side])
        #expect(try sqlite.messages(withID: id, on: side).contains(message))
        #expect(try sqlite.messages(withContent: content, on: side) == [message])
        #expect(try sqlite.hasMessage(ofSize: content.size, on: side))
      }
    }
    #expect(try sqlite.uids(in: MailboxID(1), side: .right).count == Int(count))
    // A row more, the indexes as they were made.
    try sqlite.commit([.putMessage(sampleMessage(50_000, left: 50_000, right: 50_000))])
    #expect(try sqlite.messages(withID: guid(51_000), on: .left).map(\.id.rawValue) == [50_000])
  }

  @Test("several threads read and write at once")
  func threads() throws {
    let store = sqlite
    let threads = 4
    let rounds = 25
    DispatchQueue.concurrentPerform(iterations: threads) { thread in
      for _ in 0..<rounds {
        do {
          let id = try store.newMessageID()
          let message = sampleMessage(
            id.rawValue, in: Int64(thread), left: UInt32(id.rawValue), right: 1)
          try store.commit([.putMessage(message)])
          #expect(try store.messages(in: MailboxID(Int64(thread))).contains(message))
        } catch {
          Issue.record(error)
        }
      }
    }
    for thread in 0..<threads {
      #expect(try store.messageCount(in: MailboxID(Int64(thread))) == rounds)
    }
  }
}
