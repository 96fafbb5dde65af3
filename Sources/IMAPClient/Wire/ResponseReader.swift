/// How much of a server's output is held at a time.
public struct WireLimits: Hashable, Sendable {
  /// Octets of one response without its literals.
  public var line = 1 << 20
  /// The same for SEARCH, ESEARCH and VANISHED, which may name every message of a mailbox.
  public var longLine = 32 << 20
  /// Octets of all literals of one response that are gathered (headers).
  public var gatheredLiterals = 16 << 20

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
  private var literalOctets = 0
  /// Bodies that were given on and of which the buffer holds nothing.
  private var streamedBodies = 0

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
        let left = missing - UInt64(piece.count)
        state = left == 0 ? .line : .literal(left)
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

  private mutating func endBody(_ left: UInt64, _ handle: (WireEvent) -> Void) {
    if left == 0 {
      state = .line
      handle(.bodyEnds)
    } else {
      state = .body(left)
    }
  }

  /// Takes bytes up to the next end of line.
  private mutating func feedLine(
    _ rest: inout Slice<UnsafeRawBufferPointer>, _ handle: (WireEvent) -> Void
  ) throws(ParseError) {
    guard let newline = ResponseReader.newline(in: rest) else {
      buffer.append(contentsOf: rest)
      rest = rest[rest.endIndex...]
      try checkLength()
      return
    }
    let line = rest[rest.startIndex...newline]
    rest = rest[(newline + 1)...]
    if buffer.isEmpty {
      // The usual case: a line that came in one piece is parsed where it lies.
      let whole = UnsafeRawBufferPointer(rebasing: line)
      if ResponseReader.literal(endingAt: whole) == nil {
        try complete(whole, handle)
        return
      }
    }
    buffer.append(contentsOf: line)
    try checkLength()
    try endLine(handle)
  }

  private static func newline(in bytes: Slice<UnsafeRawBufferPointer>) -> Int? {
    var index = bytes.startIndex
    while index < bytes.endIndex {
      if bytes[index] == 0x0a { return index }
      index += 1
    }
    return nil
  }

  private mutating func endLine(_ handle: (WireEvent) -> Void) throws(ParseError) {
    let found = buffer.withUnsafeBytes { ResponseReader.literal(endingAt: $0) }
    guard let literal = found else {
      let response = buffer
      buffer = []
      defer {
        literalOctets = 0
        streamedBodies = 0
      }
      try withBytes(response) { bytes throws(ParseError) in try complete(bytes, handle) }
      return
    }
    guard let size = literal.size else { throw ParseError("a literal is larger than 2^63 octets") }
    let head = buffer.withUnsafeBytes { bytes in
      BodyHead.find(UnsafeRawBufferPointer(rebasing: bytes[..<literal.start]))
    }
    if let head {
      try beginBody(head, size: size, literalStart: literal.start, handle)
      return
    }
    guard size <= UInt64(limits.gatheredLiterals - literalOctets) else {
      throw ParseError("a literal of \(size) octets is too large here")
    }
    literalOctets += Int(size)
    if size > 0 { state = .literal(size) }
  }

  /// The literal is a message's body: in the buffer an empty string stands for it.
  private mutating func beginBody(
    _ head: BodyHead, size: UInt64, literalStart: Int, _ handle: (WireEvent) -> Void
  ) throws(ParseError) {
    let start = Array(buffer[..<literalStart])
    var partial = FetchResponse(sequenceNumber: head.sequenceNumber)
    try withBytes(start) { bytes throws(ParseError) in
      partial = try ResponseParser.parseBeginning(ofFetch: bytes)
    }
    buffer.removeSubrange(literalStart...)
    buffer.append(contentsOf: [0x22, 0x22])
    streamedBodies += 1
    handle(.bodyBegins(partial, size: size))
    state = .body(size)
    if size == 0 { endBody(0, handle) }
  }

  private func complete(
    _ bytes: UnsafeRawBufferPointer, _ handle: (WireEvent) -> Void
  ) throws(ParseError) {
    var end = bytes.count
    while end > 0, bytes[end - 1] == 0x0a || bytes[end - 1] == 0x0d { end -= 1 }
    // An empty line means nothing; some servers send one after a literal.
    guard end > 0 else { return }
    var parser = ResponseParser(UnsafeRawBufferPointer(rebasing: bytes[..<end]))
    let response = try parser.parse()
    if case .fetch(let fetch) = response, let body = parser.body, streamedBodies == 0 {
      handle(.bodyBegins(fetch, size: UInt64(body.count)))
      if !body.isEmpty { body.withUnsafeBytes { handle(.bodyBytes($0)) } }
      handle(.bodyEnds)
    }
    handle(.response(response))
  }

  private func checkLength() throws(ParseError) {
    let length = buffer.count - literalOctets
    guard length > limits.line else { return }
    let isLong = buffer.withUnsafeBytes { ResponseParser.mayBeLong($0) }
    guard isLong, length <= limits.longLine else {
      throw ParseError("a line of more than \(limits.line) octets", excerpt: excerpt())
    }
  }

  private func excerpt() -> String {
    buffer.withUnsafeBytes { ResponseLexer($0).excerpt(at: 0) }
  }

  private func withBytes(
    _ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws(ParseError) -> Void
  ) throws(ParseError) {
    var failure: ParseError?
    bytes.withUnsafeBytes { pointer in
      do throws(ParseError) {
        try body(pointer)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
  }

  /// A literal announced at the end of a line: where `{` (or `~{`) stands, and its size; `nil` as the size
  /// if that is no number of 63 bits. RFC 9051 §4.3, RFC 7888, RFC 3516.
  ///
  /// What people are to read may end like that and announces nothing.
  private static func literal(
    endingAt line: UnsafeRawBufferPointer
  ) -> (start: Int, size: UInt64?)? {
    var end = line.count
    if end > 0, line[end - 1] == 0x0a { end -= 1 }
    if end > 0, line[end - 1] == 0x0d { end -= 1 }
    guard end > 2, line[end - 1] == UInt8(ascii: "}") else { return nil }
    var start = end - 2
    if line[start] == UInt8(ascii: "+") { start -= 1 }
    var size: UInt64? = 0
    var scale: UInt64? = 1
    var digits = 0
    while start >= 0, line[start] >= 0x30, line[start] <= 0x39 {
      let digit = UInt64(line[start] - 0x30)
      if digit > 0 {
        size = scale.flatMap { scale in
          let (product, overflow) = digit.multipliedReportingOverflow(by: scale)
          guard !overflow, let sum = size?.addingReportingOverflow(product), !sum.overflow else {
            return nil
          }
          return sum.partialValue
        }
        if size == nil { scale = nil }
      }
      scale = scale.flatMap { scale in
        let (product, overflow) = scale.multipliedReportingOverflow(by: 10)
        return overflow ? nil : product
      }
      digits += 1
      start -= 1
    }
    guard digits > 0, start >= 0, line[start] == UInt8(ascii: "{"),
      !ResponseParser.isForPeople(line)
    else { return nil }
    if start > 0, line[start - 1] == UInt8(ascii: "~") { start -= 1 }
    return (start, size.flatMap { $0 <= UInt64(Int64.max) ? $0 : nil })
  }
}

/// The start of a FETCH response up to where a whole message's octets follow.
private struct BodyHead {
  var sequenceNumber: UInt32

  /// - Returns: `nil` if what follows is another item.
  static func find(_ bytes: UnsafeRawBufferPointer) -> BodyHead? {
    var lexer = ResponseLexer(bytes)
    guard lexer.skip("* "), let number = try? lexer.number(), lexer.skip(" FETCH (") else {
      return nil
    }
    var end = bytes.count
    while end > 0, bytes[end - 1] == 0x20 { end -= 1 }
    // `BODY[]<0>`: a partial message that begins at its beginning.
    if end > 0, bytes[end - 1] == UInt8(ascii: ">") {
      while end > 0, bytes[end - 1] != UInt8(ascii: "<") { end -= 1 }
      end -= 1
    }
    guard end > 0 else { return nil }
    let item = UnsafeRawBufferPointer(rebasing: bytes[..<end])
    guard
      ResponseLexer.ends(item, with: "BODY[]") || ResponseLexer.ends(item, with: " RFC822")
        || ResponseLexer.ends(item, with: "(RFC822")
    else { return nil }
    return BodyHead(sequenceNumber: number)
  }
}
