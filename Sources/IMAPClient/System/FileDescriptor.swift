import CLinux
import Glibc

/// An open descriptor, closed when its owner goes.
public struct FileDescriptor: ~Copyable, Sendable {
  public let rawValue: Int32

  /// Takes over `rawValue`, which nobody else may close from now on.
  public init(owning rawValue: Int32) { self.rawValue = rawValue }

  deinit { Glibc.close(rawValue) }

  public func setNonBlocking() throws(Errno) {
    let number = rawValue
    let flags = try retryingInterrupted { fcntl(number, F_GETFL) }
    try retryingInterrupted { fcntl(number, F_SETFL, flags | O_NONBLOCK) }
  }

  /// Reads what is there, at most `buffer.count` bytes; 0 at the end.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
    let number = rawValue
    return try retryingInterrupted { Glibc.read(number, buffer.baseAddress, buffer.count) }
  }

  public func write(_ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
    let number = rawValue
    return try retryingInterrupted { Glibc.write(number, bytes.baseAddress, bytes.count) }
  }

  /// A pipe whose ends are not inherited by other programs.
  public static func pipe() throws(Errno) -> Pipe {
    var ends: [Int32] = [-1, -1]
    guard pipe2(&ends, O_CLOEXEC) == 0 else { throw Errno.current }
    return Pipe(
      readEnd: FileDescriptor(owning: ends[0]), writeEnd: FileDescriptor(owning: ends[1]))
  }

  /// Both ends of a pipe.
  public struct Pipe: ~Copyable {
    public var readEnd: FileDescriptor
    public var writeEnd: FileDescriptor
  }

  /// Itself, or a duplicate above the three standard descriptors, so that `dup2` to those can't
  /// overwrite it.
  consuming func aboveStandard() throws(Errno) -> FileDescriptor {
    let number = rawValue
    if number > 2 { return self }
    return FileDescriptor(owning: try retryingInterrupted { fcntl(number, F_DUPFD_CLOEXEC, 3) })
  }
}
