/// Shows a ``WireTrace`` what goes over the wire: lines, with literals as `{n bytes}`.
///
/// Secrets are kept out by those who send them: they never pass through here.
struct WireLog {
  private let trace: any WireTrace
  private var line: [UInt8] = []
  /// Bytes of a literal still to be left out.
  private var skipped: UInt64 = 0
  /// Shows nothing of the server's challenges while a login is under way.
  var hidesContinuations = false

  /// Longer lines are cut.
  private static let lineLimit = 2000

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
      if byte == 0x0a { endLine() } else if line.count < WireLog.lineLimit { line.append(byte) }
    }
  }

  private mutating func endLine() {
    if line.last == 0x0d { line.removeLast() }
    if let (size, start) = literalSize() {
      skipped = size
      line.replaceSubrange(start..., with: "{\(size) bytes}".utf8)
      return
    }
    if hidesContinuations, line.starts(with: "+ ".utf8) {
      trace.received("+ ***")
    } else {
      trace.received(String(decoding: line, as: UTF8.self))
    }
    line.removeAll(keepingCapacity: true)
  }

  /// The size that `{n}` at the line's end announces, and where that stands.
  private func literalSize() -> (size: UInt64, start: Int)? {
    guard line.last == UInt8(ascii: "}"), let start = line.lastIndex(of: UInt8(ascii: "{")),
      let size = UInt64(String(decoding: line[(start + 1)...].dropLast(), as: UTF8.self))
    else { return nil }
    return (size, start)
  }
}
