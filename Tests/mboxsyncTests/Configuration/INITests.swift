import Testing

@testable import mboxsync

@Suite("INI values") struct INIValueTests {
  @Test(
    "quotes",
    arguments: [
      // raw, text, inner
      (#"plain"#, "plain", "plain"),
      (#""a b""#, "a b", "a b"),
      (#""a \"b\" \\c # d""#, #"a "b" \c # d"#, #"a "b" \c # d"#),
      (#"maildir:"/a#b""#, "maildir:/a#b", #"maildir:"/a#b""#),
      (#"pass show "my server""#, "pass show my server", #"pass show "my server""#),
      (#""a" "b""#, "a b", #""a" "b""#),
      (#""a\n""#, #"a\n"#, #"a\n"#),
      (#"a\b"#, #"a\b"#, #"a\b"#),
      (#""""#, "", ""),
      (#""\"""#, #"""#, #"""#),
    ])
  func quotes(_ raw: String, _ text: String, _ inner: String) {
    #expect(INIValue(raw: raw).text == text)
    #expect(INIValue(raw: raw).inner == inner)
  }

  @Test("a literal comes back as it is", arguments: ["", "a", #"a "b\" c"#, #"\\"#, "# ;"])
  func literal(_ text: String) {
    #expect(INIValue(literal: text).text == text)
    #expect(INIValue(literal: text).inner == text)
  }

  @Test(
    "lists",
    arguments: [
      ("* !Spam, !Trash/*", ["*", "!Spam", "!Trash/*"]),
      (#""* !Spam""#, ["*", "!Spam"]),
      (#""Sent Items","#, ["Sent Items"]),
      (#""\"Sent Items\" INBOX""#, ["Sent Items", "INBOX"]),
      (#""Sent Items" INBOX"#, ["Sent Items", "INBOX"]),
      (#"!"My Mail"/*"#, ["!My Mail/*"]),
      (",, ,", []),
      (#"a,"",b"#, ["a", "", "b"]),
    ])
  func lists(_ raw: String, _ words: [String]) { #expect(INIValue(raw: raw).words == words) }

  @Test("a list with an open quote is none")
  func openQuote() { #expect(INIValue.words(#"a "b"#) == nil) }
}

@Suite("INI files") struct INIFileTests {
  @Test("sections, comments, continued lines")
  func parse() throws {
    let text = """
      # comment \\
      ; another
      [endpoint one]   # after it
        url = "maildir:/x"   ; after it
      [ pair "home" ]
      left=one
      mailboxes = * \\
        !Spam, \\
        !Trash/*
      before = echo a\\\\
      right = b#c

      """
    let file = try INIFile(path: "f", bytes: Array(text.utf8))
    #expect(file.sections.map { "\($0.kind) \($0.name)" } == ["endpoint one", "pair home"])
    #expect(file.sections[0].entries.map(\.value.raw) == ["\"maildir:/x\""])
    #expect(file.sections[1].entries.map(\.key) == ["left", "mailboxes", "before", "right"])
    #expect(file.sections[1].entries.map(\.line) == [6, 7, 10, 11])
    #expect(file.sections[1].entries[1].value.words == ["*", "!Spam", "!Trash/*"])
    #expect(file.sections[1].entries[2].value.raw == #"echo a\\"#)
    #expect(file.sections[1].entries[3].value.raw == "b")
  }

  @Test("CRLF, a byte order mark, no line end at the end")
  func otherSystems() throws {
    let file = try INIFile(
      path: "f", bytes: [0xef, 0xbb, 0xbf] + Array("[pair p]\r\nleft = a\r\nright = b".utf8))
    #expect(file.sections[0].entries.map(\.value.raw) == ["a", "b"])
  }

  @Test(
    "errors name the line",
    arguments: [
      ("[pair p]\nleft maildir:/a\n", 2, "'=' is missing"),
      ("[pair p]\n= x\n", 2, "key before '='"),
      ("left = x\n", 1, "outside of a section"),
      ("[pair p]\nleft = \"x\n", 2, "not closed"),
      ("[pair p]\nleft = \"x\\\"\n", 2, "not closed"),
      ("\n[pair p\nleft = x\n", 2, "']' is missing"),
      ("[pair p] x\n", 1, "something after"),
      ("[pear p]\n", 1, "did you mean '[pair NAME]'"),
      ("[]\n", 1, "unknown section"),
      ("[pair]\n", 1, "needs one name"),
      ("[pair a b]\n", 1, "needs one name"),
      ("[pair a:b]\n", 1, "needs one name"),
      ("[pair -a]\n", 1, "needs one name"),
      ("[pair p]\n\n[pair p]\n", 3, "duplicate section 'pair p', see line 1"),
      ("[pair p]\nleft = a\nleft = b\n", 3, "duplicate key 'left', it is also in line 2"),
    ])
  func errors(_ text: String, _ line: Int, _ message: String) {
    let error = #expect(throws: ConfigurationError.self) {
      try INIFile(path: "my.conf", bytes: Array(text.utf8))
    }
    #expect(error?.place == .line(path: "my.conf", number: line))
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
  }

  @Test("bytes that are no text", arguments: [[0xff], [0x41, 0x00]] as [[UInt8]])
  func noText(_ bytes: [UInt8]) {
    let error = #expect(throws: ConfigurationError.self) {
      try INIFile(path: "f", bytes: Array("[pair p]\n".utf8) + bytes)
    }
    #expect(error?.place == .line(path: "f", number: 2))
  }

  @Test("any cut of a file is read or refused, never a trap")
  func cuts() {
    let whole = Array("[pair p]\nleft = \"a\\\\ \\\" b\" # c\nmap = \"a b\"=c \\\n d=e\\".utf8)
    for count in 0...whole.count { _ = try? INIFile(path: "f", bytes: Array(whole.prefix(count))) }
  }
}
