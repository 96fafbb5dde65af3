import CSQLite
import Glibc

extension SQLiteStateStore {
  /// A base and what is to be said about its opening.
  public struct Opened: Sendable {
    public let store: SQLiteStateStore
    /// One line each: a damaged base was set aside.
    public let notices: [String]
  }

  /// Opens the base of a pair, and makes it if it is missing.
  ///
  /// - Parameters:
  ///   - directory: made if it is missing, unless only reading.
  ///   - pair: a pair's name, or a text made of two endpoints (without secrets: it shows in file names).
  public static func open(
    directory: String, pair: String, access: Access = .readWrite
  ) throws(StateError) -> Opened {
    let files = StateFiles(directory: directory, pair: pair)
    switch access {
    case .readWrite: return try openForWriting(files, pair: pair)
    case .readOnly: return try openForReading(files, .readOnly, lock: nil)
    case .shared:
      let lock = try StateLock(sharing: files.lock, pair: pair)
      return try openForReading(files, .shared, lock: lock)
    }
  }

  private static func openForWriting(
    _ files: StateFiles, pair: String
  ) throws(StateError) -> Opened {
    try files.makeDirectory()
    let lock = try StateLock(path: files.lock, pair: pair)
    var notices: [String] = []
    if !StateFiles.exists(files.database) { try makeDatabase(files) }
    var connection: StateConnection
    do {
      connection = try connect(files.database, .readWrite)
    } catch  where error.kind == .damaged {
      let aside = try files.setAside()
      notices.append(
        "the base is damaged (\(error.message)); it was set aside as \(aside) and is rebuilt by "
          + "matching messages")
      try makeDatabase(files)
      connection = try connect(files.database, .readWrite)
    }
    do {
      try connection.database.configure()
    } catch { throw .database(error, files.database) }
    return Opened(
      store: SQLiteStateStore(connection, files, .readWrite, lock: lock), notices: notices)
  }

  private static func openForReading(
    _ files: StateFiles, _ access: Access, lock: consuming StateLock?
  ) throws(StateError) -> Opened {
    var notices: [String] = []
    var connection: StateConnection
    do {
      if !StateFiles.exists(files.database) {
        connection = try emptyConnection()
      } else if isOlder(files.database) {
        connection = try connectToCopy(files)
      } else {
        connection = try connect(files.database, .readOnly)
      }
    } catch  where error.kind == .damaged {
      notices.append("the base is damaged (\(error.message)); the next run rebuilds it")
      connection = try emptyConnection()
    } catch  where error.kind == .permission && StateFiles.exists(files.journal) {
      connection = try connectToCopy(files)
    }
    return Opened(
      store: SQLiteStateStore(connection, files, access, lock: lock), notices: notices)
  }

  /// Opens a database that is there and sees whether it is a base that this version understands.
  ///
  /// - Parameter original: what it is a copy of.
  private static func connect(
    _ path: String, _ access: Database.Access, shownAs original: String? = nil
  ) throws(StateError) -> StateConnection {
    let shown = original ?? path
    do {
      let database = try Database(path: path, access: access, busyTimeout: .seconds(5))
      let version = try database.integer("PRAGMA user_version")
      guard try database.integer("PRAGMA application_id") == Schema.applicationID else {
        throw SQLiteError.malformed("not a base of this program")
      }
      if version > Schema.version { throw StateError.newer(version, shown) }
      try database.checkQuickly(path, version)
      if access == .readWrite { try database.convert(from: version) }
      return StateConnection(database)
    } catch let error as SQLiteError {
      throw .database(error, shown)
    } catch let error as StateError {
      throw error
    } catch {
      throw StateError(.other, "\(shown): \(error)", advice: "")
    }
  }

  /// Whether it has to be converted before it can be read.
  private static func isOlder(_ path: String) -> Bool {
    do {
      let database = try Database(path: path, access: .readOnly, busyTimeout: .seconds(5))
      return try database.integer("PRAGMA user_version") < Schema.version
    } catch {
      // To be found out by who opens it in earnest.
      return false
    }
  }

  private static func emptyConnection() throws(StateError) -> StateConnection {
    do {
      let database = try Database(path: ":memory:", access: .create, busyTimeout: .zero)
      try database.createTables()
      return StateConnection(database)
    } catch { throw .database(error, "memory") }
  }

  /// Made under another name, so that whatever lies under the real one was once whole.
  private static func makeDatabase(_ files: StateFiles) throws(StateError) {
    let new = "\(files.database).new"
    // Without its database a journal is of no use, and would be rolled back into the new one.
    _ = try StateFiles.remove(files.journal)
    _ = try StateFiles.remove("\(new)-journal")
    try StateFiles.makeFile(new)
    do {
      var database = try Database(path: new, access: .readWrite, busyTimeout: .zero)
      try database.createTables()
      database.close()
    } catch { throw .database(error, new) }
    try StateFiles.move(new, to: files.database)
    try files.syncDirectory()
  }

  /// What a run that was cut off left half written can be undone only by writing, and so can an older version
  /// be read: in a copy, as nothing in the directory is to be changed.
  private static func connectToCopy(_ files: StateFiles) throws(StateError) -> StateConnection {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(parent)/mboxsync-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw .system(errno, "can't make", parent) }
    let directory = String(cString: made)
    let copy = "\(directory)/base.sqlite"
    defer {
      // The open database stays readable without a name.
      for path in [copy, "\(copy)-journal"] { unlink(path) }
      rmdir(directory)
    }
    if StateFiles.exists(files.journal) {
      try StateFiles.copy(files.journal, to: "\(copy)-journal")
    }
    try StateFiles.copy(files.database, to: copy)
    return try connect(copy, .readWrite, shownAs: files.database)
  }
}

extension Database {
  /// Tables, version and mark, all or nothing.
  fileprivate func createTables() throws(SQLiteError) {
    try execute(
      """
      PRAGMA synchronous = FULL;
      BEGIN;
      PRAGMA application_id = \(Schema.applicationID);
      PRAGMA user_version = \(Schema.version);
      \(Schema.creation)
      \(Schema.lookups)
      COMMIT;
      """)
  }

  /// Brings the tables of an older version to this one's, all or nothing.
  fileprivate func convert(from version: Int64) throws(SQLiteError) {
    guard version < Schema.version else { return }
    var steps: [String] = []
    for number in version..<Schema.version {
      guard let step = Schema.conversions[number] else {
        throw .malformed("version \(number) was never written")
      }
      steps.append(step)
    }
    try execute(
      """
      PRAGMA synchronous = FULL;
      BEGIN IMMEDIATE;
      \(steps.joined(separator: "\n"))
      PRAGMA user_version = \(Schema.version);
      COMMIT;
      """)
  }

  /// Looks at what every run reads. Damage elsewhere shows when it is read; but a last page that is not whole would
  /// be read as if there were zeros.
  fileprivate func checkQuickly(_ path: String, _ version: Int64) throws(SQLiteError) {
    let pages = try integer("PRAGMA page_count")
    let whole = try integer("PRAGMA page_size").multipliedReportingOverflow(by: pages)
    guard !whole.overflow, StateFiles.size(of: path) >= whole.partialValue else {
      throw .malformed("cut short")
    }
    let tables = try integer("SELECT count(*) FROM sqlite_schema WHERE type = 'table'")
    guard tables == Schema.tableCount(version) else { throw .malformed("\(tables) tables") }
    let result = try text("PRAGMA quick_check(mailbox)")
    if result != "ok" { throw .malformed(result) }
  }

  /// A rollback journal, because who only reads a base in WAL mode has to write beside it. For a short run
  /// it costs no more: opening, reading and closing take 0.2 ms (WAL: 0.3 ms), with one commit 0.9 ms (WAL:
  /// 1.2 ms); only from the second commit on WAL would save 0.5 ms each. Truncated rather than deleted,
  /// because only then is the journal's end, and so the commit, synced.
  fileprivate func configure() throws(SQLiteError) {
    try execute(
      """
      PRAGMA journal_mode = TRUNCATE;
      PRAGMA synchronous = FULL;
      \(Database.cacheSize);
      """)
  }

  static let cacheSize = "PRAGMA cache_size = -4000"
}
