/// An open base: what ``SQLiteStateStore`` guards with its mutex.
struct StateConnection: ~Copyable {
  var database: Database
  private var mailboxIDs = Counter(name: "mailbox")
  private var messageIDs = Counter(name: "message")
  /// Changes in the open transaction, and how many of them the next run would have to work for, if they were lost.
  private var waiting = 0
  private var waitingWork = 0
  /// Why changes were lost that somebody was told would be durable soon. Nothing is committed after that: a lane that
  /// knows nothing of it would expunge what these made up for.
  private var loss: SQLiteError?

  /// More than this is not left to be done over by the next run.
  private static let waitingLimit = 500
  /// Nor more than this to be looked at once more.
  private static let lookedAtLimit = 5_000
  private static let manyChanges = 500

  /// Until what is changed now is durable.
  private var isCacheLarge = false

  init(_ database: consuming Database) { self.database = database }

  mutating func newMailboxID() throws(SQLiteError) -> Int64 {
    try mailboxIDs.load(from: &database)
    return try mailboxIDs.take()
  }

  mutating func newMessageID() throws(SQLiteError) -> Int64 {
    try messageIDs.load(from: &database)
    return try messageIDs.take()
  }

  /// All of them, or none, and none of those that still waited.
  ///
  /// What is to be durable soon waits in a transaction that stays open: who reads sees it, other processes
  /// see the state of before, and so does the next run if this one dies.
  mutating func commit(_ changes: [StateChange], _ durability: Durability) throws(SQLiteError) {
    if let loss { throw loss }
    if changes.isEmpty, waiting == 0 || durability == .soon { return }
    let hadWaiting = waiting > 0
    do {
      if !database.isInTransaction { try database.execute("BEGIN IMMEDIATE") }
      let isFilling = try fills(changes)
      if changes.count > StateConnection.manyChanges {
        // What is changed all over the base is to be written once, and not each time that there is no more room.
        try database.execute("PRAGMA cache_size = -16000")
        isCacheLarge = true
      }
      if isFilling { try database.execute(Schema.lookupRemoval) }
      for change in changes { try apply(change) }
      if isFilling { try database.execute(Schema.lookups) }
      waiting += changes.count
      waitingWork += changes.count(where: \.meansWork)
      let isMuch =
        waitingWork >= StateConnection.waitingLimit || waiting >= StateConnection.lookedAtLimit
      if durability != .soon || isMuch { try makeDurable() }
    } catch {
      waiting = 0
      waitingWork = 0
      if hadWaiting || durability == .behind { loss = error }
      if database.isInTransaction { try? database.execute("ROLLBACK") }
      throw error
    }
  }

  private mutating func makeDurable() throws(SQLiteError) {
    try mailboxIDs.save(to: &database)
    try messageIDs.save(to: &database)
    try database.execute("COMMIT")
    if isCacheLarge {
      // What is written is written, whatever becomes of this.
      try? database.execute(Database.cacheSize)
      isCacheLarge = false
    }
    waiting = 0
    waitingWork = 0
    mailboxIDs.stored = mailboxIDs.next
    messageIDs.stored = messageIDs.next
  }

  /// Otherwise each question is a transaction of its own, with locks and a look for what others wrote.
  mutating func expectQuestions() throws(SQLiteError) {
    if !database.isInTransaction { try database.execute("BEGIN") }
  }

  /// Whether so many messages are put into a base so empty (a first sync) that making the indexes anew
  /// takes half the time of filling them.
  private func fills(_ changes: [StateChange]) throws(SQLiteError) -> Bool {
    guard changes.count >= 10_000 else { return false }
    let messages = changes.count { if case .putMessage = $0 { true } else { false } }
    guard messages >= 10_000 else { return false }
    let limit = messages / 2
    return try database.integer(
      "SELECT count(*) FROM (SELECT 1 FROM message LIMIT \(limit))") < limit
  }

  private mutating func apply(_ change: StateChange) throws(SQLiteError) {
    switch change {
    case .putMailbox(let mailbox):
      try mailboxIDs.load(from: &database)
      mailboxIDs.pass(mailbox.id.rawValue)
      var statement = try database.statement(.putMailbox)
      statement.bind(mailbox)
      try statement.run()
    case .removeMailbox(let id):
      for query in [
        Query.removeMailboxChangedFlags, .removeMailboxMessages, .removeMailboxPending,
        .removeMailboxIntents, .removeMailbox,
      ] {
        try run(query, id.rawValue)
      }
    case .putMessage(let message):
      try messageIDs.load(from: &database)
      messageIDs.pass(message.id.rawValue)
      try put(message)
    case .putID(let mailbox, let side, let uid, let id):
      var statement = try database.statement(side == .left ? .putLeftID : .putRightID)
      statement.bind(mailbox.rawValue)
      statement.bind(uid)
      statement.bind(id)
      try statement.run()
    case .putFlags(let id, let flags, let lacking):
      var statement = try database.statement(.putFlags)
      statement.bind(id.rawValue)
      statement.bind(flags)
      statement.bind(lacking.left)
      statement.bind(lacking.right)
      try statement.run()
    case .removeMessage(let id):
      try run(.removeMessage, id.rawValue)
      try run(.removeFlags, id.rawValue)
    case .putPending(let pending):
      var statement = try database.statement(.putPending)
      statement.bind(pending)
      try statement.run()
    case .removePending(let mailbox, let side, let uid):
      var statement = try database.statement(.removePending)
      statement.bind(mailbox.rawValue)
      statement.bind(side)
      statement.bind(uid)
      try statement.run()
    case .putIntent(let intent):
      var statement = try database.statement(.putIntent)
      statement.bind(intent)
      try statement.run()
    case .clearIntents(let mailbox, let side):
      var statement = try database.statement(.clearIntents)
      statement.bind(mailbox.rawValue)
      statement.bind(side)
      try statement.run()
    case .setValue(let key, let value):
      var statement = try database.statement(.setValue)
      statement.bind(key.rawValue)
      statement.bind(value)
      try statement.run()
    }
  }

  /// In two steps: INSERT OR REPLACE would keep a journal of its own of every page that it touches, in a file.
  private mutating func put(_ message: MessageRecord) throws(SQLiteError) {
    try run(.removeFlags, message.id.rawValue)
    for query in [Query.updateMessage, .insertMessage] {
      var statement = try database.statement(query)
      statement.bind(message)
      try statement.run()
      if database.changedRows > 0 { return }
    }
  }

  private mutating func run(_ query: Query, _ id: Int64) throws(SQLiteError) {
    var statement = try database.statement(query)
    statement.bind(id)
    try statement.run()
  }
}

extension StateChange {
  /// Whether the next run would have to do more for it, were it lost, than to find both sides equal. (What a user undoes before
  /// that run, it would do once more: as it does with whatever a run had not recorded yet when it died.)
  fileprivate var meansWork: Bool {
    switch self {
    case .putID, .putFlags: false
    default: true
    }
  }
}

// MARK: Ids

extension StateConnection {
  /// Hands out ids in memory; what was handed out is written with the next commit. An id that no commit
  /// followed was never seen by anyone and may be given again.
  private struct Counter {
    let name: String
    /// 0: not read yet.
    var next: Int64 = 0
    var stored: Int64 = 0

    init(name: String) { self.name = name }

    mutating func take() throws(SQLiteError) -> Int64 {
      let id = next
      let (following, overflow) = next.addingReportingOverflow(1)
      if overflow { throw .malformed("no more ids") }
      next = following
      return id
    }

    mutating func pass(_ id: Int64) {
      if id >= next, id < .max { next = id + 1 }
    }

    mutating func load(from database: inout Database) throws(SQLiteError) {
      guard next == 0 else { return }
      var statement = try database.statement(.counter)
      statement.bind(name)
      let known = try statement.step() ? statement.readInteger() : 1
      guard known > 0 else { throw .malformed("a counter below 1") }
      next = known
      stored = known
    }

    func save(to database: inout Database) throws(SQLiteError) {
      guard next != stored else { return }
      var statement = try database.statement(.setCounter)
      statement.bind(name)
      statement.bind(next)
      try statement.run()
    }
  }
}
