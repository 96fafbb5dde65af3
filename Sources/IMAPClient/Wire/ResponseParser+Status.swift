extension ResponseParser {
  // resp-text = ["[" resp-text-code "]" SP] [text]                           RFC 9051 §9
  mutating func status(
    _ condition: StatusResponse.Condition
  ) throws(ParseError) -> StatusResponse {
    lexer.skipSpaces()
    var response = StatusResponse(condition)
    if lexer.next == UInt8(ascii: "["), lexer.rest.contains(UInt8(ascii: "]")) {
      let start = lexer.position
      lexer.advance()
      if let code = try code() {
        response.code = code
        lexer.skipToClosingBracket()
      } else {
        // Text that happens to begin with a bracket.
        lexer.advance(to: start)
      }
    }
    lexer.skipSpaces()
    response.text = Array(lexer.rest)
    return response
  }

  // resp-text-code                                                           RFC 9051 §9
  private mutating func code() throws(ParseError) -> ResponseCode? {
    let word = lexer.word()
    guard !word.isEmpty else { return nil }
    let name = String(decoding: word, as: UTF8.self).uppercased()
    if let plain = ResponseParser.plainCodes[name] { return plain }
    lexer.skipSpaces()
    let start = lexer.position
    do throws(ParseError) {
      return try valued(name) ?? .other(name)
    } catch {
      // A code says more than its answer and is no part of it. But whoever does not understand
      // which messages MODIFIED names takes a change for made that was not.
      guard name != "MODIFIED" else { throw error }
      lexer.advance(to: start)
      return .other(name)
    }
  }

  /// Codes that are a name and nothing else. RFC 9051 §7.1, RFC 5530 §3.
  private static let plainCodes: [String: ResponseCode] = [
    "ALERT": .alert, "READ-ONLY": .readOnly, "READ-WRITE": .readWrite, "TRYCREATE": .tryCreate,
    "UIDNOTSTICKY": .uidNotSticky, "NOMODSEQ": .noModSeq, "CLOSED": .closed,
    "OVERQUOTA": .overQuota, "TOOBIG": .tooBig, "LIMIT": .limit,
    "ALREADYEXISTS": .alreadyExists, "NONEXISTENT": .nonExistent, "NOPERM": .noPermission,
    "AUTHENTICATIONFAILED": .authenticationFailed, "AUTHORIZATIONFAILED": .authorizationFailed,
    "EXPIRED": .expired, "PRIVACYREQUIRED": .privacyRequired, "UNAVAILABLE": .unavailable,
    "SERVERBUG": .serverBug, "CLIENTBUG": .clientBug, "CONTACTADMIN": .contactAdmin,
    "INUSE": .inUse, "EXPUNGEISSUED": .expungeIssued, "CANNOT": .cannot,
    "COMPRESSIONACTIVE": .compressionActive, "BADCHARSET": .badCharset, "UNKNOWN-CTE": .unknownCTE,
  ]

  private mutating func valued(_ name: String) throws(ParseError) -> ResponseCode? {
    switch name {
    case "CAPABILITY": return .capability(capabilities())
    case "PERMANENTFLAGS": return .permanentFlags(try flagNames())
    case "UIDNEXT": return UID(try lexer.number()).map { .uidNext($0) }
    case "UIDVALIDITY": return UIDValidity(try lexer.number()).map { .uidValidity($0) }
    case "UNSEEN": return .unseen(try lexer.number())
    case "HIGHESTMODSEQ": return ModSequence(try lexer.number64()).map { .highestModSeq($0) }
    case "MODIFIED": return .modified(try lexer.uidSet())
    case "APPENDUID": return try appendUID()
    case "COPYUID": return try copyUID()
    case "MAILBOXID": return try identifier().map { .mailboxID($0) }
    case "MESSAGELIMIT": return try messageLimit()
    default: return nil
    }
  }

  // resp-code-apnd = "APPENDUID" SP nz-number SP append-uid                   RFC 4315 §4
  private mutating func appendUID() throws(ParseError) -> ResponseCode? {
    let validity = UIDValidity(try lexer.number())
    lexer.skipSpaces()
    let uids = try lexer.uidSet()
    return validity.map { .appendUID($0, uids) }
  }

  // resp-code-copy = "COPYUID" SP nz-number SP uid-set SP uid-set             RFC 4315 §4
  private mutating func copyUID() throws(ParseError) -> ResponseCode? {
    let validity = UIDValidity(try lexer.number())
    lexer.skipSpaces()
    let from = try lexer.ranges()
    lexer.skipSpaces()
    let to = try lexer.ranges()
    return validity.map { .copyUID($0, from: from, to: to) }
  }

  // "MESSAGELIMIT" SP number [SP uniqueid]                                   RFC 9738 §6
  private mutating func messageLimit() throws(ParseError) -> ResponseCode {
    let limit = try lexer.number()
    lexer.skipSpaces()
    return .messageLimit(limit, lexer.startsNumber ? try lexer.uid() : nil)
  }
}

extension ResponseLexer {
  fileprivate mutating func skipToClosingBracket() {
    while let byte = next {
      advance()
      if byte == UInt8(ascii: "]") { return }
    }
  }
}
