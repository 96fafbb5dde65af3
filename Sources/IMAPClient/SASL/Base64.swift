/// Base64 as SASL uses it: padded, without line breaks. RFC 4648 §4.
public enum Base64 {
  private static let alphabet = [UInt8](
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let padding = UInt8(ascii: "=")
  /// The value of each letter; 0xff for bytes that are none.
  private static let values: [UInt8] = {
    var values = [UInt8](repeating: 0xff, count: 256)
    for (value, letter) in alphabet.enumerated() { values[Int(letter)] = UInt8(value) }
    return values
  }()

  public static func encode(_ bytes: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      var bits: UInt32 = 0
      for index in start..<start + 3 {
        bits = bits << 8 | UInt32(index < group.endIndex ? group[index] : 0)
      }
      for place in 0...3 {
        let letter = alphabet[Int(bits >> UInt32(18 - 6 * place) & 63)]
        text.append(place <= group.count ? letter : padding)
      }
    }
    return text
  }

  /// nil for anything that is not exactly base64.
  public static func decode(_ text: [UInt8]) -> [UInt8]? {
    guard text.count % 4 == 0 else { return nil }
    let letters = text.count - text.suffix(2).count(where: { $0 == padding })
    // "A=A=" has a letter behind padding.
    guard !text.prefix(letters).contains(padding) else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 4 * 3)
    var bits: UInt32 = 0
    var count = 0
    for letter in text.prefix(letters) {
      let value = values[Int(letter)]
      guard value != 0xff else { return nil }
      bits = bits << 6 | UInt32(value)
      count += 6
      if count >= 8 {
        count -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
      }
    }
    // The bits behind the last byte must be zero, or two texts would mean the same.
    guard bits & (1 << UInt32(count) - 1) == 0 else { return nil }
    return bytes
  }
}
