import IMAPClient

/// Computes a message's ``ContentID`` from its bytes in CRLF form, as they pass.
///
/// The header is digested up to its last line, without the empty line that ends it, so that a message
/// of only a header gives the same value however a server shows its end. A header with neither a
/// Message-ID nor a Received line is no identity: then the whole message is digested (design.md §3, 3).
///
/// Octets that don't belong in a header (NUL, 8-bit) count as `X`, which is what Cyrus makes of them: a
/// message that a server altered so is the same message still.
public struct ContentHasher: ~Copyable {
  private var hash = SHA256()
  private var size: UInt64 = 0
  private var inHeader = true
  /// CRs and LFs seen at the end of the header so far and not yet digested.
  private var heldBack: [UInt8] = []
  /// The first bytes of the header line that is passing, folded to lower case; enough for the names sought.
  private var lineStart: [UInt8] = []
  /// Nothing but CRs has passed of this line.
  private var isLineEmpty = true
  private var isTelling = false
  private var headerDigest: GlobalUID?
  /// The header has octets that don't belong there.
  public private(set) var hasOddHeader = false

  private static let tellingNames = ["message-id:", "received:"].map { Array($0.utf8) }

  public init() {}

  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    size += UInt64(bytes.count)
    guard inHeader else {
      if headerDigest == nil { hash.update(bytes) }
      return
    }
    var start = 0
    while start < bytes.count, inHeader {
      let end = updateHeader(bytes, from: start)
      start = end
    }
    if start < bytes.count, headerDigest == nil {
      hash.update(UnsafeRawBufferPointer(rebasing: bytes[start...]))
    }
  }

  /// Nothing may be added afterwards.
  public mutating func finish() -> ContentID {
    if inHeader { endHeader() }
    return ContentID(size: size, digest: headerDigest ?? digest())
  }

  /// To be called instead of ``finish()`` when only the header was given.
  ///
  /// - Parameter messageSize: octets of the whole message in CRLF form.
  /// - Returns: `nil` if the header does not identify the message: its whole text has to be given to a
  ///   new hasher.
  public mutating func finishHeader(messageSize: UInt64) -> ContentID? {
    if inHeader { endHeader() }
    return headerDigest.map { ContentID(size: messageSize, digest: $0) }
  }

  /// True once it is known that the header alone does not identify the message.
  public var needsWholeMessage: Bool { !inHeader && headerDigest == nil }

  /// True once the empty line after the header has passed.
  public var isHeaderComplete: Bool { !inHeader }

  /// Digests one line or a part of one; returns where the next begins.
  private mutating func updateHeader(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
    let newline = rest.firstNewline
    let hasEnd = newline != nil
    let line = UnsafeRawBufferPointer(rebasing: rest[..<(newline.map { $0 + 1 } ?? rest.count)])
    let end = start + line.count
    isLineEmpty = isLineEmpty && line.allSatisfy { $0 == 0x0d || $0 == 0x0a }
    note(line)
    feed(line)
    guard hasEnd else { return end }
    if isLineEmpty { endHeader() } else { endLine() }
    return end
  }

  private mutating func feed(_ line: UnsafeRawBufferPointer) {
    var textEnd = line.count
    while textEnd > 0, line[textEnd - 1] == 0x0a || line[textEnd - 1] == 0x0d { textEnd -= 1 }
    if textEnd > 0 {
      digestHeldBack()
      digestText(UnsafeRawBufferPointer(rebasing: line[..<textEnd]))
    }
    for byte in line[textEnd...] {
      heldBack.append(byte)
      // So many are no line's end.
      if heldBack.count == ContentHasher.mostHeldBack { digestHeldBack() }
    }
  }

  private static let mostHeldBack = 4096

  private mutating func digestHeldBack() {
    hash.update(heldBack)
    heldBack.removeAll(keepingCapacity: true)
  }

  private mutating func digestText(_ text: UnsafeRawBufferPointer) {
    guard text.contains(where: { $0 >= 0x80 || $0 == 0 }) else { return hash.update(text) }
    hasOddHeader = true
    let replaced = text.map { $0 >= 0x80 || $0 == 0 ? UInt8(ascii: "X") : $0 }
    replaced.withUnsafeBytes { hash.update($0) }
  }

  private mutating func note(_ line: UnsafeRawBufferPointer) {
    for byte in line.prefix(max(0, 12 - lineStart.count)) {
      lineStart.append(byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte)
    }
  }

  private mutating func endLine() {
    if ContentHasher.tellingNames.contains(where: { lineStart.starts(with: $0) }) {
      isTelling = true
    }
    lineStart.removeAll(keepingCapacity: true)
    isLineEmpty = true
  }

  private mutating func endHeader() {
    endLine()
    inHeader = false
    if isTelling {
      headerDigest = digest()
    } else {
      hash.update(heldBack)
    }
  }

  private mutating func digest() -> GlobalUID {
    GlobalUID(bytes: hash.finish()) ?? GlobalUID(high: 0, low: 0)
  }
}
