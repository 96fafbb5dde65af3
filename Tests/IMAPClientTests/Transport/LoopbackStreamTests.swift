import IMAPClient
import TestSupport
import Testing

@Suite("The stream in memory") struct LoopbackStreamTests {
  private func isReady(reading descriptor: Int32) throws -> Bool {
    var poll = PollSet()
    poll.add(reading: descriptor)
    return try poll.wait(until: .after(milliseconds: 0))
  }

  private func isReady(writing descriptor: Int32) throws -> Bool {
    var poll = PollSet()
    poll.add(writing: descriptor)
    return try poll.wait(until: .after(milliseconds: 0))
  }

  @Test("its descriptors say what it would do") func readiness() throws {
    let (left, right) = LoopbackStream.pair(capacity: 3)
    #expect(try !isReady(reading: right.pollDescriptors.read))
    #expect(try isReady(writing: left.pollDescriptors.write))
    #expect(try [1, 2, 3, 4].withUnsafeBytes { _ in try write("abcd", to: left) } == .done(3))
    #expect(try isReady(reading: right.pollDescriptors.read))
    #expect(try !isReady(writing: left.pollDescriptors.write))
    #expect(try write("d", to: left) == .needsWrite)
    #expect(try StreamDriver(stream: right, readSize: 1).readText(3) == "abc")
    #expect(try !isReady(reading: right.pollDescriptors.read))
    #expect(try isReady(writing: left.pollDescriptors.write))
  }

  @Test func ending() throws {
    let (left, right) = LoopbackStream.pair()
    try StreamDriver(stream: left).write("x")
    left.close()
    #expect(try StreamDriver(stream: right).readText() == "x")
    #expect(try isReady(reading: right.pollDescriptors.read))
    #expect(throws: TransportError.broken("broken pipe")) { try write("y", to: right) }
  }

  private func write(_ text: String, to stream: LoopbackStream) throws -> StreamProgress {
    try Array(text.utf8).withUnsafeBytes { try stream.write($0) }
  }
}
