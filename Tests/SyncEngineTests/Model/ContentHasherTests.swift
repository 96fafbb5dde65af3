import Testing

@testable import SyncEngine

/// Found by mutants: a connection may cut a message anywhere, and its identity must not depend on where.
@Suite("Content hasher") struct ContentHasherTests {
  @Test(
    "the digest does not depend on where the bytes are cut",
    arguments: [
      "Message-ID: <1@x>\r\nSubject: one\r\n\r\nbody\r\n", "Message-ID: <1@x>\r\n\r\n",
      "Message-ID: <1@x>\r\nSubject: one", "\rMessage-ID: <1@x>\r\n\r\nbody", "\r\r\r\n\r\nbody",
      "Message-ID: <1@x>\nSubject: a\rb\r\r\n\nbody", "Received: x\r\r", "From \r\n\r\n", "\r", "",
      "Received: x" + String(repeating: "\r", count: 10_000) + "\nSubject: y\r\n\r\n",
    ])
  func cuts(text: String) {
    let bytes = Array(text.utf8)
    let whole = digest(bytes, pieces: [bytes.count])
    for cut in bytes.indices.prefix(100) {
      #expect(digest(bytes, pieces: [cut, bytes.count - cut]) == whole, "cut at \(cut)")
    }
    #expect(digest(bytes, pieces: bytes.map { _ in 1 }) == whole)
  }

  private func digest(_ bytes: [UInt8], pieces: [Int]) -> ContentID {
    var hasher = ContentHasher()
    var rest = bytes[...]
    for count in pieces {
      Array(rest.prefix(count)).withUnsafeBytes { hasher.update($0) }
      rest = rest.dropFirst(count)
    }
    return hasher.finish()
  }
}
