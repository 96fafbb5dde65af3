import CLinux
import Glibc
import IMAPClient

/// Reads one message's file in pieces, as it lies there or with CRLF at every line's end.
struct MessageReader: ~Copyable {
  private let file: OpenFile
  private var lineEnds = LineEnds()
  private var input: [UInt8] = []
  private var output: [UInt8] = []

  static let pieceSize = 128 * 1024

  init(_ file: consuming OpenFile) { self.file = file }

  func status() throws(SystemError) -> stat { try file.status() }

  /// Octets in CRLF form; reads the whole file.
  mutating func wireSize() throws(SystemError) -> UInt64 {
    var size: UInt64 = 0
    try rewind()
    while let piece = try read() { size += UInt64(lineEnds.wireCount(of: piece)) }
    return size
  }

  mutating func rewind() throws(SystemError) {
    try file.rewind()
    lineEnds = LineEnds()
  }

  /// The next bytes in the form asked for; `nil` at the end.
  mutating func next(_ form: MessageForm) throws(SystemError) -> ArraySlice<UInt8>? {
    guard let piece = try read() else { return nil }
    guard form == .wire else { return piece }
    output.removeAll(keepingCapacity: true)
    lineEnds.appendWire(piece, to: &output)
    return output[...]
  }

  private mutating func read() throws(SystemError) -> ArraySlice<UInt8>? {
    if input.isEmpty {
      let size = Int(clamping: try file.status().st_size)
      input = [UInt8](repeating: 0, count: min(MessageReader.pieceSize, max(512, size + 1)))
    }
    let count = try SystemError.count {
      input.withUnsafeMutableBytes { Glibc.read(file.descriptor, $0.baseAddress, $0.count) }
    }
    return count == 0 ? nil : input[..<count]
  }

  /// Why the file is no message as it lies there: what Dovecot's plugins compressed or encrypted.
  static func foreignForm(_ start: ArraySlice<UInt8>) -> String? {
    let magics: [(bytes: [UInt8], name: String)] = [
      ([0x1f, 0x8b], "gzip"), (Array("BZh".utf8), "bzip2"), ([0x28, 0xb5, 0x2f, 0xfd], "zstd"),
      ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], "xz"), (Array("Dovecot-LZ4".utf8), "LZ4"),
      (Array("CRYPTED".utf8) + [0x03, 0x07], "mail-crypt"),
    ]
    guard let magic = magics.first(where: { start.starts(with: $0.bytes) }), !isHeaderLike(start)
    else { return nil }
    return "the file is stored in a form that only Dovecot reads (\(magic.name))"
  }

  /// Where the header's empty line ends in text in CRLF form.
  ///
  /// - Parameter isStart: whether the text is the message's beginning.
  static func headerEnd(_ text: ArraySlice<UInt8>, isStart: Bool) -> Int? {
    if isStart, text.starts(with: [0x0d, 0x0a]) { return text.startIndex + 2 }
    var rest = text
    while let feed = rest.firstIndex(of: 0x0a) {
      rest = rest[(feed + 1)...]
      if rest.starts(with: [0x0d, 0x0a]) { return feed + 3 }
    }
    return nil
  }

  /// Whether the text begins with a header line: printable characters and a colon.
  private static func isHeaderLike(_ start: ArraySlice<UInt8>) -> Bool {
    let name = start.prefix { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: ":") }
    return !name.isEmpty && start.dropFirst(name.count).first == UInt8(ascii: ":")
  }
}

/// Changes line ends in text that comes in pieces. A bare CR stays as it is.
struct LineEnds {
  private var endedWithCR = false

  init() {}

  /// How many bytes the piece has with CRLF at every line's end.
  mutating func wireCount(of piece: ArraySlice<UInt8>) -> Int {
    var count = piece.count
    var last: UInt8 = endedWithCR ? 0x0d : 0
    piece.withUnsafeBufferPointer { bytes in
      for byte in bytes {
        if byte == 0x0a, last != 0x0d { count += 1 }
        last = byte
      }
    }
    endedWithCR = last == 0x0d
    return count
  }

  /// Puts a CR before each LF that has none.
  mutating func appendWire(_ piece: ArraySlice<UInt8>, to output: inout [UInt8]) {
    output.reserveCapacity(output.count + piece.count + piece.count / 16)
    var last: UInt8 = endedWithCR ? 0x0d : 0
    piece.withUnsafeBufferPointer { bytes in
      var start = 0
      for index in bytes.indices {
        let byte = bytes[index]
        if byte == 0x0a, last != 0x0d {
          output.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start..<index]))
          output.append(0x0d)
          start = index
        }
        last = byte
      }
      output.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start...]))
    }
    endedWithCR = last == 0x0d
  }

  /// Takes the CR from each CRLF. A CR at the end is held back until it is known what follows:
  /// see ``finishStored(to:)``.
  mutating func appendStored(_ piece: UnsafeRawBufferPointer, to output: inout [UInt8]) {
    output.reserveCapacity(output.count + piece.count + 1)
    var start = 0
    if endedWithCR, let first = piece.first {
      if first != 0x0a { output.append(0x0d) }
      endedWithCR = false
    }
    for index in piece.indices where piece[index] == 0x0d {
      if index + 1 == piece.count {
        output.append(contentsOf: UnsafeRawBufferPointer(rebasing: piece[start..<index]))
        endedWithCR = true
        return
      }
      if piece[index + 1] == 0x0a {
        output.append(contentsOf: UnsafeRawBufferPointer(rebasing: piece[start..<index]))
        start = index + 1
      }
    }
    output.append(contentsOf: UnsafeRawBufferPointer(rebasing: piece[start...]))
  }

  mutating func finishStored(to output: inout [UInt8]) {
    if endedWithCR { output.append(0x0d) }
    endedWithCR = false
  }
}
