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
      let allowed = allow(count, direction)
      var sent = 0
      while sent < allowed {
        let written = buffer[sent..<allowed].withUnsafeBytes {
          send(sink, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        guard written > 0 else { return }
        sent += written
      }
      guard allowed == count else {
        waitForCut(source)
        return
      }
    }
  }

  /// How many of so many bytes may pass.
  private func allow(_ count: Int, _ direction: Direction) -> Int {
    state.withLock { state in
      let passed = state.passed[direction] ?? 0
      var allowed = count
      if let hold = state.hold, hold.direction == direction {
        allowed = min(count, max(0, hold.bytes - passed))
        if allowed < count { state.isHolding = true }
      }
      state.passed[direction] = passed + allowed
      return allowed
    }
  }

  private func waitForCut(_ socket: Int32) {
    while state.withLock({ $0.sockets.contains(socket) }) { usleep(1_000) }
  }
}
