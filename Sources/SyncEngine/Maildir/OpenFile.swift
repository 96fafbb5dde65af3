import CLinux
import Glibc

/// A file held open.
struct OpenFile: ~Copyable {
  let descriptor: Int32
  /// What the file was like when it was opened, if somebody looked.
  var opened: stat?

  init(descriptor: Int32) { self.descriptor = descriptor }

  deinit { Glibc.close(descriptor) }

  func status() throws(SystemError) -> stat {
    var result = stat()
    try SystemError.check { fstat(descriptor, &result) }
    return result
  }

  /// - Returns: the number of bytes read; 0 at the end.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int {
    try SystemError.count { Glibc.read(descriptor, buffer.baseAddress, buffer.count) }
  }

  /// The whole file.
  ///
  /// - Parameter limit: a file with more bytes is refused (`EFBIG`).
  func readAll(limit: Int) throws(SystemError) -> [UInt8] {
    let block = try readBlock(limit: limit)
    return block.copy(block.indices)
  }

  func readBlock(limit: Int) throws(SystemError) -> Block<UInt8> {
    let size = Int(try status().st_size)
    guard size <= limit else { throw SystemError(code: EFBIG) }
    return try Block(capacity: size) { bytes throws(SystemError) in
      var filled = 0
      while filled < bytes.count {
        let count = try SystemError.count {
          Glibc.read(descriptor, bytes.baseAddress?.advanced(by: filled), bytes.count - filled)
        }
        if count == 0 { break }
        filled += count
      }
      return filled
    }
  }

  /// So much of the file, if it is not shorter.
  func readBeginning(_ length: Int) throws(SystemError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: length)
    let count = try SystemError.count {
      bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, length, 0) }
    }
    return Array(bytes[..<count])
  }

  func rewind() throws(SystemError) {
    _ = try SystemError.count { Int(lseek(descriptor, 0, SEEK_SET)) }
  }

  func writeAll(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let piece = UnsafeRawBufferPointer(rebasing: rest)
      let count = try SystemError.count { Glibc.write(descriptor, piece.baseAddress, piece.count) }
      rest = rest.dropFirst(count)
    }
  }

  func writeAll(_ bytes: [UInt8]) throws(SystemError) {
    var failure: SystemError?
    bytes.withUnsafeBytes { buffer in
      do throws(SystemError) { try writeAll(buffer) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  /// Begins to write what is not on the disk yet, without waiting for it.
  func startSync() { _ = sync_file_range(descriptor, 0, 0, UInt32(SYNC_FILE_RANGE_WRITE)) }

  func sync() throws(SystemError) { try SystemError.check { fsync(descriptor) } }

  /// Waits for what was written to this file, and tells of errors that came up on the way. The disk may still
  /// have it in its cache, and how long the file is may not be on it: that is for ``Directory/syncAll()``.
  func waitForWriting() throws(SystemError) {
    let flags = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER
    try SystemError.check { sync_file_range(descriptor, 0, 0, UInt32(flags)) }
  }

  func truncate(to size: off_t) throws(SystemError) {
    try SystemError.check { ftruncate(descriptor, size) }
  }

  /// - Parameter modified: nanoseconds since 1970.
  func setTimes(modified: Int64) throws(SystemError) {
    let times = [timespec(nanoseconds: modified), timespec(nanoseconds: modified)]
    try SystemError.check { futimens(descriptor, times) }
  }

  func setMode(_ mode: mode_t) throws(SystemError) {
    try SystemError.check { fchmod(descriptor, mode) }
  }
}

extension timespec {
  init(nanoseconds: Int64) {
    let (quotient, remainder) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    self =
      remainder < 0
      ? timespec(tv_sec: Int(quotient - 1), tv_nsec: Int(remainder + 1_000_000_000))
      : timespec(tv_sec: Int(quotient), tv_nsec: Int(remainder))
  }
}
