import IMAPClient
import Simulation
import TestSupport
import Testing

@testable import SyncEngine

/// What a stub is made of, and what is taken for one.
@Suite("Stub messages") struct StubMessageTests {
  private static let usual = """
    Received: from a by b;\r
    \tFri, 1 Jan 2021 00:00:00 +0000\r
    Message-ID: <1@example.org>\r
    Subject: one\r
     two\r
    MIME-Version: 1.0\r
    content-type: multipart/mixed;\r
     boundary="x"\r
    Content-Transfer-Encoding : 8bit\r
    Lines: 4000\r
    \r\n
    """

  private func lines(_ stub: StubMessage) -> (header: [String], body: String) {
    let text = String(decoding: stub.bytes, as: UTF8.self)
    let parts = text.split(separator: "\r\n\r\n", maxSplits: 1)
    return (
      parts[0].split(separator: "\r\n").map(String.init), parts.count > 1 ? String(parts[1]) : ""
    )
  }

  private static let ownLines = [
    "MIME-Version: 1.0", "Content-Type: text/plain; charset=us-ascii",
    "Content-Transfer-Encoding: 7bit",
  ]

  @Test(
    "the header stays, less what describes the body that is missing",
    arguments: [
      (
        "usual", usual,
        [
          "Received: from a by b;", "\tFri, 1 Jan 2021 00:00:00 +0000",
          "Message-ID: <1@example.org>", "Subject: one", " two",
        ]
      ),
      ("no empty line", "Subject: x\r\nTo: y\r\n", ["Subject: x", "To: y"]),
      ("no end of line", "Subject: x", ["Subject: x"]),
      ("LF only", "Subject: x\nTo: y\n\nbody\n", ["Subject: x", "To: y"]),
      ("body behind", "Subject: x\r\n\r\nTo: y\r\n", ["Subject: x"]),
      (
        "garbage", "From a@b Fri\r\n folded\r\nno field\r\n: none\r\nSubject: x\r\n\r\n",
        ["Subject: x"]
      ),
      ("NUL and CR", "Sub\0ject: a\rb\r\n\r\n", ["Subject: ab"]),
      ("stub of a stub", "X-Mboxsync-Stub: 1; size=5\r\nSubject: x\r\n\r\n", ["Subject: x"]),
      ("empty", "", []), ("only an empty line", "\r\n", []),
    ])
  func header(_ name: String, _ header: String, _ kept: [String]) {
    let stub = StubMessage(header: Array(header.utf8), size: 1_234_567)
    let (lines, body) = lines(stub)
    #expect(lines.first?.hasPrefix("X-Mboxsync-Stub: 1; size=1234567") == true)
    #expect(Array(lines.dropFirst()) == kept + StubMessageTests.ownLines)
    #expect(body.contains("1234567 octets (1.1 MiB)") && body.contains("\\Flagged"))
    #expect(!stub.bytes.contains(0))
    #expect(stub.content == SimulatedContent.contentID(of: stub.bytes))
  }

  @Test("every line ends in CRLF and is short; octets above 127 stay as they are")
  func form() {
    let header = Array("Subject: Gr\u{fc}\u{df}e ".utf8) + [0xfc, 0xff] + Array("\nTo: x\n\n".utf8)
    let stub = StubMessage(header: header, size: 1 << 40)
    #expect(stub.bytes.firstRange(of: [0xfc, 0xff, 0x0d, 0x0a]) != nil)
    for (index, byte) in stub.bytes.enumerated() where byte == 0x0a {
      #expect(index > 0 && stub.bytes[index - 1] == 0x0d)
    }
    let (_, body) = lines(stub)
    #expect(body.utf8.allSatisfy { $0 < 0x80 })
    #expect(body.split(separator: "\r\n").allSatisfy { $0.utf8.count < 80 })
  }

  @Test("a huge header is cut off before the line that does not fit")
  func huge() throws {
    let line = "X-Filler: " + String(repeating: "f", count: 68) + "\r\n"
    let text = "Message-ID: <1@example.org>\r\n" + String(repeating: line, count: 2000)
    let header = Array(text.utf8.prefix(StubMessage.headerLimit))
    let stub = StubMessage(header: header, size: 10_000_000)
    #expect(stub.original == nil)
    #expect(UInt64(stub.bytes.count) <= StubMessage.sizeLimit)
    let (lines, _) = lines(stub)
    #expect(lines.filter { $0.hasPrefix("X-Filler") }.allSatisfy { $0.utf8.count == 78 })
    #expect(lines.suffix(3) == StubMessageTests.ownLines[...])
    let mark = try #require(StubMark(header: stub.bytes))
    #expect(mark == StubMark(size: 10_000_000, digest: nil))
  }

  @Test("a stub tells which message it stands for")
  func mark() throws {
    let header = Array(StubMessageTests.usual.utf8)
    let message = header + Array(String(repeating: "line\r\n", count: 1000).utf8)
    let stub = StubMessage(header: header, size: UInt64(message.count))
    #expect(stub.original == SimulatedContent.contentID(of: message))
    #expect(StubMark(header: stub.bytes)?.original == stub.original)
    // A header that is no identity makes none.
    let draft = StubMessage(header: Array("Subject: draft\r\n\r\n".utf8), size: 5000)
    #expect(draft.original == nil)
    let mark = try #require(StubMark(header: draft.bytes))
    #expect(mark.size == 5000 && mark.original == nil)
  }

  @Test(
    "what is no stub is not taken for one",
    arguments: [
      "", "\r\n", "Subject: x\r\nX-Mboxsync-Stub: 1; size=5\r\n\r\n",
      "X-Mboxsync-Stub: 2; size=5\r\n\r\n", "X-Mboxsync-Stub: 1; size=\r\n\r\n",
      "X-Mboxsync-Stub: 1; size=-5\r\n\r\n", "X-Mboxsync-Stub: 1; size=99999999999999999999\r\n",
      "X-Mboxsync-Stub: 1; size=5; digest=0123\r\n", "X-Mboxsync-Stub: 1; size=5; other=1\r\n",
      "X-Mboxsync-Stub: 1; size=5; digest=0123456789abcdef0123456789abcdeg\r\n",
      "X-Mboxsync-Stub: 1; size=5 \r\n",
    ])
  func noMark(_ header: String) {
    #expect(StubMark(header: Array(header.utf8)) == nil)
  }

  @Test(
    "sizes are told in words",
    arguments: [
      (UInt64(0), "0 octets (0.0 KiB)"), (1536, "1536 octets (1.5 KiB)"),
      (1_048_576, "1048576 octets (1.0 MiB)"),
      (UInt64.max, "18446744073709551615 octets (15.9 EiB)"),
    ])
  func sizes(_ size: UInt64, _ words: String) {
    let stub = StubMessage(header: [], size: size)
    #expect(lines(stub).body.contains("a message of \(words),"))
  }
}
