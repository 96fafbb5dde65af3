/// How much of a server's output is held at a time.
public struct WireLimits: Hashable, Sendable {
  /// Octets of one response without its literals.
  public var line = 1 << 20
  /// The same for SEARCH, ESEARCH and VANISHED, which may name every message of a mailbox.
  public var longLine = 32 << 20
  /// Octets of all literals of one response that are gathered (headers).
  public var gatheredLiterals = 16 << 20
  /// Octets of one message's body; nobody has room for a larger one.
  public var body: UInt64 = 1 << 40
  /// Lines with nothing in them, one after the other.
  public var emptyLines = 1000

  public init() {}

  public static let standard = WireLimits()
}

/// Makes ``WireEvent``s of a server's bytes, however they are cut into pieces.
///
/// Frames lines and literals, streams messages' bodies, and holds no more than ``WireLimits`` allow.
public struct ResponseReader {
  private enum State {
    case line
    /// A literal that belongs to the response in `buffer`; so many octets are missing.
    case literal(UInt64)
    /// A message's body, given on as it comes.
    case body(UInt64)
  }

  private let limits: WireLimits
  private var state = State.line
  /// The response so far: its text, and the literals that are gathered.
  private var buffer: [UInt8] = []
  /// Where in the buffer the text after the last literal begins: what looks like the end of a line
  /// or like the start of a literal before it is the content of one.
  private var textStart = 0
  private var literalOctets = 0
  /// A body was given on; in the buffer an empty string stands for it.
  private var hasStreamedBody = false
  /// So many empty lines came since something else.
  private var emptyLines = 0
  private let flagLists = FlagListCache()

  public init(limits: WireLimits = .standard) { self.limits = limits }

  /// Takes the next bytes and gives on what they complete.
  ///
  /// - Throws: when the bytes are not IMAP, or exceed a limit; nothing may be fed afterwards.
  public mutating func feed(
    _ bytes: UnsafeRawBufferPointer, _ handle: (WireEvent) -> Void
  ) throws(ParseError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      switch state {
      case .line: try feedLine(&rest, handle)
      case .literal(let missing):
        let piece = take(&rest, atMost: missing)
        buffer.append(contentsOf: piece)
        endLiteral(missing - UInt64(piece.count))
      case .body(let missing):
        let piece = take(&rest, atMost: missing)
        handle(.bodyBytes(UnsafeRawBufferPointer(rebasing: piece)))
        endBody(missing - UInt64(piece.count), handle)
      }
    }
  }

  private func take(
    _ rest: inout Slice<UnsafeRawBufferPointer>, atMost count: UInt64
  ) -> Slice<UnsafeRawBufferPointer> {
    let piece = rest.prefix(Int(min(UInt64(rest.count), count)))
    rest = rest[piece.endIndex...]
    return piece
  }

  // MARK: Literals

  private mutating func endLiteral(_ left: UInt64) {
    state = left == 0 ? .line : .literal(left)
    textStart = buffer.count
  }

  private mutating func endBody(_ left: UInt64, _ handle: (WireEvent) -> Void) {
    state = left == 0 ? .line : .body(left)
    if left == 0 { handle(.bodyEnds) }
  }

  private mutating func beginLiteral(
    _ literal: LiteralAnnouncement, _ handle: (WireEvent) -> Void
  ) throws(ParseError) {
    guard let size = literal.size else { throw ParseError("a literal is larger than 2^63 octets") }
    let beginning = try buffer.withBytes { (bytes) throws(ParseError) -> FetchResponse? in
      let head = UnsafeRawBufferPointer(rebasing: bytes[..<literal.start])
      guard ResponseParser.isBody(after: head, from: textStart) else { return nil }
      // Else a server could have the beginning parsed as often as it likes.
      guard !hasStreamedBody else { throw ParseError("a message has two bodies") }
      return try ResponseParser.parseBeginning(ofFetch: head)
    }
    if let beginning {
      guard size <= limits.body else {
        throw ParseError("a message of \(size) octets is larger than there can be")
      }
      buffer.removeSubrange(literal.start...)
      buffer.append(contentsOf: [0x22, 0x22])
      textStart = buffer.count
      hasStreamedBody = true
      handle(.bodyBegins(beginning, size: size))
      endBody(size, handle)
      return
    }
    guard size <= UInt64(max(limits.gatheredLiterals - literalOctets, 0)) else {
      throw ParseError("a literal of \(size) octets is too large here")
    }
    literalOctets += Int(size)
    endLiteral(size)
  }

  // MARK: Lines

  /// Takes bytes up to the next end of line.
  private mutating func feedLine(
    _ rest: inout Slice<UnsafeRawBufferPointer>, _ handle: (WireEvent) -> Void
  ) throws(ParseError) {
    let bytes = UnsafeRawBufferPointer(rebasing: rest)
    guard let newline = bytes.firstNewline else {
      buffer.append(contentsOf: bytes)
      rest = rest[rest.endIndex...]
      try checkBuffer()
      return
    }
    let line = UnsafeRawBufferPointer(rebasing: bytes[...newline])
    rest = rest.dropFirst(line.count)
    if buffer.isEmpty, LiteralAnnouncement(endOf: line, from: 0) == nil {
      // The usual case: a line that came in one piece is parsed where it lies.
      try checkLength(line.count, of: line)
      try complete(line, handle)
      return
    }
    buffer.append(contentsOf: line)
    try checkBuffer()
    try endLine(handle)
  }

  private mutating func endLine(_ handle: (WireEvent) -> Void) throws(ParseError) {
    let announced = buffer.withUnsafeBytes { LiteralAnnouncement(endOf: $0, from: textStart) }
    if let announced {
      try beginLiteral(announced, handle)
      return
    }
    let response = buffer
    buffer = []
    defer {
      textStart = 0
      literalOctets = 0
      hasStreamedBody = false
    }
    try response.withBytes { (bytes) throws(ParseError) in try complete(bytes, handle) }
  }

  private mutating func complete(
    _ bytes: UnsafeRawBufferPointer, _ handle: (WireEvent) -> Void
  ) throws(ParseError) {
    var end = bytes.count
    while end > textStart, bytes[end - 1] == 0x0a || bytes[end - 1] == 0x0d { end -= 1 }
    // An empty line means nothing; some servers send one after a literal.
    guard end > 0 else {
      emptyLines += 1
      guard emptyLines <= limits.emptyLines else { throw ParseError("nothing but empty lines") }
      return
    }
    emptyLines = 0
    var parser = ResponseParser(
      UnsafeRawBufferPointer(rebasing: bytes[..<end]), flagLists: flagLists)
    let response = try parser.parse()
    if case .fetch(let fetch) = response, let body = parser.body, !hasStreamedBody {
      handle(.bodyBegins(fetch, size: UInt64(body.count)))
      if !body.isEmpty { body.withUnsafeBytes { handle(.bodyBytes($0)) } }
      handle(.bodyEnds)
    }
    handle(.response(response))
  }

  // MARK: Limits

  private func checkBuffer() throws(ParseError) {
    try buffer.withBytes { (bytes) throws(ParseError) in
      try checkLength(bytes.count - literalOctets, of: bytes)
    }
  }

  private func checkLength(
    _ length: Int, of response: UnsafeRawBufferPointer
  ) throws(ParseError) {
    guard length > limits.line else { return }
    guard length <= limits.longLine, ResponseParser.mayBeLong(response) else {
      throw ParseError(
        "a line of more than \(limits.line) octets", excerpt: ResponseLexer(response).excerpt(at: 0)
      )
    }
  }
}
