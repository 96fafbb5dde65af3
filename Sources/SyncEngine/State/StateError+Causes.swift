import CSQLite
import Glibc
import IMAPClient

extension StateError {
  /// - Parameter path: the file or directory that the system call was about.
  static func system(_ code: Int32, _ what: String, _ path: String) -> StateError {
    let reason = "\(what) \(path): \(Errno(code))"
    return switch code {
    case EACCES, EPERM, EROFS:
      StateError(.permission, reason, advice: "check its owner and mode, or name another --state")
    case ENOSPC, EDQUOT:
      StateError(.noSpace, reason, advice: "make room, or name another --state")
    default: StateError(.other, reason, advice: "check the state directory, or name another")
    }
  }

  /// - Parameter path: the database.
  static func database(_ error: SQLiteError, _ path: String) -> StateError {
    let reason = "\(path): \(error.message)"
    switch error.code {
    case SQLITE_BUSY, SQLITE_LOCKED:
      return StateError(
        .locked, "in use: \(path)", advice: "try again when the other run has ended")
    case SQLITE_FULL:
      return StateError(.noSpace, reason, advice: "make room, or name another --state")
    case SQLITE_PERM, SQLITE_AUTH, SQLITE_READONLY:
      return StateError(
        .permission, reason, advice: "check its owner and mode, or name another --state")
    case SQLITE_CORRUPT, SQLITE_NOTADB:
      return StateError(.damaged, reason, advice: "run again: it is rebuilt by matching messages")
    default:
      return error.systemError == 0
        ? StateError(.other, reason, advice: "check the state directory, or name another")
        : .system(error.systemError, "can't use", path)
    }
  }

  static func newer(_ version: Int64, _ path: String) -> StateError {
    StateError(
      .newer, "\(path) was written by a newer version (format \(version))",
      advice: "use that version, or drop the state with 'mboxsync forget'")
  }
}
