import IMAPClient
import Synchronization

/// The base of one pair in an SQLite database. design.md §6.
public final class SQLiteStateStore: StateStore {
  private let connection: Mutex<StateConnection>
  private let files: StateFiles
  private let access: Access
  /// `nil` where only reading, unless shared.
  private let lock: StateLock?
  /// What is being committed on another thread.
  private let behind = Mutex<CommitBehind?>(nil)

  public enum Access: CaseIterable, Hashable, Sendable {
    case readWrite
    /// Takes no lock, and leaves the directory as it is; a base that is missing is an empty one.
    case readOnly
    /// As `readOnly`, but keeps away those that write as long as it is open.
    case shared
  }

  init(
    _ connection: consuming sending StateConnection, _ files: StateFiles, _ access: Access,
    lock: consuming StateLock?
  ) {
    self.connection = Mutex(connection)
    self.files = files
    self.access = access
    self.lock = lock
  }

  deinit {
    // Before the lock goes.
    connection.withLock { $0.database.close() }
  }

  public func mailboxes() throws(StateError) -> [MailboxRecord] {
    try use { (connection) throws(SQLiteError) in
      var statement = try connection.database.statement(.mailboxes)
      var result: [MailboxRecord] = []
      while try statement.step() { result.append(try statement.readMailbox()) }
      return result
    }
  }

  public func newMailboxID() throws(StateError) -> MailboxID {
    MailboxID(try use { (connection) throws(SQLiteError) in try connection.newMailboxID() })
  }

  public func newMessageID() throws(StateError) -> MessageID {
    MessageID(try use { (connection) throws(SQLiteError) in try connection.newMessageID() })
  }

  public func messages(in mailbox: MailboxID) throws(StateError) -> [MessageRecord] {
    try messages(.messages) { $0.bind(mailbox.rawValue) }
  }

  public func messages(
    in mailbox: MailboxID, uids: Both<UIDSet>
  ) throws(StateError) -> [MessageRecord] {
    try use { (connection) throws(SQLiteError) in
      var found = try connection.messages(in: mailbox, .messagesByLeftUID, uids.left)
      let byRight = try connection.messages(in: mailbox, .messagesByRightUID, uids.right)
        .filter { !uids.left.contains($0.uids.left) }
      guard !byRight.isEmpty else { return found }
      found += byRight
      return found.sorted { ($0.uids.left, $0.id) < ($1.uids.left, $1.id) }
    }
  }

  public func knownMessages(in mailbox: MailboxID) throws(StateError) -> KnownList {
    let count = try messageCount(in: mailbox)
    return try use { (connection) throws(SQLiteError) in
      let isMost = try connection.isMost(count)
      var known = try connection.knownMessages(
        in: mailbox, isMost ? .knownMessagesOfMost : .knownMessages)
      if !known.isInOrder(on: .left) {
        known = []
        known = try connection.knownMessages(in: mailbox, .knownMessages)
      }
      return known
    }
  }

  public func unevenUIDs(in mailbox: MailboxID) throws(StateError) -> UIDSet {
    let count = try messageCount(in: mailbox)
    return try use { (connection) throws(SQLiteError) in
      var statement = try connection.database.statement(
        try connection.isMost(count) ? .unevenUIDsOfMost : .unevenUIDs)
      statement.bind(mailbox.rawValue)
      var uids: [UID] = []
      while try statement.step() { uids.append(try statement.readUID()) }
      return UIDSet(uids)
    }
  }

  public func uids(in mailbox: MailboxID, side: Side) throws(StateError) -> UIDSet {
    try use { (connection) throws(SQLiteError) in
      var statement = try connection.database.statement(side == .left ? .leftUIDs : .rightUIDs)
      statement.bind(mailbox.rawValue)
      var result = UIDSet()
      while try statement.step() { result.insert(try statement.readUID()) }
      return result
    }
  }

  public func messageCount(in mailbox: MailboxID) throws(StateError) -> Int {
    try use { (connection) throws(SQLiteError) in
      var statement = try connection.database.statement(.messageCount)
      statement.bind(mailbox.rawValue)
      return try statement.step() ? Int(statement.readInteger()) : 0
    }
  }

  public func messageCount(in mailbox: MailboxID, atMost limit: Int) throws(StateError) -> Int {
    try use { (connection) throws(SQLiteError) in
      var statement = try connection.database.statement(.messageCountAtMost)
      statement.bind(mailbox.rawValue)
      statement.bind(Int64(max(0, limit)))
      return try statement.step() ? Int(statement.readInteger()) : 0
    }
  }

  /// How many messages are a stub on one side.
  public func stubCount() throws(StateError) -> Int {
    try use { (connection) throws(SQLiteError) in
      var statement = try connection.database.statement(.stubCount)
      return try statement.step() ? Int(statement.readInteger()) : 0
    }
  }

  public func lastMessages(
    in mailbox: MailboxID, side: Side, limit: Int
  ) throws(StateError) -> [MessageRecord] {
    try messages(side == .left ? .lastByLeftUID : .lastByRightUID) {
      $0.bind(mailbox.rawValue)
      $0.bind(Int64(limit))
    }
  }

  public func messages(
    withID id: GlobalUID, on side: Side
  ) throws(StateError) -> [MessageRecord] {
    try messages(side == .left ? .messagesByLeftID : .messagesByRightID) { $0.bind(id) }
  }

  public func messages(
    withContent content: ContentID, on side: Side
  ) throws(StateError) -> [MessageRecord] {
    try messages(side == .left ? .messagesByLeftContent : .messagesByRightContent) {
      $0.bind(content)
    }
  }

  public func hasMessage(ofSize size: UInt64, on side: Side) throws(StateError) -> Bool {
    try use { (connection) throws(SQLiteError) in
      var statement = try connection.database.statement(
        side == .left ? .anyOfLeftSize : .anyOfRightSize)
      statement.bind(size: size)
      return try statement.step()
    }
  }

  public func pending() throws(StateError) -> [PendingMessage] {
    try use { (connection) throws(SQLiteError) in
      var statement = try connection.database.statement(.pending)
      var result: [PendingMessage] = []
      while try statement.step() { result.append(try statement.readPending()) }
      return result
    }
  }

  public func intents() throws(StateError) -> [Intent] {
    try use { (connection) throws(SQLiteError) in
      var statement = try connection.database.statement(.intents)
      var result: [Intent] = []
      while try statement.step() { result.append(try statement.readIntent()) }
      return result
    }
  }

  public func value(_ key: StateKey) throws(StateError) -> String? {
    try use { (connection) throws(SQLiteError) in
      var statement = try connection.database.statement(.value)
      statement.bind(key.rawValue)
      return try statement.step() ? statement.readOptionalText() : nil
    }
  }

  public func commit(
    _ changes: [StateChange], _ durability: Durability
  ) throws(StateError) {
    if changes.isEmpty, access != .readWrite { return }
    guard access == .readWrite else {
      throw StateError(
        .permission, "\(files.database) is open for reading only", advice: "run without --dry-run")
    }
    if durability == .behind, try commitBehind(changes) { return }
    try use { (connection) throws(SQLiteError) in try connection.commit(changes, durability) }
  }

  /// - Returns: false if it has to be done by the caller.
  private func commitBehind(_ changes: [StateChange]) throws(StateError) -> Bool {
    try behind.withLock { (current) throws(StateError) in
      let before = current
      current = nil
      try before?.finish()
      current = CommitBehind { () throws(StateError) in
        try self.useNow { (connection) throws(SQLiteError) in
          try connection.commit(changes, .behind)
        }
      }
      return current != nil
    }
  }

  public func expectQuestions() throws(StateError) {
    guard access == .readWrite else { return }
    try use { (connection) throws(SQLiteError) in try connection.expectQuestions() }
  }
}

extension SQLiteStateStore {
  /// For tests: makes the disk full at this size.
  func limit(toPages pages: Int) throws(StateError) {
    try use { (connection) throws(SQLiteError) in
      try connection.database.execute("PRAGMA max_page_count = \(pages)")
    }
  }

  private func messages(
    _ query: Query, bind: (inout Statement) -> Void
  ) throws(StateError) -> [MessageRecord] {
    try use { (connection) throws(SQLiteError) in
      var statement = try connection.database.statement(query)
      bind(&statement)
      var result: [MessageRecord] = []
      while try statement.step() { result.append(try statement.readMessage()) }
      return result
    }
  }

  /// After what is being committed.
  private func use<Result: Sendable>(
    _ body: (inout StateConnection) throws(SQLiteError) -> Result
  ) throws(StateError) -> Result {
    // Whoever asks meanwhile waits at the lock.
    try behind.withLock { (current) throws(StateError) in
      let before = current
      current = nil
      try before?.finish()
    }
    return try useNow(body)
  }

  /// Alone with the connection. A database found damaged is set aside at once, so that the next run
  /// makes a new one; this run has lost its base.
  private func useNow<Result: Sendable>(
    _ body: (inout StateConnection) throws(SQLiteError) -> Result
  ) throws(StateError) -> Result {
    try connection.withLock { (connection) throws(StateError) -> Result in
      do throws(SQLiteError) {
        return try body(&connection)
      } catch {
        guard error.isDamage, access == .readWrite, connection.database.isOpen else {
          throw .database(error, files.database)
        }
        connection.database.close()
        let aside = try files.setAside()
        throw StateError(
          .damaged, "\(files.database) is damaged (\(error.message)); set aside as \(aside)",
          advice: "run again: it is rebuilt by matching messages")
      }
    }
  }
}

extension StateConnection {
  /// How many messages there may be in all.
  fileprivate mutating func span() throws(SQLiteError) -> Int {
    var statement = try database.statement(.idSpan)
    return try statement.step() ? Int(clamping: statement.readInteger()) : 0
  }

  /// Whether so many are most of all messages. By an index each row is looked up by itself, which takes three times as long
  /// as reading them as they lie.
  fileprivate mutating func isMost(_ count: Int) throws(SQLiteError) -> Bool {
    try span() < count * 2
  }

  fileprivate mutating func knownMessages(
    in mailbox: MailboxID, _ query: Query
  ) throws(SQLiteError) -> KnownList {
    var statement = try database.statement(query)
    statement.bind(mailbox.rawValue)
    var result = KnownList()
    while try statement.step() { result.append(try statement.readKnownMessage()) }
    return result
  }

  /// - Parameter query: takes a mailbox and a range of UIDs.
  fileprivate mutating func messages(
    in mailbox: MailboxID, _ query: Query, _ uids: UIDSet
  ) throws(SQLiteError) -> [MessageRecord] {
    guard !uids.isEmpty else { return [] }
    var statement = try database.statement(query)
    var result: [MessageRecord] = []
    for range in uids.ranges {
      statement.bind(mailbox.rawValue)
      statement.bind(range.lowerBound)
      statement.bind(range.upperBound)
      while try statement.step() { result.append(try statement.readMessage()) }
      statement.restart()
    }
    return result
  }
}
