import IMAPClient
import SyncEngine
import TestSupport
import Testing

/// What every ``StateStore`` has to do.
@Suite("State stores") struct StateStoreConformanceTests {
  enum Kind: String, CaseIterable, Sendable {
    case memory
    case sqlite
  }

  /// A store, and a way to see what is left of it after its process ended.
  final class Subject {
    private(set) var store: any StateStore
    /// Lives as long as the subject, which therefore has to outlive the store.
    private let directory: StateDirectory?

    init(_ kind: Kind) throws {
      switch kind {
      case .memory:
        directory = nil
        store = MemoryStateStore()
      case .sqlite:
        let directory = try StateDirectory()
        self.directory = directory
        store = try SQLiteStateStore.open(directory: directory.path, pair: "p").store
      }
    }

    func reopen() throws {
      if let memory = store as? MemoryStateStore {
        store = MemoryStateStore(memory.snapshot())
      } else if let directory {
        store = MemoryStateStore()  // closes the one before
        store = try SQLiteStateStore.open(directory: directory.path, pair: "p").store
      }
    }
  }

  static let bareMailbox = MailboxRecord(
    id: MailboxID(2), names: Both(left: .inbox, right: .inbox))
  static let bareMessage = MessageRecord(
    id: MessageID(9), mailbox: MailboxID(1), uids: Both(left: .first, right: .last),
    guid: guid(0), flags: .empty, date: InternalDate(seconds: .max))

  @Test("mailboxes come back as they were put", arguments: Kind.allCases)
  func mailboxes(_ kind: Kind) throws {
    let subject = try Subject(kind)
    let records = [
      sampleMailbox(1), StateStoreConformanceTests.bareMailbox,
      sampleMailbox(3, ["a/b"]), sampleMailbox(4, ["a", "b"]),
    ]
    try subject.store.commit(records.reversed().map { .putMailbox($0) })
    #expect(try subject.store.mailboxes() == records)
    try subject.reopen()
    #expect(try subject.store.mailboxes() == records)
    var changed = records[1]
    changed.mode = .map
    changed.isSubscribed = true
    changed.anchors.left = Anchor(uidValidity: nil, uidNext: uid(4), messages: 3)
    try subject.store.commit([.putMailbox(changed)])
    #expect(try subject.store.mailboxes()[1] == changed)
  }

  @Test("messages come back as they were put", arguments: Kind.allCases)
  func messages(_ kind: Kind) throws {
    let subject = try Subject(kind)
    let records = [
      StateStoreConformanceTests.bareMessage, sampleMessage(5, left: 2, right: 9),
      sampleMessage(4, left: 7, right: 3),
    ]
    try subject.store.commit(
      [.putMessage(sampleMessage(8, in: 2, left: 2, right: 2))]
        + records.reversed().map { .putMessage($0) })
    try subject.reopen()
    #expect(try subject.store.messages(in: MailboxID(1)) == records)
    #expect(try subject.store.messageCount(in: MailboxID(1)) == 3)
    #expect(try subject.store.messageCount(in: MailboxID(7)) == 0)
    for limit in 0...4 {
      #expect(try subject.store.messageCount(in: MailboxID(1), atMost: limit) == min(limit, 3))
    }
    #expect(try subject.store.messageCount(in: MailboxID(1), atMost: .max) == 3)
    try subject.store.commit([.removeMessage(MessageID(5)), .removeMessage(MessageID(55))])
    #expect(try subject.store.messages(in: MailboxID(1)) == [records[0], records[2]])
    var changed = records[2]
    changed.uids = Both(left: uid(1), right: uid(1))
    changed.flags = .empty
    changed.stub = nil
    try subject.store.commit([.putMessage(changed)])
    // Equal left UIDs: a renumbering passes through such states.
    #expect(try subject.store.messages(in: MailboxID(1)) == [changed, records[0]])
  }

  @Test("messages are found by UID, id, content and size", arguments: Kind.allCases)
  func queries(_ kind: Kind) throws {
    let subject = try Subject(kind)
    let store = subject.store
    let records = (1...20).map { sampleMessage($0, left: UInt32($0), right: UInt32(100 - $0)) }
    let elsewhere = sampleMessage(30, in: 2, left: 3, right: 97)
    try store.commit((records + [elsewhere]).map { .putMessage($0) })
    let mailbox = MailboxID(1)
    let left = UIDSet(ranges: [uid(2)...uid(3), uid(19)...UID.last])
    let right = UIDSet([uid(98), uid(95), uid(1)])
    #expect(
      try store.messages(in: mailbox, uids: Both(left: left, right: right)).map(\.id.rawValue)
        == [2, 3, 5, 19, 20])
    #expect(try store.messages(in: mailbox, uids: Both(left: UIDSet(), right: UIDSet())) == [])
    #expect(
      try store.messages(in: mailbox, uids: Both(left: UIDSet(), right: right)).map(\.id.rawValue)
        == [2, 5])
    #expect(try store.uids(in: mailbox, side: .left) == UIDSet(uid(1)...uid(20)))
    #expect(try store.uids(in: mailbox, side: .right) == UIDSet(uid(80)...uid(99)))
    #expect(try store.uids(in: MailboxID(5), side: .right).isEmpty)

    var twin = records[6]
    twin.id = MessageID(31)
    twin.mailbox = MailboxID(2)
    try store.commit([.putMessage(twin)])
    let message = records[6]
    for side in Side.allCases {
      let id = try #require(message.ids[side])
      let content = try #require(message.contents[side])
      #expect(try store.messages(withID: id, on: side) == [message, twin])
      #expect(try store.messages(withID: id, on: side.other) == [])
      #expect(try store.messages(withContent: content, on: side) == [message, twin])
      #expect(try store.messages(withContent: content, on: side.other) == [])
      #expect(
        try store.messages(
          withContent: ContentID(size: content.size, digest: guid(0)), on: side) == [])
      #expect(try store.hasMessage(ofSize: content.size, on: side))
      #expect(try !store.hasMessage(ofSize: content.size, on: side.other))
    }
  }

  @Test("a mailbox goes with all that belongs to it", arguments: Kind.allCases)
  func removal(_ kind: Kind) throws {
    let subject = try Subject(kind)
    try subject.store.commit(
      [1, 2].flatMap { id -> [StateChange] in
        [
          .putMailbox(sampleMailbox(id)),
          .putMessage(sampleMessage(id * 10, in: id, left: 1, right: 1)),
          .putPending(samplePending(id, .left, 4)), .putIntent(sampleIntent(id, .right, 1)),
        ]
      })
    try subject.store.commit([.removeMailbox(MailboxID(1))])
    try subject.reopen()
    #expect(try subject.store.mailboxes() == [sampleMailbox(2)])
    #expect(try subject.store.messages(in: MailboxID(1)) == [])
    #expect(try subject.store.messages(withID: guid(1010), on: .left) == [])
    #expect(try subject.store.messageCount(in: MailboxID(2)) == 1)
    #expect(try subject.store.pending() == [samplePending(2, .left, 4)])
    #expect(try subject.store.intents() == [sampleIntent(2, .right, 1)])
  }

  @Test("pending messages, intents and values", arguments: Kind.allCases)
  func others(_ kind: Kind) throws {
    let subject = try Subject(kind)
    var bare = samplePending(1, .right, 2)
    bare.code = nil
    bare.text = ""
    try subject.store.commit([
      .putPending(samplePending(1, .right, 3)), .putPending(samplePending(1, .right, 2)),
      .putPending(samplePending(1, .left, 9)), .putPending(bare),
      .putIntent(sampleIntent(1, .left, 2)), .putIntent(sampleIntent(1, .right, 1)),
      .putIntent(sampleIntent(1, .left, 2)), .putIntent(sampleIntent(2, .left, 4)),
      .setValue(.mark, "a"), .setValue(.mark, "ü"), .setValue(.lastRun, ""),
    ])
    try subject.reopen()
    let store = subject.store
    #expect(
      try store.pending() == [samplePending(1, .left, 9), bare, samplePending(1, .right, 3)])
    // Two equal messages on their way are two intents.
    #expect(
      try store.intents() == [
        sampleIntent(1, .left, 2), sampleIntent(1, .right, 1), sampleIntent(1, .left, 2),
        sampleIntent(2, .left, 4),
      ])
    #expect(try store.value(.mark) == "ü")
    #expect(try store.value(.lastRun) == "")
    #expect(try store.value(.lastResult) == nil)
    try store.commit([
      .removePending(MailboxID(1), .right, uid(2)), .removePending(MailboxID(1), .left, uid(2)),
      .clearIntents(MailboxID(1), .left),
    ])
    #expect(try store.pending() == [samplePending(1, .left, 9), samplePending(1, .right, 3)])
    #expect(try store.intents() == [sampleIntent(1, .right, 1), sampleIntent(2, .left, 4)])
  }

  @Test("ids are never given twice", arguments: Kind.allCases)
  func ids(_ kind: Kind) throws {
    let subject = try Subject(kind)
    var seen: Set<Int64> = []
    for round in 0..<3 {
      let first = try subject.store.newMessageID()
      let second = try subject.store.newMessageID()
      #expect(seen.insert(first.rawValue).inserted && seen.insert(second.rawValue).inserted)
      var message = sampleMessage(second.rawValue, left: 1, right: 1)
      message.mailbox = try subject.store.newMailboxID()
      try subject.store.commit([
        .putMailbox(sampleMailbox(message.mailbox.rawValue)), .putMessage(message),
      ])
      // The row is gone, its number stays used.
      try subject.store.commit([.removeMessage(second), .removeMailbox(message.mailbox)])
      try subject.reopen()
      #expect(try subject.store.newMailboxID() > message.mailbox, "round \(round)")
    }
    try subject.store.commit([.putMessage(sampleMessage(1000, left: 1, right: 1))])
    #expect(try subject.store.newMessageID().rawValue == 1001)
  }

  @Test("rows may be put in any order within a commit", arguments: Kind.allCases)
  func order(_ kind: Kind) throws {
    let subject = try Subject(kind)
    let store = subject.store
    try store.commit([
      .putMessage(sampleMessage(1, left: 1, right: 1)), .putMailbox(sampleMailbox(1)),
      .removeMessage(MessageID(1)), .putMessage(sampleMessage(2, left: 1, right: 1)),
      .putMessage(sampleMessage(1, left: 2, right: 2)),
    ])
    #expect(try store.messages(in: MailboxID(1)).map(\.id.rawValue) == [2, 1])
    try store.commit([])
    #expect(try store.messageCount(in: MailboxID(1)) == 2)
  }

  @Test(
    "what is to be durable soon is seen at once, and kept with the next change that is",
    arguments: Kind.allCases)
  func soon(_ kind: Kind) throws {
    let subject = try Subject(kind)
    try subject.store.commit([.putMailbox(sampleMailbox(1))], .soon)
    try subject.store.expectQuestions()
    try subject.store.commit([.putMessage(sampleMessage(1, left: 1, right: 1))], .soon)
    #expect(try subject.store.messageCount(in: MailboxID(1)) == 1)
    try subject.store.commit([.setValue(.mark, "m")])
    try subject.reopen()
    #expect(try subject.store.mailboxes().count == 1)
    #expect(try subject.store.messageCount(in: MailboxID(1)) == 1)
    try subject.store.commit([.removeMessage(MessageID(1))], .soon)
    try subject.store.flush()
    try subject.reopen()
    #expect(try subject.store.messageCount(in: MailboxID(1)) == 0)
  }
}
