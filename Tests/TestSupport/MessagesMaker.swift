/// Random numbers that are the same for the same seed.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  public init(seed: UInt64) {
    state = seed
  }

  /// SplitMix64.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}

/// A plain message with LF line ends whose header carries the token; at least `size` bytes when that is given.
public func makeMessage(_ token: String, size: Int = 0, header: [String] = []) -> [UInt8] {
  var lines = [
    "Return-Path: <alice@example.org>",
    "Received: from mx.example.org by mail.example.net; Fri, 31 Jan 2025 12:00:00 +0000",
    "From: Alice <alice@example.org>", "To: Bob <bob@example.net>",
    "Subject: about \(token)", "Date: Fri, 31 Jan 2025 12:00:00 +0000",
    "Message-ID: <\(token)@example.org>", "X-Token: \(token)",
  ]
  lines += header + ["", "This is the message \(token)."]
  var bytes = Array((lines.joined(separator: "\n") + "\n").utf8)
  guard bytes.count < size else { return bytes }
  bytes.reserveCapacity(size + 80)
  // Lines that don't compress to nothing.
  var generator = SeededGenerator(seed: token.utf8.reduce(14_695_981) { $0 &* 31 &+ UInt64($1) })
  while bytes.count < size {
    for _ in 0..<9 {
      let word = generator.next()
      for shift in stride(from: UInt64(0), to: 64, by: 8) {
        bytes.append(UInt8(97 + (word >> shift & 0xFF) % 26))
      }
    }
    bytes.append(10)
  }
  return bytes
}

/// A message that breaks careless programs.
public struct OddMessage: Sendable, CustomTestName {
  public let name: String
  public let bytes: [UInt8]
  /// Dovecot changes it when it is appended or fetched.
  public var isAltered = false
}

/// Something that a test's name is made of.
public protocol CustomTestName: CustomStringConvertible {
  var name: String { get }
}

extension CustomTestName {
  public var description: String { name }
}

/// Messages that break careless programs, each with its token where it can have one.
public let oddMessages: [OddMessage] = {
  func text(_ name: String, _ rest: String) -> OddMessage {
    OddMessage(name: name, bytes: Array("Subject: odd\nX-Token: \(name)\n\(rest)".utf8))
  }
  var all = [
    text("header-only", ""),
    text("empty-body", "\n"),
    text("no-final-newline", "\nends without"),
    text("looks-like-imap", "\n)\nA1 OK done\n* 1 EXPUNGE\n{5}\nhello\n{3+}\n+ go on\n"),
    text("dots-and-froms", "\n.\n..\n.x\nFrom me\n>From you\n"),
    text("folded-header", "X-Long: one\n two\n\tthree\n\nbody\n"),
    text("long-line", "\n" + String(repeating: "x", count: 40_000) + "\n"),
    text("trailing-blanks", "X-Blank:   \n\n \t \n\n\n"),
    text("utf8-header", "X-Name: Grüße aus Köln 🙂\n\nß\n"),
    text(
      "nested",
      "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: message/rfc822\n\nSubject: in\n\nx\n--a--\n"
    ),
    text("no-message-id", "\na draft\n"),
  ]
  all.append(
    OddMessage(name: "no-header", bytes: Array("\nno header at all\n".utf8)))
  all.append(
    OddMessage(
      name: "latin1",
      bytes: Array("X-Token: latin1\nSubject: ".utf8) + [0xE9, 0xFF, 0x80] + Array("\n\n".utf8)
        + (0x80...0xFF).map { UInt8($0) } + [10]))
  all.append(
    OddMessage(name: "crlf", bytes: withCRLF(Array("X-Token: crlf\n\nwith CRLF\n".utf8))))
  all.append(
    OddMessage(
      name: "mixed-ends", bytes: Array("X-Token: mixed-ends\r\nSubject: m\n\r\none\r\ntwo\n".utf8)))
  all.append(
    OddMessage(
      name: "bare-cr", bytes: Array("X-Token: bare-cr\n\na\rb\r\rc\n".utf8)))
  all.append(
    OddMessage(name: "nul", bytes: Array("X-Token: nul\n\na\0b\n".utf8), isAltered: true))
  return all
}()

/// Mailbox names that break careless programs, and which Dovecot takes in every kind of store.
public let oddMailboxNames = [
  "Sent Items", "Entwürfe", "日本語/受信", "a&b", "100%", "back\\slash", "quo\"te", "star*", "til~de",
  "#hash", "new", "deep/er/and/deeper", "emoji 🙂", "NIL", "(parens)", "a'b$c`d",
]
