import IMAPClient

/// Carries messages from the thread of a connection that fetches them to the one that saves them.
///
/// It holds little: who writes waits until what came before has been taken, so that a connection whose turn it is not
/// just stops reading. One thread writes and one reads.
final class MessagePipe: MessageSink, @unchecked Sendable {
  enum Event {
    case begins(MessageHandle, size: UInt64)
    case bytes([UInt8])
    case ends
    case missing(MessageHandle, why: String?)
    /// The last event: why nothing more comes.
    case finished(EndpointError?)
  }

  private static let octetLimit = 256 << 10
  private static let eventLimit = 1024

  private let monitor = Monitor()
  // Guarded by the monitor.
  private var events: [Event] = []
  private var octets = 0
  private var abandonment: EndpointError?
  /// Events that the reader has taken at one go; only it touches these.
  private var taken: ArraySlice<Event> = []

  // MARK: Writing

  var wantedForm: MessageForm { .wire }

  func begin(_ handle: MessageHandle, size: UInt64, form: MessageForm) throws(EndpointError) {
    try put(.begins(handle, size: size))
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(EndpointError) {
    try put(.bytes(Array(bytes)), octets: bytes.count)
  }

  func end() throws(EndpointError) { try put(.ends) }

  func missing(_ handle: MessageHandle, why: String?) throws(EndpointError) {
    try put(.missing(handle, why: why))
  }

  func finish(_ error: EndpointError?) {
    monitor.locked {
      events.append(.finished(error))
      monitor.wakeAll()
    }
  }

  private func put(_ event: Event, octets count: Int = 0) throws(EndpointError) {
    try monitor.locked { () throws(EndpointError) in
      while abandonment == nil,
        octets >= MessagePipe.octetLimit || events.count >= MessagePipe.eventLimit
      {
        monitor.wait()
      }
      if let abandonment { throw abandonment }
      events.append(event)
      octets += count
      if events.count == 1 { monitor.wakeAll() }
    }
  }

  // MARK: Reading

  func next() -> Event {
    if let event = taken.popFirst() { return event }
    monitor.locked {
      while events.isEmpty { monitor.wait() }
      taken = events[...]
      events = []
      octets = 0
      monitor.wakeAll()
    }
    return taken.popFirst() ?? .finished(nil)
  }

  /// Nobody reads any more: what is still written is refused.
  ///
  /// - Parameter error: what came of the reading.
  func abandon(after error: EndpointError) {
    monitor.locked {
      abandonment = error
      monitor.wakeAll()
    }
  }
}
