import IMAPClient
import Testing

@Suite("Base64") struct Base64Tests {
  /// RFC 4648 §10
  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
    ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
  ])
  func vectors(plain: String, text: String) {
    #expect(Base64.encode(Array(plain.utf8)) == Array(text.utf8))
    #expect(Base64.decode(Array(text.utf8)) == Array(plain.utf8))
  }

  @Test func allBytes() {
    for length in 0...70 {
      let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 * 37 + length) }
      #expect(Base64.decode(Base64.encode(bytes)) == bytes)
    }
  }

  @Test(
    "refuses what is not exactly base64",
    arguments: [
      "Z", "Zg", "Zg=", "Zg===", "Z===", "====", "A=A=", "=AAA", "Zh==", "Zm9=", "Zm 9", "Zm\n9",
      "Zm-_",
    ])
  func malformed(text: String) {
    #expect(Base64.decode(Array(text.utf8)) == nil)
  }
}
