/// The order in which message files that nobody has numbered get their UIDs: that in which Dovecot would number
/// them, so that the result does not depend on who comes first. By the seconds that the name begins with; where both
/// names go on with microseconds (`.M…`), by these; then by the rest.
///
/// Source: Dovecot 2.3, tried with files of all kinds (`MirrorTests`).
struct DeliveryOrder: Comparable {
  /// What is told by numbers.
  struct Time: Equatable {
    fileprivate let seconds: UInt64
    fileprivate let microseconds: UInt64?

    /// - Returns: `nil` if the rest of the names decides.
    func comes(before other: Time) -> Bool? {
      if seconds != other.seconds { return seconds < other.seconds }
      if let x = microseconds, let y = other.microseconds, x != y { return x < y }
      return nil
    }

    var inShort: ShortTime {
      ShortTime(
        seconds: seconds,
        microseconds: microseconds.flatMap { UInt32(exactly: $0) } ?? ShortTime.unknown)
    }
  }

  /// It decides nearly always, and takes less memory than all of it and the name.
  struct ShortTime {
    fileprivate let seconds: UInt64
    fileprivate let microseconds: UInt32

    /// There are none, or so many as nobody counts.
    fileprivate static let unknown = UInt32.max

    /// - Returns: `nil` if the whole names decide.
    func comes(before other: ShortTime) -> Bool? {
      if seconds != other.seconds { return seconds < other.seconds }
      let areKnown =
        microseconds != ShortTime.unknown && other.microseconds != ShortTime.unknown
      return areKnown && microseconds != other.microseconds
        ? microseconds < other.microseconds : nil
    }
  }

  let time: Time
  /// What follows the seconds.
  private let rest: ArraySlice<UInt8>

  init(base: FileName) {
    let leading = base.prefix(while: DeliveryOrder.isDigit)
    rest = base.dropFirst(leading.count)
    var microseconds: UInt64?
    if rest.starts(with: [UInt8(ascii: "."), UInt8(ascii: "M")]) {
      microseconds = MessageFileName.number(rest.dropFirst(2).prefix(while: DeliveryOrder.isDigit))
    }
    time = Time(seconds: MessageFileName.number(leading) ?? 0, microseconds: microseconds)
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

  static func < (a: DeliveryOrder, b: DeliveryOrder) -> Bool {
    a.time.comes(before: b.time) ?? a.rest.lexicographicallyPrecedes(b.rest)
  }
}
