import CLinux
import Glibc
import IMAPClient

/// Reads one message's file in pieces, as it lies there or with CRLF at every line's end.
struct MessageReader: ~Copyable {
  private let file: OpenFile
  private var lineEnds = LineEnds()
  private var input: [UInt8] = []
  private var output: [UInt8] = []
  private var known: stat?
  /// Octets read since the beginning, and whether there were none behind them.
  private var position = 0
  private var isAtEnd = false

  static let pieceSize = 128 * 1024

  init(_ file: consuming OpenFile) {
    known = file.opened
    self.file = file
  }

  /// As it was when it was first looked at.
  mutating func status() throws(SystemError) -> stat {
    if let known { return known }
    let status = try file.status()
    known = status
    return status
  }

  /// Octets in CRLF form; reads the whole file.
  mutating func wireSize() throws(SystemError) -> UInt64 {
    var size: UInt64 = 0
    try rewind()
    while let piece = try read() { size += UInt64(lineEnds.wireCount(of: piece)) }
    return size
  }

  mutating func rewind() throws(SystemError) {
    if position > 0 { try file.rewind() }
    position = 0
    isAtEnd = false
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
    if isAtEnd { return nil }
    let size = Int(clamping: try status().st_size)
    if input.isEmpty {
      // One more than the size: a file that is read whole is then known to end there.
      let whole = min(size, MessageReader.pieceSize - 1) + 1
      input = [UInt8](repeating: 0, count: max(512, whole))
    }
    let count = try SystemError.count {
      input.withUnsafeMutableBytes { Glibc.read(file.descriptor, $0.baseAddress, $0.count) }
    }
    position += count
    isAtEnd = count == 0 || (position >= size && count < input.count)
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
    piece.withUnsafeBytes { bytes in
      var rest = 0
      while let feed = bytes.firstIndex(of: 0x0a, from: rest) {
        if !isAfterCR(feed, bytes) { count += 1 }
        rest = feed + 1
      }
      noteEnd(of: bytes)
    }
    return count
  }

  /// Puts a CR before each LF that has none.
  mutating func appendWire(_ piece: ArraySlice<UInt8>, to output: inout [UInt8]) {
    output.reserveCapacity(output.count + piece.count + piece.count / 16)
    piece.withUnsafeBytes { bytes in
      var start = 0
      var rest = 0
      while let feed = bytes.firstIndex(of: 0x0a, from: rest) {
        if !isAfterCR(feed, bytes) {
          output.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[start..<feed]))
          output.append(0x0d)
          start = feed
        }
        rest = feed + 1
      }
      output.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[start...]))
      noteEnd(of: bytes)
    }
  }

  private func isAfterCR(_ index: Int, _ bytes: UnsafeRawBufferPointer) -> Bool {
    index == 0 ? endedWithCR : bytes[index - 1] == 0x0d
  }

  private mutating func noteEnd(of bytes: UnsafeRawBufferPointer) {
    if let last = bytes.last { endedWithCR = last == 0x0d }
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
    var rest = 0
    while let index = piece.firstIndex(of: 0x0d, from: rest) {
      rest = index + 1
      if rest == piece.count {
        output.append(contentsOf: UnsafeRawBufferPointer(rebasing: piece[start..<index]))
        endedWithCR = true
        return
      }
      if piece[rest] == 0x0a {
        output.append(contentsOf: UnsafeRawBufferPointer(rebasing: piece[start..<index]))
        start = rest
      }
    }
    output.append(contentsOf: UnsafeRawBufferPointer(rebasing: piece[start...]))
  }

  mutating func finishStored(to output: inout [UInt8]) {
    if endedWithCR { output.append(0x0d) }
    endedWithCR = false
  }
}

extension UnsafeRawBufferPointer {
  /// By the C library, which looks at many bytes at a time.
  fileprivate func firstIndex(of byte: UInt8, from start: Int) -> Int? {
    guard start < count, let base = baseAddress,
      let found = memchr(base + start, Int32(byte), count - start)
    else { return nil }
    return UnsafeRawPointer(found) - base
  }
}
