/// Modified UTF-7, in which mailbox names are written on disk. RFC 3501 §5.1.3.
enum ModifiedUTF7 {
  static func encode(_ text: String) -> [UInt8] {
    var result: [UInt8] = []
    var pending: [UInt16] = []
    for unit in text.utf16 {
      if unit >= 0x20, unit <= 0x7e {
        flush(&pending, to: &result)
        result.append(UInt8(unit))
        if unit == UInt16(UInt8(ascii: "&")) { result.append(UInt8(ascii: "-")) }
      } else {
        pending.append(unit)
      }
    }
    flush(&pending, to: &result)
    return result
  }

  /// - Returns: `nil` for anything but the one way in which the text is written.
  static func decode(_ bytes: some Collection<UInt8>) -> String? {
    var units: [UInt16] = []
    var rest = Array(bytes)[...]
    while let byte = rest.popFirst() {
      guard byte >= 0x20, byte <= 0x7e else { return nil }
      guard byte == UInt8(ascii: "&") else {
        units.append(UInt16(byte))
        continue
      }
      let digits = rest.prefix { $0 != UInt8(ascii: "-") }
      guard digits.endIndex < rest.endIndex else { return nil }
      rest = rest[(digits.endIndex + 1)...]
      if digits.isEmpty {
        units.append(UInt16(byte))
      } else if let decoded = decodeDigits(digits) {
        units += decoded
      } else {
        return nil
      }
    }
    let text = String(decoding: units, as: UTF16.self)
    return encode(text).elementsEqual(bytes) ? text : nil
  }

  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,".utf8)

  private static func flush(_ units: inout [UInt16], to result: inout [UInt8]) {
    guard !units.isEmpty else { return }
    result.append(UInt8(ascii: "&"))
    var bits: UInt32 = 0
    var count = 0
    for unit in units {
      bits = bits << 16 | UInt32(unit)
      count += 16
      while count >= 6 {
        count -= 6
        result.append(alphabet[Int(bits >> UInt32(count) & 0x3f)])
      }
      bits &= (1 << UInt32(count)) - 1
    }
    if count > 0 { result.append(alphabet[Int(bits << UInt32(6 - count) & 0x3f)]) }
    result.append(UInt8(ascii: "-"))
    units = []
  }

  private static func decodeDigits(_ digits: ArraySlice<UInt8>) -> [UInt16]? {
    var units: [UInt16] = []
    var bits: UInt32 = 0
    var count = 0
    for digit in digits {
      guard let value = alphabet.firstIndex(of: digit) else { return nil }
      bits = bits << 6 | UInt32(value)
      count += 6
      if count >= 16 {
        count -= 16
        units.append(UInt16(truncatingIfNeeded: bits >> UInt32(count)))
        bits &= (1 << UInt32(count)) - 1
      }
    }
    return units
  }
}
