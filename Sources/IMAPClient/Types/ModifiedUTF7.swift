/// The encoding of mailbox names before UTF8=ACCEPT. RFC 3501 §5.1.3.
public enum ModifiedUTF7 {
  /// - Returns: ASCII without control characters, if `text` has none.
  public static func encode(_ text: String) -> [UInt8] {
    var output: [UInt8] = []
    var units: [UInt16] = []
    for scalar in text.unicodeScalars {
      guard scalar.value >= 0x20, scalar.value <= 0x7e else {
        units.append(contentsOf: UTF16.encode(scalar) ?? EncodedScalar())
        continue
      }
      shift(&units, to: &output)
      output.append(UInt8(scalar.value))
      if scalar == "&" { output.append(UInt8(ascii: "-")) }
    }
    shift(&units, to: &output)
    return output
  }

  private typealias EncodedScalar = UTF16.EncodedScalar

  private static func shift(_ units: inout [UInt16], to output: inout [UInt8]) {
    guard !units.isEmpty else { return }
    output.append(UInt8(ascii: "&"))
    var bits: UInt32 = 0
    var count = 0
    for unit in units {
      bits = (bits << 16) | UInt32(unit)
      count += 16
      while count >= 6 {
        count -= 6
        output.append(alphabet[Int((bits >> UInt32(count)) & 63)])
      }
      bits &= (1 << UInt32(count)) - 1
    }
    if count > 0 { output.append(alphabet[Int((bits << UInt32(6 - count)) & 63)]) }
    output.append(UInt8(ascii: "-"))
    units.removeAll()
  }

  /// - Returns: `nil` for anything but the one form in which a name is to be written: two encoded names
  ///   must never stand for one mailbox.
  public static func decode(_ bytes: some Collection<UInt8>) -> String? {
    let bytes = Array(bytes)
    // Most names are plain.
    if bytes.allSatisfy({ $0 >= 0x20 && $0 <= 0x7e && $0 != UInt8(ascii: "&") }) {
      return String(decoding: bytes, as: UTF8.self)
    }
    var text = String.UnicodeScalarView()
    var rest = bytes[...]
    while let byte = rest.popFirst() {
      guard byte >= 0x20, byte <= 0x7e else { return nil }
      guard byte == UInt8(ascii: "&") else {
        text.append(Unicode.Scalar(byte))
        continue
      }
      guard let end = rest.firstIndex(of: UInt8(ascii: "-")) else { return nil }
      let shifted = rest[rest.startIndex..<end]
      rest = rest[(end + 1)...]
      if shifted.isEmpty {
        text.append("&")
      } else {
        guard let scalars = unshift(shifted) else { return nil }
        text.append(contentsOf: scalars)
      }
    }
    let name = String(text)
    return encode(name) == Array(bytes) ? name : nil
  }

  private static func unshift(_ bytes: ArraySlice<UInt8>) -> [Unicode.Scalar]? {
    var units: [UInt16] = []
    var bits: UInt32 = 0
    var count = 0
    for byte in bytes {
      guard let value = alphabet.firstIndex(of: byte) else { return nil }
      bits = (bits << 6) | UInt32(value)
      count += 6
      if count >= 16 {
        count -= 16
        units.append(UInt16(truncatingIfNeeded: bits >> UInt32(count)))
        bits &= (1 << UInt32(count)) - 1
      }
    }
    var decoder = UTF16()
    var iterator = units.makeIterator()
    var scalars: [Unicode.Scalar] = []
    while true {
      switch decoder.decode(&iterator) {
      case .scalarValue(let scalar): scalars.append(scalar)
      case .emptyInput: return scalars
      case .error: return nil
      }
    }
  }

  /// Base64 with a comma in the place of the slash.
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,".utf8)
}
