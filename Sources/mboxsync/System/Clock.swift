import Glibc

/// The time of day, and how much of it has gone by.
enum Clock {
  /// Seconds since 1970.
  static func now() -> Int64 { Int64(time(nil)) }

  /// Milliseconds since some moment in the past; never goes back.
  static func milliseconds() -> Int64 {
    var moment = timespec()
    clock_gettime(CLOCK_MONOTONIC, &moment)
    return Int64(moment.tv_sec) * 1000 + Int64(moment.tv_nsec) / 1_000_000
  }

  /// `2026-01-31 12:05` in local time.
  static func text(_ seconds: Int64) -> String { text(seconds, "%Y-%m-%d %H:%M") }

  /// `2026-01-31 12:05:33 +0100`
  static func fullText(_ seconds: Int64) -> String { text(seconds, "%Y-%m-%d %H:%M:%S %z") }

  private static func text(_ seconds: Int64, _ format: String) -> String {
    var moment = time_t(seconds)
    var parts = tm()
    localtime_r(&moment, &parts)
    var buffer = [CChar](repeating: 0, count: 64)
    let count = strftime(&buffer, buffer.count, format, &parts)
    return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
