import Testing

@testable import IMAPClient

@Suite("Where literals begin and end")
struct LiteralFramingTests {
  /// Feeds `text` whole, byte by byte and cut in two at every place: the outcome must be one.
  private func trace(_ text: String, limits: WireLimits = .standard) -> FeedTrace {
    let whole = FeedTrace(text, limits: limits)
    let length = text.utf8.count
    #expect(FeedTrace(text, cuts: repeatElement(1, count: length), limits: limits) == whole)
    for place in 1..<max(length, 2) {
      #expect(FeedTrace(text, cuts: [place], limits: limits) == whole, "cut at \(place)")
    }
    return whole
  }

  private func list(_ mailbox: String) -> FeedTrace.Entry {
    .response(
      .list(
        ListResponse(
          attributes: [], separator: UInt8(ascii: "/"), mailbox: Array(mailbox.utf8),
          isSubscription: false)))
  }

  private func ok(_ text: String) -> FeedTrace.Entry {
    .response(.status(StatusResponse(.ok, text: Array(text.utf8))))
  }

  @Test(
    "a literal's contents announce and end nothing",
    arguments: [
      "plain", "ends {5}", "{5}", "~{5}", "{1+}", "ends\r\n", "\r\n", "{5}\r\n", "a\r\n* OK b\r\n",
      "\"", "(", "}", "+", "* 1 FETCH (BODY[] {4}",
    ])
  func contents(_ name: String) {
    let result = trace(
      "* LIST () \"/\" {\(name.utf8.count)}\r\n\(name)\r\n* OK next\r\n* OK last\r\n")
    #expect(result.error == nil)
    #expect(result.entries == [list(name), ok("next"), ok("last")])
  }

  @Test("an empty literal")
  func empty() {
    let result = trace("* ID (\"name\" {0}\r\n \"x\" {0+}\r\n)\r\n* OK next\r\n")
    let fields = [
      IDField(key: Array("name".utf8), value: []), IDField(key: Array("x".utf8), value: []),
    ]
    #expect(result.entries == [.response(.id(fields)), ok("next")])
  }

  @Test(
    "text for people announces nothing", arguments: ["{5}", "text {5}", "{99999999999999999999}"])
  func text(_ text: String) {
    #expect(trace("* OK \(text)\r\n* OK next\r\n").entries == [ok(text), ok("next")])
    #expect(
      trace("+ \(text)\r\n").entries == [.response(.continuation(Array(text.utf8)))])
    #expect(
      trace("m7 NO \(text)\r\n").entries
        == [.response(.tagged(Tag(7), StatusResponse(.no, text: Array(text.utf8))))])
  }

  @Test(
    "a body's contents end nothing", arguments: ["", "x", "a)\r\n* OK {7}\r\n", "\r\n\r\n", "{4}"])
  func body(_ body: String) throws {
    let result = trace(
      "* 3 FETCH (UID 7 BODY[] {\(body.utf8.count)}\r\n\(body) FLAGS (\\Seen))\r\n* OK next\r\n")
    var begun = FetchResponse(sequenceNumber: 3)
    begun.uid = UID(7)
    var fetch = begun
    fetch.flags = FlagSet(.seen)
    fetch.hadBody = true
    #expect(result.error == nil)
    #expect(
      result.entries == [
        .body(
          begun: begun, size: UInt64(body.utf8.count), bytes: Array(body.utf8), isWhole: true),
        .response(.fetch(fetch)), ok("next"),
      ])
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
  func malformed(_ text: String) { #expect(trace(text).error != nil) }

  @Test("limits hold in one piece as in many")
  func limits() {
    var limits = WireLimits()
    limits.line = 40
    limits.longLine = 60
    limits.gatheredLiterals = 8
    let fits = "* OK " + String(repeating: "x", count: 33) + "\r\n"
    #expect(trace(fits, limits: limits).error == nil)
    #expect(trace("x" + fits, limits: limits).error != nil)
    let numbers = "* VANISHED " + String(repeating: "1,", count: 23) + "1\r\n"
    #expect(trace(numbers, limits: limits).error == nil)
    #expect(trace("* VANISHED " + "1," + numbers.dropFirst(11), limits: limits).error != nil)
    #expect(trace("* ID (a {4}\r\nxxxx b {4}\r\nxxxx)\r\n", limits: limits).error == nil)
    #expect(trace("* ID (a {4}\r\nxxxx b {5}\r\nxxxxx)\r\n", limits: limits).error != nil)
  }
}
