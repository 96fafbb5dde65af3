import IMAPClient
import TestSupport
import Testing

/// However the bytes are cut into pieces, they mean the same.
func expectAtEveryCut(
  _ bytes: [UInt8], _ expected: ReadResult, limits: WireLimits = .standard,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let byByte = ReadResult(bytes, cuts: 1..<max(bytes.count, 2), limits: limits)
  #expect(byByte == expected, "byte by byte", sourceLocation: sourceLocation)
  for cut in 0...bytes.count {
    let result = ReadResult(bytes, cuts: [cut], limits: limits)
    #expect(result == expected, "cut at \(cut)", sourceLocation: sourceLocation)
  }
}

@Suite("responses") struct WireCorpusTests {
  @Test(arguments: WireCorpus.all)
  func corpus(row: WireRow) {
    let result = ReadResult(row.input)
    #expect(result.failure == nil)
    #expect(result.responses == row.expected)
    expectAtEveryCut(row.input, result)
  }

  @Test("every prefix of a response gives nothing but what was whole", arguments: WireCorpus.all)
  func prefixes(row: WireRow) {
    let whole = ReadResult(row.input).events
    for count in 0..<row.input.count {
      let result = ReadResult(Array(row.input[..<count]))
      #expect(result.failure == nil)
      #expect(whole.starts(with: result.events))
    }
  }

  @Test("lines may end in LF alone", arguments: WireCorpus.all.filter { !$0.input.contains(0x7b) })
  func bareLineFeeds(row: WireRow) {
    #expect(ReadResult(row.input.filter { $0 != 0x0d }).responses == row.expected)
  }

  @Test("one reader takes everything one after the other")
  func together() {
    let rows = WireCorpus.all
    let bytes = rows.flatMap(\.input)
    let expected = rows.flatMap(\.expected)
    for size in [1, 7, 64, 4096, bytes.count] {
      let result = ReadResult(bytes, cuts: stride(from: size, to: bytes.count, by: size))
      #expect(result.failure == nil)
      #expect(result.responses == expected)
    }
  }

  @Test(
    "what is no IMAP is refused",
    arguments: [
      "HTTP/1.1 400 Bad Request", "OK", "m1", "m1 ", "mx OK", "m1 BYE", "m1 PREAUTH",
      "m4294967296 OK",
      "m99999999999999999999999999999999 OK", "x1 OK", "*", "\0", "\u{ff}",
      "* 4294967296 EXISTS", "* 123456789012345678901234567890 EXISTS", "* 1EXISTS",
      "* 0 FETCH (UID 1)", "* 0 EXPUNGE", "* 1 FETCH", "* 1 FETCH UID 3", "* 1 FETCH (UID 0)",
      "* 1 FETCH (UID 4294967296)", "* 1 FETCH (UID", "* 1 FETCH (UID 1", "* 1 FETCH (UID 1 FLAGS",
      "* 1 FETCH (FLAGS (\\Seen", "* 1 FETCH (FLAGS NIL)", "* 1 FETCH (MODSEQ 5)",
      "* 1 FETCH (MODSEQ (18446744073709551616))", "* 1 FETCH (RFC822.SIZE -1)",
      "* 1 FETCH (BODY[ UID 1)", "* 1 FETCH (BODY[HEADER] )", "* 1 FETCH (BODY[] \"x)",
      "* 1 FETCH (BODY[] \"x\\", "* 1 FETCH (X)", "* 1 FETCH (X (a)", "* 1 FETCH (])",
      "* VANISHED", "* VANISHED 0", "* VANISHED 1:", "* VANISHED 1,", "* VANISHED 1:*",
      "* VANISHED (EARLIER)", "* SEARCH x", "* SEARCH 4294967296", "* SEARCH (MODSEQ x)",
      "* ESEARCH (TAG", "* ESEARCH (TAG \"m1\"", "* ESEARCH UID MIN", "* ESEARCH )",
      "* LIST", "* LIST ()", "* LIST () \"/\"", "* LIST () \"//\" x", "* LIST (\\x \"/\" x",
      "* LIST () \"\u{1}\" x", "* LIST () \"/\" \"x", "* STATUS", "* STATUS x", "* STATUS x (",
      "* STATUS x (MESSAGES)", "* STATUS x (MESSAGES -1)", "* NAMESPACE", "* NAMESPACE ((",
      "* NAMESPACE ((NIL \"/\")) NIL NIL", "* FLAGS", "* FLAGS (", "* FLAGS x",
      "m1 OK [MODIFIED 0] x", "m1 OK [MODIFIED] x", "m1 NO [MODIFIED 5,*] x",
      "* X {99999999999999999999}", "* X {9223372036854775808}",
      "* X {999999999999999999999999999999+}",
    ])
  func refused(line: String) {
    let bytes = Array(line.utf8) + [0x0d, 0x0a]
    let result = ReadResult(bytes)
    #expect(result.failure != nil)
    #expect(result.events.isEmpty)
    expectAtEveryCut(bytes, result)
  }

  @Test("an error shows printable characters, and nothing of a literal")
  func excerpt() throws {
    var reader = ResponseReader()
    let bytes = Array(
      "* 1 FETCH (BODY[HEADER] {14}\r\nSubject: secret \u{1}\u{7f} FLAGS x)\r\n".utf8)
    let error = #expect(throws: ParseError.self) {
      try bytes.withUnsafeBytes { try reader.feed($0) { _ in } }
    }
    let excerpt = try #require(error).excerpt
    #expect(!excerpt.contains("secret"))
    #expect(excerpt.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7f })
  }
}
