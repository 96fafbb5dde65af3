import IMAPClient
import Testing

@Suite("SASL exchanges") struct SASLExchangeTests {
  private func exchange(
    _ mechanism: IMAPConfiguration.Mechanism, user: String = "tim",
    password: String = "tanstaaftanstaaf"
  ) throws -> SASLExchange {
    try SASLExchange(
      mechanism: mechanism,
      credentials: SASLCredentials(
        user: user, password: Array(password.utf8), host: "mail.example.org", port: 143))
  }

  private func text(_ base64: [UInt8]?) -> String? {
    base64.flatMap(Base64.decode).map { String(decoding: $0, as: UTF8.self) }
  }

  private func base64(_ text: String) -> [UInt8] { Base64.encode(Array(text.utf8)) }

  @Test func plain() throws {
    var client = try exchange(.plain)
    #expect(client.name == "PLAIN")
    #expect(text(client.initialResponse()) == "\u{0}tim\u{0}tanstaaftanstaaf")
    try client.finish()
  }

  @Test("without SASL-IR the empty challenge is answered by the response")
  func plainWithoutInitialResponse() throws {
    var client = try exchange(.plain)
    #expect(text(try client.respond(to: [])) == "\u{0}tim\u{0}tanstaaftanstaaf")
    #expect(throws: SASLError.self) { try client.respond(to: []) }
  }

  @Test func login() throws {
    var client = try exchange(.login)
    #expect(client.initialResponse() == nil)
    #expect(text(try client.respond(to: base64("User Name\u{0}"))) == "tim")
    #expect(text(try client.respond(to: base64("Password\u{0}"))) == "tanstaaftanstaaf")
    #expect(throws: SASLError.self) { try client.respond(to: base64("More")) }
  }

  /// RFC 2195 §2
  @Test func cramMD5() throws {
    var client = try exchange(.cramMD5)
    #expect(client.initialResponse() == nil)
    let answer = try client.respond(
      to: base64("<1896.697170952@postoffice.reston.mci.net>"))
    #expect(text(answer) == "tim b913a602c7eda7a495b4e6e7334d3890")
    #expect(throws: SASLError.self) { try client.respond(to: base64("<again>")) }
  }

  @Test func cramMD5WithEmptyChallenge() throws {
    var client = try exchange(.cramMD5)
    #expect(throws: SASLError.self) { try client.respond(to: []) }
  }

  @Test func external() throws {
    var client = try exchange(.external, user: "")
    #expect(client.initialResponse() == [UInt8(ascii: "=")])
    var other = try exchange(.external, user: "fred@example.org")
    #expect(text(other.initialResponse()) == "fred@example.org")
    var slow = try exchange(.external, user: "")
    #expect(try slow.respond(to: []) == [])
  }

  /// RFC 7628 §4.1 and §4.3
  @Test func oauthBearer() throws {
    var client = try exchange(.oauthBearer, user: "us,er@example.com", password: "vF9dft4qmT==")
    #expect(
      text(client.initialResponse())
        == "n,a=us=2Cer@example.com,\u{1}host=mail.example.org\u{1}port=143\u{1}"
        + "auth=Bearer vF9dft4qmT==\u{1}\u{1}")
    #expect(client.refusal == nil)
    let answer = try client.respond(
      to: base64(#"{"status":"invalid_token","scope":"example_scope"}"#))
    #expect(answer == Array("AQ==".utf8))
    #expect(
      client.refusal == "the token has expired, is not valid, or is another user's; "
        + "it has to be one for example_scope")
    #expect(throws: SASLError.self) { try client.respond(to: []) }
  }

  @Test func xoauth2() throws {
    var client = try exchange(.xoauth2, user: "someuser@example.com", password: "ya29.vF9dft4qmT")
    #expect(
      text(client.initialResponse())
        == "user=someuser@example.com\u{1}auth=Bearer ya29.vF9dft4qmT\u{1}\u{1}")
    #expect(
      try client.respond(
        to: base64(#"{"status":"401","schemes":"bearer","scope":"https://mail/"}"#))
        == [])
    #expect(
      client.refusal == "the token has expired, is not valid, or is another user's; "
        + "it has to be one for https://mail/")
  }

  @Test(
    "what a refusal says",
    arguments: [
      (#"{ "status" : "insufficient_scope" }"#, "the token does not allow access to mail"),
      (
        #"{"scope":"status","status":"400"}"#,
        "the server can't use the token: it has expired, or is no access token; "
          + "it has to be one for status"
      ),
      (
        #"{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}"#,
        "the server can't use the token: it has expired, or is no access token; "
          + "it has to be one for https://mail.google.com/"
      ),
      ("{\"status\":\"odd\u{1b}[2Jone\"}", "the server refuses the token: odd?[2Jone"),
      (#"{"status":401}"#, "the token has expired, is not valid, or is another user's"),
      (#"{"status":}"#, "the server refuses the token"), ("", "the server refuses the token"),
      (#"{"status""#, "the server refuses the token"), (#"""#, "the server refuses the token"),
    ])
  func refusals(json: String, words: String) throws {
    var client = try exchange(.oauthBearer)
    _ = client.initialResponse()
    _ = try client.respond(to: base64(json))
    #expect(client.refusal == words)
  }

  @Test func scramWithoutInitialResponse() throws {
    var client = try exchange(.scramSHA256)
    #expect(client.name == "SCRAM-SHA-256")
    #expect(text(try client.respond(to: []))?.hasPrefix("n,,n=tim,r=") == true)
    #expect(throws: SASLError.self) { try client.finish() }
  }

  @Test(arguments: IMAPConfiguration.Mechanism.allCases)
  func challengeThatIsNotBase64(mechanism: IMAPConfiguration.Mechanism) throws {
    var client = try exchange(mechanism)
    #expect(throws: SASLError.badServer("the server's challenge is not in base64")) {
      try client.respond(to: Array("***".utf8))
    }
  }

  @Test(arguments: [("t\u{0}im", "x"), ("tim", "a\u{0}b")])
  func nul(user: String, password: String) {
    #expect(throws: SASLError.unsuitable("the user name or password has a NUL in it")) {
      try exchange(.plain, user: user, password: password)
    }
  }

  @Test func passwordsAreBytes() throws {
    var client = try SASLExchange(
      mechanism: .plain, credentials: SASLCredentials(user: "ü", password: [0xff, 0xfe]))
    #expect(
      client.initialResponse().flatMap(Base64.decode) == [0, 0xc3, 0xbc, 0, 0xff, 0xfe])
  }
}
