import Foundation
import TestSupport
import Testing

/// `max-size` on real servers: what a stub has, and how the whole message comes.
@Suite("Stubs") struct StubTests {
  private static func base64(_ size: Int) -> String {
    var generator = SeededGenerator(seed: 5)
    var lines: [String] = []
    let letters = Array("ABCDEFGHIJ0123456789+/")
    for _ in 0..<(size / 78) {
      lines.append(String((0..<76).map { _ in letters[Int(generator.next() % 22)] }))
    }
    return lines.joined(separator: "\n")
  }

  /// Text in two forms, a small attachment, and two large ones.
  private static let mail = Array(
    """
    Message-ID: <holiday@example.org>
    Received: from a by b; Fri, 31 Jan 2025 12:00:00 +0000
    Subject: holiday
    X-Token: holiday
    MIME-Version: 1.0
    Content-Type: multipart/mixed; boundary="outer"

    For old programs.
    --outer
    Content-Type: multipart/alternative; boundary=inner

    --inner
    Content-Type: text/plain; charset=utf-8
    Content-Transfer-Encoding: quoted-printable

    Gr=C3=BC=C3=9Fe aus dem Urlaub
    --inner
    Content-Type: text/html

    <p>Hello</p>
    --inner--
    --outer
    Content-Type: image/jpeg; name="beach.jpg"
    Content-Disposition: attachment; filename="=?utf-8?Q?Stra=C3=9Fe.jpg?="
    Content-Transfer-Encoding: base64

    \(base64(30_000))
    --outer
    Content-Type: text/x-log
    Content-Disposition: attachment; filename*=utf-8''big%20log.txt

    \(base64(20_000))
    --outer
    Content-Type: text/plain

    Bye
    --outer--
    """.utf8)

  /// Sides: where the message is, and where its stub comes to.
  private static let directions: [Combination] = [.maildirAndIMAP, .servers]

  @Test(
    "a stub has the text and names what is left out, in either direction",
    arguments: directions, [true, false])
  func text(combination: Combination, toLeft: Bool) throws {
    try withPair(combination, keys: ["max-size": "10k"]) { pair in
      let (from, to) = toLeft ? (pair.right, pair.left) : (pair.left, pair.right)
      try from.store.add(Self.mail, to: "INBOX", flags: [], date: 1_700_000_000)
      let report = try pair.report()
      let stub = try #require(try to.store.messages(in: "INBOX").first)
      let shown = String(decoding: stub.bytes, as: UTF8.self)
      #expect(stub.bytes.count < 3_000 && stub.token == "holiday")
      #expect(shown.hasPrefix("X-Mboxsync-Stub: 1; size=\(withCRLF(Self.mail).count);"))
      #expect(shown.contains("Gr=C3=BC=C3=9Fe aus dem Urlaub") && shown.contains("\r\nBye\r\n"))
      #expect(!shown.contains("<p>Hello</p>"))
      #expect(shown.contains("Straße.jpg, image/jpeg, "))
      #expect(shown.contains("big log.txt, text/x-log, "))
      #expect(shown.contains("  text/html, 12 octets (0.0 KiB)\r\n"))
      #expect((toLeft ? report.right.bytesIn : report.left.bytesIn) ?? 0 < 20_000)
      #expect(stub.date == 1_700_000_000)
      try expectQuiet(pair)
    }
  }

  @Test("fetch brings the whole message in the stub's place", arguments: directions)
  func fetch(combination: Combination) throws {
    try withPair(combination, keys: ["max-size": "10k"]) { pair in
      try pair.right.store.add(tokens: ["small"])
      try pair.right.store.add(Self.mail, to: "INBOX", flags: ["\\Seen"], date: 1_700_000_000)
      try pair.right.store.add(makeMessage("other", size: 50_000))
      try pair.sync()
      let stub = try #require(
        try pair.left.served.messages(in: "INBOX").first { $0.token == "holiday" })
      let uid = try #require(stub.uid)
      #expect(stub.bytes.count < 5_000)
      // Changes of other kinds wait for a sync.
      try pair.right.store.flag("small", add: ["\\Answered"])
      let small = try #require(
        try pair.left.served.messages(in: "INBOX").first { $0.token == "small" }?.uid)
      let refused = try pair.fetch("INBOX", [small], expecting: 1)
      #expect(refused.errorText.contains("UID \(small) is no stub"))
      try pair.fetch("INBOX", [uid])
      let left = try pair.left.served.messages(in: "INBOX")
      let whole = try #require(left.first { $0.token == "holiday" })
      #expect(whole.bytes == withCRLF(Self.mail) && whole.date == 1_700_000_000)
      #expect(whole.flags == ["\\seen"])
      #expect(left.count == 3)
      #expect(left.first { $0.token == "other" }?.bytes.count ?? 0 < 5_000)
      #expect(left.first { $0.token == "small" }?.flags == [])
      try pair.sync()
      #expect(try pair.left.store.flags(of: "small") == ["\\answered"])
      #expect(try pair.right.store.messages(in: "INBOX").count == 3)
      try expectQuiet(pair)
    }
  }

  @Test(
    "a narrowed selection expunges nothing, and touches nothing outside it",
    arguments: [true, false])
  func narrowed(onLeft: Bool) throws {
    try withPair(.maildirAndIMAP) { pair in
      try pair.left.store.create("Archive")
      try pair.left.store.add(makeMessage("old"), to: "INBOX", flags: [], date: 1_500_000_000)
      try pair.right.store.add(makeMessage("big", size: 60_000))
      try pair.right.store.add(tokens: ["new"])
      try pair.left.store.add(tokens: ["filed"], to: "Archive")
      try pair.sync()
      let before = try pair.sides.map { try $0.store.snapshot() }
      pair.keys = ["since": "2020-01-01", "max-size": "10k", "mailboxes": "* !Archive"]
      try pair.sync()
      try expectQuiet(pair)
      for (before, side) in zip(before, pair.sides) { #expect(try side.store.snapshot() == before) }
      // What lies outside arrives nowhere, and goes from nowhere.
      let (here, there) = onLeft ? (pair.left, pair.right) : (pair.right, pair.left)
      try here.store.add(makeMessage("older"), to: "INBOX", flags: [], date: 1_400_000_000)
      try here.store.add(tokens: ["filed too"], to: "Archive")
      try pair.sync()
      #expect(try there.store.tokens() == ["big", "new", "old"])
      #expect(try there.store.tokens(in: "Archive") == ["filed"])
      // Wide again: all comes along.
      pair.keys = [:]
      try pair.sync()
      try expectTokens(["big", "new", "old", "older"], pair)
      try expectTokens(["filed", "filed too"], pair, in: "Archive")
      try expectQuiet(pair)
    }
  }
}
