/// The number that identifies one message in one mailbox for as long as its ``UIDValidity`` lasts.
///
/// From 1 to 4,294,967,295; never reused while the validity lasts. RFC 3501 §2.3.1.1,
/// RFC 9051 §2.3.1.1.
public struct UID: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let rawValue: UInt32

  /// - Returns: `nil` for 0, which is no UID.
  public init?(_ rawValue: UInt32) {
    guard rawValue != 0 else { return nil }
    self.rawValue = rawValue
  }

  private init(known rawValue: UInt32) { self.rawValue = rawValue }

  public static let first = UID(known: 1)
  public static let last = UID(known: .max)

  /// The UID after this one; ``last`` has none.
  public var next: UID? { self == .last ? nil : UID(known: rawValue + 1) }

  /// The UID before this one; ``first`` has none.
  public var previous: UID? { UID(rawValue - 1) }

  public static func < (left: UID, right: UID) -> Bool { left.rawValue < right.rawValue }

  public var description: String { String(rawValue) }
}

/// Tells one incarnation of a mailbox from the next: UIDs of different validities are unrelated.
///
/// From 1 to 4,294,967,295. RFC 3501 §2.3.1.1, RFC 9051 §2.3.1.1.
public struct UIDValidity: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let rawValue: UInt32

  /// - Returns: `nil` for 0, which is no UIDVALIDITY.
  public init?(_ rawValue: UInt32) {
    guard rawValue != 0 else { return nil }
    self.rawValue = rawValue
  }

  public static func < (left: UIDValidity, right: UIDValidity) -> Bool {
    left.rawValue < right.rawValue
  }

  public var description: String { String(rawValue) }
}

/// A mod-sequence: grows in a mailbox with every change of a message's metadata.
///
/// From 1 to 2^63 - 1. RFC 7162 §3.1.
public struct ModSequence: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let rawValue: UInt64

  /// - Returns: `nil` for 0 and above 2^63 - 1.
  public init?(_ rawValue: UInt64) {
    guard rawValue != 0, rawValue <= UInt64(Int64.max) else { return nil }
    self.rawValue = rawValue
  }

  public static func < (left: ModSequence, right: ModSequence) -> Bool {
    left.rawValue < right.rawValue
  }

  public var description: String { String(rawValue) }
}
