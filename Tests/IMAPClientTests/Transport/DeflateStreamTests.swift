import IMAPClient
import Synchronization
import TestSupport
import Testing

@Suite("Deflate") struct DeflateStreamTests {
  /// Text that compresses, then bytes that don't.
  static func sample(_ count: Int) -> [UInt8] {
    var state: UInt32 = 12345
    return (0..<count).map { index in
      state = state &* 1_664_525 &+ 1_013_904_223
      return index % 4096 < 3000 ? UInt8(ascii: "a") + UInt8(index % 7) : UInt8(state >> 24)
    }
  }

  @Test("there and back", arguments: [1, 7, 4096, 100_000], [1, 3, 1000, 1 << 20])
  func roundTrip(capacity: Int, step: Int) throws {
    let bytes = Self.sample(step == 1 || capacity == 1 ? 20_000 : 300_000)
    let (left, right) = LoopbackStream.pair(
      capacity: capacity, largestRead: max(1, step / 2), largestWrite: step)
    let sender = try DeflateStream(over: left)
    let receiver = try DeflateStream(over: right)
    #expect(try echoed(bytes, sender, receiver, readSize: step) == bytes)
    #expect(sender.bytesWritten == left.bytesWritten)
    #expect(receiver.bytesRead == right.bytesRead)
    #expect(sender.bytesWritten < UInt64(bytes.count))
  }

  /// Both ends in turn on one thread, as far as the buffers between them allow.
  private func echoed(
    _ bytes: [UInt8], _ sender: DeflateStream, _ receiver: DeflateStream, readSize: Int
  ) throws -> [UInt8] {
    var rest = bytes[...]
    var received: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: readSize)
    var isFlushed = false
    while received.count < bytes.count {
      if !rest.isEmpty {
        let piece = rest.prefix(readSize * 3)
        if case .done(let count) = try piece.withUnsafeBytes({ try sender.write($0) }) {
          rest = rest.dropFirst(count)
        }
      } else if !isFlushed, case .done = try sender.flush() {
        isFlushed = true
      }
      let before = received.count
      while case .done(let count) = try buffer.withUnsafeMutableBytes({
        try receiver.read(into: $0)
      }) {
        received += buffer.prefix(count)
      }
      try #require(!isFlushed || received.count > before, "bytes are stuck after the flush")
    }
    return received
  }

  @Test("a flush brings out every line, and nothing the second time")
  func flushing() throws {
    let (left, right) = LoopbackStream.pair()
    let sender = StreamDriver(stream: try DeflateStream(over: left))
    let receiver = StreamDriver(stream: try DeflateStream(over: right))
    for number in 0..<50 {
      let line = "A\(number) NOOP\r\n"
      try sender.write(line)
      let written = left.bytesWritten
      #expect(try sender.stream.flush() == .done(0))
      #expect(left.bytesWritten == written)
      #expect(try receiver.readText(line.utf8.count) == line)
    }
  }

  @Test("bytes read together with the OK are inflated first")
  func alreadyRead() throws {
    let (left, right) = LoopbackStream.pair()
    try StreamDriver(stream: try DeflateStream(over: left)).write("* 1 EXISTS\r\n")
    let early = try StreamDriver(stream: right, readSize: 5).read(5)
    var rest = [UInt8](repeating: 0, count: 100)
    let progress = try rest.withUnsafeMutableBytes { try right.read(into: $0) }
    guard case .done(let count) = progress else { return #expect(progress == .done(1)) }

    let receiver = try DeflateStream(over: left, alreadyRead: early + rest.prefix(count))
    #expect(receiver.hasBufferedInput)
    #expect(try StreamDriver(stream: receiver).readText(12) == "* 1 EXISTS\r\n")
  }

  @Test("a bomb comes out piece by piece")
  func bomb() throws {
    let (left, right) = LoopbackStream.pair(capacity: 1 << 20)
    let sender = StreamDriver(stream: try DeflateStream(over: left))
    let size = 20_000_000
    try sender.write([UInt8](repeating: 0, count: size))
    #expect(left.bytesWritten < 30_000)
    left.close()

    let receiver = try DeflateStream(over: right)
    var buffer = [UInt8](repeating: 0, count: 1000)
    var total = 0
    while case .done(let count) = try buffer.withUnsafeMutableBytes({ try receiver.read(into: $0) })
    {
      total += count
      // All was received with the first reads; the rest comes from inside.
      if total < size { #expect(receiver.hasBufferedInput || right.pollDescriptors.read >= 0) }
    }
    #expect(total == size)
  }

  @Test("damage is told or changes bytes, and never does more", arguments: 0..<300)
  func damage(seed: Int) throws {
    let (left, right) = LoopbackStream.pair(capacity: 1 << 20)
    try StreamDriver(stream: try DeflateStream(over: left)).write(Self.sample(5000))
    var compressed = [UInt8](repeating: 0, count: 10_000)
    guard
      case .done(let count) = try compressed.withUnsafeMutableBytes({ try right.read(into: $0) })
    else { return #expect(Bool(false)) }
    compressed.removeLast(compressed.count - count)
    compressed[seed * 7919 % count] ^= 1 << UInt8(seed % 8)

    let (wire, end) = LoopbackStream.pair(capacity: 1 << 20)
    try StreamDriver(stream: wire).write(compressed)
    wire.close()
    let receiver = StreamDriver(stream: try DeflateStream(over: end))
    do {
      _ = try receiver.read(.max)
    } catch TransportError.corrupt(let text) {
      #expect(!text.isEmpty)
    }
  }

  @Test("a stream that is no deflate at all") func garbage() throws {
    let (wire, end) = LoopbackStream.pair()
    try StreamDriver(stream: wire).write("* BYE not compressed\r\n")
    let error = #expect(throws: TransportError.self) {
      try StreamDriver(stream: try DeflateStream(over: end)).read(100)
    }
    guard case .corrupt = error else { return #expect(error == .corrupt("")) }
  }

  @Test("the end below is the end above") func ending() throws {
    let (left, right) = LoopbackStream.pair()
    let sender = StreamDriver(stream: try DeflateStream(over: left))
    try sender.write("* BYE\r\n")
    sender.stream.close()
    let receiver = StreamDriver(stream: try DeflateStream(over: right))
    #expect(try receiver.readText() == "* BYE\r\n")
    #expect(try receiver.readText() == "")
  }
}
