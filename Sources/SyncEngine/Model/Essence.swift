import IMAPClient

/// What is left of a message's identity when nothing counts that other programs which fetch or
/// synchronise mail are known to change: design.md §3, 4.
///
/// Those are lines of their own (``EssenceHasher``) and the blanks between the words of a header. The
/// octets of the body are not among them.
public struct Essence: Hashable, Sendable {
  /// Octets after the header.
  public var bodySize: UInt64
  /// Of the header without the lines of such programs, without blanks and line ends.
  public var header: GlobalUID
  /// Where the header does not tell two messages apart; see ``EssenceHasher/Shape/isTelling``.
  public var body: GlobalUID?

  public init(bodySize: UInt64, header: GlobalUID, body: GlobalUID? = nil) {
    self.bodySize = bodySize
    self.header = header
    self.body = body
  }

  /// All of it in 16 octets.
  var digest: GlobalUID {
    var hash = SHA256()
    withUnsafeBytes(of: bodySize.bigEndian) { hash.update($0) }
    hash.update(header.bytes + (body?.bytes ?? []))
    return GlobalUID(bytes: hash.finish()) ?? GlobalUID(high: 0, low: 0)
  }
}

/// Computes a message's ``Essence`` from its header.
///
/// What is left out:
/// - `X-TUID`, which isync adds to each message that it copies, in either direction;
/// - `X-OfflineIMAP`, which OfflineIMAP adds to what it uploads to servers without UIDPLUS;
/// - `X-getmail-…`, and the `Received` line of getmail or fetchmail with all that a delivery agent has put
///   above it;
/// - `Return-Path`, `Delivered-To` and `X-Original-To`, which every delivery writes anew.
///
/// Programs in Python (OfflineIMAP, getmail) write the header anew: blanks after a field's name come and go.
public enum EssenceHasher {
  /// What a header tells.
  public struct Shape: Hashable, Sendable {
    public var essence: Essence
    /// Octets of the message without the lines that such a program has added.
    public var bareSize: UInt64
    /// Some program has left its lines.
    public var isMarked: Bool
    /// Message-ID or Received is among the rest; otherwise the body has to be digested, too.
    public var isTelling: Bool
  }

  /// How much longer a message gets by isync's line.
  public static let syncLineSize: UInt64 = 22
  /// How much longer or shorter by blanks; hardly more than one for each field.
  public static let slack: UInt64 = 64

  /// - Parameters:
  ///   - header: as ``Endpoint/headers(of:)`` gives it.
  ///   - size: octets of the whole message.
  /// - Returns: `nil` for a header that was cut off.
  public static func shape(header: [UInt8], size: UInt64) -> Shape? {
    guard header.count < StubMessage.headerLimit else { return nil }
    let fields = Array(HeaderFields(header, isWhole: true))
    let names = fields.map { HeaderFields.name(of: $0) }
    let fetched = fields.indices.last { isFetcher(fields[$0], names[$0]) }
    var hash = SHA256()
    var added: UInt64 = 0
    var isTelling = false
    for (index, field) in fields.enumerated() {
      let name = names[index]
      let isAbove = fetched.map { index <= $0 } ?? false
      if isOwn(name) || isAbove && !name.elementsEqual(returnPath) {
        added += UInt64(field.count)
        continue
      }
      if isOfDelivery(name) { continue }
      isTelling = isTelling || name.elementsEqual(messageID) || name.elementsEqual(received)
      digest(field, into: &hash)
    }
    let essence = Essence(
      bodySize: size >= UInt64(header.count) ? size - UInt64(header.count) : 0,
      header: GlobalUID(bytes: hash.finish()) ?? GlobalUID(high: 0, low: 0))
    return Shape(
      essence: essence, bareSize: size >= added ? size - added : 0, isMarked: added > 0,
      isTelling: isTelling)
  }

  /// A digest of what servers leave alone that write headers anew: Message-ID, Subject and From, without blanks.
  ///
  /// - Parameter header: as ``Endpoint/headers(of:)`` gives it.
  /// - Returns: `nil` without a Message-ID. Drafts and what programs write have none, and often equal headers.
  static func core(ofHeader header: [UInt8]) -> GlobalUID? {
    var fields: [[UInt8]: [UInt8]] = [:]
    for field in HeaderFields(header, isWhole: false) {
      let name = HeaderFields.name(of: field)
      if coreNames.contains(name), fields[name] == nil { fields[name] = field }
    }
    guard fields[messageID] != nil else { return nil }
    var hash = SHA256()
    for name in coreNames { digest(fields[name] ?? [], into: &hash) }
    return GlobalUID(bytes: hash.finish())
  }

  /// Whether a list has sent it on (RFC 2369, RFC 2919), or somebody (RFC 5322 §3.6.6).
  ///
  /// - Parameter header: as ``Endpoint/headers(of:)`` gives it.
  static func isPassedOn(_ header: [UInt8]) -> Bool {
    HeaderFields(header, isWhole: false).contains { field in
      let name = HeaderFields.name(of: field)
      return passedOnPrefixes.contains { name.starts(with: $0) }
    }
  }

  private static func digest(_ field: [UInt8], into hash: inout SHA256) {
    var words: [UInt8] = []
    words.reserveCapacity(field.count)
    for byte in field where byte != 0x20 && byte != 0x09 && byte != 0x0d && byte != 0x0a {
      // As in ContentHasher: what servers make of octets that don't belong in a header.
      words.append(byte >= 0x80 ? UInt8(ascii: "X") : byte)
    }
    words.append(0x0a)
    hash.update(words)
  }

  private static let returnPath = Array("return-path".utf8)
  private static let messageID = Array("message-id".utf8)
  private static let received = Array("received".utf8)
  private static let coreNames = [messageID, Array("subject".utf8), Array("from".utf8)]
  private static let passedOnPrefixes = ["list-", "resent-"].map { Array($0.utf8) }
  private static let ownNames = ["x-tuid", "x-offlineimap"].map { Array($0.utf8) }
  private static let ownPrefix = Array("x-getmail-".utf8)
  private static let deliveryNames = ["delivered-to", "x-original-to", "return-path"].map {
    Array($0.utf8)
  }
  /// In the `Received` lines of programs that fetch mail.
  private static let fetchers = ["(fetchmail-", " getmail6"].map { Array($0.utf8) }

  private static func isOwn(_ name: [UInt8]) -> Bool {
    ownNames.contains(name) || name.starts(with: ownPrefix)
  }

  private static func isOfDelivery(_ name: [UInt8]) -> Bool { deliveryNames.contains(name) }

  private static func isFetcher(_ field: [UInt8], _ name: [UInt8]) -> Bool {
    guard name.elementsEqual(received) else { return false }
    return fetchers.contains { field.firstRange(of: $0) != nil }
  }
}

/// Takes a whole message in CRLF form, as it passes, and tells its ``Essence`` with that of its body.
struct EssenceReader: ~Copyable {
  private var header: [UInt8] = []
  private var isInHeader = true
  private var body = SHA256()
  private var size: UInt64 = 0

  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    size += UInt64(bytes.count)
    guard isInHeader else { return body.update(bytes) }
    let before = header.count
    // The piece before may have ended within the end of the header.
    let start = max(0, before - 3)
    header += bytes
    if let end = MessageReader.headerEnd(header[start...], isStart: start == 0) {
      header.removeLast(header.count - end)
      isInHeader = false
      body.update(UnsafeRawBufferPointer(rebasing: bytes[(end - before)...]))
    } else if header.count >= StubMessage.headerLimit {
      // Too long to tell anything, and not to be held in memory.
      header.removeLast(header.count - StubMessage.headerLimit)
      isInHeader = false
    }
  }

  /// Nothing may be added afterwards.
  mutating func finish() -> Essence? {
    guard var essence = EssenceHasher.shape(header: header, size: size)?.essence else { return nil }
    essence.body = GlobalUID(bytes: body.finish())
    return essence
  }
}
