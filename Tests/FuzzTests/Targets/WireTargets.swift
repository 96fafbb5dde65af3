@testable import IMAPClient
@testable import SyncEngine

extension FuzzTarget {
  /// What servers send: the same comes out however it is cut, and bodies have the size announced.
  static let responses = FuzzTarget(
    name: "responses", cost: 2,
    words: [
      "* ", "m1 OK ", "+ ", "FETCH (", "UID ", "FLAGS (", "MODSEQ (", "BODY[] ", "BODY[HEADER] ",
      "{3}\r\n", "{0}\r\n", "~{1}\r\n", "NIL", "\\Seen", "RFC822.SIZE ", "INTERNALDATE ",
      "VANISHED (EARLIER) ", "LIST () \"/\" ", "STATUS ", "SEARCH ", "ESEARCH (TAG \"m1\") ",
      "[COPYUID 1 1:2 3:4]", "4294967295", "4294967296", "9223372036854775808",
      "18446744073709551616", "((((((((", "))))", "\r\n", "\"", "\\",
    ]
  ) { bytes in
    let whole = Reading(bytes, piece: max(bytes.count, 1))
    if let problem = whole.problem { return problem }
    for piece in [1, 7] {
      let cut = Reading(bytes, piece: piece)
      guard cut == whole else { return "cut into pieces of \(piece) it reads otherwise" }
    }
    return nil
  }

  /// Base64 and the challenges of a login.
  static let challenges = FuzzTarget(
    name: "challenges", words: ["r=", ",s=", ",i=4096", "v=", "e=", "=", "nonce", "AAAA"]
  ) { bytes in
    if let decoded = Base64.decode(bytes), Base64.encode(decoded) != bytes {
      return "two texts stand for the same bytes in base64"
    }
    // Even some thousand iterations each time would take too long here.
    let asksForWork = bytes.split(separator: UInt8(ascii: ",")).contains {
      $0.starts(with: "i=".utf8) && $0.count > 5
    }
    guard !asksForWork else { return nil }
    for mechanism in IMAPConfiguration.Mechanism.allCases {
      var credentials = SASLCredentials(user: "alice", password: Array("secret".utf8))
      credentials.host = "localhost"
      guard var exchange = try? SASLExchange(mechanism: mechanism, credentials: credentials) else {
        continue
      }
      if bytes.first != UInt8(ascii: "+") { _ = exchange.initialResponse() }
      for part in bytes.split(separator: 0x0a) where (try? exchange.respond(to: Array(part))) == nil
      {
        break
      }
    }
    var scram = ScramMechanism(
      credentials: SASLCredentials(user: "alice", password: Array("secret".utf8)), hash: .sha256,
      nonce: Array("nonce".utf8))
    _ = scram.initialResponse()
    for part in bytes.split(separator: 0x0a) where (try? scram.step(challenge: Array(part))) == nil
    {
      break
    }
    return nil
  }

  /// Names that encode to what they were decoded from, and the other way.
  static let modifiedUTF7 = FuzzTarget(
    name: "modified-utf-7", words: ["&", "-", "&-", "&AOk-", "&2D3cqQ-", ",", "+", "/"]
  ) { bytes in
    if let text = ModifiedUTF7.decode(bytes), ModifiedUTF7.encode(text) != bytes {
      return "“\(text)” has two encodings"
    }
    let text = String(decoding: bytes, as: UTF8.self)
    let encoded = ModifiedUTF7.encode(text)
    guard encoded.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) else { return "not printable" }
    guard let back = ModifiedUTF7.decode(encoded), back.utf8.elementsEqual(text.utf8) else {
      return "“\(text)” can't be decoded again"
    }
    return nil
  }

  /// Mailbox names of a server with a prefix: what is a name of ours has this one name there.
  static let hierarchy = FuzzTarget(
    name: "mailbox-names", words: ["INBOX", "INBOX.", ".", "/", "..", "&", "-", "user.", "Public."]
  ) { bytes in
    let spaces = NamespaceResponse(
      personal: [.init(prefix: Array("INBOX.".utf8), separator: UInt8(ascii: "."))],
      others: [.init(prefix: Array("user.".utf8), separator: UInt8(ascii: "."))], shared: [])
    for (namespaces, separator, usesUTF8) in [
      (spaces, UInt8?.none, false), (nil, UInt8(ascii: "/"), false), (nil, UInt8(ascii: "A"), true),
      (nil, nil, true),
    ] {
      let names = MailboxHierarchy(
        namespaces: namespaces, separator: separator, usesUTF8: usesUTF8)
      guard case .name(let name) = names.translate(bytes) else { continue }
      guard let wire = try? names.encode(name) else { continue }
      guard names.translate(wire) == .name(name) else {
        return "\(name) is sent as another mailbox's name"
      }
    }
    return nil
  }

  /// Compressed streams: whatever comes, reading ends.
  static let deflate = FuzzTarget(name: "deflate", words: ["\u{0}", "\u{4}", "\u{1}"]) { bytes in
    guard let stream = try? DeflateStream(over: FixedStream(bytes), alreadyRead: []) else {
      return nil
    }
    var buffer = [UInt8](repeating: 0, count: 4096)
    for _ in 0..<10_000 {
      let progress = buffer.withUnsafeMutableBytes { try? stream.read(into: $0) }
      guard case .done(let count)? = progress else { return nil }
      if count > buffer.count { return "more was read than there is room for" }
    }
    return bytes.count > 30_000 ? nil : "\(bytes.count) octets never end"
  }
}

/// What came out of a ``ResponseReader``; consecutive pieces of a body are one.
private struct Reading: Equatable {
  var responses: [Response] = []
  var bodies: [[UInt8]] = []
  var hasFailed = false
  var problem: String?

  private var missing: UInt64?

  static func == (left: Reading, right: Reading) -> Bool {
    left.responses == right.responses && left.bodies == right.bodies
      && left.hasFailed == right.hasFailed
  }

  init(_ bytes: [UInt8], piece: Int) {
    var reader = ResponseReader()
    for start in stride(from: 0, to: bytes.count, by: piece) where !hasFailed {
      let part = Array(bytes[start..<min(start + piece, bytes.count)])
      do throws(ParseError) {
        try part.withBytes { (bytes) throws(ParseError) in
          try reader.feed(bytes) { take($0) }
        }
      } catch {
        hasFailed = true
      }
    }
  }

  private mutating func take(_ event: WireEvent) {
    switch event {
    case .response(let response):
      if missing != nil { problem = "a response within a body" }
      responses.append(response)
    case .bodyBegins(_, let size):
      if missing != nil { problem = "a body within a body" }
      missing = size
      bodies.append([])
    case .bodyBytes(let bytes):
      let left = missing ?? 0
      if UInt64(bytes.count) > left { problem = "a body is longer than announced" }
      missing = left - min(left, UInt64(bytes.count))
      bodies[bodies.count - 1] += bytes
    case .bodyEnds:
      if missing != 0 { problem = "a body is shorter than announced" }
      missing = nil
    }
  }
}

/// Bytes that were received already.
private final class FixedStream: ByteStream {
  private var bytes: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { self.bytes = bytes[...] }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(TransportError) -> StreamProgress {
    guard !bytes.isEmpty else { return .ended }
    let piece = bytes.prefix(buffer.count)
    buffer.copyBytes(from: piece)
    bytes = bytes.dropFirst(piece.count)
    return .done(piece.count)
  }
  func write(_ bytes: UnsafeRawBufferPointer) throws(TransportError) -> StreamProgress {
    .done(bytes.count)
  }
  func flush() throws(TransportError) -> StreamProgress { .done(0) }
  var hasBufferedInput: Bool { !bytes.isEmpty }
  var pollDescriptors: (read: Int32, write: Int32) { (-1, -1) }
  var bytesRead: UInt64 { 0 }
  var bytesWritten: UInt64 { 0 }
  func close() {}
}
