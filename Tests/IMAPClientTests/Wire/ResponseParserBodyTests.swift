import Testing

@testable import IMAPClient

@Suite("BODYSTRUCTURE") struct ResponseParserBodyTests {
  private func parts(_ body: String) -> [BodyPart]? {
    Array(body.utf8).withUnsafeBytes { ResponseParser.parts(ofBody: $0) }
  }

  private func shown(_ body: String) -> [String]? {
    parts(body).map { parts in
      parts.map { part in
        let name = part.name.map { " " + String(decoding: $0, as: UTF8.self) } ?? ""
        let parent = String(decoding: part.parent, as: UTF8.self)
        let type = String(decoding: part.type, as: UTF8.self)
        return
          "\(part.sectionText) \(type) \(part.size)\(name) \(part.isAttachment ? "!" : "")\(parent)\(part.parentNumber)"
      }
    }
  }

  @Test(
    "as servers send it",
    arguments: [
      (
        // Dovecot
        #"(("text" "plain" ("charset" "utf-8") NIL NIL "quoted-printable" 34 1 NIL NIL NIL NIL)("image" "jpeg" ("name" "b.jpg") NIL NIL "base64" 30000 NIL ("attachment" ("filename" "s.jpg")) NIL NIL) "mixed" ("boundary" "outer") NIL NIL NIL)"#,
        ["1 text/plain 34 mixed1", "2 image/jpeg 30000 s.jpg !mixed1"]
      ),
      (
        // Nested, upper case
        #"((("TEXT" "PLAIN" NIL NIL NIL "7BIT" 1 1)("TEXT" "HTML" NIL NIL NIL "7BIT" 2 1) "ALTERNATIVE")("APPLICATION" "PDF" ("NAME*" "utf-8''a") NIL NIL "BASE64" 9) "MIXED")"#,
        [
          "1.1 text/plain 1 alternative2", "1.2 text/html 2 alternative2",
          "2 application/pdf 9 utf-8''a mixed1",
        ]
      ),
      (#"("text" "plain" NIL NIL NIL "7bit" 77 3)"#, ["1 text/plain 77 0"]),
      (
        // A message in it, with its envelope and its own body
        #"(("message" "rfc822" NIL NIL NIL "7bit" 500 (NIL "s" ((NIL NIL "a" "b")) NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" NIL NIL NIL "7bit" 5 1) 20 NIL ("inline" NIL)) "digest")"#,
        ["1 message/rfc822 500 digest1"]
      ),
      (
        "((\"text\" \"plain\" NIL NIL NIL \"7bit\" 1 1)(\"a\" \"b\" (\"name\" {3}\r\na\"b) NIL NIL NIL 2) \"mixed\")",
        ["1 text/plain 1 mixed1", "2 a/b 2 a\"b mixed1"]
      ),
    ])
  func known(body: String, parts: [String]) {
    #expect(shown(body) == parts)
  }

  @Test(
    "what is none tells nothing",
    arguments: [
      "", "()", "NIL", "(\"text\")", "((((", "(\"text\" \"plain\" NIL NIL NIL \"7bit\" x)",
      "(\"text\" \"plain\" NIL NIL NIL \"7bit\" 99999999999999999999999)",
      String(repeating: "(", count: 60) + String(repeating: ")", count: 60),
    ])
  func broken(body: String) {
    #expect(parts(body) == nil)
  }

  @Test("no more parts are held than can be used")
  func many() {
    let one = #"("a" "b" NIL NIL NIL NIL 1)"#
    #expect(
      parts("(" + String(repeating: one, count: 3000) + " \"mixed\")")?.count == BodyPart.limit)
  }

  @Test("a FETCH with a structure that can't be read is a FETCH all the same")
  func inFetch() throws {
    let lines =
      "* 1 FETCH (BODYSTRUCTURE (\"odd\") UID 7 BODY[1.mime] \"A: b\" BODY[1]<0> {3}\r\nabc)\r\n"
    var reader = ResponseReader()
    var found: FetchResponse?
    try Array(lines.utf8).withUnsafeBytes { bytes in
      try reader.feed(bytes) { event in
        if case .response(.fetch(let response)) = event { found = response }
      }
    }
    #expect(found?.uid?.rawValue == 7 && found?.structure == nil)
    #expect(found?.sections == ["1.MIME": Array("A: b".utf8), "1": Array("abc".utf8)])
  }
}
