import Foundation
import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

/// The files of the base: locks, damage, versions, modes.
@Suite("Base in SQLite") struct SQLiteStateStoreTests {
  let directory: StateDirectory

  init() throws { directory = try StateDirectory() }

  private func open(
    _ access: SQLiteStateStore.Access = .readWrite, pair: String = "work"
  ) throws -> SQLiteStateStore.Opened {
    try SQLiteStateStore.open(directory: directory.path, pair: pair, access: access)
  }

  /// A base with a mailbox and messages enough for several pages, closed.
  private func fill() throws {
    try open().store.commit(
      [.putMailbox(sampleMailbox(1))]
        + (1...200).map {
          .putMessage(sampleMessage($0, left: UInt32($0), right: UInt32($0)))
        })
  }

  private var databasePath: String {
    get throws { "\(directory.path)/\(try #require(directory.files(endingIn: ".sqlite").first))" }
  }

  // MARK: Files

  @Test("the lock goes with the store, though a child of this process still has its descriptor")
  func inheritedLock() throws {
    var store: SQLiteStateStore? = try open().store
    let lock = "/\(try #require(directory.files(endingIn: ".lock").first))"
    let descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
    let held = descriptors.first { number in
      let path = try? FileManager.default.destinationOfSymbolicLink(
        atPath: "/proc/self/fd/\(number)")
      return path?.hasPrefix(directory.path) == true && path?.hasSuffix(lock) == true
    }
    let inherited = dup(try #require(held.flatMap { Int32($0) }))
    defer { close(inherited) }
    #expect(store != nil)
    store = nil
    #expect(throws: Never.self) { try open() }
  }

  @Test("the directory is made for its owner alone, and so are the files")
  func modes() throws {
    let path = "\(directory.path)/a/b/state"
    let store = try SQLiteStateStore.open(directory: path, pair: "work").store
    try store.commit([.setValue(.mark, "x")])
    func mode(_ path: String) throws -> Int? {
      try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }
    #expect(try mode("\(directory.path)/a") == 0o700)
    #expect(try mode(path) == 0o700)
    let files = try FileManager.default.contentsOfDirectory(atPath: path)
    #expect(files.count == 3)
    for file in files { #expect(try mode("\(path)/\(file)") == 0o600) }
  }

  @Test("ids that one Dovecot process made are told apart")
  func lookupByID() throws {
    let store = try open().store
    // As Dovecot makes them: time, then process and host.
    let messages = (1...50).map { number in
      var message = sampleMessage(Int64(number), left: UInt32(number), right: UInt32(number))
      message.ids = Both { _ in GlobalUID(high: UInt64(number), low: 7) }
      return message
    }
    try store.commit([.putMailbox(sampleMailbox(1))] + messages.map { .putMessage($0) })
    for side in Side.allCases {
      let found = try store.messages(withID: GlobalUID(high: 9, low: 7), on: side)
      #expect(found.map(\.id) == [MessageID(9)])
      #expect(try store.messages(withID: GlobalUID(high: 9, low: 8), on: side) == [])
    }
  }

  @Test("every pair has files of its own, whatever its name")
  func names() throws {
    let pairs = [
      "work", "Work", "../../etc", "a/b", "a_b", "a b", "", ".", "é", "e\u{301}",
      String(repeating: "x", count: 500), String(repeating: "x", count: 501),
      "/home/u/Maildir imaps://u@host/",
    ]
    var stores: [SQLiteStateStore] = []
    for pair in pairs {
      let store = try open(pair: pair).store
      try store.commit([.setValue(.mark, pair)])
      stores.append(store)
    }
    #expect(try directory.files(endingIn: ".sqlite").count == pairs.count)
    stores = []
    for pair in pairs { #expect(try open(.readOnly, pair: pair).store.value(.mark) == pair) }
  }

  @Test("a path with a quote, a percent sign and a question mark")
  func oddPath() throws {
    let path = directory.path + "/it's 100% ? #"
    let opened = try SQLiteStateStore.open(directory: path, pair: "p")
    try opened.store.commit([.setValue(.mark, "m")])
    #expect(FileManager.default.fileExists(atPath: path))
  }

  @Test("a directory that can't be made is an error that names it")
  func badDirectory() throws {
    try Data().write(to: URL(filePath: "\(directory.path)/file"))
    let error = try #require(
      throws: StateError.self
    ) {
      _ = try SQLiteStateStore.open(directory: "\(directory.path)/file/x", pair: "p")
    }
    #expect(error.kind == .other && error.message.contains("\(directory.path)/file"))
  }

  @Test("permission denied")
  func permission() async {
    // In a process of its own, as root has to give up its rights to be refused anything.
    await #expect(processExitsWith: .success) {
      let directory = try StateDirectory()
      chmod(directory.path, 0o500)
      if geteuid() == 0 { seteuid(65534) }
      for path in [directory.path, directory.path + "/sub"] {
        let error = #expect(throws: StateError.self) {
          _ = try SQLiteStateStore.open(directory: path, pair: "p")
        }
        #expect(error?.kind == .permission)
      }
      seteuid(getuid())
    }
  }

  // MARK: Lock

  @Test("a second run is refused at once, and let in when the first has ended")
  func lock() throws {
    var first: SQLiteStateStore? = try open().store
    let error = try #require(throws: StateError.self) { _ = try open() }
    #expect(error.kind == .locked)
    #expect(error.message.contains("another run of work"))
    #expect(error.message.contains("(pid \(getpid()))"))
    _ = try open(pair: "home")
    withExtendedLifetime(first) {}
    first = nil
    _ = try open()
  }

  @Test("another process's lock is seen")
  func foreignLock() throws {
    _ = try open()
    let lock = "\(directory.path)/\(try #require(directory.files(endingIn: ".lock").first))"
    let holder = Process()
    holder.executableURL = URL(filePath: "/usr/bin/flock")
    holder.arguments = ["--no-fork", "--exclusive", lock, "/bin/sh", "-c", "echo held; read line"]
    let input = Pipe()
    let output = Pipe()
    holder.standardInput = input
    holder.standardOutput = output
    try holder.run()
    #expect(try output.fileHandleForReading.read(upToCount: 5) == Data("held\n".utf8))
    let error = try #require(throws: StateError.self) { _ = try open() }
    #expect(error.kind == .locked)
    _ = try open(.readOnly)
    try input.fileHandleForWriting.close()
    holder.waitUntilExit()
    _ = try open()
  }

  // MARK: Reading only

  @Test("reading only leaves no trace where nothing is")
  func readOnlyEmpty() throws {
    let missing = "\(directory.path)/missing"
    let store = try SQLiteStateStore.open(directory: missing, pair: "p", access: .readOnly).store
    #expect(try store.mailboxes() == [])
    #expect(try store.messageCount(in: MailboxID(1)) == 0)
    #expect(try store.newMessageID() == MessageID(1))
    #expect(!FileManager.default.fileExists(atPath: missing))
    let error = try #require(throws: StateError.self) {
      try store.commit([.setValue(.mark, "x")])
    }
    #expect(error.kind == .permission)
  }

  @Test("reading only changes no file, and reads beside a run")
  func readOnlyFilled() throws {
    try fill()
    let before = try directory.contents()
    var reader = try open(.readOnly).store
    #expect(try reader.messages(in: MailboxID(1)).count == 200)
    #expect(try directory.contents() == before)
    let writer = try open().store
    reader = try open(.readOnly).store
    try writer.commit([.setValue(.mark, "new")])
    #expect(try reader.value(.mark) == "new")
  }

  @Test("a run with nothing to do changes no file but the lock")
  func idleRun() throws {
    try fill()
    let before = try directory.contents().filter { !$0.key.hasSuffix(".lock") }
    #expect(try open().store.mailboxes().count == 1)
    #expect(try directory.contents().filter { !$0.key.hasSuffix(".lock") } == before)
  }

  @Test("a base that a killed run left half written is read, and left, as it is")
  func hotJournal() throws {
    try fill()
    let database = try databasePath
    // A transaction on its way: pages already overwritten, the journal synced. What lies in the
    // directory then is what a kill leaves.
    try leaveHotJournal(of: database, in: directory)
    let before = try directory.contents()
    let reader = try open(.readOnly)
    #expect(reader.notices == [])
    #expect(try reader.store.messageCount(in: MailboxID(1)) == 200)
    #expect(try directory.contents() == before)
    let opened = try open()
    #expect(opened.notices == [])
    #expect(
      try opened.store.messages(in: MailboxID(1))
        == (1...200).map { sampleMessage($0, left: UInt32($0), right: UInt32($0)) })
  }

  @Test(
    "of what was to be durable soon, a process that dies leaves nothing, and readers see nothing yet"
  )
  func lostSoon() throws {
    try fill()
    var writer: SQLiteStateStore? = try open().store
    try writer?.commit([.removeMailbox(MailboxID(1))], .soon)
    #expect(try writer?.mailboxes().isEmpty == true)
    #expect(try open(.readOnly).store.messageCount(in: MailboxID(1)) == 200)
    writer = nil  // not flushed
    #expect(try open().store.messageCount(in: MailboxID(1)) == 200)
  }

  @Test("five hundred changes do not wait")
  func manySoon() throws {
    try fill()
    let writer = try open().store
    try writer.commit((1...499).map { .removeMessage(MessageID($0 + 1000)) }, .soon)
    try writer.commit([.setValue(.mark, "m")], .soon)
    #expect(try open(.readOnly).store.value(.mark) == "m")
  }

  @Test(
    "what is committed behind the caller's back is there for who asks next, and durable by then")
  func behind() throws {
    try fill()
    let writer = try open().store
    for number in 1...10 {
      let message = sampleMessage(1000, left: UInt32(number), right: 1)
      try writer.commit([.putMessage(message)], .behind)
      #expect(try writer.messages(withID: guid(2000), on: .left) == [message])
      #expect(try open(.readOnly).store.messages(withID: guid(2000), on: .left) == [message])
    }
    let last = sampleMessage(1000, left: 11, right: 1)
    try writer.commit([.putMessage(last)], .behind)
    try writer.commit([.setValue(.mark, "m")], .soon)
    #expect(try open(.readOnly).store.messages(withID: guid(2000), on: .left) == [last])
    #expect(try open(.readOnly).store.value(.mark) == nil)
  }

  @Test("ids that a side told wait for something else to be written")
  func manyIDs() throws {
    try fill()
    let writer = try open().store
    let ids: [StateChange] = (1...200).map { .putID(MailboxID(1), .right, uid($0), guid(7)) }
    for _ in 1...5 { try writer.commit(ids, .soon) }
    #expect(try writer.messages(withID: guid(7), on: .right).count == 200)
    #expect(try open(.readOnly).store.messages(withID: guid(7), on: .right).isEmpty)
    try writer.flush()
    #expect(try open(.readOnly).store.messages(withID: guid(7), on: .right).count == 200)
  }

  @Test("flags wait for something else to be written, unless they are very many")
  func manyFlags() throws {
    try fill()
    let writer = try open().store
    let flags = FlagSet([.draft])
    let id = try #require(writer.messages(in: MailboxID(1)).first?.id)
    let change = StateChange.putFlags(id, flags, Both(left: .empty, right: .empty))
    try writer.commit([StateChange](repeating: change, count: 2_000), .soon)
    #expect(try writer.messages(in: MailboxID(1)).first?.flags == flags)
    #expect(try open(.readOnly).store.messages(in: MailboxID(1)).first?.flags != flags)
    try writer.commit([StateChange](repeating: change, count: 3_000), .soon)
    #expect(try open(.readOnly).store.messages(in: MailboxID(1)).first?.flags == flags)
  }

  @Test("what is put is not written to a journal of its own, message by message")
  func statementJournal() throws {
    let writer = try open().store
    let messages = (1...1200).map { sampleMessage($0, left: UInt32($0), right: UInt32($0)) }
    try writer.commit(messages.map { .putMessage($0) })
    let before = try writesOfThisThread()
    try writer.commit(messages.prefix(450).map { .putMessage($0) }, .soon)
    // Each page once, into the journal.
    #expect(try writesOfThisThread() - before < 1000)
  }

  @Test("flags of messages all over a large base are written side by side")
  func scatteredFlags() throws {
    let writer = try open().store
    let messages = (1...9000).map { sampleMessage($0, left: UInt32($0), right: UInt32($0)) }
    try writer.commit(messages.map { .putMessage($0) })
    let before = try writesOfThisThread()
    let lacking = Both(left: FlagSet.empty, right: .empty)
    try writer.commit(
      (1...450).map { .putFlags(MessageID($0 * 20), FlagSet([.seen]), lacking) })
    // Each message's row lies in another page, of which each would be written four times.
    #expect(try writesOfThisThread() - before < 100)
    #expect(try writer.messages(in: MailboxID(1)).count { $0.flags == FlagSet([.seen]) } == 450)
  }

  private func writesOfThisThread() throws -> Int {
    let lines = try String(contentsOfFile: "/proc/thread-self/io", encoding: .utf8)
    let line = try #require(lines.split(separator: "\n").first { $0.hasPrefix("syscw: ") })
    return try #require(Int(line.dropFirst(7)))
  }
}
