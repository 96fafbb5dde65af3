import IMAPClient

/// A small message that stands for one larger than `max-size`: the message's own header over a note that
/// says what is missing.
///
/// Pure. It is made of the header alone, so that the message itself need not be read; a text part that can
/// be had cheaply would come before the note in ``body(size:)``.
public struct StubMessage: Hashable, Sendable {
  /// In CRLF form.
  public let bytes: [UInt8]
  public let content: ContentID
  /// What the message it stands for is identified by; `nil` where its header does not tell.
  public let original: ContentID?

  /// Most octets of a header that a stub is made of; what is beyond is left out.
  public static let headerLimit = 64 * 1024
  /// No stub is larger: the header, the lines of its own, the note, CRs added to line ends.
  public static let sizeLimit = UInt64(headerLimit) * 2 + 4096

  /// - Parameters:
  ///   - header: the message's first octets, up to its header's end or ``headerLimit``, lines ending in
  ///     CRLF; it may come with or without the empty line after it.
  ///   - size: octets of the whole message.
  public init(header: [UInt8], size: UInt64) {
    let isWhole = header.count < StubMessage.headerLimit
    original = isWhole ? StubMessage.identify(header, size: size) : nil
    var bytes = StubMark(size: size, digest: original?.digest).line
    for field in HeaderFields(header, isWhole: isWhole) where !StubMessage.isReplaced(field) {
      bytes += field
    }
    bytes += Array(
      """
      MIME-Version: 1.0\r
      Content-Type: text/plain; charset=us-ascii\r
      Content-Transfer-Encoding: 7bit\r
      \r\n
      """.utf8)
    bytes += StubMessage.body(size: size)
    self.bytes = bytes
    var hasher = ContentHasher()
    bytes.withUnsafeBytes { hasher.update($0) }
    content = hasher.finish()
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

  private static func body(size: UInt64) -> [UInt8] {
    Array(
      """
      [This is only the header of a message of \(readable(size)),\r
      which is larger than the max-size of your mailbox synchronisation allows.\r
      \r
      To get the whole message, flag this one (\\Flagged): it is replaced at the\r
      next sync. Expunging it expunges the whole message.]\r\n
      """.utf8)
  }

  /// With one decimal, of which nothing is lost where it matters: `1234567 octets (1.1 MiB)`.
  private static func readable(_ size: UInt64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
    var unit = 0
    var divisor: UInt64 = 1024
    while unit + 1 < units.count, size / divisor >= 1024 {
      divisor *= 1024
      unit += 1
    }
    let tenths = size % divisor / (divisor / 1024) * 10 / 1024
    return "\(size) octets (\(size / divisor).\(tenths) \(units[unit]))"
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
