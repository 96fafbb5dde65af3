import CLinux
import Glibc

/// The error number of a system call that failed.
public struct Errno: Error, Hashable, Sendable, CustomStringConvertible {
  public let rawValue: Int32

  public init(_ rawValue: Int32) { self.rawValue = rawValue }

  /// What the last failing call of this thread left behind: to be read at once.
  public static var current: Errno { Errno(errno) }

  /// In words, beginning with a small letter to stand within a sentence.
  public var description: String {
    guard let text = strerrordesc_np(rawValue) else { return "error \(rawValue)" }
    let words = String(cString: text)
    let second = words.dropFirst().first
    guard let first = words.first, second?.isLowercase == true else { return words }
    return first.lowercased() + words.dropFirst()
  }

  /// True for the two numbers that say "not now" on a non-blocking descriptor.
  var wouldBlock: Bool { rawValue == EAGAIN || rawValue == EWOULDBLOCK }
}

/// Repeats a call that answers -1 for failure until no signal interrupts it.
@discardableResult
public func retryingInterrupted<Result: SignedInteger>(
  _ call: () -> Result
) throws(Errno) -> Result {
  while true {
    let result = call()
    if result != -1 { return result }
    let error = Errno.current
    if error.rawValue != EINTR { throw error }
  }
}
