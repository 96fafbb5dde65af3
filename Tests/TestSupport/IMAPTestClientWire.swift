import Foundation

/// A piece of an IMAP response.
public indirect enum IMAPValue: Hashable, Sendable {
  case atom(String)
  case string([UInt8])
  case list([IMAPValue])

  /// An atom's or a string's text.
  public var text: String {
    switch self {
    case .atom(let text): text
    case .string(let bytes): String(decoding: bytes, as: UTF8.self)
    case .list: ""
    }
  }

  public var number: UInt64? { UInt64(text) }

  public var bytes: [UInt8] {
    if case .string(let bytes) = self { bytes } else { Array(text.utf8) }
  }

  public var items: [IMAPValue] {
    if case .list(let items) = self { items } else { [] }
  }

  /// Of a list of names and values, the value with this name.
  public subscript(name: String) -> IMAPValue? {
    let items = self.items
    for index in stride(from: 0, to: items.count - 1, by: 2)
    where items[index].text.uppercased() == name {
      return items[index + 1]
    }
    return nil
  }
}

/// One response of a server: the line as text without its literals, and what it is made of.
public struct IMAPReply: Sendable {
  public var line: String
  public var values: [IMAPValue]

  /// The number after a response code's name: `UIDNEXT` of `* OK [UIDNEXT 4]`.
  public func code(_ name: String) -> [Substring]? {
    guard let start = line.range(of: "[\(name) "),
      let end = line.range(of: "]", range: start.upperBound..<line.endIndex)
    else { return nil }
    return line[start.upperBound..<end.lowerBound].split(separator: " ")
  }
}

/// Reads responses from a descriptor, blocking, for the tests' own IMAP client.
struct IMAPReplyReader {
  let descriptor: Int32
  private var buffer: [UInt8] = []
  private var start = 0

  init(descriptor: Int32) {
    self.descriptor = descriptor
  }

  mutating func next() throws -> IMAPReply {
    var line = ""
    var tokens = Tokens()
    while true {
      var chunk = try readLine()
      let literal = literalSize(chunk)
      if let literal { chunk.removeLast(literal.suffix) }
      line += String(decoding: chunk, as: UTF8.self)
      tokens.add(chunk)
      guard let literal else { break }
      tokens.add(.string(try read(literal.bytes)))
    }
    return IMAPReply(line: line, values: tokens.finished)
  }

  private func literalSize(_ line: [UInt8]) -> (bytes: Int, suffix: Int)? {
    guard line.last == UInt8(ascii: "}"), let open = line.lastIndex(of: UInt8(ascii: "{")),
      let size = Int(String(decoding: line[(open + 1)..<(line.count - 1)], as: UTF8.self))
    else { return nil }
    return (size, line.count - open)
  }

  private mutating func readLine() throws -> [UInt8] {
    var searched = start
    while true {
      if let end = buffer[searched...].firstIndex(of: 10) {
        let line = Array(buffer[start..<end])
        start = end + 1
        return line.last == 13 ? line.dropLast() : line
      }
      searched = buffer.count
      let consumed = start
      try fill()
      searched -= consumed - start
    }
  }

  private mutating func read(_ count: Int) throws -> [UInt8] {
    while buffer.count - start < count { try fill() }
    defer { start += count }
    return Array(buffer[start..<(start + count)])
  }

  private mutating func fill() throws {
    buffer.removeFirst(start)
    start = 0
    var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&waiting, 1, 60_000) > 0 else { throw TestFailure("the IMAP server is silent") }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    var count = Foundation.read(descriptor, &bytes, bytes.count)
    while count < 0, errno == EINTR { count = Foundation.read(descriptor, &bytes, bytes.count) }
    guard count >= 0 else {
      throw TestFailure("reading from the IMAP server: \(String(cString: strerror(errno)))")
    }
    guard count > 0 else { throw TestFailure("the IMAP server closed the connection") }
    buffer += bytes[..<count]
  }
}

/// Splits the text of a response and puts its parentheses together.
private struct Tokens {
  private var open: [[IMAPValue]] = [[]]

  var finished: [IMAPValue] { open[0] }

  mutating func add(_ value: IMAPValue) {
    open[open.count - 1].append(value)
  }

  mutating func add(_ text: [UInt8]) {
    var index = 0
    while index < text.count {
      switch text[index] {
      case UInt8(ascii: " "): break
      case UInt8(ascii: "("): open.append([])
      case UInt8(ascii: ")"):
        if open.count > 1 { add(.list(open.removeLast())) }
      case UInt8(ascii: "\""): add(quoted(text, &index))
      default:
        add(atom(text, &index))
        continue
      }
      index += 1
    }
  }

  /// Ends on the closing quote.
  private func quoted(_ text: [UInt8], _ index: inout Int) -> IMAPValue {
    var bytes: [UInt8] = []
    index += 1
    while index < text.count, text[index] != UInt8(ascii: "\"") {
      if text[index] == UInt8(ascii: "\\"), index + 1 < text.count { index += 1 }
      bytes.append(text[index])
      index += 1
    }
    return .string(bytes)
  }

  /// Ends behind the atom; what stands in brackets belongs to it (`BODY[HEADER.FIELDS (X)]`).
  private func atom(_ text: [UInt8], _ index: inout Int) -> IMAPValue {
    let first = index
    var inBrackets = false
    while index < text.count {
      let byte = text[index]
      if byte == UInt8(ascii: "[") { inBrackets = true }
      if byte == UInt8(ascii: "]") { inBrackets = false }
      if !inBrackets, [UInt8(ascii: " "), UInt8(ascii: "("), UInt8(ascii: ")")].contains(byte) {
        break
      }
      index += 1
    }
    return .atom(String(decoding: text[first..<index], as: UTF8.self))
  }
}
