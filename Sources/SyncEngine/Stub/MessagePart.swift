import IMAPClient

/// A part of a message, as a stub tells of it.
public struct MessagePart: Hashable, Sendable {
  /// In lower case: `image/jpeg`.
  public var type: [UInt8]
  /// The file's name, as the message has it.
  public var name: [UInt8]?
  /// Octets as they lie in the message.
  public var size: UInt64
  /// The part with its own header and the empty line after it, lines ending in CRLF; `nil` if it is left out.
  public var text: [UInt8]?

  public init(type: [UInt8], name: [UInt8]?, size: UInt64, text: [UInt8]? = nil) {
    self.type = type
    self.name = name
    self.size = size
    self.text = text
  }

  /// Most octets of text in a stub, whatever `max-size` allows.
  public static let textLimit = 64 * 1024

  /// Which parts of a message a stub has: text that is to be read, as long as there is room; of alternatives
  /// the first, which is the plainest. RFC 2046 §5.1.4
  ///
  /// A message that has only one part has none that could stay.
  static func wanted(_ parts: [BodyPart], textLimit: Int) -> [Int] {
    var left = UInt64(max(0, textLimit))
    var chosen: Set<Int> = []
    return parts.indices.filter { index in
      let part = parts[index]
      guard !part.parent.isEmpty, !part.isAttachment, part.type.starts(with: "text/".utf8),
        part.size <= left
      else { return false }
      if part.parent.elementsEqual("alternative".utf8),
        !chosen.insert(part.parentNumber).inserted
      {
        return false
      }
      left -= part.size
      return true
    }
  }

  /// The name for people: encodings undone, without what could deceive them.
  var shownName: String? {
    name.map { EncodedName.decode($0) }.flatMap { $0.isEmpty ? nil : $0 }
  }
}

/// File names as they stand in headers: RFC 2231, and RFC 2047 where it does not belong.
enum EncodedName {
  private static let limit = 120

  static func decode(_ bytes: [UInt8]) -> String {
    let text = extended(bytes) ?? words(bytes)
    let shown = text.unicodeScalars.filter { scalar in
      // Control characters, and those that turn the direction of writing.
      scalar.value >= 0x20 && !(0x7f...0x9f).contains(scalar.value)
        && !(0x200b...0x200f).contains(scalar.value) && !(0x2028...0x202e).contains(scalar.value)
        && !(0x2066...0x2069).contains(scalar.value) && scalar != "\u{fffd}"
    }
    var result = String(String.UnicodeScalarView(shown.prefix(limit)))
    if shown.count > limit { result += "…" }
    return result
  }

  /// `UTF-8'en'na%C3%AFve.pdf`
  private static func extended(_ bytes: [UInt8]) -> String? {
    let parts = bytes.split(
      separator: UInt8(ascii: "'"), maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, parts[2].contains(UInt8(ascii: "%")),
      let charset = Charset(Array(parts[0]))
    else { return nil }
    return charset.decode(unescaped(parts[2], UInt8(ascii: "%")))
  }

  /// `=?utf-8?Q?na=C3=AFve.pdf?=`, one after the other.
  private static func words(_ bytes: [UInt8]) -> String {
    var result = ""
    var rest = bytes[...]
    while let start = rest.firstRange(of: Array("=?".utf8)) {
      let fields = rest[start.upperBound...].split(
        separator: UInt8(ascii: "?"), maxSplits: 3, omittingEmptySubsequences: false)
      guard fields.count == 4, fields[3].first == UInt8(ascii: "="),
        let charset = Charset(Array(fields[0])), let text = payload(fields[1], fields[2])
      else { break }
      let before = String(decoding: rest[..<start.lowerBound], as: UTF8.self)
      if result.isEmpty || before.contains(where: { !$0.isWhitespace }) { result += before }
      result += charset.decode(text)
      rest = fields[3].dropFirst()
    }
    return result + String(decoding: rest, as: UTF8.self)
  }

  private static func payload(_ encoding: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>) -> [UInt8]?
  {
    switch encoding.first.map({ $0 & 0xdf }) {
    case UInt8(ascii: "Q"):
      return unescaped(text, UInt8(ascii: "=")).map { $0 == UInt8(ascii: "_") ? 0x20 : $0 }
    case UInt8(ascii: "B"): return Base64.decode(Array(text))
    default: return nil
    }
  }

  private static func unescaped(_ text: ArraySlice<UInt8>, _ mark: UInt8) -> [UInt8] {
    var result: [UInt8] = []
    var rest = text
    while let byte = rest.popFirst() {
      let digits = rest.prefix(2).compactMap { Character(UnicodeScalar($0)).hexDigitValue }
      if byte == mark, digits.count == 2 {
        result.append(UInt8(digits[0] * 16 + digits[1]))
        rest = rest.dropFirst(2)
      } else {
        result.append(byte)
      }
    }
    return result
  }

  /// Those that names are written in and that need no tables.
  private enum Charset {
    case utf8
    case latin1

    init?(_ name: [UInt8]) {
      switch String(decoding: name, as: UTF8.self).lowercased().split(separator: "*").first {
      case "utf-8", "us-ascii": self = .utf8
      case "iso-8859-1", "windows-1252", "iso-8859-15": self = .latin1
      default: return nil
      }
    }

    func decode(_ bytes: [UInt8]) -> String {
      switch self {
      case .utf8: String(decoding: bytes, as: UTF8.self)
      case .latin1: String(String.UnicodeScalarView(bytes.map { UnicodeScalar($0) }))
      }
    }
  }
}
