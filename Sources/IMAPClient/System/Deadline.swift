import Glibc

/// A point in time of the monotonic clock, which does not jump when the clock on the wall is set.
public struct Deadline: Hashable, Comparable, Sendable {
  private let nanoseconds: UInt64

  private init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  public static func after(milliseconds: Int) -> Deadline {
    let now = nowNanoseconds()
    let (delta, tooLong) = UInt64(max(0, milliseconds)).multipliedReportingOverflow(by: 1_000_000)
    let (sum, overflow) = now.addingReportingOverflow(delta)
    return Deadline(nanoseconds: tooLong || overflow ? .max : sum)
  }

  public static func after(seconds: Int) -> Deadline {
    let (milliseconds, overflow) = seconds.multipliedReportingOverflow(by: 1000)
    return after(milliseconds: overflow ? .max : milliseconds)
  }

  public var hasPassed: Bool { Deadline.nowNanoseconds() >= nanoseconds }

  /// As `poll` wants it: rounded up, so that a wait for it never ends just before it.
  public var remainingMilliseconds: Int32 {
    let now = Deadline.nowNanoseconds()
    guard now < nanoseconds else { return 0 }
    let left = nanoseconds - now
    return Int32(clamping: left / 1_000_000 + (left % 1_000_000 == 0 ? 0 : 1))
  }

  public static func < (left: Deadline, right: Deadline) -> Bool {
    left.nanoseconds < right.nanoseconds
  }

  private static func nowNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
