import Foundation
import Synchronization

/// A wire between the program under test and a server, which a test can hold at a chosen byte: what is done to the program
/// then is done at that point of the conversation, on machines of every speed.
public final class Relay: Sendable {
  public enum Direction: Hashable, Sendable {
    case fromServer
    case toServer
  }

  private struct State {
    var passed: [Direction: Int] = [:]
    var hold: (direction: Direction, bytes: Int)?
    var isHolding = false
    /// What is held is read on, and given to the server later.
    var keeps = false
    /// Bytes that were read on.
    var kept = 0
    /// Ended when later connections have sent so many bytes.
    var delivery: Int?
    var isDelivering = false
    var connections = 0
    /// Connections up to this one are held.
    var lastHeld = Int.max
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
  ///
  /// - Parameter keeping: what the program goes on to send is kept on its way, as buffers of a network do, for
  ///   ``deliver(after:)``.
  public func hold(after bytes: Int, _ direction: Direction, keeping: Bool = false) {
    state.withLock {
      $0.hold = (direction, ($0.passed[direction] ?? 0) + bytes)
      $0.keeps = keeping
    }
  }

  /// Lets connections pass that come now, and gives the server what was kept of the others before the
  /// byte with this number of a new one reaches it.
  public func deliver(after bytes: Int) {
    state.withLock {
      $0.lastHeld = $0.connections
      $0.delivery = ($0.passed[.toServer] ?? 0) + bytes
    }
  }

  /// Bytes that are on their way.
  public var kept: Int { state.withLock(\.kept) }

  /// Whether what was kept has been given to the server.
  public var isDelivered: Bool { state.withLock { $0.isDelivering && $0.kept == 0 } }

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
    let number = state.withLock { state in
      state.sockets += [client, server]
      state.connections += 1
      return state.connections
    }
    let ends = Mutex(2)
    for wire in [
      Wire(source: client, sink: server, direction: .toServer, connection: number),
      Wire(source: server, sink: client, direction: .fromServer, connection: number),
    ] {
      Thread.detachNewThread { [self] in
        carry(wire)
        if wire.direction == .toServer, state.withLock(\.isDelivering) {
          shutdown(server, Int32(SHUT_WR))  // the server has to come to the end of what it got
        } else {
          shutdown(wire.sink, Int32(SHUT_RDWR))
          shutdown(wire.source, Int32(SHUT_RDWR))
          state.withLock { $0.sockets.removeAll { $0 == client || $0 == server } }
        }
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

  /// One direction of a connection.
  private struct Wire {
    var source: Int32
    var sink: Int32
    var direction: Direction
    var connection: Int
  }

  private func carry(_ wire: Wire) {
    var buffer = [UInt8](repeating: 0, count: 1 << 14)
    while true {
      let count = recv(wire.source, &buffer, buffer.count, 0)
      guard count > 0 else { return }
      let allowed = allow(count, wire)
      guard write(buffer[..<allowed], to: wire.sink) || isForTheDead(wire) else { return }
      guard allowed < count else { continue }
      guard state.withLock(\.keeps) else {
        waitForCut(wire.source)
        return
      }
      guard keep(Array(buffer[allowed..<count]), wire) else { return }
    }
  }

  private func write(_ bytes: ArraySlice<UInt8>, to sink: Int32) -> Bool {
    var rest = bytes
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes {
        send(sink, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard written > 0 else { return false }
      rest.removeFirst(written)
    }
    return true
  }

  /// What a server answers to a program that is gone is lost without a trace.
  private func isForTheDead(_ wire: Wire) -> Bool {
    wire.direction == .fromServer && state.withLock(\.keeps)
  }

  /// Reads on until it is time to deliver; whether the connection goes on after that.
  private func keep(_ first: [UInt8], _ wire: Wire) -> Bool {
    var bytes = first
    var hasEnded = false
    state.withLock { $0.kept += bytes.count }
    while !state.withLock(\.isDelivering) {
      guard state.withLock({ $0.sockets.contains(wire.source) }) else { return false }
      var waiting = pollfd(fd: wire.source, events: Int16(POLLIN), revents: 0)
      guard !hasEnded, poll(&waiting, 1, 1) > 0 else {
        if hasEnded { usleep(1_000) }
        continue
      }
      var buffer = [UInt8](repeating: 0, count: 1 << 14)
      let count = recv(wire.source, &buffer, buffer.count, 0)
      hasEnded = count <= 0
      bytes += buffer[..<max(count, 0)]
      state.withLock { $0.kept += max(count, 0) }
    }
    let isSent = write(bytes[...], to: wire.sink)
    state.withLock { $0.kept -= bytes.count }
    return isSent && !hasEnded
  }

  /// How many of so many bytes may pass.
  private func allow(_ count: Int, _ wire: Wire) -> Int {
    let allowed = state.withLock { state in
      let passed = state.passed[wire.direction] ?? 0
      var allowed = count
      if let hold = state.hold, hold.direction == wire.direction,
        wire.connection <= state.lastHeld, !state.isDelivering
      {
        allowed = min(count, max(0, hold.bytes - passed))
        if allowed < count { state.isHolding = true }
      }
      state.passed[wire.direction] = passed + allowed
      if let delivery = state.delivery, wire.connection > state.lastHeld,
        wire.direction == .toServer, passed + allowed >= delivery
      {
        state.isDelivering = true
      }
      return allowed
    }
    while wire.connection > state.withLock(\.lastHeld), state.withLock(\.isDelivering), kept > 0 {
      usleep(200)
    }
    return allowed
  }

  private func waitForCut(_ socket: Int32) {
    while state.withLock({ $0.sockets.contains(socket) }) { usleep(1_000) }
  }
}
