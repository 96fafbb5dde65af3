import CLinux
import Glibc

/// Tries the addresses of a host until one accepts: "happy eyeballs", RFC 8305 §5.
///
/// An address gets a head start before the next one is tried beside it, so that a family without a
/// route costs a quarter of a second and not the whole time allowed.
struct TCPConnector: ~Copyable {
  private static let headStartMilliseconds = 250

  private var waiting: [SocketAddress]
  private var attempts: [Int32] = []
  private var lastFailure = TransportError.cannotConnect("the host has no address")

  init(addresses: [SocketAddress]) { waiting = addresses.reversed() }

  deinit { for descriptor in attempts { Glibc.close(descriptor) } }

  /// The first socket to be connected, non-blocking.
  mutating func connect(until deadline: Deadline) throws(TransportError) -> FileDescriptor {
    var nextStart = Deadline.after(milliseconds: 0)
    while true {
      if attempts.isEmpty || nextStart.hasPassed, let address = waiting.popLast() {
        if let connected = start(address) { return connected }
        nextStart = .after(milliseconds: Self.headStartMilliseconds)
      }
      if attempts.isEmpty && waiting.isEmpty { throw lastFailure }
      if attempts.isEmpty { continue }
      let limit = waiting.isEmpty ? deadline : min(deadline, nextStart)
      if let connected = try waitForOne(until: limit) { return connected }
      if deadline.hasPassed { throw .cannotConnect("no answer to the attempt to connect") }
    }
  }

  /// Begins one attempt; the socket if it succeeds at once, as on loopback it may.
  private mutating func start(_ address: SocketAddress) -> FileDescriptor? {
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let number = socket(address.family, kind, 0)
    guard number >= 0 else {
      lastFailure = .cannotConnect(Errno.current.description)
      return nil
    }
    let status = address.withPointer { Glibc.connect(number, $0, $1) } ?? -1
    if status == 0 { return FileDescriptor(owning: number) }
    let error = Errno.current
    // An interrupted connect goes on by itself, like one in progress.
    if error.rawValue == EINPROGRESS || error.rawValue == EINTR {
      attempts.append(number)
    } else {
      lastFailure = .cannotConnect(error.description)
      Glibc.close(number)
    }
    return nil
  }

  private mutating func waitForOne(until deadline: Deadline) throws(TransportError)
    -> FileDescriptor?
  {
    var poll = PollSet()
    for descriptor in attempts { poll.add(writing: descriptor) }
    do {
      guard try poll.wait(until: deadline) else { return nil }
    } catch {
      throw .cannotConnect(error.description)
    }
    for descriptor in attempts where poll.isReady(descriptor) {
      attempts.removeAll { $0 == descriptor }
      let error = pendingError(of: descriptor)
      if error.rawValue == 0 { return FileDescriptor(owning: descriptor) }
      lastFailure = .cannotConnect(error.description)
      Glibc.close(descriptor)
    }
    return nil
  }

  private func pendingError(of descriptor: Int32) -> Errno {
    var number: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    guard getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &number, &length) == 0 else {
      return Errno.current
    }
    return Errno(number)
  }
}
