import Glibc

/// A file that must not be there yet.
enum NewFile {
  enum Failure: Error, Hashable {
    case isThere
    case system(SystemError)
  }

  /// Writes it with mode 0600, and the directories above it with mode 0700 where they are missing. A file
  /// that is there is left as it is; one that can't be written whole is not left behind.
  static func write(_ bytes: [UInt8], to path: String) throws(Failure) {
    do {
      try makeDirectories(above: path)
    } catch {
      throw .system(error)
    }
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw errno == EEXIST ? .isThere : .system(SystemError("can't write \(path)"))
    }
    let isWritten = Glibc.write(descriptor, bytes, bytes.count) == bytes.count
    let error = SystemError("can't write \(path)")
    guard close(descriptor) == 0, isWritten else {
      unlink(path)
      throw .system(error)
    }
  }

  private static func makeDirectories(above path: String) throws(SystemError) {
    var made = ""
    for component in path.split(separator: "/").dropLast() {
      made += "/\(component)"
      if mkdir(made, 0o700) != 0 && errno != EEXIST { throw SystemError("can't make \(made)") }
    }
  }
}
