/// A JSON value, written compactly. RFC 8259.
enum JSON {
  case object([(String, JSON)])
  case array([JSON])
  case string(String)
  case integer(Int64)
  /// A number with three decimals.
  case thousandths(Int64)
  case boolean(Bool)
  case null

  static func count(_ value: some BinaryInteger) -> JSON { .integer(Int64(clamping: value)) }

  static func text(_ value: String?) -> JSON { value.map(JSON.string) ?? .null }

  var encoded: String {
    var result = ""
    write(to: &result)
    return result
  }

  private func write(to result: inout String) {
    switch self {
    case .object(let members):
      JSON.writeList(members, "{", "}", to: &result) { member, result in
        JSON.write(member.0, to: &result)
        result += ":"
        member.1.write(to: &result)
      }
    case .array(let elements):
      JSON.writeList(elements, "[", "]", to: &result) { $0.write(to: &$1) }
    case .string(let text): JSON.write(text, to: &result)
    case .integer(let number): result += String(number)
    case .thousandths(let number): JSON.write(thousandths: number, to: &result)
    case .boolean(let value): result += value ? "true" : "false"
    case .null: result += "null"
    }
  }

  private static func writeList<Element>(
    _ elements: [Element], _ open: String, _ close: String, to result: inout String,
    _ write: (Element, inout String) -> Void
  ) {
    result += open
    for (index, element) in elements.enumerated() {
      if index > 0 { result += "," }
      write(element, &result)
    }
    result += close
  }

  private static func write(thousandths number: Int64, to result: inout String) {
    let magnitude = number.magnitude
    let fraction = String(magnitude % 1000)
    let zeros = String(repeating: "0", count: 3 - fraction.utf8.count)
    result += "\(number < 0 ? "-" : "")\(magnitude / 1000).\(zeros)\(fraction)"
  }

  // string = quotation-mark *char quotation-mark                              RFC 8259 §7
  private static func write(_ text: String, to result: inout String) {
    result += "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      // Legal, but U+2028 and U+2029 end a line for some readers, and U+007F to U+009F move a cursor.
      case _
      where scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value)
        || (0x2028...0x2029).contains(scalar.value):
        result += "\\u" + Text.hexadecimal(scalar.value, digits: 4)
      default: result.unicodeScalars.append(scalar)
      }
    }
    result += "\""
  }
}
