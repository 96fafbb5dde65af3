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
      if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
        let code = errno
        let holder = StateLock.holder(descriptor)
        close(descriptor)
        if code == EINTR { continue }
        guard code == EWOULDBLOCK else { throw .system(code, "can't lock", path) }
        throw StateError(
          .locked, "another run of \(pair) is going on\(holder)", advice: "wait for it to end")
      }
      if StateLock.isStillNamed(descriptor, path) {
        self.descriptor = descriptor
        break
      }
      close(descriptor)
    }
    writeHolder()
  }

  deinit { close(descriptor) }

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
    return digits.isEmpty ? "" : " (pid \(String(decoding: digits, as: UTF8.self)))"
  }
}
