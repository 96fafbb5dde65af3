import CLinux
import Glibc
import IMAPClient

/// A system call that failed.
struct SystemError: Error, Hashable {
  /// The value of `errno`.
  let code: Int32

  var isMissing: Bool { code == ENOENT || code == ENOTDIR }
  var isNoSpace: Bool { code == ENOSPC || code == EDQUOT }
  /// The file or directory may not be written by this user.
  var isDenied: Bool { code == EACCES || code == EPERM || code == EROFS }

  /// Repeats `call` while a signal interrupts it.
  @discardableResult
  static func check(_ call: () -> Int32) throws(SystemError) -> Int32 {
    while true {
      let result = call()
      if result >= 0 { return result }
      if errno != EINTR { throw SystemError(code: errno) }
    }
  }

  /// As ``check(_:)``, for calls that return a number of bytes.
  static func count(_ call: () -> Int) throws(SystemError) -> Int {
    while true {
      let result = call()
      if result >= 0 { return result }
      if errno != EINTR { throw SystemError(code: errno) }
    }
  }

  /// The error as the engine sees it.
  ///
  /// - Parameter action: what was tried, with the file it was tried on: `can't read /home/…`.
  func endpointError(_ action: String, scope: FailureScope = .mailbox) -> EndpointError {
    let text = "\(action): \(Errno(code))"
    return switch code {
    case ENOSPC, EDQUOT:
      EndpointError(scope, .noSpace, text, advice: "make room on the disk and sync again")
    case EACCES, EPERM:
      EndpointError(scope, .permission, text, advice: "check the owner and the mode of the files")
    case EROFS:
      EndpointError(scope, .readOnly, text, advice: "mount the file system writable")
    case ENOENT, ENOTDIR:
      EndpointError(scope, .mailboxGone, text, advice: "sync again")
    case ENAMETOOLONG:
      EndpointError(scope, .nameNotPossible, text, advice: "choose a shorter name")
    case EMFILE, ENFILE:
      EndpointError(.side, .other, text, advice: "raise the limit of open files")
    default:
      EndpointError(scope, .unreadable, text, advice: "check the file system")
    }
  }
}
