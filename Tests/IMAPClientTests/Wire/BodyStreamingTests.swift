import IMAPClient
import Testing

/// A FETCH response with a body, and the events it is to give.
struct BodyRow: Sendable, CustomTestStringConvertible {
  var input: [UInt8]
  var events: [ReadEvent]

  /// - Parameters:
  ///   - before: what is known when the body begins.
  ///   - after: what the whole response says.
  init(
    _ input: String, before: (inout FetchResponse) -> Void = { _ in }, body: String,
    after: (inout FetchResponse) -> Void
  ) {
    self.input = Array(input.wireLines.utf8)
    var head = FetchResponse(sequenceNumber: 1)
    before(&head)
    let bytes = Array(body.utf8)
    events = [.bodyBegins(head, size: UInt64(bytes.count))]
    if !bytes.isEmpty { events.append(.bodyBytes(bytes)) }
    events.append(.bodyEnds)
    var whole = FetchResponse(sequenceNumber: 1)
    whole.hadBody = true
    after(&whole)
    events.append(.response(.fetch(whole)))
  }

  var testDescription: String { String(decoding: input.prefix(60), as: UTF8.self) }
}

@Suite("bodies") struct BodyStreamingTests {
  static let rows: [BodyRow] = [
    BodyRow(
      "* 1 FETCH (UID 7 FLAGS (\\Seen) BODY[] {5}\nab\nc)",
      before: {
        $0.uid = uid(7)
        $0.flags = FlagSet(.seen)
      }, body: "ab\r\nc",
      after: {
        $0.uid = uid(7)
        $0.flags = FlagSet(.seen)
      }),
    BodyRow(
      "* 1 FETCH (BODY[] {3}\nabc UID 7 MODSEQ (3))", body: "abc",
      after: {
        $0.uid = uid(7)
        $0.modSeq = ModSequence(3)
      }),
    BodyRow(
      "* 1 FETCH (UID 7 BODY[]<0> {3}\nabc)", before: { $0.uid = uid(7) }, body: "abc",
      after: { $0.uid = uid(7) }),
    BodyRow("* 1 FETCH (BODY[] {0}\n UID 7)", body: "", after: { $0.uid = uid(7) }),
    BodyRow("* 1 fetch (body[] {3+}\n)\n UID 7)", body: ")\r\n", after: { $0.uid = uid(7) }),
    BodyRow("* 1 FETCH (RFC822 {5}\n{9}\n UID 7)", body: "{9}\r\n", after: { $0.uid = uid(7) }),
    BodyRow(
      "* 1 FETCH (UID 7 RFC822  {2}\n{}  )", before: { $0.uid = uid(7) }, body: "{}",
      after: { $0.uid = uid(7) }),
    BodyRow(
      "* 1 FETCH (BODY[] ~{2}\n\0\0 UID 7)", body: "\0\0", after: { $0.uid = uid(7) }),
    BodyRow(
      "* 1 FETCH (BODY[HEADER] {6}\nBODY[] BODY[] {2}\nab UID 7)",
      before: { $0.header = Array("BODY[]".utf8) }, body: "ab",
      after: {
        $0.header = Array("BODY[]".utf8)
        $0.uid = uid(7)
      }),
    BodyRow(
      "* 1 FETCH (BODY (\"TEXT\" NIL) UID 7 BODY[] {2}\nab)", before: { $0.uid = uid(7) },
      body: "ab", after: { $0.uid = uid(7) }),
    // Not streamed: the whole response is known before.
    BodyRow(
      "* 1 FETCH (BODY[] \"a\\\"b\" UID 7)",
      before: {
        $0.uid = uid(7)
        $0.hadBody = true
      },
      body: "a\"b", after: { $0.uid = uid(7) }),
    BodyRow(
      "* 1 FETCH (BODY[] \"\" UID 7)",
      before: {
        $0.uid = uid(7)
        $0.hadBody = true
      }, body: "",
      after: { $0.uid = uid(7) }),
    BodyRow(
      "* 1 FETCH (UID 7 BODY[] NIL)",
      before: {
        $0.uid = uid(7)
        $0.hadBody = true
      }, body: "",
      after: { $0.uid = uid(7) }),
    BodyRow(
      "* 1 FETCH  (UID 7 BODY[]<0> {2}\nab)",
      before: {
        $0.uid = uid(7)
        $0.hadBody = true
      },
      body: "ab", after: { $0.uid = uid(7) }),
  ]

  @Test(arguments: rows)
  func events(row: BodyRow) {
    let result = ReadResult(row.input)
    #expect(result.failure == nil)
    #expect(result.events == row.events)
    expectAtEveryCut(row.input, result)
  }

  @Test("two bodies in one response are an error")
  func two() {
    let bytes = Array("* 1 FETCH (BODY[] {1}\na UID 7 BODY[] {2}\nbc)\n* 2 EXISTS".wireLines.utf8)
    let result = ReadResult(bytes)
    #expect(result.failure != nil)
    #expect(result.responses.isEmpty)
    expectAtEveryCut(bytes, result)
  }

  @Test(
    "literals of other items are no bodies",
    arguments: [
      ("* 1 FETCH (BODY[TEXT] {2}\nab UID 7)", "TEXT"), ("* 1 FETCH (BODY[1] {2}\nab UID 7)", "1"),
      ("* 1 FETCH (BINARY[] {2}\nab UID 7)", nil), ("* 1 FETCH (XBODY[] {2}\nab UID 7)", nil),
      ("* 1 FETCH (X-RFC822 {2}\nab UID 7)", nil), ("* 1 FETCH (X ({2}\nab BODY[]) UID 7)", nil),
    ])
  func others(line: String, section: String?) {
    let bytes = Array(line.wireLines.utf8)
    let result = ReadResult(bytes)
    let expected = Response.fetch(1) {
      $0.uid = uid(7)
      if let section { $0.sections = [section: Array("ab".utf8)] }
    }
    #expect(result.events == [.response(expected)])
    expectAtEveryCut(bytes, result)
  }

  @Test("a body of 2^40 octets is announced, and needs no memory")
  func huge() {
    let line = "* 1 FETCH (BODY[] {1099511627776}\r\nabc"
    let result = ReadResult(Array(line.utf8))
    let head = FetchResponse(sequenceNumber: 1)
    #expect(result.failure == nil)
    #expect(
      result.events == [
        .bodyBegins(head, size: 1 << 40), .bodyBytes(Array("abc".utf8)),
      ])
  }

  @Test("a body that is cut short does not end")
  func cutShort() {
    let row = BodyStreamingTests.rows[0]
    for count in 0..<row.input.count {
      let result = ReadResult(Array(row.input[..<count]))
      #expect(result.failure == nil)
      #expect(!result.events.contains(.bodyEnds) || count >= row.input.count - 3)
      #expect(result.responses.isEmpty)
    }
  }
}
