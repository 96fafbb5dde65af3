import Foundation
import Synchronization

/// A bad wire between the program under test and a server: it is cut, stalls or damages a byte at a chosen
/// place, is slow, or carries everything in single bytes.
public final class FaultyRelay: Sendable {
  public typealias Direction = Relay.Direction

  /// What becomes of the bytes that pass, in both directions.
  public struct Quality: Sendable {
    /// They come in pieces of at most so many.
    public var piece = Int.max
    /// Microseconds before each piece.
    public var delay: UInt32 = 0

    public init(piece: Int = .max, delay: UInt32 = 0) {
      self.piece = piece
      self.delay = delay
    }
  }

  private struct State {
    var passed: [Direction: Int] = [:]
    var hold: (direction: Direction, bytes: Int)?
    var isHolding = false
    /// The wire is cut, not held, where `hold` says.
    var cutsThere = false
    var wasCut = false
    var flip: (direction: Direction, byte: Int, mask: UInt8)?
    var quality = Quality()
    var isOver = false
    var sockets: [Int32] = []
  }

  public let port: UInt16
  private let listener: Int32
  private let target: UInt16
  private let state = Mutex(State())

  /// A relay to a port of 127.0.0.1.
  public init(to target: UInt16) throws {
    self.target = target
    (listener, port) = try listenLocally()
    let listener = self.listener
    Thread.detachNewThread { [self] in
      while true {
        let client = accept(listener, nil, nil)
        guard client >= 0 else { return }
        join(client)
      }
    }
  }

  /// From now on, stop the wire after so many more bytes in this direction, of all connections together.
  public func hold(after bytes: Int, _ direction: Direction) {
    state.withLock {
      $0.hold = (direction, ($0.passed[direction] ?? 0) + bytes)
    }
  }

  /// From now on, cut all connections after so many more bytes in this direction; later ones pass.
  public func cut(after bytes: Int, _ direction: Direction) {
    state.withLock {
      $0.hold = (direction, ($0.passed[direction] ?? 0) + bytes)
      $0.cutsThere = true
      $0.wasCut = false
    }
  }

  /// Whether the wire was cut where it was to be.
  public var wasCut: Bool { state.withLock { $0.wasCut } }

  /// Damages one byte: the one after so many more in this direction.
  public func flip(_ mask: UInt8, after bytes: Int, _ direction: Direction) {
    state.withLock { $0.flip = (direction, ($0.passed[direction] ?? 0) + bytes, mask) }
  }

  public var quality: Quality {
    get { state.withLock { $0.quality } }
    set { state.withLock { $0.quality = newValue } }
  }

  /// Bytes that passed so far.
  public func passed(_ direction: Direction) -> Int { state.withLock { $0.passed[direction] ?? 0 } }

  public var isHeld: Bool { state.withLock { $0.isHolding } }

  /// Waits until the wire is held; throws if the program ends before that.
  public func waitUntilHeld(by running: ChildProcess? = nil) throws {
    let deadline = Date.now + patience
    while !isHeld {
      if running?.poll() != nil { throw TestFailure("the program ended before the wire was held") }
      guard Date.now < deadline else { throw TestFailure("the wire carried too little to be held") }
      usleep(1_000)
    }
  }

  /// Cuts all connections, and lets later ones pass.
  public func cut() {
    let sockets = state.withLock { state in
      let sockets = state.sockets
      state.sockets = []
      state.hold = nil
      state.isHolding = false
      state.cutsThere = false
      return sockets
    }
    for socket in sockets { shutdown(socket, Int32(SHUT_RDWR)) }
  }

  /// Ends it.
  public func close() {
    state.withLock { $0.isOver = true }
    shutdown(listener, Int32(SHUT_RDWR))
    Foundation.close(listener)
    cut()
  }

  private func join(_ client: Int32) {
    guard let server = try? connectLocally(to: target) else {
      Foundation.close(client)
      return
    }
    for socket in [client, server] {
      var isOn: Int32 = 1
      setsockopt(
        socket, Int32(IPPROTO_TCP), TCP_NODELAY, &isOn, socklen_t(MemoryLayout<Int32>.size))
    }
    state.withLock { $0.sockets += [client, server] }
    let ends = Mutex(2)
    for (source, sink, direction) in [
      (client, server, Direction.toServer), (server, client, .fromServer),
    ] {
      Thread.detachNewThread { [self] in
        carry(from: source, to: sink, direction)
        shutdown(sink, Int32(SHUT_RDWR))
        shutdown(source, Int32(SHUT_RDWR))
        state.withLock { $0.sockets.removeAll { $0 == client || $0 == server } }
        let isLast = ends.withLock { count in
          count -= 1
          return count == 0
        }
        guard isLast else { return }
        Foundation.close(client)
        Foundation.close(server)
      }
    }
  }

  private func carry(from source: Int32, to sink: Int32, _ direction: Direction) {
    var buffer = [UInt8](repeating: 0, count: 1 << 14)
    while true {
      let count = recv(source, &buffer, buffer.count, 0)
      guard count > 0 else { return }
      var sent = 0
      while sent < count {
        let quality = quality
        if quality.delay > 0 { usleep(quality.delay) }
        let piece = min(count - sent, quality.piece)
        let allowed = allow(&buffer[sent..<sent + piece], direction)
        guard send(buffer[sent..<sent + allowed], to: sink) else { return }
        sent += allowed
        guard allowed == piece else {
          endHere(source)
          return
        }
      }
    }
  }

  private func send(_ bytes: ArraySlice<UInt8>, to sink: Int32) -> Bool {
    var rest = bytes
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes {
        Foundation.send(sink, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard written > 0 else { return false }
      rest = rest.dropFirst(written)
    }
    return true
  }

  /// How many of these bytes may pass; one of them may be damaged.
  private func allow(_ bytes: inout ArraySlice<UInt8>, _ direction: Direction) -> Int {
    state.withLock { state in
      let passed = state.passed[direction] ?? 0
      var allowed = bytes.count
      if let hold = state.hold, hold.direction == direction {
        allowed = min(allowed, max(0, hold.bytes - passed))
        if allowed < bytes.count { state.isHolding = true }
      }
      if let flip = state.flip, flip.direction == direction, flip.byte >= passed,
        flip.byte < passed + allowed
      {
        bytes[bytes.startIndex + flip.byte - passed] ^= flip.mask
        state.flip = nil
      }
      state.passed[direction] = passed + allowed
      return allowed
    }
  }

  /// The wire ends here: for now, or for good.
  private func endHere(_ socket: Int32) {
    let cuts = state.withLock { state in
      if state.cutsThere { state.wasCut = true }
      return state.cutsThere
    }
    if cuts { return cut() }
    while state.withLock({ $0.sockets.contains(socket) }) { usleep(1_000) }
  }
}
