import Testing

@testable import mboxsync

@Suite("~/.netrc") struct NetrcTests {
  private static let file = """
    # a comment with machine h login x password wrong
    machine other.org login me password other
    machine Bücher.example login me password books
    machine h login a password one account acc
    machine h login b password "two \\"2\\" \\\\ #"
    macdef init
    machine h login c password macro

    machine H.example
      login\td
      password #three
    machine h password four
    machine h login e
    default login anonymous password five
    """

  @Test(
    "finds the first entry that fits",
    arguments: [
      ("h", "a", "one"), ("h", "b", #"two "2" \ #"#), ("h", "c", "four"), ("h", "e", "four"),
      ("h.example", "d", "#three"), ("bücher.example", "me", "books"),
      ("xn--bcher-kva.example", "me", "books"), ("H", "a", "one"), ("unknown", "anonymous", "five"),
      ("unknown", "me", nil), ("other.org", "me", "other"), ("other.org", "you", nil),
    ] as [(String, String, String?)])
  func find(_ host: String, _ user: String, _ password: String?) {
    let found = Netrc(Array(NetrcTests.file.utf8)).password(host: host, user: user)
    #expect(found.map { String(decoding: $0, as: UTF8.self) } == password)
  }

  @Test("bytes that are no text are a password all the same")
  func bytes() {
    let netrc = Netrc(Array("machine h login u password ".utf8) + [0xff, 0xe4, 0x0a])
    #expect(netrc.password(host: "h", user: "u") == [0xff, 0xe4])
  }

  @Test(
    "cut files",
    arguments: [
      "", "machine", "login x", "password", "machine h login", "macdef x",
      "machine h password \"open", "machine h password \"open\\",
    ])
  func cut(_ text: String) {
    let password = Netrc(Array(text.utf8)).password(host: "h", user: "u")
    #expect(password == nil || password?.starts(with: Array("open".utf8)) == true)
  }
}
