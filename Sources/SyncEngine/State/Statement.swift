import CSQLite

/// A prepared statement: parameters are bound, and columns read, in their order.
struct Statement: ~Copyable {
  private let handle: OpaquePointer
  private let isOwned: Bool
  private var nextParameter: Int32 = 1
  private var nextColumn: Int32 = 0
  /// The first failure to bind: thrown by ``step()``, so that binding needs no `try`.
  private var bindingFailure = SQLITE_OK

  /// - Parameter handle: stays the connection's; ready for its next use when this value is gone.
  init(borrowing handle: OpaquePointer) {
    self.handle = handle
    isOwned = false
  }

  init(owning handle: OpaquePointer) {
    self.handle = handle
    isOwned = true
  }

  deinit {
    if isOwned {
      sqlite3_finalize(handle)
    } else {
      sqlite3_reset(handle)
      sqlite3_clear_bindings(handle)
    }
  }

  // MARK: Parameters

  mutating func bind(_ value: Int64?) {
    if let value {
      note(sqlite3_bind_int64(handle, nextParameter, value))
    } else {
      note(sqlite3_bind_null(handle, nextParameter))
    }
  }

  mutating func bind(_ value: String?) {
    guard var value else { return bind(nil as Int64?) }
    note(
      value.withUTF8 { text in
        text.withMemoryRebound(to: CChar.self) {
          mbs_sqlite3_bind_text(handle, nextParameter, $0.baseAddress, Int32(clamping: $0.count))
        }
      })
  }

  private mutating func note(_ result: Int32) {
    if result != SQLITE_OK, bindingFailure == SQLITE_OK { bindingFailure = result }
    nextParameter += 1
  }

  // MARK: Running

  /// - Returns: whether there is a row to be read.
  mutating func step() throws(SQLiteError) -> Bool {
    guard bindingFailure == SQLITE_OK else {
      throw SQLiteError(sqlite3_db_handle(handle), bindingFailure)
    }
    nextColumn = 0
    switch sqlite3_step(handle) {
    case SQLITE_ROW: return true
    case SQLITE_DONE: return false
    case let failure: throw SQLiteError(sqlite3_db_handle(handle), failure)
    }
  }

  /// Runs to the end and makes ready for other parameters.
  mutating func run() throws(SQLiteError) {
    while try step() {}
    restart()
  }

  /// Makes ready for other parameters.
  mutating func restart() {
    sqlite3_reset(handle)
    nextParameter = 1
    bindingFailure = SQLITE_OK
  }

  // MARK: Columns

  mutating func readInteger() -> Int64 {
    defer { nextColumn += 1 }
    return sqlite3_column_int64(handle, nextColumn)
  }

  mutating func readOptionalInteger() -> Int64? {
    if isNull {
      nextColumn += 1
      return nil
    }
    return readInteger()
  }

  mutating func readText() -> String { readOptionalText() ?? "" }

  mutating func readOptionalText() -> String? {
    defer { nextColumn += 1 }
    guard let text = sqlite3_column_text(handle, nextColumn) else { return nil }
    let count = Int(sqlite3_column_bytes(handle, nextColumn))
    return String(decoding: UnsafeBufferPointer(start: text, count: count), as: UTF8.self)
  }

  private var isNull: Bool { sqlite3_column_type(handle, nextColumn) == SQLITE_NULL }
}
