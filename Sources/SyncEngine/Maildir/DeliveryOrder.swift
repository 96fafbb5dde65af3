/// The order in which message files that nobody has numbered get their UIDs: that in which Dovecot would number
/// them, so that the result does not depend on who comes first. By the seconds that the name begins with; where both
/// names go on with microseconds (`.M…`), by these; then by the rest.
///
/// Source: Dovecot 2.3, tried with files of all kinds (`MirrorTests`).
struct DeliveryOrder: Comparable {
  private let seconds: UInt64
  private let microseconds: UInt64?
  /// What follows the seconds.
  private let rest: ArraySlice<UInt8>

  init(base: FileName) {
    let leading = base.prefix(while: DeliveryOrder.isDigit)
    seconds = MessageFileName.number(leading) ?? 0
    rest = base.dropFirst(leading.count)
    guard rest.starts(with: [UInt8(ascii: "."), UInt8(ascii: "M")]) else {
      microseconds = nil
      return
    }
    microseconds = MessageFileName.number(rest.dropFirst(2).prefix(while: DeliveryOrder.isDigit))
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

  static func < (a: DeliveryOrder, b: DeliveryOrder) -> Bool {
    if a.seconds != b.seconds { return a.seconds < b.seconds }
    if let x = a.microseconds, let y = b.microseconds, x != y { return x < y }
    return a.rest.lexicographicallyPrecedes(b.rest)
  }
}
