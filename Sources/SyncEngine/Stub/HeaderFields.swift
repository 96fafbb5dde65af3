/// The fields of a header, each with its folded lines and a CRLF at every line's end. RFC 5322 §2.2.
///
/// Lenient as to what mail has: lines may end in LF; what is no field (`From ` of an mbox, garbage) is left
/// out, and so are NULs, which no server takes. Octets above 127 stay as they are.
struct HeaderFields: Sequence, IteratorProtocol {
  private var lines: ArraySlice<ArraySlice<UInt8>>

  /// - Parameters:
  ///   - header: ends at the first empty line, if there is one.
  ///   - isWhole: false if it was cut off somewhere: its last line is left out then.
  init(_ header: [UInt8], isWhole: Bool) {
    var lines = header.split(separator: 0x0a, omittingEmptySubsequences: false)[...]
    let end = lines.firstIndex { $0.allSatisfy { $0 == 0x0d } }
    if let end {
      lines = lines[..<end]
    } else if !isWhole {
      lines = lines.dropLast()
    }
    self.lines = lines
  }

  mutating func next() -> [UInt8]? {
    while let first = lines.popFirst() {
      var field = HeaderFields.clean(first)
      while let more = lines.first, HeaderFields.isContinuation(more) {
        field += HeaderFields.clean(more)
        lines.removeFirst()
      }
      if !HeaderFields.name(of: field).isEmpty { return field }
    }
    return nil
  }

  /// In lower case; empty if it is no field.
  static func name(of field: [UInt8]) -> [UInt8] {
    let name = field.prefix { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: ":") }
    // Blanks before the colon: obsolete, but seen. RFC 5322 §4.5
    let rest = field.dropFirst(name.count).drop { $0 == 0x20 || $0 == 0x09 }
    guard rest.first == UInt8(ascii: ":") else { return [] }
    return name.map { $0 >= 0x41 && $0 <= 0x5a ? $0 | 0x20 : $0 }
  }

  private static func isContinuation(_ line: ArraySlice<UInt8>) -> Bool {
    line.first == 0x20 || line.first == 0x09
  }

  private static func clean(_ line: ArraySlice<UInt8>) -> [UInt8] {
    line.filter { $0 != 0x00 && $0 != 0x0d } + [0x0d, 0x0a]
  }
}
