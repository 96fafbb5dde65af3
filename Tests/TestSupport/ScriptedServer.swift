import Foundation
import Synchronization

/// A server on 127.0.0.1 that says to each connection what a test's script says.
///
/// The script runs in a thread of its own and speaks plain IMAP by lines. When it returns, the connection
/// is closed. What went wrong in it is found in ``problems``.
public final class ScriptedServer: Sendable {
  public let port: UInt16
  private let socket: Int32
  private let state = Mutex(State())

  private struct State {
    var problems: [String] = []
    var running = 0
    var isClosed = false
  }

  public init(connections: Int = 1, _ script: @escaping @Sendable (ScriptedClient) throws -> Void)
    throws
  {
    socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let socket = socket
    let isListening = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(socket, $0, length) == 0 && getsockname(socket, $0, &length) == 0
          && listen(socket, 8) == 0
      }
    }
    guard isListening else { throw TestFailure("listen: \(String(cString: strerror(errno)))") }
    port = UInt16(bigEndian: address.sin_port)
    state.withLock { $0.running = 1 }
    Thread.detachNewThread { [self] in
      for _ in 0..<connections {
        let accepted = accept(socket, nil, nil)
        guard accepted >= 0 else { break }
        let client = ScriptedClient(accepted)
        do {
          try script(client)
        } catch {
          state.withLock { $0.problems.append("\(error)") }
        }
        client.close()
      }
      state.withLock { $0.running = 0 }
    }
  }

  deinit { close(socket) }

  /// What the script complained about, once it has run to its end.
  public var problems: [String] {
    let end = Date.now + 90
    while state.withLock({ $0.running > 0 }), Date.now < end { usleep(1000) }
    return state.withLock {
      $0.running > 0 ? $0.problems + ["the script has not ended"] : $0.problems
    }
  }
}

/// The client of a ``ScriptedServer``, as its script sees it.
public final class ScriptedClient {
  private let socket: Int32
  private var buffer: [UInt8] = []
  /// The tag of the line that was read last.
  public private(set) var tag = "*"

  fileprivate init(_ socket: Int32) {
    self.socket = socket
    var limit = timeval(tv_sec: 60, tv_usec: 0)
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  fileprivate func close() { Glibc.close(socket) }

  /// Sends text as it is.
  public func send(_ text: String) throws { try send(Array(text.utf8)) }

  public func send(_ bytes: [UInt8]) throws {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(
          socket, $0.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { throw TestFailure("the client does not read") }
      sent += count
    }
  }

  /// Sends lines, each with CRLF.
  public func say(_ lines: String...) throws {
    try send(lines.map { $0 + "\r\n" }.joined())
  }

  /// The next line without CRLF; its first word is the tag.
  @discardableResult
  public func readLine() throws -> String {
    while true {
      if let end = buffer.firstIndex(of: 0x0a) {
        let line = String(decoding: buffer[..<end].filter { $0 != 0x0d }, as: UTF8.self)
        buffer.removeSubrange(...end)
        tag = String(line.prefix { $0 != " " })
        return line
      }
      try readMore()
    }
  }

  public func readBytes(_ count: Int) throws -> [UInt8] {
    while buffer.count < count { try readMore() }
    let bytes = Array(buffer[..<count])
    buffer.removeSubrange(..<count)
    return bytes
  }

  /// Reads a line that has `text` in it.
  @discardableResult
  public func expect(_ text: String) throws -> String {
    let line = try readLine()
    guard line.contains(text) else { throw TestFailure("“\(text)” expected, not “\(line)”") }
    return line
  }

  /// Reads a line that has `text` in it, and answers with these lines and the tagged one.
  public func answer(_ text: String, _ lines: String..., with status: String = "OK done") throws {
    try expect(text)
    try send((lines + ["\(tag) \(status)"]).map { $0 + "\r\n" }.joined())
  }

  /// True when the client closes the connection, whatever it still sends.
  public func waitForEnd() -> Bool {
    while (try? readMore()) != nil { buffer = [] }
    return true
  }

  private func readMore() throws {
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    let count = recv(socket, &piece, piece.count, 0)
    guard count > 0 else { throw TestFailure("the client closed the connection") }
    buffer += piece[..<count]
  }
}
