/// Shows a ``WireTrace`` what goes over the wire: lines, with literals as `{n bytes}`.
///
/// Secrets are kept out by those who send them: they never pass through here.
struct WireLog {
  private let trace: any WireTrace
  private var line: [UInt8] = []
  /// The line's last bytes, also of one that is cut.
  private var end: [UInt8] = []
  private var isCut = false
  /// Bytes of a literal still to be left out.
  private var skipped: UInt64 = 0
  /// Shows nothing of the server's challenges while a login is under way.
  var hidesContinuations = false
  var secrets = SecretFilter()

  /// Longer lines are cut.
  private static let lineLimit = 2000
  /// Room for the largest `{n+}`.
  private static let endLength = 24

  init(_ trace: any WireTrace) { self.trace = trace }

  func sent(_ line: String) { trace.sent(line) }

  mutating func received(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes[...]
    while let byte = rest.first {
      if skipped > 0 {
        let count = Int(min(skipped, UInt64(rest.count)))
        rest = rest.dropFirst(count)
        skipped -= UInt64(count)
        continue
      }
      rest = rest.dropFirst()
      if byte == 0x0a {
        endLine()
      } else {
        add(byte)
      }
    }
  }

  private mutating func add(_ byte: UInt8) {
    if line.count < WireLog.lineLimit { line.append(byte) } else { isCut = true }
    if end.count == WireLog.endLength { end.removeFirst() }
    end.append(byte)
  }

  private mutating func endLine() {
    if end.last == 0x0d { end.removeLast() }
    if line.last == 0x0d { line.removeLast() }
    if let (size, length) = literal() {
      skipped = size
      if !isCut { line.removeLast(length) }
      for byte in "{\(size) bytes}".utf8 { add(byte) }
      return
    }
    // What was cut off may have been the rest of a secret.
    if isCut { line.removeLast(min(line.count, secrets.longest)) }
    if hidesContinuations, line.first == UInt8(ascii: "+") {
      trace.received("+ ***")
    } else {
      trace.received(String(decoding: secrets.clean(line), as: UTF8.self))
    }
    line.removeAll(keepingCapacity: true)
    end.removeAll(keepingCapacity: true)
    isCut = false
  }

  /// The size that `{n}` or `{n+}` at the line's end announces, and how long that is.
  private func literal() -> (size: UInt64, length: Int)? {
    var digits = end[...]
    guard digits.popLast() == UInt8(ascii: "}") else { return nil }
    if digits.last == UInt8(ascii: "+") { digits.removeLast() }
    guard let start = digits.lastIndex(of: UInt8(ascii: "{")),
      let size = UInt64(String(decoding: digits[(start + 1)...], as: UTF8.self))
    else { return nil }
    return (size, end.count - start)
  }
}
