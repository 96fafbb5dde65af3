import Glibc

/// A temporary file without a name: it is gone when it is no longer used.
final class SpoolFile {
  private let file: UnsafeMutablePointer<FILE>
  private(set) var size: UInt64 = 0

  init?() {
    guard let file = tmpfile() else { return nil }
    self.file = file
  }

  deinit { fclose(file) }

  /// - Returns: false if there is no room.
  func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let base = bytes.baseAddress, !bytes.isEmpty else { return true }
    size += UInt64(bytes.count)
    return fwrite(base, 1, bytes.count, file) == bytes.count
  }

  /// Gives everything that was written, in pieces.
  /// - Returns: false if some of it can't be read.
  func read(_ body: (UnsafeRawBufferPointer) -> Void) -> Bool {
    guard fflush(file) == 0, fseek(file, 0, SEEK_SET) == 0 else { return false }
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    var left = size
    while left > 0 {
      let count = fread(&buffer, 1, buffer.count, file)
      guard count > 0, UInt64(count) <= left else { return false }
      buffer.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
      left -= UInt64(count)
    }
    return true
  }
}
