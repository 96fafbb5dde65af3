import IMAPClient

/// The SHA-256 of a whole message in CRLF form.
public struct MessageDigest: Hashable, Sendable, CustomStringConvertible {
  private let high: GlobalUID
  private let low: GlobalUID

  /// - Parameter bytes: the 32 bytes of the digest.
  init(_ bytes: [UInt8]) {
    high = GlobalUID(bytes: bytes) ?? GlobalUID(high: 0, low: 0)
    low = GlobalUID(bytes: bytes.dropFirst(16)) ?? GlobalUID(high: 0, low: 0)
  }

  private init() {
    high = GlobalUID(high: 0, low: 0)
    low = high
  }

  /// Where none is known.
  static let zero = MessageDigest()

  /// For matching by ``Pairing``, which knows messages by half as many bits.
  var short: GlobalUID { high }

  /// 64 lower-case hexadecimal digits.
  public var description: String { "\(high)\(low)" }
}

/// What a message's bytes came to when they were read.
public struct ReadContent: Hashable, Sendable {
  /// Octets in CRLF form.
  public var size: UInt64
  public var digest: MessageDigest
  /// By which a sync would recognise it: of the same size.
  var identity: ContentID
  /// A digest of what other programs that copy mail don't change (``Essence``); `nil` where the header is too long.
  var essence: GlobalUID?
  /// It is the stub of a larger message.
  var stub: StubMark?

  public var isStub: Bool { stub != nil }
}

/// A message as one side showed it to be compared.
public struct VerifiedMessage: Hashable, Sendable {
  public var handle: MessageHandle
  public var flags: FlagSet
  /// When it was received.
  public var date: InternalDate
  /// `nil` if it could not be read.
  public var content: ReadContent?
}
