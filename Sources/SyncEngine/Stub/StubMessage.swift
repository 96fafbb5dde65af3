import IMAPClient

/// A small message that stands for one larger than `max-size`: the message's own header over those of its
/// text parts that are small, and a note that says what is missing.
///
/// Pure. What it is made of is cheap to have (header, BODYSTRUCTURE, some parts): the message itself is not read.
public struct StubMessage: Hashable, Sendable {
  /// In CRLF form.
  public let bytes: [UInt8]
  public let content: ContentID
  /// What the message it stands for is identified by; `nil` where its header does not tell.
  public let original: ContentID?

  /// Most octets of a header that a stub is made of; what is beyond is left out.
  public static let headerLimit = 64 * 1024
  /// Most octets of text parts with the headers of these.
  private static let textsLimit = MessagePart.textLimit + 16 * 1024
  /// No stub is larger: the header, the lines of its own, texts and note, CRs added to line ends.
  public static let sizeLimit = UInt64(headerLimit) * 2 + UInt64(MessagePart.textLimit) * 2 + 4096

  /// - Parameters:
  ///   - header: the message's first octets, up to its header's end or ``headerLimit``, lines ending in
  ///     CRLF; it may come with or without the empty line after it.
  ///   - size: octets of the whole message.
  ///   - parts: its parts, as far as they are known; those with a text stay.
  public init(header: [UInt8], size: UInt64, parts: [MessagePart] = []) {
    let isWhole = header.count < StubMessage.headerLimit
    original = isWhole ? StubMessage.identify(header, size: size) : nil
    var bytes = StubMark(size: size, digest: original?.digest).line
    for field in HeaderFields(header, isWhole: isWhole) where !StubMessage.isReplaced(field) {
      bytes += field
    }
    bytes += Array("MIME-Version: 1.0\r\n".utf8)
    let boundary = "=_mboxsync_\(original?.digest ?? GlobalUID(identifier: header))"
    let kept = StubMessage.kept(parts, boundary: boundary)
    let note = StubNote(size: size, parts: parts, kept: kept).part
    if kept.isEmpty {
      bytes += note
    } else {
      bytes += Array("Content-Type: multipart/mixed; boundary=\"\(boundary)\"\r\n\r\n".utf8)
      let mark = Array("--\(boundary)".utf8)
      for index in kept {
        bytes += mark + [0x0d, 0x0a] + (parts[index].text ?? []) + [0x0d, 0x0a]
      }
      bytes += mark + [0x0d, 0x0a] + note + [0x0d, 0x0a] + mark + Array("--\r\n".utf8)
    }
    self.bytes = bytes
    var hasher = ContentHasher()
    bytes.withUnsafeBytes { hasher.update($0) }
    content = hasher.finish()
  }

  /// Which texts can stand in the stub: none with octets that no server takes, or that could end it.
  private static func kept(_ parts: [MessagePart], boundary: String) -> [Int] {
    let mark = Array(boundary.utf8)
    var left = textsLimit
    return parts.indices.filter { index in
      guard let text = parts[index].text, text.count <= left, !text.contains(0),
        MessageReader.headerEnd(text[...], isStart: true) != nil, text.firstRange(of: mark) == nil
      else { return false }
      left -= text.count
      return true
    }
  }

  private static func identify(_ header: [UInt8], size: UInt64) -> ContentID? {
    var hasher = ContentHasher()
    header.withUnsafeBytes { hasher.update($0) }
    return hasher.finishHeader(messageSize: size)
  }

  /// What describes the body of the message, which this one has not, and the mark of a stub of a stub.
  private static func isReplaced(_ field: [UInt8]) -> Bool {
    let name = HeaderFields.name(of: field)
    return name.starts(with: "content-".utf8) || name.elementsEqual("mime-version".utf8)
      || name.elementsEqual("lines".utf8) || name.elementsEqual(StubMark.name.lowercased().utf8)
  }
}

/// The first line of every stub, by which it is known for one and for which message it stands when the
/// base is lost.
///
///     X-Mboxsync-Stub: 1; size=1234567; digest=0123456789abcdef0123456789abcdef
public struct StubMark: Hashable, Sendable {
  public var size: UInt64
  public var digest: GlobalUID?

  static let name = "X-Mboxsync-Stub"

  public init(size: UInt64, digest: GlobalUID?) {
    self.size = size
    self.digest = digest
  }

  /// The identity of the message that the stub stands for.
  public var original: ContentID? { digest.map { ContentID(size: size, digest: $0) } }

  var line: [UInt8] {
    let digest = self.digest.map { "; digest=\($0)" } ?? ""
    return Array("\(StubMark.name): 1; size=\(size)\(digest)\r\n".utf8)
  }

  /// - Returns: `nil` if the header is no stub's: the line counts only where it comes first, where
  ///   no server that delivers leaves what others have written.
  public init?(header: [UInt8]) {
    let line = header.prefix(200).prefix { $0 != 0x0d && $0 != 0x0a }
    let start = "\(StubMark.name): 1; size="
    guard line.starts(with: start.utf8) else { return nil }
    let parts = line.dropFirst(start.utf8.count).split(
      separator: UInt8(ascii: ";"), maxSplits: 1, omittingEmptySubsequences: false)
    guard let digits = parts.first, let size = UInt64(String(decoding: digits, as: UTF8.self))
    else {
      return nil
    }
    self.init(size: size, digest: nil)
    guard parts.count == 2 else { return }
    let prefix = " digest="
    guard parts[1].starts(with: prefix.utf8) else { return nil }
    let hex = parts[1].dropFirst(prefix.utf8.count)
    guard hex.count == 32, hex.allSatisfy(StubMark.isHex) else { return nil }
    digest = GlobalUID(identifier: hex)
  }

  private static func isHex(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
  }
}
