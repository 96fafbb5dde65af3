import Glibc

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
  /// Where the line that is being read begins in `buffer`: what lies before it ends with a literal,
  /// whose octets must not be taken for the line's.
  private var lineStart = 0
  private var literalOctets = 0
  private var literalCount = 0
  /// The response had a body that was given on; an empty string stands for it in `buffer`.
  private var hasStreamedBody = false
  private let flagLists = FlagListCache()

  public init(limits: WireLimits = .standard) { self.limits = limits }

  /// Takes the next bytes and gives on what they complete.
  ///
  /// - Throws: when the bytes are not IMAP, or exceed a limit; nothing may be fed afterwards.
  public mutating func feed(
    _ bytes: UnsafeRawBufferPointer, _ handle: (WireEvent) -> Void
  ) throws(ParseError) {
    var rest = bytes
    while !rest.isEmpty {
      switch state {
      case .line:
        try feedLine(&rest, handle)
      case .literal(let missing):
        let piece = rest.removeFirst(atMost: missing)
        buffer.append(contentsOf: piece)
        endLiteral(missing - UInt64(piece.count))
      case .body(let missing):
        let piece = rest.removeFirst(atMost: missing)
        handle(.bodyBytes(piece))
        endBody(missing - UInt64(piece.count), handle)
      }
    }
  }

  // MARK: Lines

  /// Takes bytes up to the next end of line.
  private mutating func feedLine(
    _ rest: inout UnsafeRawBufferPointer, _ handle: (WireEvent) -> Void
  ) throws(ParseError) {
    guard let length = rest.lineLength else {
      buffer.append(contentsOf: rest)
      rest = UnsafeRawBufferPointer(start: nil, count: 0)
      try checkLength()
      return
    }
    let line = rest.removeFirst(atMost: UInt64(length))
    if buffer.isEmpty, line.count <= limits.line, LiteralMark(endOf: line) == nil {
      // The usual case: a line that came in one piece is parsed where it lies.
      try complete(line, handle)
      return
    }
    buffer.append(contentsOf: line)
    try checkLength()
    try endLine(handle)
  }

  private mutating func endLine(_ handle: (WireEvent) -> Void) throws(ParseError) {
    guard let mark = literalMark() else {
      try buffer.withBytes { bytes throws(ParseError) in try complete(bytes, handle) }
      reset()
      return
    }
    guard let size = mark.size else { throw ParseError("a literal is larger than 2^63 octets") }
    literalCount += 1
    guard literalCount <= limits.literalCount else { throw ParseError("too many literals") }
    let start = lineStart + mark.start
    let isBody = buffer.withUnsafeBytes { bytes in
      ResponseParser.announcesBody(UnsafeRawBufferPointer(rebasing: bytes[..<start]))
    }
    if isBody {
      try beginBody(size: size, literalStart: start, handle)
    } else {
      try beginLiteral(size: size)
    }
  }

  /// What the line that was just completed announces. Text for people may look like it, and announces
  /// nothing.
  private func literalMark() -> LiteralMark? {
    buffer.withUnsafeBytes { bytes in
      let line = UnsafeRawBufferPointer(rebasing: bytes[lineStart...])
      guard let mark = LiteralMark(endOf: line), !ResponseParser.isForPeople(bytes) else {
        return nil
      }
      return mark
    }
  }

  private func complete(
    _ bytes: UnsafeRawBufferPointer, _ handle: (WireEvent) -> Void
  ) throws(ParseError) {
    var end = bytes.count
    if end > lineStart, bytes[end - 1] == 0x0a { end -= 1 }
    if end > lineStart, bytes[end - 1] == 0x0d { end -= 1 }
    // An empty line means nothing; some servers send one after a literal.
    guard end > 0 else { return }
    var parser = ResponseParser(
      UnsafeRawBufferPointer(rebasing: bytes[..<end]), flagLists: flagLists)
    let response = try parser.parse()
    if !hasStreamedBody, let body = parser.body, case .fetch(let fetch) = response {
      handle(.bodyBegins(fetch, size: UInt64(body.count)))
      if !body.isEmpty { body.withUnsafeBytes { handle(.bodyBytes($0)) } }
      handle(.bodyEnds)
    }
    handle(.response(response))
  }

  private mutating func reset() {
    buffer.removeAll(keepingCapacity: buffer.capacity <= limits.line)
    lineStart = 0
    literalOctets = 0
    literalCount = 0
    hasStreamedBody = false
  }

  private func checkLength() throws(ParseError) {
    let length = buffer.count - literalOctets
    guard length > limits.line else { return }
    let isLong = buffer.withUnsafeBytes { ResponseParser.mayBeLong($0) }
    guard isLong, length <= limits.longLine else {
      throw ParseError("a line is too long", excerpt: excerpt())
    }
  }

  private func excerpt() -> String {
    buffer.withUnsafeBytes { ResponseLexer($0).excerpt(at: 0) }
  }

  // MARK: Literals

  private mutating func beginLiteral(size: UInt64) throws(ParseError) {
    guard size <= UInt64(limits.gatheredLiterals - literalOctets) else {
      throw ParseError("a literal of \(size) octets is too large here")
    }
    literalOctets += Int(size)
    endLiteral(size)
  }

  private mutating func endLiteral(_ left: UInt64) {
    state = left == 0 ? .line : .literal(left)
    lineStart = buffer.count
  }

  /// The literal is a message's body: in the buffer an empty string stands for it.
  private mutating func beginBody(
    size: UInt64, literalStart: Int, _ handle: (WireEvent) -> Void
  ) throws(ParseError) {
    guard !hasStreamedBody else { throw ParseError("a FETCH response has two bodies") }
    let partial = try buffer.withBytes { bytes throws(ParseError) in
      try ResponseParser.parseBeginning(
        ofFetch: UnsafeRawBufferPointer(rebasing: bytes[..<literalStart]))
    }
    buffer.removeSubrange(literalStart...)
    buffer.append(contentsOf: [UInt8(ascii: "\""), UInt8(ascii: "\"")])
    lineStart = buffer.count
    hasStreamedBody = true
    handle(.bodyBegins(partial, size: size))
    endBody(size, handle)
  }

  private mutating func endBody(_ left: UInt64, _ handle: (WireEvent) -> Void) {
    if left == 0 {
      state = .line
      handle(.bodyEnds)
    } else {
      state = .body(left)
    }
  }
}

extension UnsafeRawBufferPointer {
  /// Octets up to and with the first LF.
  fileprivate var lineLength: Int? {
    guard let start = baseAddress, let newline = memchr(start, 0x0a, count) else { return nil }
    return UnsafeRawPointer(newline) - start + 1
  }

  /// Takes so many octets from the beginning, or all that there are.
  fileprivate mutating func removeFirst(atMost limit: UInt64) -> UnsafeRawBufferPointer {
    let length = Int(Swift.min(UInt64(count), limit))
    defer { self = UnsafeRawBufferPointer(rebasing: self[length...]) }
    return UnsafeRawBufferPointer(rebasing: self[..<length])
  }
}
