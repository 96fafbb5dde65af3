/// A cursor over the bytes of one response, literals included. Never reads outside them.
struct ResponseLexer {
  let bytes: UnsafeRawBufferPointer
  private(set) var position = 0

  /// Lists nested deeper than this are refused.
  static let depthLimit = 64

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  var isAtEnd: Bool { position >= bytes.count }

  var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  mutating func advance() { if position < bytes.count { position += 1 } }

  mutating func advance(to position: Int) { self.position = min(max(position, 0), bytes.count) }

  /// The bytes from the cursor to the end.
  var rest: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[position...]) }

  /// Skips `text` if it comes next, letters in any case.
  @inline(__always)
  mutating func skip(_ text: StaticString) -> Bool {
    guard matches(text, at: position) else { return false }
    position += text.utf8CodeUnitCount
    return true
  }

  @inline(__always)
  mutating func skipSpaces() { while next == 0x20 { position += 1 } }

  mutating func expect(_ text: StaticString) throws(ParseError) {
    guard skip(text) else { throw failure("expected “\(text)”") }
  }

  @inline(__always)
  private func matches(_ text: StaticString, at start: Int) -> Bool {
    ResponseLexer.matches(bytes, at: start, text)
  }

  var startsNumber: Bool { next?.isDigit ?? false }

  // Inlined, the comparison with a few known letters is what a parser of flags spends its time on.
  @inline(__always)
  static func matches(
    _ bytes: UnsafeRawBufferPointer, at start: Int, _ text: StaticString
  ) -> Bool {
    let count = text.utf8CodeUnitCount
    guard start >= 0, bytes.count - start >= count else { return false }
    let wanted = text.utf8Start
    for offset in 0..<count
    where bytes[start + offset] != wanted[offset]
      && fold(bytes[start + offset]) != fold(wanted[offset])
    {
      return false
    }
    return true
  }

  static func ends(_ bytes: UnsafeRawBufferPointer, with text: StaticString) -> Bool {
    matches(bytes, at: bytes.count - text.utf8CodeUnitCount, text)
  }

  @inline(__always)
  static func equal(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
    bytes.count == text.utf8CodeUnitCount && matches(bytes, at: 0, text)
  }

  static func fold(_ byte: UInt8) -> UInt8 { byte >= 0x61 && byte <= 0x7a ? byte & 0xdf : byte }

  // MARK: Numbers

  // number64 = 1*DIGIT                                                       RFC 9051 §9
  mutating func number64() throws(ParseError) -> UInt64 {
    var value: UInt64 = 0
    let start = position
    while position < bytes.count, bytes[position].isDigit {
      let digit = UInt64(bytes[position] - 0x30)
      // Below this no digit more can overflow.
      if value < UInt64.max / 10 {
        value = value * 10 + digit
      } else {
        let (tens, high) = value.multipliedReportingOverflow(by: 10)
        let (sum, low) = tens.addingReportingOverflow(digit)
        guard !high, !low else { throw failure("a number is too large") }
        value = sum
      }
      position += 1
    }
    guard position > start else { throw failure("expected a number") }
    return value
  }

  // number = 1*DIGIT ; 0 <= n < 4,294,967,296                                RFC 9051 §9
  mutating func number() throws(ParseError) -> UInt32 {
    guard let value = UInt32(exactly: try number64()) else {
      throw failure("a number is too large")
    }
    return value
  }

  // uniqueid = nz-number                                                     RFC 9051 §9
  mutating func uid() throws(ParseError) -> UID {
    guard let uid = UID(try number()) else { throw failure("a UID is 0") }
    return uid
  }

  // sequence-set without "*"                                                 RFC 9051 §9
  mutating func ranges() throws(ParseError) -> [ClosedRange<UID>] {
    var ranges: [ClosedRange<UID>] = []
    repeat {
      let first = try uid()
      guard skip(":") else {
        ranges.append(first...first)
        continue
      }
      let last = try uid()
      ranges.append(min(first, last)...max(first, last))
    } while skip(",")
    return ranges
  }

  // As ranges(), where the order does not matter.
  mutating func uidSet() throws(ParseError) -> UIDSet {
    var set = UIDSet()
    var unordered: [ClosedRange<UID>] = []
    repeat {
      let first = try uid()
      let last = skip(":") ? try uid() : first
      let range = min(first, last)...max(first, last)
      // What ascends, as it nearly always does, takes no more memory than its runs.
      if set.max.map({ $0 < range.lowerBound }) ?? true {
        set.insert(range)
      } else {
        unordered.append(range)
      }
    } while skip(",")
    return unordered.isEmpty ? set : set.union(UIDSet(ranges: unordered))
  }

  // MARK: Words

  /// The bytes up to a space, parenthesis, bracket or the end; may be empty.
  mutating func word() -> UnsafeRawBufferPointer {
    let start = position
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "["), UInt8(ascii: "]"):
        return UnsafeRawBufferPointer(rebasing: bytes[start..<position])
      default: position += 1
      }
    }
    return UnsafeRawBufferPointer(rebasing: bytes[start..<position])
  }

  /// The bytes up to a space, a closing parenthesis or the end: an atom that may hold brackets.
  mutating func looseAtom() -> UnsafeRawBufferPointer {
    let start = position
    while position < bytes.count, bytes[position] != 0x20, bytes[position] != UInt8(ascii: ")") {
      position += 1
    }
    return UnsafeRawBufferPointer(rebasing: bytes[start..<position])
  }

  // astring = 1*ASTRING-CHAR / string                                        RFC 9051 §9
  mutating func astring() throws(ParseError) -> [UInt8] {
    if let string = try string() { return string }
    let atom = looseAtom()
    guard !atom.isEmpty else { throw failure("expected a string") }
    return Array(atom)
  }

  // nstring = string / nil                                                   RFC 9051 §9
  mutating func nstring() throws(ParseError) -> [UInt8]? {
    if let string = try string() { return string }
    if skipNIL() { return nil }
    // Some servers send ids and dates as bare words.
    let atom = looseAtom()
    guard !atom.isEmpty else { throw failure("expected a string or NIL") }
    return Array(atom)
  }

  /// Skips `NIL` if it is the whole word that comes next.
  mutating func skipNIL() -> Bool {
    let start = position
    guard skip("NIL") else { return false }
    switch next {
    case nil, 0x20, UInt8(ascii: "("), UInt8(ascii: ")"): return true
    default:
      position = start
      return false
    }
  }

  // string = quoted / literal                                                RFC 9051 §9
  mutating func string() throws(ParseError) -> [UInt8]? {
    if next == UInt8(ascii: "\"") { return try quoted() }
    return startsLiteral ? Array(try literal()) : nil
  }

  /// `~` alone begins an atom: `~/Mail`.
  private var startsLiteral: Bool {
    next == UInt8(ascii: "{") || matches("~{", at: position)
  }

  // quoted = DQUOTE *QUOTED-CHAR DQUOTE                                     RFC 9051 §9
  private mutating func quoted() throws(ParseError) -> [UInt8] {
    if let plain = try plainQuoted() { return Array(plain) }
    position += 1
    var text: [UInt8] = []
    while var byte = next, byte != UInt8(ascii: "\"") {
      advance()
      if byte == UInt8(ascii: "\\") {
        guard let escaped = next else { break }
        advance()
        byte = escaped
      }
      guard ResponseLexer.mayBeQuoted(byte) else { throw failure("a quoted string does not end") }
      text.append(byte)
    }
    guard skip("\"") else { throw failure("a quoted string does not end") }
    return text
  }

  /// The contents of a quoted string that has no escapes; `nil` for anything else.
  mutating func plainQuoted() throws(ParseError) -> UnsafeRawBufferPointer? {
    guard next == UInt8(ascii: "\"") else { return nil }
    let start = position + 1
    var end = start
    while end < bytes.count, bytes[end] != UInt8(ascii: "\"") {
      if bytes[end] == UInt8(ascii: "\\") { return nil }
      guard ResponseLexer.mayBeQuoted(bytes[end]) else {
        throw failure("a quoted string does not end")
      }
      end += 1
    }
    guard end < bytes.count else { throw failure("a quoted string does not end") }
    position = end + 1
    return UnsafeRawBufferPointer(rebasing: bytes[start..<end])
  }

  private static func mayBeQuoted(_ byte: UInt8) -> Bool {
    byte != 0 && byte != 0x0a && byte != 0x0d
  }

  private mutating func skipQuoted() throws(ParseError) {
    if try plainQuoted() == nil { _ = try quoted() }
  }

  private mutating func literal() throws(ParseError) -> UnsafeRawBufferPointer {
    _ = skip("~")
    try expect("{")
    let size = try number64()
    _ = skip("+")
    try expect("}")
    _ = skip("\r")
    guard skip("\n") else { throw failure("expected a literal") }
    guard let count = Int(exactly: size), count <= bytes.count - position else {
      throw failure("a literal is cut short")
    }
    defer { position += count }
    return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
  }

  // objectid in parentheses                                                 RFC 8474 §7
  /// - Returns: `nil` if it is none: Cyrus sends stray octets in STATUS, any of them, parentheses too.
  mutating func parenthesizedObjectID() throws(ParseError) -> [UInt8]? {
    try expect("(")
    let start = position
    while position < bytes.count, !isAtEndOfValue { position += 1 }
    let end = position
    try expect(")")
    let id = bytes[start..<end]
    return !id.isEmpty && id.allSatisfy(ResponseLexer.isObjectIDCharacter) ? Array(id) : nil
  }

  /// At a parenthesis behind which a list goes on with the next item's name, or ends.
  private var isAtEndOfValue: Bool {
    guard bytes[position] == UInt8(ascii: ")") else { return false }
    guard position + 1 < bytes.count else { return true }
    switch bytes[position + 1] {
    case UInt8(ascii: ")"): return bytes[(position + 2)...].allSatisfy { $0 == 0x20 }
    case UInt8(ascii: "]"): return true
    case 0x20: return position + 2 < bytes.count && ResponseLexer.isLetter(bytes[position + 2])
    default: return false
    }
  }

  private static func isLetter(_ byte: UInt8) -> Bool { fold(byte) >= 0x41 && fold(byte) <= 0x5a }

  private static func isObjectIDCharacter(_ byte: UInt8) -> Bool {
    isLetter(byte) || (byte >= 0x30 && byte <= 0x39)
      || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
  }

  // MARK: Skipping

  /// Skips one value of any form: list, string, NIL, number, atom.
  mutating func skipValue() throws(ParseError) {
    var depth = 0
    repeat {
      switch next {
      case nil: throw failure("a value is missing")
      case UInt8(ascii: "("):
        depth += 1
        guard depth <= ResponseLexer.depthLimit else { throw failure("lists are nested too deep") }
        position += 1
      case UInt8(ascii: ")"):
        guard depth > 0 else { throw failure("a value is missing") }
        depth -= 1
        position += 1
      case UInt8(ascii: "\""): try skipQuoted()
      case _ where startsLiteral: _ = try literal()
      case 0x20 where depth > 0: position += 1
      default:
        let atom = skippedAtom()
        guard atom > 0 else { throw failure("a value is missing") }
      }
    } while depth > 0
  }

  private mutating func skippedAtom() -> Int {
    let start = position
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, UInt8(ascii: "("), UInt8(ascii: ")"): return position - start
      default: position += 1
      }
    }
    return position - start
  }

  // MARK: Errors

  func failure(_ message: String) -> ParseError {
    ParseError(message, excerpt: excerpt(at: position))
  }

  /// A few printable characters around a place; never a literal's contents, which may be mail.
  func excerpt(at place: Int) -> String {
    let firstLine = bytes.firstIndex(of: 0x0a) ?? bytes.count
    let end = min(bytes.count, place + 20, max(firstLine, 0))
    let start = max(0, min(place, end) - 40)
    guard start < end else { return "" }
    return String(
      decoding: bytes[start..<end].map { $0 >= 0x20 && $0 < 0x7f ? $0 : UInt8(ascii: "?") },
      as: UTF8.self)
  }
}
