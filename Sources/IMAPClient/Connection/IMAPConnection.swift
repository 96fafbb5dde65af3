import Glibc

/// One connection to an IMAP server, logged in.
///
/// Commands are queued by ``send(_:)`` and go out when there are many of them, or when their answers are
/// waited for; any number may be under way. While it waits, a connection reads and writes as either end
/// can, so that neither side can block the other. It belongs to one thread at a time. After an error that
/// ``IMAPError/endsConnection`` every call throws that error again.
public final class IMAPConnection {
  let configuration: IMAPConfiguration
  var stream: any ByteStream
  var reader = ResponseReader()
  var output = OutputBuffer()
  var traffic = WireTraffic()
  var log: WireLog?

  /// In force now, without those that the configuration disables.
  public internal(set) var capabilities: Set<Capability> = []
  /// What ID, NAMESPACE and ENABLE told so far.
  public internal(set) var profile = ServerProfile()
  /// Told of every response that is not the connection's own affair.
  public var observer: (any ResponseObserver)?

  /// How the login was made, for people: `SCRAM-SHA-256`.
  public internal(set) var login = ""
  /// What to do when the login is refused.
  var loginAdvice = ""
  /// The TLS that everything goes through, if it does.
  public internal(set) var tls: TLSStream?
  /// Whether COMPRESS=DEFLATE is in use.
  public var isCompressed: Bool { stream is DeflateStream }

  var greeting: StatusResponse?
  var failure: IMAPError?
  var isEnding = false
  var lastTag: UInt32 = 0
  /// Commands sent or queued and not yet answered.
  var open: Set<Tag> = []
  /// Of these nobody will ask for the answer.
  var unattended: Set<Tag> = []
  var answers: [Tag: StatusResponse] = [:]
  /// What came with `+`, while something waits for one.
  var continuation: [UInt8]?
  var awaitsContinuation = false
  /// The reading stops behind the answer to this command, since what follows is no longer plain IMAP.
  var boundary: Tag?
  /// What came behind the answer to STARTTLS, in the same piece.
  var bytesAfterBoundary: [UInt8] = []
  /// A command is being written, piece by piece.
  var isInCommand = false
  /// The APPEND being written, as the trace is to show it.
  var appendLog: String?
  var compression = Compression.unused
  /// What must not be shown, whoever says it.
  var secrets = SecretFilter() { didSet { log?.secrets = secrets } }
  /// Nothing of the server's bytes is shown while it may be repeating half a secret.
  var isLoggingIn = false
  /// What the server may say between two answers, and how much of it is left.
  var budget = ResponseBudget() { didSet { budgetLeft = budget } }
  var budgetLeft = ResponseBudget()

  /// Room for output above which a writer has to wait.
  static let outputLimit = 256 << 10
  /// Output that is pushed out without being waited for.
  static let outputChunk = 32 << 10

  enum Compression {
    case unused
    /// To be asked for when the output next runs empty.
    case wanted
    /// Asked for: nothing may be sent before the answer. RFC 4978 §3.
    case asked(Tag)
  }

  /// - Parameter stream: connected; the greeting has not been read.
  init(_ configuration: IMAPConfiguration, over stream: any ByteStream) {
    self.configuration = configuration
    self.stream = stream
    tls = stream as? TLSStream
    if let trace = configuration.trace { log = WireLog(trace) }
  }

  deinit { stream.close() }

  /// Bytes that crossed the wire, and the times that this end had to wait for the other.
  public var bytesRead: UInt64 { traffic.bytesRead + stream.bytesRead }
  public var bytesWritten: UInt64 { traffic.bytesWritten + stream.bytesWritten }
  public var roundTrips: UInt64 { traffic.roundTrips }
  public var pace: ReadingPace { traffic.pace }

  /// The bytes go to a command, or to a port of this machine, where a tunnel may begin.
  public var isLocal: Bool { Transport.isLocal(stream) }

  public func has(_ capability: Capability) -> Bool { capabilities.contains(capability) }

  // MARK: Commands

  /// Queues a command.
  public func send(_ command: Command) throws(IMAPError) -> Tag {
    try checkIsOneLine(command.text)
    let tag = try beginCommand()
    output.append("\(tag) ".utf8)
    output.append(command.text)
    output.append("\r\n".utf8)
    log?.sent("\(tag) \(String(decoding: command.text, as: UTF8.self))")
    try makeRoom()
    return tag
  }

  /// Names come from servers: one with a line break must not become a command of its own.
  func checkIsOneLine(_ text: [UInt8]) throws(IMAPError) {
    guard !text.contains(where: { $0 == 0x0d || $0 == 0x0a || $0 == 0 }) else {
      throw IMAPError(.refused, "a name that has a line break or a NUL can't be sent to a server")
    }
  }

  /// Queues a command whose answer does not matter, or shows in ``profile``.
  public func sendUnattended(_ command: Command) throws(IMAPError) {
    unattended.insert(try send(command))
  }

  /// Waits for the tagged answer: OK, NO or BAD.
  public func wait(_ tag: Tag) throws(IMAPError) -> StatusResponse {
    try pumpForAnswer(while: { open.contains(tag) })
    guard let answer = answers.removeValue(forKey: tag) else {
      throw IMAPError(.protocolViolation, "the command \(tag) was answered before")
    }
    return answer
  }

  /// Nobody will wait for the answer to a command that was sent.
  public func forgo(_ tag: Tag) {
    if answers.removeValue(forKey: tag) == nil, open.contains(tag) { unattended.insert(tag) }
  }

  /// Waits until every unattended command is answered, and ``profile`` complete.
  public func settle() throws(IMAPError) {
    try pumpForAnswer(while: { !unattended.isEmpty })
  }

  /// Waits until a command is answered; the answer is kept.
  public func waitUntilAnswered(_ tag: Tag) throws(IMAPError) {
    try pumpForAnswer(while: { open.contains(tag) })
  }

  /// The answer to a command, if it has come already.
  public func hasAnswer(_ tag: Tag) -> Bool { answers[tag] != nil }

  /// Sends what can be sent now, and reads nothing.
  public func push() throws(IMAPError) {
    try whileUsable { () throws(IMAPError) in _ = try writeSome(nil) }
  }

  /// Acts on what has come, and waits for nothing.
  public func receive() throws(IMAPError) {
    var polls = PollSet()
    try whileUsable { () throws(IMAPError) in while try readSome(&polls) {} }
  }

  /// Says good-bye without waiting for an answer.
  public func disconnect() {
    guard failure == nil else { return }
    isEnding = true
    if let tag = try? beginCommand() {
      output.append("\(tag) LOGOUT\r\n".utf8)
      stream.letWrittenArrive()
      try? push()
    }
    fail(IMAPError(.connectionLost, "the connection was closed"))
  }

  /// Closes at once, in the middle of whatever is under way.
  public func abort() { fail(IMAPError(.connectionLost, "the connection was given up")) }

  func fail(_ error: IMAPError) {
    guard failure == nil else { return }
    failure = error
    traffic.bytesRead += stream.bytesRead
    traffic.bytesWritten += stream.bytesWritten
    stream.close()
    stream = ClosedStream()
  }

  func beginCommand() throws(IMAPError) -> Tag {
    if case .asked(let tag) = compression {
      try pumpForAnswer(while: { open.contains(tag) })
    }
    if let failure { throw failure }
    guard lastTag < .max else {
      throw IMAPError(.connectionLost, "this connection has no tags left")
    }
    lastTag += 1
    let tag = Tag(lastTag)
    open.insert(tag)
    traffic.hasQueued = true
    return tag
  }
}

/// Counters that outlive a stream.
struct WireTraffic {
  var bytesRead: UInt64 = 0
  var bytesWritten: UInt64 = 0
  var roundTrips: UInt64 = 0
  var pace = ReadingPace()
  /// Something was queued since this end last had to wait for an answer.
  var hasQueued = false
}

/// Stands for a stream that is closed.
private final class ClosedStream: ByteStream {
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(TransportError) -> StreamProgress {
    .ended
  }
  func write(_ bytes: UnsafeRawBufferPointer) throws(TransportError) -> StreamProgress {
    throw .broken("closed")
  }
  func flush() throws(TransportError) -> StreamProgress { .done(0) }
  var hasBufferedInput: Bool { false }
  var pollDescriptors: (read: Int32, write: Int32) { (-1, -1) }
  var bytesRead: UInt64 { 0 }
  var bytesWritten: UInt64 { 0 }
  func close() {}
}
