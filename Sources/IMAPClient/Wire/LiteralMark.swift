/// A literal announced at the end of a line: `{42}`. RFC 9051 §4.3, RFC 7888, RFC 3516.
struct LiteralMark {
  /// Where `{` (or `~{`) stands.
  let start: Int
  /// `nil` if it is no number of 63 bits.
  let size: UInt64?

  /// - Parameter line: one line with its end; what precedes it in the response is no part of it.
  init?(endOf line: UnsafeRawBufferPointer) {
    var end = line.count
    if end > 0, line[end - 1] == 0x0a { end -= 1 }
    if end > 0, line[end - 1] == 0x0d { end -= 1 }
    guard end > 0, line[end - 1] == UInt8(ascii: "}") else { return nil }
    end -= 1
    if end > 0, line[end - 1] == UInt8(ascii: "+") { end -= 1 }
    var digits = end
    while digits > 0, line[digits - 1] >= 0x30, line[digits - 1] <= 0x39 { digits -= 1 }
    guard digits < end, digits > 0, line[digits - 1] == UInt8(ascii: "{") else { return nil }
    size = LiteralMark.number(line[digits..<end])
    let isBinary = digits > 1 && line[digits - 2] == UInt8(ascii: "~")
    start = isBinary ? digits - 2 : digits - 1
  }

  private static func number(_ digits: Slice<UnsafeRawBufferPointer>) -> UInt64? {
    var value: Int64 = 0
    for digit in digits {
      let (tens, high) = value.multipliedReportingOverflow(by: 10)
      let (sum, low) = tens.addingReportingOverflow(Int64(digit - 0x30))
      guard !high, !low else { return nil }
      value = sum
    }
    return UInt64(value)
  }
}
