import IMAPClient
import Testing

/// Reads and writes a stream to the end, waiting with `poll` as a connection does.
struct StreamDriver {
  let stream: any ByteStream
  var deadline = Deadline.after(seconds: 20)
  /// What one read may give.
  var readSize = 4096

  struct TimedOut: Error {}

  /// Writes all and flushes.
  func write(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let progress = try rest.withUnsafeBytes { try stream.write($0) }
      if case .done(let count) = progress {
        try #require(count > 0 && count <= rest.count)
        rest = rest.dropFirst(count)
      } else {
        try wait(progress)
      }
    }
    while true {
      let progress = try stream.flush()
      if case .done = progress { return }
      try wait(progress)
    }
  }

  func write(_ text: String) throws { try write(Array(text.utf8)) }

  /// Reads until there are so many bytes; fewer if the stream ends before.
  func read(_ count: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: readSize)
    while bytes.count < count {
      let progress = try buffer.withUnsafeMutableBytes { try stream.read(into: $0) }
      switch progress {
      case .done(let got):
        try #require(got > 0 && got <= buffer.count)
        bytes += buffer.prefix(got)
      case .ended: return bytes
      case .needsRead, .needsWrite: try wait(progress)
      }
    }
    return bytes
  }

  func readText(_ count: Int = .max) throws -> String {
    String(decoding: try read(count), as: UTF8.self)
  }

  private func wait(_ progress: StreamProgress) throws {
    // A stream that holds bytes inside never has to be waited for.
    if progress == .needsRead && stream.hasBufferedInput { throw TimedOut() }
    var poll = PollSet()
    poll.add(progress, of: stream)
    guard try poll.wait(until: deadline) else { throw TimedOut() }
  }
}
