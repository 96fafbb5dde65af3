import Foundation
import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

/// Digests are the same however a message comes in pieces.
@Suite("Digests of whole messages") struct DigestSinkTests {
  private static let handle = MessageHandle.unnumbered(1)

  private func give(
    _ bytes: [UInt8], pieces size: Int, to sink: any MessageSink
  ) throws {
    try sink.begin(DigestSinkTests.handle, size: UInt64(bytes.count), form: .wire)
    for start in stride(from: 0, to: bytes.count, by: size) {
      let piece = bytes[start..<min(start + size, bytes.count)]
      try piece.withUnsafeBytes { try sink.write($0) }
    }
    try sink.end()
  }

  private func content(_ bytes: [UInt8], pieces size: Int = .max) throws -> ReadContent {
    var messages: MessageList = [
      ObservedMessage(
        handle: DigestSinkTests.handle, flags: .empty,
        details: MessageDetails(
          size: UInt64(bytes.count), date: InternalDate(seconds: 0), id: nil))
    ]
    let sink = DigestSink(VerifiedList(taking: &messages), cancellation: Cancellation()) { _, _ in }
    try give(bytes, pieces: size, to: sink)
    return try #require(sink.messages.content(at: 0))
  }

  private func masked(_ text: [UInt8], pieces size: Int = .max) throws -> MessageDigest {
    let sink = MaskedDigestSink()
    try give(text, pieces: size, to: sink)
    return try #require(sink.digests[DigestSinkTests.handle])
  }

  @Test("it is the SHA-256 of all octets")
  func known() throws {
    // FIPS 180-4: the digest of `abc`.
    #expect(
      try content(Array("abc".utf8)).digest.description
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  }

  @Test("any pieces give the same", arguments: oddMessages.map { withCRLF($0.bytes) })
  func pieces(_ bytes: [UInt8]) throws {
    let whole = try content(bytes)
    let mask = try masked(bytes)
    #expect(whole.size == UInt64(bytes.count))
    for size in [1, 2, 3, 7, 64] where bytes.count < 2000 || size > 3 {
      #expect(try content(bytes, pieces: size) == whole)
      #expect(try masked(bytes, pieces: size) == mask)
    }
  }

  @Test("a stub is known by its first line, in any pieces")
  func stub() throws {
    let header = Array("Message-ID: <a@b>\r\nSubject: s\r\n\r\n".utf8)
    let stub = StubMessage(header: header, size: 5_000_000)
    for size in [1, 5, 1000] {
      let mark = try content(stub.bytes, pieces: size).stub
      #expect(mark?.original == stub.original && mark?.size == 5_000_000)
    }
    #expect(try !content(header + Array("X-Mboxsync-Stub: 1; size=5\r\n".utf8)).isStub)
  }

  @Test(
    "what servers replace is made equal, and nothing else",
    arguments: [
      ("a: b\r\n\r\nx\0y", "a: b\r\n\r\nx\u{80}y", true),
      ("a: \u{e9}\r\n\r\nx", "a: X\r\n\r\nx", true),
      ("a: \0\r\n\r\nx", "a: X\r\n\r\nx", true),
      ("a: b\r\n\r\n\u{e9}", "a: b\r\n\r\nX", false),
      ("a: b\r\n\r\nx", "a: c\r\n\r\nx", false),
      ("a: b\r\n\r\nx\0", "a: b\r\n\r\nxX", false),
    ] as [(String, String, Bool)])
  func masks(_ left: String, _ right: String, _ isEqual: Bool) throws {
    // One octet for each character.
    let octets = [left, right].map { $0.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) } }
    #expect(try (masked(octets[0]) == masked(octets[1])) == isEqual)
    #expect(try content(octets[0]).digest != content(octets[1]).digest)
  }
}
