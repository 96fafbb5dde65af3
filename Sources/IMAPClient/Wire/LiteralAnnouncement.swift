import Glibc

/// A literal that the end of a line announces: `{12}`, `{12+}`, `~{12}`.
/// RFC 9051 §4.3, RFC 7888, RFC 3516 §4.1.
struct LiteralAnnouncement {
  /// Where `{` or `~{` stands.
  let start: Int
  /// `nil` if it is no number below 2^63.
  let size: UInt64?

  /// - Parameters:
  ///   - response: everything of it so far, the line's end last.
  ///   - textStart: where the text after its last literal begins.
  /// - Returns: `nil` if nothing is announced. What people are to read may look as if.
  init?(endOf response: UnsafeRawBufferPointer, from textStart: Int) {
    var end = response.count
    if end > textStart, response[end - 1] == 0x0a { end -= 1 }
    if end > textStart, response[end - 1] == 0x0d { end -= 1 }
    guard end > textStart, response[end - 1] == UInt8(ascii: "}") else { return nil }
    end -= 1
    if end > textStart, response[end - 1] == UInt8(ascii: "+") { end -= 1 }
    var digits = end
    while digits > textStart, response[digits - 1].isDigit { digits -= 1 }
    guard digits < end, digits > textStart, response[digits - 1] == UInt8(ascii: "{"),
      !ResponseParser.isForPeople(response)
    else { return nil }
    size = LiteralAnnouncement.number(response[digits..<end])
    let brace = digits - 1
    start = brace > textStart && response[brace - 1] == UInt8(ascii: "~") ? brace - 1 : brace
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

extension ResponseParser {
  /// Whether a literal after `head` is a message's body: a FETCH response that stops after `BODY[]`,
  /// `BODY[]<0>` or `RFC822`.
  static func isBody(after head: UnsafeRawBufferPointer, from textStart: Int) -> Bool {
    var end = head.count
    while end > textStart, head[end - 1] == 0x20 { end -= 1 }
    if end > textStart, head[end - 1] == UInt8(ascii: ">") {
      end -= 1
      while end > textStart, head[end - 1].isDigit { end -= 1 }
      guard end > textStart, head[end - 1] == UInt8(ascii: "<") else { return false }
      end -= 1
    }
    let item = UnsafeRawBufferPointer(rebasing: head[textStart..<end])
    guard
      ResponseLexer.ends(item, with: " BODY[]") || ResponseLexer.ends(item, with: "(BODY[]")
        || ResponseLexer.ends(item, with: " RFC822") || ResponseLexer.ends(item, with: "(RFC822")
    else { return false }
    var lexer = ResponseLexer(head)
    guard lexer.skip("* "), lexer.next?.isDigit == true, (try? lexer.number()) != nil else {
      return false
    }
    return lexer.skip(" FETCH (")
  }
}

extension UInt8 {
  var isDigit: Bool { self >= 0x30 && self <= 0x39 }
}

extension UnsafeRawBufferPointer {
  /// Where the first line feed stands.
  public var firstNewline: Int? {
    guard let baseAddress, let found = memchr(baseAddress, 0x0a, count) else { return nil }
    return UnsafeRawPointer(found) - baseAddress
  }
}
