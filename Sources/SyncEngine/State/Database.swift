import CSQLite

/// What SQLite said no to.
struct SQLiteError: Error, Hashable {
  /// The primary result code, without what extends it.
  var code: Int32
  var extendedCode: Int32
  /// `errno` of the system call that failed, if one did.
  var systemError: Int32
  var message: String

  init(code: Int32, extendedCode: Int32, systemError: Int32 = 0, message: String) {
    self.code = code
    self.extendedCode = extendedCode
    self.systemError = systemError
    self.message = message
  }

  init(_ handle: OpaquePointer?, _ result: Int32) {
    let extended = handle.map { sqlite3_extended_errcode($0) } ?? result
    self.init(
      code: result & 0xff, extendedCode: extended & 0xff == result & 0xff ? extended : result,
      systemError: handle.map { sqlite3_system_errno($0) } ?? 0,
      message: String(cString: handle.flatMap { sqlite3_errmsg($0) } ?? sqlite3_errstr(result)))
  }

  /// A row that holds what this program never writes.
  static func malformed(_ what: String) -> SQLiteError {
    SQLiteError(
      code: SQLITE_CORRUPT, extendedCode: SQLITE_CORRUPT, message: "malformed row: \(what)")
  }

  var isDamage: Bool { code == SQLITE_CORRUPT || code == SQLITE_NOTADB }
}

/// One connection to an SQLite database, with its prepared statements. Belongs to one thread at a time.
struct Database: ~Copyable {
  enum Access {
    case readOnly
    case readWrite
    /// Makes the file if it is missing.
    case create
  }

  private var handle: OpaquePointer?
  /// By ``Query/rawValue``; prepared at first use, finalized with the connection.
  private var prepared: [OpaquePointer?]

  /// - Parameter path: `:memory:` for a database without a file.
  init(path: String, access: Access, busyTimeout: Duration) throws(SQLiteError) {
    prepared = [OpaquePointer?](repeating: nil, count: Query.allCases.count)
    let flags =
      switch access {
      case .readOnly: SQLITE_OPEN_READONLY
      case .readWrite: SQLITE_OPEN_READWRITE
      case .create: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
      }
    // The caller's lock excludes other threads already.
    let result = sqlite3_open_v2(path, &handle, flags | SQLITE_OPEN_NOMUTEX, nil)
    guard result == SQLITE_OK else {
      let error = SQLiteError(handle, result)
      sqlite3_close(handle)
      handle = nil
      throw error
    }
    sqlite3_extended_result_codes(handle, 0)
    sqlite3_busy_timeout(handle, Int32(clamping: busyTimeout.components.seconds * 1000))
  }

  deinit { Database.close(handle, prepared) }

  /// Every later call fails.
  mutating func close() {
    Database.close(handle, prepared)
    handle = nil
    for index in prepared.indices { prepared[index] = nil }
  }

  private static func close(_ handle: OpaquePointer?, _ prepared: [OpaquePointer?]) {
    for statement in prepared { sqlite3_finalize(statement) }
    sqlite3_close(handle)
  }

  var isOpen: Bool { handle != nil }

  /// Runs statements that give no rows, or whose rows nobody wants.
  func execute(_ sql: String) throws(SQLiteError) {
    let result = sqlite3_exec(try openHandle(), sql, nil, nil, nil)
    guard result == SQLITE_OK else { throw SQLiteError(handle, result) }
  }

  /// A statement ready to have its parameters bound. A second one for the same query must not be asked
  /// for while the first is in use: they are one.
  mutating func statement(_ query: Query) throws(SQLiteError) -> Statement {
    if let known = prepared[query.rawValue] { return Statement(borrowing: known) }
    let new = try prepare(query.sql, SQLITE_PREPARE_PERSISTENT)
    prepared[query.rawValue] = new
    return Statement(borrowing: new)
  }

  /// The first column of the first row of `sql`, as an integer.
  func integer(_ sql: String) throws(SQLiteError) -> Int64 {
    var statement = Statement(owning: try prepare(sql, 0))
    return try statement.step() ? statement.readInteger() : 0
  }

  /// The first column of the first row of `sql`, as text.
  func text(_ sql: String) throws(SQLiteError) -> String {
    var statement = Statement(owning: try prepare(sql, 0))
    return try statement.step() ? statement.readText() : ""
  }

  /// By the last INSERT, UPDATE or DELETE that was run.
  var changedRows: Int32 { handle.map { sqlite3_changes($0) } ?? 0 }

  /// Whether a transaction is open: SQLite ends it itself after some errors.
  var isInTransaction: Bool { handle.map { sqlite3_get_autocommit($0) == 0 } ?? false }

  private func prepare(_ sql: String, _ flags: Int32) throws(SQLiteError) -> OpaquePointer {
    var statement: OpaquePointer?
    let result = sqlite3_prepare_v3(
      try openHandle(), sql, -1, UInt32(bitPattern: flags), &statement, nil)
    guard result == SQLITE_OK, let statement else { throw SQLiteError(handle, result) }
    return statement
  }

  private func openHandle() throws(SQLiteError) -> OpaquePointer {
    guard let handle else {
      throw SQLiteError(
        code: SQLITE_CORRUPT, extendedCode: SQLITE_CORRUPT, message: "the base was set aside")
    }
    return handle
  }
}
