/// BODYSTRUCTURE. Servers write it in many ways that RFC 9051 does not know; what can't be read is not an
/// error, but a message whose parts are not known.
extension ResponseParser {
  /// - Parameter bytes: a value that is well formed as to parentheses and strings.
  /// - Returns: `nil` if it is no body.
  static func parts(ofBody bytes: UnsafeRawBufferPointer) -> [BodyPart]? {
    var parser = BodyParser(bytes)
    do throws(ParseError) {
      try parser.body(section: [], parent: [], parentNumber: 0, depth: 0)
    } catch {
      return nil
    }
    return parser.parts
  }
}

// body = "(" (body-type-1part / body-type-mpart) ")"                         RFC 9051 §9
private struct BodyParser {
  private var lexer: ResponseLexer
  private(set) var parts: [BodyPart] = []
  private var multiparts = 0

  init(_ bytes: UnsafeRawBufferPointer) { lexer = ResponseLexer(bytes) }

  mutating func body(
    section: [UInt32], parent: [UInt8], parentNumber: Int, depth: Int
  ) throws(ParseError) {
    guard depth < 16 else { throw lexer.failure("a message has too many levels") }
    try lexer.expect("(")
    lexer.skipSpaces()
    if lexer.next == UInt8(ascii: "(") {
      try multipart(section, depth)
    } else {
      try single(section.isEmpty ? [1] : section, parent, parentNumber)
    }
    try endOfList()
  }

  // body-type-mpart = 1*body SP media-subtype [SP body-ext-mpart]
  private mutating func multipart(_ section: [UInt32], _ depth: Int) throws(ParseError) {
    let subtype = try subtypeAfterBodies()
    multiparts += 1
    let number = multiparts
    var index: UInt32 = 0
    while lexer.next == UInt8(ascii: "(") {
      index += 1
      try body(section: section + [index], parent: subtype, parentNumber: number, depth: depth + 1)
      lexer.skipSpaces()
    }
  }

  /// The parts need to know what they are parts of, which stands after them.
  private mutating func subtypeAfterBodies() throws(ParseError) -> [UInt8] {
    let start = lexer.position
    while lexer.next == UInt8(ascii: "(") {
      try lexer.skipValue()
      lexer.skipSpaces()
    }
    let subtype = try lexer.nstring() ?? []
    lexer.advance(to: start)
    return BodyParser.lowercased(subtype)
  }

  // media SP body-fields: type, subtype, parameters, id, description, encoding, octets
  private mutating func single(
    _ section: [UInt32], _ parent: [UInt8], _ parentNumber: Int
  ) throws(ParseError) {
    let type = try field()
    let subtype = try field()
    lexer.skipSpaces()
    var name = try parameter("NAME")
    for _ in 0..<3 {
      lexer.skipSpaces()
      try lexer.skipValue()
    }
    lexer.skipSpaces()
    let size = try lexer.number64()
    var isAttachment = false
    // Of what follows only the disposition matters: a list that begins with a word, and not with NIL.
    while try !isAtEnd() {
      guard lexer.next == UInt8(ascii: "(") else {
        try lexer.skipValue()
        continue
      }
      if let (word, file) = try disposition() {
        isAttachment = isAttachment || word == Array("attachment".utf8)
        name = file ?? name
      }
    }
    guard parts.count < BodyPart.limit else { return }
    parts.append(
      BodyPart(
        section: section, type: BodyParser.lowercased(type + [UInt8(ascii: "/")] + subtype),
        name: name, size: size, isAttachment: isAttachment, parent: parent,
        parentNumber: parentNumber))
  }

  private mutating func field() throws(ParseError) -> [UInt8] {
    lexer.skipSpaces()
    return try lexer.nstring() ?? []
  }

  // body-fld-dsp = "(" string SP body-fld-param ")" / nil
  private mutating func disposition() throws(ParseError) -> (word: [UInt8], name: [UInt8]?)? {
    let start = lexer.position
    try lexer.skipValue()
    let end = lexer.position
    lexer.advance(to: start)
    defer { lexer.advance(to: end) }
    try lexer.expect("(")
    guard lexer.next == UInt8(ascii: "\""), let word = try lexer.string() else { return nil }
    lexer.skipSpaces()
    guard lexer.next == UInt8(ascii: "(") else { return (BodyParser.lowercased(word), nil) }
    return (BodyParser.lowercased(word), try parameter("FILENAME"))
  }

  // body-fld-param = "(" string SP string *(SP string SP string) ")" / nil
  private mutating func parameter(_ wanted: StaticString) throws(ParseError) -> [UInt8]? {
    guard lexer.skip("(") else {
      try lexer.skipValue()
      return nil
    }
    var found: [UInt8]?
    while try !isAtEnd() {
      let key = try lexer.nstring() ?? []
      lexer.skipSpaces()
      let value = try lexer.nstring()
      let isWanted = key.withUnsafeBytes { bytes in
        // `NAME*` is a name in an encoding. RFC 2231 §4
        let plain =
          bytes.last == UInt8(ascii: "*")
          ? UnsafeRawBufferPointer(rebasing: bytes.dropLast()) : bytes
        return ResponseLexer.equal(plain, wanted)
      }
      if isWanted { found = found ?? value }
    }
    try lexer.expect(")")
    return found
  }

  private mutating func isAtEnd() throws(ParseError) -> Bool {
    lexer.skipSpaces()
    guard let next = lexer.next else { throw lexer.failure("a body does not end") }
    return next == UInt8(ascii: ")")
  }

  private mutating func endOfList() throws(ParseError) {
    while try !isAtEnd() { try lexer.skipValue() }
    try lexer.expect(")")
  }

  private static func lowercased(_ bytes: [UInt8]) -> [UInt8] {
    bytes.map { $0 >= 0x41 && $0 <= 0x5a ? $0 | 0x20 : $0 }
  }
}
