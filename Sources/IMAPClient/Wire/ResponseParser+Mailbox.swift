extension ResponseParser {
  // mailbox-list = "(" [mbx-list-flags] ")" SP (DQUOTE QUOTED-CHAR DQUOTE / nil) SP mailbox …
  mutating func list(isSubscription: Bool) throws(ParseError) -> ListResponse {
    let attributes = try flagNames().map { String(decoding: $0, as: UTF8.self).lowercased() }
    lexer.skipSpaces()
    let separator = try separator()
    lexer.skipSpaces()
    let mailbox = try lexer.mailbox()
    // What RFC 5258 adds after the name (CHILDINFO, OLDNAME) is not asked for.
    return ListResponse(
      attributes: attributes, separator: separator, mailbox: mailbox,
      isSubscription: isSubscription)
  }

  private mutating func separator() throws(ParseError) -> UInt8? {
    guard let text = try lexer.nstring(), let first = text.first else { return nil }
    guard text.count == 1, first >= 0x20, first < 0x7f else {
      throw lexer.failure("a separator that is not one character")
    }
    return first
  }

  // mailbox-data = "STATUS" SP mailbox SP "(" [status-att-list] ")"           RFC 9051 §9
  mutating func mailboxStatus() throws(ParseError) -> Response {
    let mailbox = try lexer.mailbox()
    lexer.skipSpaces()
    try lexer.expect("(")
    var status = MailboxStatus()
    while true {
      lexer.skipSpaces()
      if lexer.skip(")") { return .mailboxStatus(mailbox: mailbox, status) }
      let name = lexer.word()
      guard !name.isEmpty else { throw lexer.failure("a STATUS response does not end") }
      lexer.skipSpaces()
      try item(name, &status)
    }
  }

  // myrights-data = "MYRIGHTS" SP mailbox SP rights                           RFC 4314 §7
  /// What tells no rights in this form, tells nothing.
  mutating func myRights() -> Response {
    guard let mailbox = try? lexer.mailbox() else { return .unknown }
    lexer.skipSpaces()
    guard let rights = try? lexer.astring(), !rights.isEmpty, rights != Array("NIL".utf8) else {
      return .unknown
    }
    return .myRights(mailbox: mailbox, rights)
  }

  private mutating func item(
    _ name: UnsafeRawBufferPointer, _ status: inout MailboxStatus
  ) throws(ParseError) {
    if ResponseLexer.equal(name, "MESSAGES") {
      status.messages = try lexer.number()
    } else if ResponseLexer.equal(name, "UIDNEXT") {
      status.uidNext = UID(try lexer.number())
    } else if ResponseLexer.equal(name, "UIDVALIDITY") {
      status.uidValidity = UIDValidity(try lexer.number())
    } else if ResponseLexer.equal(name, "HIGHESTMODSEQ") {
      status.highestModSeq = ModSequence(try lexer.number64())
    } else if ResponseLexer.equal(name, "UNSEEN") {
      status.unseen = try lexer.number()
    } else if ResponseLexer.equal(name, "SIZE") {
      status.size = try lexer.number64()
    } else if ResponseLexer.equal(name, "APPENDLIMIT") {
      status.appendLimit = lexer.skipNIL() ? nil : try lexer.number64()
    } else if ResponseLexer.equal(name, "MAILBOXID") || ResponseLexer.equal(name, "X-GUID") {
      status.mailboxID = try mailboxID()
    } else {
      try lexer.skipValue()
    }
  }

  /// MAILBOXID in parentheses (RFC 8474 §7) or X-GUID without.
  private mutating func mailboxID() throws(ParseError) -> [UInt8]? {
    if lexer.next == UInt8(ascii: "(") { return try lexer.parenthesizedObjectID() }
    return try lexer.nstring()
  }

  // namespace-response = "NAMESPACE" SP namespace SP namespace SP namespace   RFC 2342 §6
  mutating func namespace() throws(ParseError) -> NamespaceResponse {
    let personal = try namespaceEntries()
    lexer.skipSpaces()
    let others = try namespaceEntries()
    lexer.skipSpaces()
    return NamespaceResponse(
      personal: personal, others: others, shared: try namespaceEntries())
  }

  private mutating func namespaceEntries() throws(ParseError) -> [NamespaceResponse.Entry] {
    if lexer.skipNIL() { return [] }
    try lexer.expect("(")
    var entries: [NamespaceResponse.Entry] = []
    while true {
      lexer.skipSpaces()
      if lexer.skip(")") { return entries }
      try lexer.expect("(")
      guard let prefix = try lexer.nstring() else {
        throw lexer.failure("a namespace has no prefix")
      }
      lexer.skipSpaces()
      entries.append(NamespaceResponse.Entry(prefix: prefix, separator: try separator()))
      while !lexer.skip(")") {
        lexer.skipSpaces()
        if lexer.next == UInt8(ascii: ")") { continue }
        try lexer.skipValue()
      }
    }
  }
}

extension ResponseLexer {
  /// A mailbox name; as an atom it may hold what atoms must not, because servers send such names.
  fileprivate mutating func mailbox() throws(ParseError) -> [UInt8] {
    if let string = try string() { return string }
    let start = position
    while let byte = next, byte != 0x20 { advance() }
    guard position > start else { throw failure("a mailbox has no name") }
    return Array(bytes[start..<position])
  }
}
