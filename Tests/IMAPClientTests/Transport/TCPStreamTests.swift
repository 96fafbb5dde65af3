import Glibc
import IMAPClient
import Testing

@Suite("TCP") struct TCPStreamTests {
  /// A listening socket that accepts by the kernel alone.
  private struct Listener: ~Copyable {
    let socket: FileDescriptor
    let port: UInt16

    init(backlog: Int32 = 5) throws {
      let number = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      socket = FileDescriptor(owning: number)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      let status = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
          bind(number, address, length) == 0 && listen(number, backlog) == 0
            && getsockname(number, address, &length) == 0
        }
      }
      try #require(status)
      port = UInt16(bigEndian: address.sin_port)
    }

    func accept() -> FileDescriptor {
      FileDescriptor(owning: Glibc.accept(socket.rawValue, nil, nil))
    }
  }

  @Test(
    "a name does not make a host this machine, save one",
    arguments: [
      ("localhost", true), ("LocalHost", true), ("127.0.0.1", true), ("127.8.0.1", true),
      ("::1", true), ("::ffff:127.0.0.1", true), ("127.example.org", false),
      ("127.0.0.1.example.org", false), ("localhost.example.org", false), ("192.0.2.1", false),
      ("2001:db8::1", false), ("", false),
    ])
  func thisMachine(_ host: String, _ isThis: Bool) {
    #expect(SocketAddress.isThisMachine(host) == isThis)
  }

  @Test func bothWays() throws {
    let listener = try Listener()
    let stream = try TCPStream.connect(
      host: "127.0.0.1", port: listener.port, until: .after(seconds: 20))
    let peer = listener.accept()
    #expect(stream.isLoopback)
    let driver = StreamDriver(stream: stream)
    try driver.write("ping")
    var bytes = [UInt8](repeating: 0, count: 10)
    #expect(try bytes.withUnsafeMutableBytes { try peer.read(into: $0) } == 4)
    #expect(try Array("pong".utf8).withUnsafeBytes { try peer.write($0) } == 4)
    #expect(try driver.readText(4) == "pong")
    #expect(stream.bytesRead == 4)
    #expect(stream.bytesWritten == 4)
    #expect(try bytes.withUnsafeMutableBytes { try stream.read(into: $0) } == .needsRead)
    stream.close()
    #expect(throws: TransportError.self) { try driver.write("late") }
  }

  @Test("the end is told, and a write behind it fails") func ending() throws {
    let listener = try Listener()
    let stream = try TCPStream.connect(
      host: "localhost", port: listener.port, until: .after(seconds: 20))
    do { _ = listener.accept() }
    let driver = StreamDriver(stream: stream)
    #expect(try driver.read(10) == [])
    #expect(throws: TransportError.self) { while true { try driver.write("x") } }
    stream.close()
  }

  /// Fills a connection that nobody reads from, and closes it.
  ///
  /// - Returns: how much of what was written the other end can still read.
  private func share(letArrive: Bool) throws -> Double {
    let listener = try Listener()
    let stream = try TCPStream.connect(
      host: "127.0.0.1", port: listener.port, until: .after(seconds: 20))
    let peer = listener.accept()
    let block = [UInt8](repeating: 0, count: 1 << 20)
    var progress = StreamProgress.done(0)
    while case .done = progress { progress = try block.withUnsafeBytes { try stream.write($0) } }
    if letArrive { stream.letWrittenArrive() }
    stream.close()
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    var count = 0
    while let read = try? buffer.withUnsafeMutableBytes({ try peer.read(into: $0) }), read > 0 {
      count += read
    }
    return Double(count) / Double(stream.bytesWritten)
  }

  @Test("what was not sent when a stream is closed is not sent any more")
  func unsent() throws { #expect(try share(letArrive: false) < 1) }

  @Test("unless it is said to be good") func sentToTheEnd() throws {
    #expect(try share(letArrive: true) == 1)
  }

  @Test("a full socket asks to wait") func fullSocket() throws {
    let listener = try Listener()
    let stream = try TCPStream.connect(
      host: "127.0.0.1", port: listener.port, until: .after(seconds: 20))
    let block = [UInt8](repeating: 0, count: 1 << 20)
    var progress = StreamProgress.done(0)
    while case .done = progress { progress = try block.withUnsafeBytes { try stream.write($0) } }
    #expect(progress == .needsWrite)
    stream.close()
  }

  @Test func refused() throws {
    let listener = try Listener()
    let port = listener.port
    _ = consume listener
    #expect(throws: TransportError.cannotConnect("connection refused")) {
      try TCPStream.connect(host: "127.0.0.1", port: port, until: .after(seconds: 20))
    }
    #expect(throws: TransportError.cannotConnect("connection refused")) {
      try TCPStream.connect(host: "localhost", port: port, until: .after(seconds: 20))
    }
  }

  @Test("names that nobody has", arguments: ["name.invalid", "", "a..b", "300.1.2.3"])
  func unknown(host: String) {
    let error = #expect(throws: TransportError.self) {
      try TCPStream.connect(host: host, port: 1, until: .after(seconds: 20))
    }
    switch error {
    case .unknownHost, .cannotConnect: break
    default: Issue.record("\(String(describing: error))")
    }
  }

  @Test("no answer ends at the deadline") func deadline() throws {
    // A full backlog drops further attempts.
    let listener = try Listener(backlog: 0)
    var queued: [TCPStream] = []
    var failure: TransportError?
    while failure == nil && queued.count < 10 {
      do throws(TransportError) {
        queued.append(
          try TCPStream.connect(
            host: "127.0.0.1", port: listener.port, until: .after(milliseconds: 200)))
      } catch { failure = error }
    }
    #expect(failure == .cannotConnect("no answer to the attempt to connect"))
  }
}

@Suite("Waiting") struct PollSetTests {
  @Test func bothDirectionsOfOneDescriptor() throws {
    let pipe = try FileDescriptor.pipe()
    var poll = PollSet()
    poll.add(reading: pipe.readEnd.rawValue)
    #expect(try !poll.wait(until: .after(milliseconds: 0)))
    #expect(!poll.isReady(pipe.readEnd.rawValue))
    poll.add(writing: pipe.writeEnd.rawValue)
    #expect(try poll.wait(until: nil))
    #expect(poll.isReady(pipe.writeEnd.rawValue))
    #expect(!poll.isReady(pipe.readEnd.rawValue))
    poll.removeAll()
    #expect(poll.isEmpty)
  }

  @Test func deadlines() {
    #expect(Deadline.after(milliseconds: 0).hasPassed)
    #expect(Deadline.after(milliseconds: -5).remainingMilliseconds == 0)
    #expect(!Deadline.after(seconds: 1000).hasPassed)
    #expect(Deadline.after(seconds: .max).remainingMilliseconds == .max)
    #expect(Deadline.after(seconds: 1) < Deadline.after(seconds: 2))
  }

  @Test func errors() {
    #expect(Errno(ECONNREFUSED).description == "connection refused")
    #expect(Errno(99_999).description == "error 99999")
    #expect(Errno(EIO).description == "input/output error")
  }
}
