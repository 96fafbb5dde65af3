import CLinux
import Glibc

/// Keeps other runs from a pair for as long as it lives. design.md §6.
struct StateLock: ~Copyable {
  private let descriptor: Int32

  /// - Parameter pair: for the error.
  init(path: String, pair: String) throws(StateError) {
    while true {
      let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
      guard descriptor >= 0 else {
        if errno == EINTR { continue }
        throw .system(errno, "can't open", path)
      }
      if try StateLock.lock(descriptor, LOCK_EX, path: path, pair: pair) {
        self.descriptor = descriptor
        break
      }
    }
    writeHolder()
  }

  /// Keeps away those that write, beside others that only read. Nothing is written.
  ///
  /// - Returns: `nil` where there is no lock, because nothing was ever written.
  init?(sharing path: String, pair: String) throws(StateError) {
    while true {
      let descriptor = open(path, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else {
        if errno == ENOENT { return nil }
        if errno == EINTR { continue }
        throw .system(errno, "can't open", path)
      }
      if try StateLock.lock(descriptor, LOCK_SH, path: path, pair: pair) {
        self.descriptor = descriptor
        break
      }
    }
  }

  /// Closes the descriptor unless it holds the lock afterwards.
  ///
  /// - Returns: false if it has to be tried again.
  private static func lock(
    _ descriptor: Int32, _ kind: Int32, path: String, pair: String
  ) throws(StateError) -> Bool {
    if flock(descriptor, kind | LOCK_NB) == 0 {
      if isStillNamed(descriptor, path) { return true }
      close(descriptor)
      return false
    }
    let code = errno
    let holder = holder(descriptor)
    close(descriptor)
    if code == EINTR { return false }
    guard code == EWOULDBLOCK else { throw .system(code, "can't lock", path) }
    throw StateError(
      .locked, "another run of \(pair) is going on\(holder)", advice: "wait for it to end")
  }

  deinit {
    // Not by closing alone: a child of this process that has not come to its exec would hold it a moment longer.
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }

  /// The file may have been removed between its opening and the lock (``SQLiteStateStore/forget(directory:pair:)``).
  private static func isStillNamed(_ descriptor: Int32, _ path: String) -> Bool {
    var mine = stat()
    var named = stat()
    return fstat(descriptor, &mine) == 0 && stat(path, &named) == 0
      && mine.st_ino == named.st_ino && mine.st_dev == named.st_dev
  }

  /// Only for people, so a failure does not matter. Padded, so that no longer number shows behind it:
  /// truncating the file costs more than all else that a run with nothing to do writes.
  private func writeHolder() {
    var text = Array("\(getpid())\n".utf8)
    text += [UInt8](repeating: UInt8(ascii: " "), count: max(0, 15 - text.count))
    _ = pwrite(descriptor, text, text.count, 0)
  }

  private static func holder(_ descriptor: Int32) -> String {
    var text = [UInt8](repeating: 0, count: 16)
    let count = pread(descriptor, &text, text.count, 0)
    let digits = text.prefix(max(0, count)).prefix { $0 >= 0x30 && $0 <= 0x39 }
    // Who shares the lock does not write down its number: the one there may be of a run long ended.
    guard let pid = pid_t(String(decoding: digits, as: UTF8.self)), pid > 0,
      kill(pid, 0) == 0 || errno == EPERM
    else { return "" }
    return " (pid \(pid))"
  }
}
