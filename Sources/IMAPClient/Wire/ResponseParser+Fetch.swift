extension ResponseParser {
  /// Parses a FETCH response as far as it goes before a body: `* 12 FETCH (UID 7 BODY[] `.
  static func parseBeginning(
    ofFetch bytes: UnsafeRawBufferPointer
  ) throws(ParseError) -> FetchResponse {
    var parser = ResponseParser(bytes)
    guard parser.lexer.skip("* ") else { throw parser.lexer.failure("expected FETCH") }
    let number = try parser.lexer.number()
    guard number > 0 else { throw parser.lexer.failure("message 0 is fetched") }
    var response = FetchResponse(sequenceNumber: number)
    guard parser.lexer.skip(" FETCH (") else { throw parser.lexer.failure("expected FETCH") }
    while true {
      parser.lexer.skipSpaces()
      guard !parser.lexer.isAtEnd else { return response }
      let name = parser.lexer.word()
      if parser.lexer.isBody(name), parser.body == nil { return response }
      try parser.item(name, &response)
    }
  }

  // msg-att = "(" msg-att-item *(SP msg-att-item) ")"                         RFC 9051 §9
  mutating func fetch(_ sequenceNumber: UInt32) throws(ParseError) -> FetchResponse {
    guard sequenceNumber > 0 else { throw lexer.failure("message 0 is fetched") }
    var response = FetchResponse(sequenceNumber: sequenceNumber)
    try lexer.expect("(")
    while true {
      lexer.skipSpaces()
      if lexer.skip(")") { return response }
      let name = lexer.word()
      guard !name.isEmpty else { throw lexer.failure("a FETCH response does not end") }
      try item(name, &response)
    }
  }

  private mutating func item(
    _ name: UnsafeRawBufferPointer, _ response: inout FetchResponse
  ) throws(ParseError) {
    if lexer.next == UInt8(ascii: "[") {
      try section(name, &response)
      return
    }
    lexer.skipSpaces()
    if ResponseLexer.equal(name, "UID") {
      response.uid = try lexer.uid()
    } else if ResponseLexer.equal(name, "FLAGS") {
      response.flags = try flags()
    } else if ResponseLexer.equal(name, "MODSEQ") {
      try lexer.expect("(")
      response.modSeq = ModSequence(try lexer.number64())
      try lexer.expect(")")
    } else if ResponseLexer.equal(name, "RFC822.SIZE") {
      response.size = try lexer.number64()
    } else if ResponseLexer.equal(name, "INTERNALDATE") {
      response.internalDate = try internalDate()
    } else if ResponseLexer.equal(name, "EMAILID") || ResponseLexer.equal(name, "X-GUID")
      || ResponseLexer.equal(name, "X-GM-MSGID")
    {
      response.emailID = try identifier()
    } else if ResponseLexer.equal(name, "RFC822") {
      try takeBody(&response)
    } else if ResponseLexer.equal(name, "RFC822.HEADER") {
      response.header = try lexer.nstring() ?? []
    } else if ResponseLexer.equal(name, "BODYSTRUCTURE") {
      try structure(&response)
    } else {
      try lexer.skipValue()
    }
  }

  private mutating func structure(_ response: inout FetchResponse) throws(ParseError) {
    let start = lexer.position
    try lexer.skipValue()
    response.structure = ResponseParser.parts(
      ofBody: UnsafeRawBufferPointer(rebasing: lexer.bytes[start..<lexer.position]))
  }

  // "BODY" section ["<" number ">"] SP nstring                               RFC 9051 §9
  private mutating func section(
    _ name: UnsafeRawBufferPointer, _ response: inout FetchResponse
  ) throws(ParseError) {
    let isBody = ResponseLexer.equal(name, "BODY")
    let isWhole = lexer.skip("[]")
    let isHeader = !isWhole && lexer.skip("[HEADER")
    let start = lexer.position
    if !isWhole { try lexer.skipSection() }
    let end = lexer.position
    if lexer.skip("<") {
      _ = try lexer.number64()
      try lexer.expect(">")
    }
    lexer.skipSpaces()
    switch (isBody, isWhole, isHeader) {
    case (true, true, _): try takeBody(&response)
    case (true, false, true): response.header = try lexer.nstring() ?? []
    case (true, false, false):
      // `[1.2.MIME]`
      let name = String(decoding: lexer.bytes[start..<end].dropFirst().dropLast(), as: UTF8.self)
      response.sections[name.uppercased()] = try lexer.nstring() ?? []
    default: try lexer.skipValue()
    }
  }

  private mutating func takeBody(_ response: inout FetchResponse) throws(ParseError) {
    guard body == nil else { throw lexer.failure("a message has two bodies") }
    body = try lexer.nstring() ?? []
    response.hadBody = true
  }

  // date-time                                                                RFC 9051 §9
  /// A date that can't be read is none: whoever needs it can name the message.
  private mutating func internalDate() throws(ParseError) -> InternalDate? {
    if let text = try lexer.plainQuoted() { return InternalDate(imap: text) }
    return try lexer.nstring().flatMap { InternalDate(imap: $0) }
  }

  // "EMAILID" SP "(" objectid ")"                                            RFC 8474 §7
  mutating func identifier() throws(ParseError) -> [UInt8]? {
    guard lexer.skip("(") else { return try lexer.nstring() }
    lexer.skipSpaces()
    let value = try lexer.nstring()
    lexer.skipSpaces()
    try lexer.expect(")")
    return value
  }

  // "FLAGS" SP "(" [flag-fetch *(SP flag-fetch)] ")"                         RFC 9051 §9
  private mutating func flags() throws(ParseError) -> FlagSet {
    let start = lexer.position
    try lexer.expect("(")
    var system: SystemFlags = []
    var hasKeywords = false
    var count = 0
    while let name = try nextFlag() {
      // No server keeps so many; with all that a line can hold, one message would keep us for minutes.
      count += 1
      guard count <= ResponseParser.flagLimit else {
        throw lexer.failure("a message has more than \(ResponseParser.flagLimit) flags")
      }
      if name.first == UInt8(ascii: "\\") {
        // \Recent and flags that no client may set are none of ours.
        if let flag = ResponseParser.systemFlag(name) { system.insert(flag) }
      } else {
        hasKeywords = true
      }
    }
    guard hasKeywords else { return FlagSet(system) }
    let list = UnsafeRawBufferPointer(rebasing: lexer.bytes[start..<lexer.position])
    let flags = flagLists.flags(of: list) {
      FlagSet(said: system, keywords: ResponseParser.keywords(in: list))
    }
    guard let flags else {
      throw lexer.failure("there are too many different sets of keywords")
    }
    return flags
  }

  private static let flagLimit = 1000

  /// The next word of a list of flags; `nil` at its end, which is passed.
  private mutating func nextFlag() throws(ParseError) -> UnsafeRawBufferPointer? {
    lexer.skipSpaces()
    if lexer.skip(")") { return nil }
    let name = lexer.looseAtom()
    guard !name.isEmpty else { throw lexer.failure("a list of flags does not end") }
    return name
  }

  /// - Parameter list: a list of flags that was read before.
  private static func keywords(in list: UnsafeRawBufferPointer) -> [Keyword] {
    list.dropFirst().dropLast().split(separator: 0x20).compactMap { name in
      Keyword(String(decoding: name, as: UTF8.self))
    }
  }

  private static func systemFlag(_ name: UnsafeRawBufferPointer) -> SystemFlags? {
    if ResponseLexer.equal(name, "\\Seen") { return .seen }
    if ResponseLexer.equal(name, "\\Answered") { return .answered }
    if ResponseLexer.equal(name, "\\Flagged") { return .flagged }
    if ResponseLexer.equal(name, "\\Deleted") { return .deleted }
    if ResponseLexer.equal(name, "\\Draft") { return .draft }
    return nil
  }
}

extension ResponseLexer {
  /// What follows the item's name is the section of the whole message, or nothing but its value.
  fileprivate func isBody(_ name: UnsafeRawBufferPointer) -> Bool {
    if ResponseLexer.equal(name, "RFC822") { return next == nil || next == 0x20 }
    return ResponseLexer.equal(name, "BODY") && ResponseLexer.matches(bytes, at: position, "[]")
  }

  /// Skips the rest of a section with its closing bracket; header names in it may be strings.
  fileprivate mutating func skipSection() throws(ParseError) {
    _ = skip("[")
    while let byte = next {
      switch byte {
      case UInt8(ascii: "]"):
        advance()
        return
      case UInt8(ascii: "\""), UInt8(ascii: "{"): _ = try string()
      default: advance()
      }
    }
    throw failure("a section does not end")
  }
}
