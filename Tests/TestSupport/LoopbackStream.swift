import CLinux
import Glibc
import IMAPClient
import Synchronization

/// One end of a connection that lies in memory, with buffers of a chosen size.
///
/// Its descriptors can be polled like a socket's, so a driver works over it unchanged, and the two
/// ends may be used by two threads.
public final class LoopbackStream: ByteStream, @unchecked Sendable {
  private let incoming: Lane
  private let outgoing: Lane
  /// The most bytes that one call moves: 1 shows whoever relies on whole lines or records.
  private let largestRead: Int
  private let largestWrite: Int
  public private(set) var bytesRead: UInt64 = 0
  public private(set) var bytesWritten: UInt64 = 0

  private init(incoming: Lane, outgoing: Lane, largestRead: Int, largestWrite: Int) {
    self.incoming = incoming
    self.outgoing = outgoing
    self.largestRead = largestRead
    self.largestWrite = largestWrite
  }

  /// Two ends; what is written to one is read from the other.
  public static func pair(
    capacity: Int = 64 * 1024, largestRead: Int = .max, largestWrite: Int = .max
  ) -> (LoopbackStream, LoopbackStream) {
    let there = Lane(capacity: capacity)
    let back = Lane(capacity: capacity)
    return (
      LoopbackStream(
        incoming: back, outgoing: there, largestRead: largestRead, largestWrite: largestWrite),
      LoopbackStream(
        incoming: there, outgoing: back, largestRead: largestRead, largestWrite: largestWrite)
    )
  }

  public var hasBufferedInput: Bool { false }

  public var pollDescriptors: (read: Int32, write: Int32) {
    (incoming.readable.rawValue, outgoing.writable.rawValue)
  }

  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(TransportError)
    -> StreamProgress
  {
    let progress = incoming.take(into: buffer, atMost: largestRead)
    if case .done(let count) = progress { bytesRead += UInt64(count) }
    return progress
  }

  public func write(_ bytes: UnsafeRawBufferPointer) throws(TransportError) -> StreamProgress {
    guard let progress = outgoing.put(bytes, atMost: largestWrite) else {
      throw .broken("broken pipe")
    }
    if case .done(let count) = progress { bytesWritten += UInt64(count) }
    return progress
  }

  public func flush() throws(TransportError) -> StreamProgress { .done(0) }

  /// The other end reads what is left, then the end; what it writes fails.
  public func close() {
    incoming.close()
    outgoing.close()
  }
}

extension LoopbackStream {
  /// One direction.
  fileprivate final class Lane: Sendable {
    private struct State {
      var bytes: [UInt8] = []
      var isClosed = false
    }

    private let capacity: Int
    private let state = Mutex(State())
    let readable = Light()
    let writable = Light()

    init(capacity: Int) {
      self.capacity = capacity
      readable.blockReading()
    }

    func take(into buffer: UnsafeMutableRawBufferPointer, atMost limit: Int) -> StreamProgress {
      state.withLock { state in
        let count = min(buffer.count, limit, state.bytes.count)
        if count == 0 { return state.isClosed ? .ended : .needsRead }
        buffer.copyBytes(from: state.bytes.prefix(count))
        state.bytes.removeFirst(count)
        show(state)
        return .done(count)
      }
    }

    func put(_ bytes: UnsafeRawBufferPointer, atMost limit: Int) -> StreamProgress? {
      state.withLock { state in
        if state.isClosed { return nil }
        let count = min(bytes.count, limit, capacity - state.bytes.count)
        if count == 0 { return .needsWrite }
        state.bytes.append(contentsOf: bytes.prefix(count))
        show(state)
        return .done(count)
      }
    }

    func close() {
      state.withLock { state in
        state.isClosed = true
        show(state)
      }
    }

    private func show(_ state: State) {
      if state.isClosed || !state.bytes.isEmpty {
        readable.allowReading()
      } else {
        readable.blockReading()
      }
      if state.isClosed || state.bytes.count < capacity {
        writable.allowWriting()
      } else {
        writable.blockWriting()
      }
    }
  }

  /// A descriptor whose readiness is set by hand: an eventfd is readable above 0, and writable below
  /// its maximum.
  fileprivate final class Light: Sendable {
    private let descriptor = FileDescriptor(
      owning: eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK)))

    var rawValue: Int32 { descriptor.rawValue }

    func allowReading() { set(1) }

    func blockReading() { set(0) }

    func allowWriting() { set(0) }

    func blockWriting() { set(.max - 1) }

    private func set(_ value: UInt64) {
      var old: UInt64 = 0
      Glibc.read(descriptor.rawValue, &old, 8)
      var new = value
      if value > 0 { Glibc.write(descriptor.rawValue, &new, 8) }
    }
  }
}
