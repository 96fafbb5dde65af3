import IMAPClient

/// Digests a side's messages as they pass, and keeps nothing else of them.
final class DigestSink: MessageSink {
  private(set) var messages: VerifiedList
  private(set) var unreadable: [(handle: MessageHandle, why: String)] = []

  private let cancellation: Cancellation
  private let progress: (_ messages: Int, _ octets: UInt64) -> Void
  /// The message that passes.
  private var handle: MessageHandle?
  /// Where the one before was found.
  private var last: Int?
  private var size: UInt64 = 0
  private var hash = SHA256()
  private var identity = ContentHasher()
  private var essence = EssenceReader()
  private var start: [UInt8] = []

  /// A stub tells that it is one in its first line.
  private static let startLength = 200

  init(
    _ messages: VerifiedList, cancellation: Cancellation,
    progress: @escaping (Int, UInt64) -> Void
  ) {
    self.messages = messages
    self.cancellation = cancellation
    self.progress = progress
  }

  var wantedForm: MessageForm { .wire }

  func begin(_ handle: MessageHandle, size: UInt64, form: MessageForm) throws(EndpointError) {
    if cancellation.isRequested { throw .stopped }
    self.handle = handle
    self.size = 0
    hash = SHA256()
    identity = ContentHasher()
    essence = EssenceReader()
    start.removeAll(keepingCapacity: true)
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(EndpointError) {
    size += UInt64(bytes.count)
    hash.update(bytes)
    identity.update(bytes)
    essence.update(bytes)
    start += bytes.prefix(DigestSink.startLength - start.count)
    progress(0, UInt64(bytes.count))
  }

  func end() throws(EndpointError) {
    guard let handle else { return }
    let content = ReadContent(
      size: size, digest: MessageDigest(hash.finish()), identity: identity.finish(),
      essence: essence.finish()?.digest,
      stub: size <= StubMessage.sizeLimit ? StubMark(header: start) : nil)
    if let index = find(handle) { messages.learn(content, at: index) }
    self.handle = nil
    progress(1, 0)
  }

  func missing(_ handle: MessageHandle, why: String?) throws(EndpointError) {
    let index = find(handle)
    if let why {
      unreadable.append((handle, why))
    } else if let index {
      messages.noteGone(at: index)
    }
    self.handle = nil
  }

  /// Messages mostly come in their order.
  private func find(_ handle: MessageHandle) -> Int? {
    let found = messages.index(of: handle, after: last)
    last = found ?? last
    return found
  }
}

/// Digests whole messages with those octets made equal that servers are known to replace: a NUL, for which
/// Dovecot shows octet 128, and in the header every octet above 127, for which Cyrus keeps an `X`.
final class MaskedDigestSink: MessageSink {
  private(set) var digests: [MessageHandle: MessageDigest] = [:]

  private var handle: MessageHandle?
  private var hash = SHA256()
  private var isInHeader = true
  private var lineIsEmpty = true
  private var masked: [UInt8] = []

  var wantedForm: MessageForm { .wire }

  func begin(_ handle: MessageHandle, size: UInt64, form: MessageForm) throws(EndpointError) {
    self.handle = handle
    hash = SHA256()
    isInHeader = true
    lineIsEmpty = true
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(EndpointError) {
    masked.removeAll(keepingCapacity: true)
    for byte in bytes { masked.append(mask(byte)) }
    hash.update(masked)
  }

  private func mask(_ byte: UInt8) -> UInt8 {
    guard isInHeader else { return byte == 0 ? 0x80 : byte }
    switch byte {
    case 0x0a:
      if lineIsEmpty { isInHeader = false }
      lineIsEmpty = true
    case 0x0d: break
    default: lineIsEmpty = false
    }
    return byte == 0 || byte >= 0x80 ? UInt8(ascii: "X") : byte
  }

  func end() throws(EndpointError) {
    if let handle { digests[handle] = MessageDigest(hash.finish()) }
    handle = nil
  }

  func missing(_ handle: MessageHandle, why: String?) throws(EndpointError) {}
}

extension EndpointError {
  static let stopped = EndpointError(
    .side, .interrupted, "stopped by a signal", advice: "run it again")
}
