import IMAPClient

/// Fetches many messages of one mailbox over several connections, each of which has it selected, and gives them to the
/// sink in the order asked for.
///
/// Each connection has a thread and gets every n-th group of messages. Their pipes are read by the calling thread: of the
/// messages that come next from each, the first in the order goes on. A connection that is ahead of the others stops
/// reading when its pipe is full.
final class SharedFetch {
  /// Messages that follow one another and are fetched by one connection. Few, so that what a pipe and the kernel hold
  /// while the others have their turn is about as much as one group.
  private static let group = 10

  private final class Share {
    let endpoint: IMAPEndpoint
    var handles: [MessageHandle] = []
    let pipe = MessagePipe()
    /// The message that comes next, and its place in the order.
    var head: (place: Int, handle: MessageHandle, size: UInt64)?
    var isFinished = false

    init(_ endpoint: IMAPEndpoint) { self.endpoint = endpoint }

    func run() {
      let fetch = MessageFetch(endpoint, pipe)
      do throws(EndpointError) {
        try fetch.run(handles)
        pipe.finish(nil)
      } catch {
        pipe.finish(fetch.cause(of: error))
      }
    }
  }

  private let lead: IMAPEndpoint
  private let sink: any MessageSink
  private let shares: [Share]
  /// Where each message stands in the order; those delivered, or known to be missing, are taken out.
  private var places: [MessageHandle: Int] = [:]
  /// Helpers whose connection failed.
  private(set) var failed: [IMAPEndpoint] = []

  init(_ lead: IMAPEndpoint, helpers: [IMAPEndpoint], _ sink: any MessageSink) {
    self.lead = lead
    self.sink = sink
    shares = ([lead] + helpers).map { Share($0) }
  }

  func run(_ handles: [MessageHandle]) throws(EndpointError) {
    for (place, handle) in handles.enumerated() {
      places[handle] = place
      shares[place / SharedFetch.group % shares.count].handles.append(handle)
    }
    var threads: [Thread] = []
    for share in shares {
      if let thread = Thread({ share.run() }) {
        threads.append(thread)
      } else {
        share.pipe.finish(nil)  // what it leaves is fetched in the end
      }
    }
    var failure: EndpointError?
    do throws(EndpointError) {
      try deliver()
    } catch {
      failure = error
      for share in shares { share.pipe.abandon(after: error) }
    }
    for thread in threads { thread.join() }
    if let failure { throw failure }
    let rest = handles.filter { places[$0] != nil }
    if !rest.isEmpty { try fetch(rest) }
  }

  private func fetch(_ rest: [MessageHandle]) throws(EndpointError) {
    let fetch = MessageFetch(lead, sink)
    do {
      try fetch.run(rest)
    } catch {
      throw fetch.cause(of: error)
    }
  }

  private func deliver() throws(EndpointError) {
    while true {
      for share in shares { try findHead(of: share) }
      let next = shares.min { ($0.head?.place ?? .max) < ($1.head?.place ?? .max) }
      guard let next, let head = next.head else { return }
      next.head = nil
      places[head.handle] = nil
      try sink.begin(head.handle, size: head.size, form: .wire)
      if try !copyBody(from: next) { places[head.handle] = head.place }
    }
  }

  private func findHead(of share: Share) throws(EndpointError) {
    while share.head == nil, !share.isFinished {
      switch share.pipe.next() {
      case .begins(let handle, let size):
        share.head = (places[handle] ?? .max - 1, handle, size)
      case .missing(let handle, let why):
        places[handle] = nil
        try sink.missing(handle, why: why)
      case .finished(let error):
        share.isFinished = true
        if let error { try helperFailed(share, error) }
      case .bytes, .ends: break
      }
    }
  }

  /// The connection of a helper was a help, not a need: what it leaves is fetched in the end.
  private func helperFailed(_ share: Share, _ error: EndpointError) throws(EndpointError) {
    guard share.endpoint !== lead else { throw error }
    failed.append(share.endpoint)
  }

  /// - Returns: false if the message broke off, and is to be fetched anew.
  private func copyBody(from share: Share) throws(EndpointError) -> Bool {
    while true {
      switch share.pipe.next() {
      case .bytes(let bytes):
        try bytes.withBytes { (bytes) throws(EndpointError) in try sink.write(bytes) }
      case .ends:
        try sink.end()
        return true
      case .finished(let error):
        share.isFinished = true
        try helperFailed(share, error ?? .contradiction("a message ended too early"))
        try sink.abandon()
        return false
      case .begins, .missing: break
      }
    }
  }
}
