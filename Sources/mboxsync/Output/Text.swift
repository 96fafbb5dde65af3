/// Text of unknown origin, made fit for a line on a terminal.
enum Text {
  /// One line without control characters, and without those that turn the direction of writing: they are
  /// shown as `\x1b` or `\u{202e}`.
  static func escaped(_ text: String) -> String {
    if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) { return text }
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0..<0x20, 0x7f: result += "\\x" + hexadecimal(scalar.value, digits: 2)
      case 0x80..<0xa0, 0x200e, 0x200f, 0x2028...0x202e, 0x2066...0x2069:
        result += "\\u{\(hexadecimal(scalar.value, digits: 2))}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// `1,204`
  static func grouped(_ number: some BinaryInteger) -> String {
    let digits = String(number)
    guard digits.utf8.count > 3 else { return digits }
    var result = ""
    for (index, digit) in digits.enumerated() {
      let rest = digits.count - index
      if index > 0, rest % 3 == 0, digits.first != "-" || index > 1 { result += "," }
      result.append(digit)
    }
    return result
  }

  /// `512 B`, `12.3 kB`, `1.5 GB`: units of 1000, as progress is measured.
  static func octets(_ count: UInt64) -> String {
    if count < 1000 { return "\(count) B" }
    var tenths = count / 100
    for unit in ["kB", "MB", "GB", "TB"] {
      if tenths < 10_000 || unit == "TB" { return "\(tenths / 10).\(tenths % 10) \(unit)" }
      tenths /= 1000
    }
    return "\(count) B"
  }

  /// `12.3/80.1 MB`: of a whole, in its unit.
  static func octets(_ part: UInt64, of whole: UInt64) -> String {
    let text = octets(whole)
    let pieces = text.split(separator: " ")
    guard pieces.count == 2 else { return text }
    var divisor: UInt64 = 1
    for unit in ["B", "kB", "MB", "GB", "TB"] {
      if pieces[1] == unit { break }
      divisor *= 1000
    }
    let number =
      divisor == 1
      ? "\(part)" : "\(part / divisor).\(part / (divisor / 10) % 10)"
    let padding = String(repeating: " ", count: max(0, pieces[0].count - number.count))
    return "\(padding)\(number)/\(text)"
  }

  /// `0.42`
  static func seconds(milliseconds: Int64) -> String {
    let hundredths = max(0, milliseconds) / 10
    let fraction = hundredths % 100
    return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
  }

  /// `1 message`, `2 messages`
  static func counted(_ count: Int, _ noun: String) -> String {
    "\(grouped(count)) \(noun)\(count == 1 ? "" : noun.hasSuffix("x") ? "es" : "s")"
  }

  static func hexadecimal(_ value: UInt32, digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
  }
}
