import Foundation
import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

/// Damaged, foreign and newer bases, full disks, failing commits.
@Suite("Damaged and refused bases") struct StateDamageTests {
  let directory: StateDirectory
  let database: String

  init() throws {
    directory = try StateDirectory()
    let store = try SQLiteStateStore.open(directory: directory.path, pair: "work").store
    try store.commit(
      [.putMailbox(sampleMailbox(1))]
        + (1...500).map {
          .putMessage(sampleMessage($0, left: UInt32($0), right: UInt32($0)))
        })
    database = "\(directory.path)/\(try #require(directory.files(endingIn: ".sqlite").first))"
  }

  private func open(_ access: SQLiteStateStore.Access = .readWrite) throws
    -> SQLiteStateStore.Opened
  {
    try SQLiteStateStore.open(directory: directory.path, pair: "work", access: access)
  }

  enum Damage: Hashable, Sendable, CustomStringConvertible {
    case truncated(to: Int)
    case garbage(Int)
    case overwritten(at: Int, count: Int)
    case foreignDatabase
    case emptyDatabase

    var description: String {
      switch self {
      case .truncated(let size): "truncated to \(size)"
      case .garbage(let size): "\(size) bytes of garbage"
      case .overwritten(let offset, let count): "\(count) bytes overwritten at \(offset)"
      case .foreignDatabase: "another program's database"
      case .emptyDatabase: "a database without tables"
      }
    }

    func inflict(on path: String) throws {
      let url = URL(filePath: path)
      var data = try Data(contentsOf: url)
      switch self {
      case .truncated(let size): data = data.prefix(size)
      case .garbage(let size): data = Data((0..<size).map { UInt8(truncatingIfNeeded: $0 * 37) })
      case .overwritten(let offset, let count):
        data.replaceSubrange(offset..<offset + count, with: Data(repeating: 0xa5, count: count))
      case .foreignDatabase, .emptyDatabase:
        try FileManager.default.removeItem(at: url)
        let other = try Database(path: path, access: .create, busyTimeout: .zero)
        try other.execute(
          self == .foreignDatabase
            ? "CREATE TABLE mailbox (id)"
            : "PRAGMA application_id = \(Schema.applicationID); PRAGMA user_version = 1")
        return
      }
      try data.write(to: url)
    }
  }

  static let damages: [Damage] =
    [0, 1, 15, 16, 99, 100, 511, 512, 4095, 4096, 4097, 8192, 40_960, 100_000].map {
      .truncated(to: $0)
    } + [1, 100, 4096, 65_536].map { .garbage($0) } + [
      .overwritten(at: 0, count: 16), .overwritten(at: 100, count: 8),
      // Page 2 is the root of the first table: mailbox.
      .overwritten(at: 4096, count: 16), .overwritten(at: 4096, count: 4096), .foreignDatabase,
      .emptyDatabase,
    ]

  @Test("is set aside with a notice, and a fresh one made", arguments: damages)
  func setAside(_ damage: Damage) throws {
    try damage.inflict(on: database)
    let bytes = try Data(contentsOf: URL(filePath: database))
    let before = try directory.contents()
    let reader = try open(.readOnly)
    #expect(reader.notices.count == 1)
    #expect(try reader.store.mailboxes() == [])
    #expect(try directory.contents() == before)

    let opened = try open()
    #expect(opened.notices.count == 1)
    #expect(opened.notices.first?.contains("\(database).damaged-1") == true)
    #expect(try Data(contentsOf: URL(filePath: "\(database).damaged-1")) == bytes)
    #expect(try opened.store.mailboxes() == [])
    try opened.store.commit([.putMailbox(sampleMailbox(3))])
    #expect(try opened.store.mailboxes() == [sampleMailbox(3)])
  }

  @Test("what was set aside is never overwritten")
  func setAsideTwice() throws {
    for round in 1...3 {
      try Data("round \(round)".utf8).write(to: URL(filePath: database))
      #expect(try open().notices.first?.contains(".damaged-\(round)") == true)
    }
    #expect(try Data(contentsOf: URL(filePath: "\(database).damaged-1")) == Data("round 1".utf8))
    #expect(try open().notices == [])
  }

  @Test("damage that shows only in use ends this run; the next makes a new base")
  func lateDamage() throws {
    // Past the first pages: rows and indexes of messages.
    let size = try Data(contentsOf: URL(filePath: database)).count
    try Damage.overwritten(at: 3 * 4096, count: size - 3 * 4096).inflict(on: database)
    do {
      let opened = try open()
      #expect(opened.notices == [])
      let error = try #require(throws: StateError.self) {
        _ = try opened.store.messages(in: MailboxID(1))
      }
      #expect(error.kind == .damaged)
      #expect(error.message.contains(".damaged-1"))
      let again = try #require(throws: StateError.self) { _ = try opened.store.mailboxes() }
      #expect(again.kind == .damaged)
      #expect(throws: StateError.self) { try opened.store.commit([.setValue(.mark, "x")]) }
    }
    let next = try open()
    #expect(next.notices == [])
    #expect(try next.store.mailboxes() == [])
  }

  @Test("a stray journal is not rolled back into a new base")
  func strayJournal() throws {
    try leaveHotJournal(of: database, in: directory)
    try FileManager.default.removeItem(atPath: database)
    let opened = try open()
    #expect(opened.notices == [])
    #expect(try opened.store.messageCount(in: MailboxID(1)) == 0)
    try opened.store.commit([.putMailbox(sampleMailbox(1))])
    #expect(try opened.store.mailboxes() == [sampleMailbox(1)])
  }

  @Test("a newer version's base is left alone", arguments: SQLiteStateStore.Access.allCases)
  func newer(_ access: SQLiteStateStore.Access) throws {
    try change("PRAGMA user_version = \(Schema.version + 1); DROP TABLE intent")
    let before = try directory.contents().filter { !$0.key.hasSuffix(".lock") }
    let error = try #require(throws: StateError.self) { _ = try open(access) }
    #expect(error.kind == .newer)
    #expect(error.advice.contains("forget"))
    #expect(try directory.contents().filter { !$0.key.hasSuffix(".lock") } == before)
  }

  @Test(
    "the base of the first version is read as it is, and converted when it is written",
    arguments: SQLiteStateStore.Access.allCases)
  func older(_ access: SQLiteStateStore.Access) throws {
    let written = sampleMessage(42, left: 42, right: 42)
    var read = written
    read.rightDate = nil
    try open().store.commit([.putMessage(written)])
    try change(
      """
      DROP TABLE changed_flags;
      ALTER TABLE message DROP COLUMN right_date;
      ALTER TABLE mailbox DROP COLUMN left_unproven;
      ALTER TABLE mailbox DROP COLUMN right_unproven;
      DROP INDEX message_left_id;
      CREATE INDEX message_left_id ON message (left_id_low) WHERE left_id_low IS NOT NULL;
      DROP TABLE intent;
      CREATE TABLE intent (
        id INTEGER PRIMARY KEY, mailbox INTEGER NOT NULL, side INTEGER NOT NULL,
        guid_high INTEGER NOT NULL, guid_low INTEGER NOT NULL,
        size INTEGER NOT NULL, next INTEGER NOT NULL);
      CREATE INDEX intent_mailbox ON intent (mailbox, side);
      INSERT INTO intent VALUES (1, 1, 1, 5, 6, 1000, 43);
      PRAGMA user_version = 1
      """)
    let before = try directory.contents().filter { !$0.key.hasSuffix(".lock") }
    let uids = Both(left: UIDSet(uid(42)), right: UIDSet())
    do {
      let store = try open(access).store
      var mailbox = sampleMailbox(1)
      mailbox.unproven = Both(left: .empty, right: .empty)
      #expect(try store.mailboxes() == [mailbox])
      #expect(try store.messages(in: MailboxID(1), uids: uids) == [read])
      let id = try #require(read.ids.left)
      #expect(try store.messages(withID: id, on: .left) == [read])
      let intent = Intent(
        mailbox: MailboxID(1), side: .right, size: 1000, date: InternalDate(seconds: 0),
        uidNext: uid(43))
      #expect(try store.intents() == [intent])
      if access == .readWrite {
        try store.commit([.putFlags(read.id, flags([.answered]), Both(left: .empty, right: .empty))]
        )
        try store.commit([.putMessage(written)])
      }
    }
    if access != .readWrite {
      #expect(try directory.contents().filter { !$0.key.hasSuffix(".lock") } == before)
    } else {
      #expect(try open().store.messages(in: MailboxID(1), uids: uids) == [written])
    }
  }

  @Test(
    "rows that this program never writes are damage",
    arguments: [
      "UPDATE mailbox SET left_name = ''", "UPDATE mailbox SET mode = 'x'",
      "UPDATE mailbox SET agreed_next = 0", "UPDATE mailbox SET right_next = 4294967296",
      "UPDATE mailbox SET left_name = char(7)", "UPDATE mailbox SET left_messages = -1",
    ])
  func malformed(_ statement: String) throws {
    try change(statement)
    let store = try open().store
    let error = try #require(throws: StateError.self) { _ = try store.mailboxes() }
    #expect(error.kind == .damaged)
  }

  private func change(_ statement: String) throws {
    let connection = try Database(path: database, access: .readWrite, busyTimeout: .zero)
    try connection.execute(statement)
  }

  @Test("a damaged base of which a copy has to be read is named, and not the copy")
  func damagedCopy() throws {
    try change("PRAGMA user_version = 1; DROP TABLE intent; DROP TABLE changed_flags")
    let opened = try open(.readOnly)
    #expect(opened.notices.count == 1)
    #expect(opened.notices.first?.contains("(\(database): ") == true, "\(opened.notices)")
  }

  @Test("a full disk leaves the base as it was")
  func diskFull() throws {
    let store = try open().store
    let messages = try store.messages(in: MailboxID(1))
    // Not even the indexes that a commit as large as this one makes anew are lost.
    try store.limit(toPages: 200)
    let error = try #require(throws: StateError.self) {
      try store.commit(
        [.removeMessage(MessageID(1))]
          + (1000...19_000).map {
            .putMessage(sampleMessage($0, left: UInt32($0), right: UInt32($0)))
          })
    }
    #expect(error.kind == .noSpace)
    #expect(try store.messages(in: MailboxID(1)) == messages)
    let content = try #require(messages[7].contents.left)
    #expect(try store.messages(withContent: content, on: .left) == [messages[7]])
    try store.commit([.setValue(.mark, "still works")])
    #expect(try store.newMessageID() > MessageID(500))
  }

  @Test("a commit that fails half-way leaves nothing")
  func atomicCommit() throws {
    try change(
      """
      CREATE TRIGGER fail BEFORE INSERT ON message WHEN new.id = 666
      BEGIN SELECT RAISE(ABORT, 'no'); END
      """)
    let store = try open().store
    let error = try #require(throws: StateError.self) {
      try store.commit([
        .removeMailbox(MailboxID(1)), .setValue(.mark, "x"), .putIntent(sampleIntent(1, .left, 1)),
        .putMessage(sampleMessage(666, left: 1, right: 1)),
      ])
    }
    #expect(error.kind == .other)
    #expect(try store.mailboxes() == [sampleMailbox(1)])
    #expect(try store.messageCount(in: MailboxID(1)) == 500)
    #expect(try store.value(.mark) == nil)
    #expect(try store.intents() == [])
    // And the store goes on.
    try store.commit([.setValue(.mark, "y")])
    #expect(try store.value(.mark) == "y")
  }

  @Test(
    "a commit that fails behind the caller's back is told of by the next call, and is the last one")
  func lostBehind() throws {
    try change(
      """
      CREATE TRIGGER fail BEFORE INSERT ON message WHEN new.id = 666
      BEGIN SELECT RAISE(ABORT, 'no'); END
      """)
    let store = try open().store
    try store.commit(
      [.removeMailbox(MailboxID(1)), .putMessage(sampleMessage(666, left: 1, right: 1))], .behind)
    #expect(throws: StateError.self) { try store.mailboxes() }
    #expect(try store.mailboxes() == [sampleMailbox(1)])
    #expect(throws: StateError.self) { try store.commit([.setValue(.mark, "x")]) }
    #expect(try store.value(.mark) == nil)
  }

  @Test("what waited and was lost with another commit is not thought to be safe by anyone")
  func lostWaiting() throws {
    try change(
      """
      CREATE TRIGGER fail BEFORE INSERT ON message WHEN new.id = 666
      BEGIN SELECT RAISE(ABORT, 'no'); END
      """)
    let store = try open().store
    try store.commit([.setValue(.mark, "of one lane")], .soon)
    let message = sampleMessage(666, left: 1, right: 1)
    #expect(throws: StateError.self) { try store.commit([.putMessage(message)]) }
    // Another lane is about to expunge.
    #expect(throws: StateError.self) { try store.flush() }
    #expect(throws: StateError.self) { try store.commit([.setValue(.mark, "later")], .soon) }
    #expect(try store.value(.mark) == nil)
    #expect(try store.messageCount(in: MailboxID(1)) == 500)
  }

  @Test("a base in use by another program is locked, not damaged")
  func busy() throws {
    let other = try Database(path: database, access: .readWrite, busyTimeout: .zero)
    try other.execute("BEGIN EXCLUSIVE")
    let error = try #require(throws: SQLiteError.self) {
      _ = try Database(path: database, access: .readOnly, busyTimeout: .zero)
        .integer("PRAGMA user_version")
    }
    #expect(StateError.database(error, database).kind == .locked)
    #expect(!error.isDamage)
  }

  // MARK: Forgetting

  @Test("a whole base is forgotten, damaged or not; what was set aside stays")
  func forget() throws {
    let path = directory.path
    do {
      let held = try open()
      let locked = try #require(throws: StateError.self) {
        _ = try SQLiteStateStore.forget(directory: path, pair: "work")
      }
      #expect(locked.kind == .locked)
      withExtendedLifetime(held) {}
    }
    try Data("damage".utf8).write(to: URL(filePath: database))
    _ = try open()
    try Data("more".utf8).write(to: URL(filePath: database))
    #expect(try SQLiteStateStore.forget(directory: path, pair: "work"))
    #expect(try !SQLiteStateStore.forget(directory: path, pair: "work"))
    #expect(try !SQLiteStateStore.forget(directory: path + "/missing", pair: "work"))
    #expect(try directory.contents().keys.allSatisfy { $0.contains(".damaged-1") })
    #expect(try open().store.mailboxes() == [])
  }

  @Test("one mailbox is forgotten by either name")
  func forgetMailbox() throws {
    let store = try open().store
    try store.commit([.putMailbox(sampleMailbox(2, ["INBOX", "x"]))])
    #expect(try !store.forget(name("none")))
    // The left side's name goes first.
    #expect(try store.forget(name("INBOX", "x")))
    #expect(try store.mailboxes().map(\.id) == [MailboxID(1)])
    #expect(try store.forget(name("INBOX", "x")))
    #expect(try store.mailboxes() == [])
    #expect(try store.messageCount(in: MailboxID(1)) == 0)
  }
}
