import IMAPClient

/// A system call that failed: what it was to do, and why it did not.
struct SystemError: Error, Hashable, CustomStringConvertible {
  var what: String
  var errno: Errno

  init(_ what: String, _ errno: Errno = .current) {
    self.what = what
    self.errno = errno
  }

  var description: String { "\(what): \(errno)" }
}
