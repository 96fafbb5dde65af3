import CLinux
import Glibc

/// A connected TCP socket.
public final class TCPStream: ByteStream {
  private var socket: FileDescriptor?
  /// True if the other end is this machine.
  public let isLoopback: Bool
  public private(set) var bytesRead: UInt64 = 0
  public private(set) var bytesWritten: UInt64 = 0

  /// Connects to the first address of `host` that accepts. Waits, also for name servers.
  public static func connect(host: String, port: UInt16, until deadline: Deadline)
    throws(TransportError) -> TCPStream
  {
    var connector = TCPConnector(addresses: try SocketAddress.resolve(host: host, port: port))
    return TCPStream(connected: try connector.connect(until: deadline))
  }

  /// Takes over a connected, non-blocking socket.
  init(connected socket: consuming FileDescriptor) {
    let number = socket.rawValue
    self.socket = consume socket
    isLoopback = SocketAddress(peerOf: number)?.isLoopback ?? false
    // Commands are small and pipelined: they must not wait for the answer to the one before.
    Self.enable(TCP_NODELAY, level: Int32(IPPROTO_TCP), on: number)
    // So that a router which forgot an idle connection is noticed.
    Self.enable(SO_KEEPALIVE, level: SOL_SOCKET, on: number)
    dropsUnsent(true)
  }

  /// What the kernel has not sent when the socket is closed, also by the death of the process, is dropped: on a slow
  /// line megabytes of messages would go on arriving, for minutes, while the next run is at work.
  private func dropsUnsent(_ isOn: Bool) {
    var value = linger(l_onoff: isOn ? 1 : 0, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
  }

  public func letWrittenArrive() { dropsUnsent(false) }

  /// -1 once it is closed.
  public var descriptor: Int32 { socket?.rawValue ?? -1 }

  public var pollDescriptors: (read: Int32, write: Int32) { (descriptor, descriptor) }

  public var hasBufferedInput: Bool { false }

  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(TransportError)
    -> StreamProgress
  {
    if buffer.isEmpty { return .done(0) }
    let number = descriptor
    do {
      let count = try retryingInterrupted { recv(number, buffer.baseAddress, buffer.count, 0) }
      bytesRead += UInt64(count)
      return count == 0 ? .ended : .done(count)
    } catch {
      if error.wouldBlock { return .needsRead }
      throw .broken(error.description)
    }
  }

  public func write(_ bytes: UnsafeRawBufferPointer) throws(TransportError) -> StreamProgress {
    if bytes.isEmpty { return .done(0) }
    let number = descriptor
    do {
      let flags = Int32(MSG_NOSIGNAL)
      let count = try retryingInterrupted { send(number, bytes.baseAddress, bytes.count, flags) }
      bytesWritten += UInt64(count)
      return .done(count)
    } catch {
      if error.wouldBlock { return .needsWrite }
      throw .broken(error.description)
    }
  }

  /// Nothing is gathered here.
  public func flush() throws(TransportError) -> StreamProgress { .done(0) }

  public func close() { socket = nil }

  private static func enable(_ option: Int32, level: Int32, on descriptor: Int32) {
    var yes: Int32 = 1
    setsockopt(descriptor, level, option, &yes, socklen_t(MemoryLayout<Int32>.size))
  }
}
