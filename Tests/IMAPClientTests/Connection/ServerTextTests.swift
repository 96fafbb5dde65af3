import IMAPClient
import Testing

@Suite("Text of servers") struct ServerTextTests {
  @Test(
    "a reason is part of a sentence",
    arguments: [
      ("Authentication failed.", "Authentication failed"),
      (
        "Quota exceeded (mailbox for user is full) (0.001 + 0.000 secs).",
        "Quota exceeded (mailbox for user is full)"
      ),
      ("No (really)", "No (really)"), ("...", ""), ("", ""), ("a\u{1b}[31mb", "a [31mb"),
    ])
  func reason(text: String, expected: String) {
    #expect(ServerText.reason(text.utf8) == expected)
  }
}
