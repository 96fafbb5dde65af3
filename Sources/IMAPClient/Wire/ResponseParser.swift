/// Parses one complete response, its line end removed. RFC 9051 §7 and §9.
struct ResponseParser {
  var lexer: ResponseLexer
  /// A body that came as a quoted string or a gathered literal.
  var body: [UInt8]?

  let flagLists: FlagListCache

  init(_ bytes: UnsafeRawBufferPointer, flagLists: FlagListCache = FlagListCache()) {
    lexer = ResponseLexer(bytes)
    self.flagLists = flagLists
  }

  mutating func parse() throws(ParseError) -> Response {
    if lexer.skip("* ") {
      lexer.skipSpaces()
      return try untagged()
    }
    if lexer.skip("+") {
      lexer.skipSpaces()
      return .continuation(Array(lexer.rest))
    }
    return try tagged()
  }

  /// Whether a line is an answer whose text is meant for people: it can't announce a literal.
  static func isForPeople(_ line: UnsafeRawBufferPointer) -> Bool {
    guard let first = line.first else { return true }
    if first == UInt8(ascii: "+") { return true }
    // No tag and no condition is long: the rest need not be looked at.
    var lexer = ResponseLexer(UnsafeRawBufferPointer(rebasing: line.prefix(40)))
    _ = lexer.word()
    guard lexer.skip(" ") else { return false }
    lexer.skipSpaces()
    let word = lexer.word()
    return condition(word) != nil
  }

  /// Responses that may name every message of a mailbox.
  static func mayBeLong(_ line: UnsafeRawBufferPointer) -> Bool {
    var lexer = ResponseLexer(line)
    guard lexer.skip("* ") else { return false }
    lexer.skipSpaces()
    return lexer.skip("SEARCH") || lexer.skip("ESEARCH") || lexer.skip("VANISHED")
  }

  // response-tagged = tag SP resp-cond-state CRLF
  private mutating func tagged() throws(ParseError) -> Response {
    guard lexer.skip("m"), let number = try? lexer.number(), lexer.skip(" ") else {
      throw lexer.failure("expected an answer")
    }
    guard let condition = ResponseParser.condition(lexer.word()), condition != .bye,
      condition != .preauth
    else { throw lexer.failure("expected OK, NO or BAD") }
    return .tagged(Tag(number), try status(condition))
  }

  private mutating func untagged() throws(ParseError) -> Response {
    if lexer.startsNumber { return try messageData() }
    let word = lexer.word()
    if let condition = ResponseParser.condition(word) { return .status(try status(condition)) }
    return try data(word)
  }

  private static func condition(_ word: UnsafeRawBufferPointer) -> StatusResponse.Condition? {
    if ResponseLexer.equal(word, "OK") { return .ok }
    if ResponseLexer.equal(word, "NO") { return .no }
    if ResponseLexer.equal(word, "BAD") { return .bad }
    if ResponseLexer.equal(word, "BYE") { return .bye }
    if ResponseLexer.equal(word, "PREAUTH") { return .preauth }
    return nil
  }

  // message-data = nz-number SP ("EXPUNGE" / ("FETCH" SP msg-att)) / number SP "EXISTS" …
  private mutating func messageData() throws(ParseError) -> Response {
    let number = try lexer.number()
    try lexer.expect(" ")
    let word = lexer.word()
    if ResponseLexer.equal(word, "FETCH") {
      lexer.skipSpaces()
      return .fetch(try fetch(number))
    }
    if ResponseLexer.equal(word, "EXISTS") { return .exists(number) }
    if ResponseLexer.equal(word, "RECENT") { return .recent(number) }
    if ResponseLexer.equal(word, "EXPUNGE") {
      guard number > 0 else { throw lexer.failure("message 0 is expunged") }
      return .expunge(number)
    }
    return .unknown
  }

  private mutating func data(_ word: UnsafeRawBufferPointer) throws(ParseError) -> Response {
    lexer.skipSpaces()
    if ResponseLexer.equal(word, "CAPABILITY") { return .capability(capabilities()) }
    if ResponseLexer.equal(word, "ENABLED") { return .enabled(capabilities()) }
    if ResponseLexer.equal(word, "LIST") { return .list(try list(isSubscription: false)) }
    if ResponseLexer.equal(word, "LSUB") { return .list(try list(isSubscription: true)) }
    if ResponseLexer.equal(word, "STATUS") { return try mailboxStatus() }
    if ResponseLexer.equal(word, "MYRIGHTS") { return myRights() }
    if ResponseLexer.equal(word, "FLAGS") { return .flags(try flagNames()) }
    if ResponseLexer.equal(word, "VANISHED") { return try vanished() }
    if ResponseLexer.equal(word, "SEARCH") { return try search() }
    if ResponseLexer.equal(word, "ESEARCH") { return .esearch(try esearch()) }
    if ResponseLexer.equal(word, "NAMESPACE") { return .namespace(try namespace()) }
    if ResponseLexer.equal(word, "ID") { return .id(id()) }
    return .unknown
  }

  // capability-data = "CAPABILITY" *(SP capability)
  mutating func capabilities() -> [Capability] {
    var list: [Capability] = []
    while true {
      lexer.skipSpaces()
      let word = lexer.looseCapability()
      guard !word.isEmpty else { return list }
      list.append(Capability(String(decoding: word, as: UTF8.self)))
    }
  }

  // flag-list = "(" [flag *(SP flag)] ")"
  mutating func flagNames() throws(ParseError) -> [[UInt8]] {
    try lexer.expect("(")
    var names: [[UInt8]] = []
    while true {
      lexer.skipSpaces()
      if lexer.skip(")") { return names }
      let name = lexer.looseAtom()
      guard !name.isEmpty else { throw lexer.failure("a list of flags does not end") }
      names.append(Array(name))
    }
  }

  // VANISHED [(EARLIER)] known-uids                                          RFC 7162 §7
  private mutating func vanished() throws(ParseError) -> Response {
    let isEarlier = lexer.skip("(EARLIER)")
    lexer.skipSpaces()
    return .vanished(earlier: isEarlier, try lexer.uidSet())
  }

  // "SEARCH" *(SP nz-number) [SP "(" "MODSEQ" SP mod-sequence-value ")"]      RFC 7162 §7
  private mutating func search() throws(ParseError) -> Response {
    var numbers: [UInt32] = []
    var modSeq: ModSequence?
    while true {
      lexer.skipSpaces()
      if lexer.isAtEnd { return .search(numbers, modSeq: modSeq) }
      if lexer.skip("(MODSEQ ") {
        modSeq = ModSequence(try lexer.number64())
        try lexer.expect(")")
        continue
      }
      let number = try lexer.number()
      if number > 0 { numbers.append(number) }
    }
  }

  // esearch-response = "ESEARCH" [search-correlator] [SP "UID"] *(SP search-return-data)
  private mutating func esearch() throws(ParseError) -> ESearchResponse {
    var response = ESearchResponse()
    if lexer.skip("(") { response.tag = try correlator() }
    while true {
      lexer.skipSpaces()
      if lexer.isAtEnd { return response }
      let name = lexer.word()
      lexer.skipSpaces()
      if ResponseLexer.equal(name, "UID") {
        response.isUID = true
      } else if ResponseLexer.equal(name, "ALL") {
        // Some servers name ALL without a set where nothing was found.
        response.all = lexer.startsNumber ? try lexer.uidSet() : nil
      } else if ResponseLexer.equal(name, "COUNT") {
        response.count = try lexer.number()
      } else if ResponseLexer.equal(name, "MIN") {
        response.min = try lexer.number()
      } else if ResponseLexer.equal(name, "MAX") {
        response.max = try lexer.number()
      } else if ResponseLexer.equal(name, "MODSEQ") {
        response.modSeq = ModSequence(try lexer.number64())
      } else {
        try lexer.skipValue()
      }
    }
  }

  // search-correlator = SP "(" "TAG" SP tag-string ")"                        RFC 9051 §9
  // RFC 7377 §2.2 adds MAILBOX and UIDVALIDITY.
  private mutating func correlator() throws(ParseError) -> Tag? {
    var tag: Tag?
    while true {
      lexer.skipSpaces()
      if lexer.skip(")") { return tag }
      let name = lexer.word()
      guard !name.isEmpty else { throw lexer.failure("a search's tag does not end") }
      lexer.skipSpaces()
      guard ResponseLexer.equal(name, "TAG") else {
        try lexer.skipValue()
        continue
      }
      let text = String(decoding: try lexer.astring(), as: UTF8.self)
      if text.hasPrefix("m") { tag = UInt32(text.dropFirst()).map(Tag.init) }
    }
  }

  // id-response = "ID" SP ("(" [field-value-pairs] ")" / nil)                 RFC 2971 §4
  private mutating func id() -> [IDField] {
    guard lexer.skip("(") else { return [] }
    var fields: [IDField] = []
    while true {
      lexer.skipSpaces()
      if lexer.skip(")") { return fields }
      // Nothing depends on it: what can't be read is left out.
      guard let key = try? lexer.nstring() else { return fields }
      lexer.skipSpaces()
      fields.append(IDField(key: key, value: try? lexer.nstring()))
    }
  }
}

extension ResponseLexer {
  /// A capability's name: up to a space or the bracket that closes the response code.
  mutating func looseCapability() -> UnsafeRawBufferPointer {
    let start = position
    while let byte = next, byte != 0x20, byte != UInt8(ascii: "]") { advance() }
    return UnsafeRawBufferPointer(rebasing: bytes[start..<position])
  }
}
