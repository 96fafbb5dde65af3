import IMAPClient
import Testing

@Suite("Where literals begin and end")
struct LiteralFramingTests {
  private func read(_ text: String) -> ReadResult {
    let bytes = Array(text.utf8)
    let result = ReadResult(bytes)
    expectAtEveryCut(bytes, result)
    return result
  }

  @Test(
    "a literal's contents announce and end nothing",
    arguments: [
      "plain", "ends {5}", "{5}", "~{5}", "{1+}", "ends\r\n", "\r\n", "{5}\r\n", "a\r\n* OK b\r\n",
      "\"", "(", "}", "+", "* 1 FETCH (BODY[] {4}",
    ])
  func contents(_ name: String) {
    let result = read(
      "* LIST () \"/\" {\(name.utf8.count)}\r\n\(name)\r\n* OK next\r\n* OK last\r\n")
    #expect(result.failure == nil)
    #expect(result.responses == [.list([], "/", name), .ok(nil, "next"), .ok(nil, "last")])
  }

  @Test("an empty literal")
  func empty() {
    let result = read("* ID (\"name\" {0}\r\n \"x\" {0+}\r\n)\r\n* OK next\r\n")
    let fields = [
      IDField(key: Array("name".utf8), value: []), IDField(key: Array("x".utf8), value: []),
    ]
    #expect(result.responses == [.id(fields), .ok(nil, "next")])
  }

  @Test(
    "text for people announces nothing", arguments: ["{5}", "text {5}", "{99999999999999999999}"])
  func text(_ text: String) {
    #expect(read("* OK \(text)\r\n* OK next\r\n").responses == [.ok(nil, text), .ok(nil, "next")])
    #expect(
      read("+ \(text)\r\n").responses == [.continuation(Array(text.utf8))])
    #expect(
      read("m7 NO \(text)\r\n").responses
        == [.answer(7, .no, nil, text)])
  }

  @Test(
    "what can't be framed is an error, however it is cut",
    arguments: [
      "* 1 FETCH (BODY[] {1}\r\nx BODY[] {1}\r\nx)\r\n",
      "* 1 FETCH (BODY[] \"x\" BODY[] {1}\r\nx)\r\n",
      "* 1 FETCH (BODY[] {1}\r\nx BODY[] \"x\")\r\n",
      "* 1 FETCH (BODY[] NIL RFC822 NIL)\r\n",
      "* 1 FETCH (X (BODY[] {1}\r\nx))\r\n",
      "* 1 FETCH (X \"BODY[] {1}\r\nx)\r\n",
      "* LIST () \"/\" \"a {1}\r\nx\"\r\n",
      "* LIST () \"/\" \"a\\\r\n",
      "* LIST () \"/\" \"a\0b\"\r\n",
      "* LIST () \"/\" {9223372036854775808}\r\n",
      "* LIST () \"/\" {18446744073709551616}\r\n",
      "* LIST () \"/\" {123456789012345678901234567890}\r\n",
      "* LIST () \"/\" {9223372036854775807}\r\n",
    ])
  func malformed(_ text: String) { #expect(read(text).failure != nil) }
}
