/// When a message was received: an instant in whole seconds. RFC 9051 §2.3.3.
///
/// Zones differ between servers for one instant, so only the instant is kept.
public struct InternalDate: Hashable, Comparable, Sendable {
  /// Seconds since 1970-01-01 00:00:00 UTC; may be negative.
  public let seconds: Int64

  public init(seconds: Int64) { self.seconds = seconds }

  public static func < (left: InternalDate, right: InternalDate) -> Bool {
    left.seconds < right.seconds
  }
}
