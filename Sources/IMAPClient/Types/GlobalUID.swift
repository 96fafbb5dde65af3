/// 128 bits that name a message's content wherever it lies.
///
/// Made of a server's own id (EMAILID of RFC 8474, Dovecot's X-GUID, Gmail's X-GM-MSGID), of a
/// Maildir file's base name, or of a digest of the message.
public struct GlobalUID: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let high: UInt64
  public let low: UInt64

  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// - Parameter bytes: at least 16; the first 16 are taken.
  public init?(bytes: [UInt8]) {
    guard bytes.count >= 16 else { return nil }
    var words: (UInt64, UInt64) = (0, 0)
    for index in 0..<8 {
      words.0 = words.0 << 8 | UInt64(bytes[index])
      words.1 = words.1 << 8 | UInt64(bytes[index + 8])
    }
    self.init(high: words.0, low: words.1)
  }

  /// - Parameter text: 32 hexadecimal digits are the value itself; anything else is digested, so that
  ///   equal ids give equal values whatever their form.
  public init(identifier text: [UInt8]) {
    if text.count == 32, let value = GlobalUID.decode(hex: text) {
      self = value
    } else {
      self = GlobalUID(bytes: SHA256.digest(of: text)) ?? GlobalUID(high: 0, low: 0)
    }
  }

  // Where it is called from another module, only what is inlined there is not generic code at run time.
  @inlinable
  public init?(bytes: some Collection<UInt8>) { self.init(bytes: Array(bytes)) }

  @inlinable
  public init(identifier text: some Collection<UInt8>) { self.init(identifier: Array(text)) }

  public var bytes: [UInt8] {
    [high, low].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) } }
  }

  /// 32 lower-case hexadecimal digits.
  public var description: String {
    let digits = Array("0123456789abcdef".utf8)
    return String(
      decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  public static func < (left: GlobalUID, right: GlobalUID) -> Bool {
    (left.high, left.low) < (right.high, right.low)
  }

  private static func decode(hex text: [UInt8]) -> GlobalUID? {
    var value: (UInt64, UInt64) = (0, 0)
    for offset in text.indices {
      let byte = text[offset]
      let digit: UInt64
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = UInt64(byte - UInt8(ascii: "0"))
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = UInt64(byte - UInt8(ascii: "a")) + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = UInt64(byte - UInt8(ascii: "A")) + 10
      default: return nil
      }
      if offset < 16 { value.0 = value.0 << 4 | digit } else { value.1 = value.1 << 4 | digit }
    }
    return GlobalUID(high: value.0, low: value.1)
  }
}
