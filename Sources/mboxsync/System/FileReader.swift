import CLinux
import Glibc
import IMAPClient

/// A small file, as read.
struct ReadFile {
  var bytes: [UInt8]
  /// Permission bits; 0 for what is no regular file (a pipe, a device), which nobody else can open.
  var mode: mode_t

  /// Whether anyone but its owner may read or write it.
  var isOpenToOthers: Bool { mode & 0o077 != 0 }
}

enum FileReader {
  /// No file that this program reads whole has a reason to be larger.
  static let limit = 4 << 20

  /// - Throws: an error that names the path.
  static func read(_ path: String) throws(SystemError) -> ReadFile {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemError("can't read \(path)") }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw SystemError("can't read \(path)") }
    guard mbs_S_ISDIR(status.st_mode) == 0 else {
      throw SystemError("can't read \(path)", Errno(EISDIR))
    }
    let bytes = try readToEnd(descriptor, path)
    let isRegular = mbs_S_ISREG(status.st_mode) != 0
    return ReadFile(bytes: bytes, mode: isRegular ? status.st_mode & 0o777 : 0)
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  static func isWritable(_ path: String) -> Bool { access(path, W_OK | X_OK) == 0 }

  static func isExecutable(_ path: String) -> Bool { access(path, X_OK) == 0 }

  private static func readToEnd(
    _ descriptor: Int32, _ path: String
  ) throws(SystemError) -> [UInt8] {
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 16 << 10)
    while true {
      let count = Glibc.read(descriptor, &piece, piece.count)
      if count == 0 { return bytes }
      if count < 0 {
        if errno == EINTR { continue }
        throw SystemError("can't read \(path)")
      }
      bytes += piece[..<count]
      if bytes.count > limit { throw SystemError("can't read \(path)", Errno(EFBIG)) }
    }
  }
}
