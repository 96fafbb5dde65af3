import IMAPClient
import TestSupport
import Testing

/// Bytes that were IMAP, changed at random: events or a ``ParseError`` come of them and nothing else, and
/// the same ones however they are cut.
@Suite("mutations") struct WireMutationTests {
  private static let corpus =
    WireCorpus.all.map(\.input) + BodyStreamingTests.rows.map(\.input)

  /// What makes a difference to a parser.
  private static let pieces: [[UInt8]] =
    [
      "(", ")", "[", "]", "\"", "\\", "{", "}", "{3}\r\n", "{0}\r\n", "~{1}\r\n", "\r", "\n",
      "\r\n",
      " ", "  ", "*", ":", ",", "<", ">", "+", "NIL", "0", "4294967295", "4294967296",
      "9223372036854775808", "18446744073709551616", "\0", "BODY[]", "UID", "((((((((", "* ",
      "m1 OK ",
    ].map { Array($0.utf8) } + [[0xff], [0x80, 0xc3], [0xed, 0xa0, 0x80]]

  @Test(arguments: UInt64(1)...40)
  func mutants(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    for _ in 0..<250 {
      var bytes = try #require(WireMutationTests.corpus.randomElement(using: &random))
      if random.oneIn(3), let more = WireMutationTests.corpus.randomElement(using: &random) {
        bytes += more
      }
      for _ in 0...Int.random(in: 0...4, using: &random) { mutate(&bytes, &random) }
      let whole = ReadResult(bytes)
      let size = Int.random(in: 1...9, using: &random)
      let cut = ReadResult(bytes, cuts: stride(from: size, to: max(bytes.count, size), by: size))
      #expect(cut == whole, "\(bytes)")
      check(whole)
    }
  }

  private func mutate(_ bytes: inout [UInt8], _ random: inout SplitMix64) {
    let place = Int.random(in: 0...bytes.count, using: &random)
    let end = min(bytes.count, place + Int.random(in: 0...6, using: &random))
    switch Int.random(in: 0..<6, using: &random) {
    case 0: bytes.removeSubrange(place..<end)
    case 1: bytes.insert(contentsOf: bytes[place..<end], at: place)
    case 2: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
    case 3 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &random)
    case 4: bytes.removeSubrange(place...)
    default:
      if let piece = WireMutationTests.pieces.randomElement(using: &random) {
        bytes.replaceSubrange(place..<end, with: piece)
      }
    }
  }

  /// Bodies begin and end in turn and have no more octets than announced.
  private func check(_ result: ReadResult) {
    var missing: UInt64?
    for event in result.events {
      switch event {
      case .bodyBegins(_, let size):
        #expect(missing == nil)
        missing = size
      case .bodyBytes(let bytes):
        let left = missing ?? 0
        #expect(UInt64(bytes.count) <= left)
        missing = left - min(left, UInt64(bytes.count))
      case .bodyEnds:
        #expect(missing == 0)
        missing = nil
      case .response: #expect(missing == nil)
      }
    }
  }
}
