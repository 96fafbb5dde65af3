import IMAPClient
import Testing

@Suite("limits") struct WireLimitTests {
  private static var small: WireLimits {
    var limits = WireLimits()
    limits.line = 64
    limits.longLine = 128
    limits.gatheredLiterals = 32
    return limits
  }

  struct Row: Sendable, CustomTestStringConvertible {
    var start: String
    var limit: Int
    var testDescription: String { start }
  }

  @Test(
    "a line may be as long as the limit and no longer",
    arguments: [
      Row(start: "* OK ", limit: 64), Row(start: "m1 OK ", limit: 64),
      Row(start: "* FOO ", limit: 64), Row(start: "+ ", limit: 64),
      Row(start: "* SEARCH 1", limit: 128), Row(start: "* ESEARCH (TAG m0) ALL 1", limit: 128),
      Row(start: "* VANISHED 1", limit: 128), Row(start: "* vanished (earlier) 1", limit: 128),
    ])
  func lines(row: Row) {
    for (length, isFine) in [(row.limit, true), (row.limit + 1, false)] {
      let ones = String(repeating: "1", count: length - row.start.utf8.count - 2)
      // Numbers of more than ten digits would be refused for themselves.
      let text = row.limit == 128 ? (row.start + ones).spaced : row.start + ones
      let bytes = Array("\(text)\r\n".utf8)
      let result = ReadResult(bytes, limits: WireLimitTests.small)
      #expect((result.failure == nil) == isFine)
      expectAtEveryCut(bytes, result, limits: WireLimitTests.small)
    }
  }

  @Test("a line without an end is given up at the limit")
  func endless() {
    let result = ReadResult([UInt8](repeating: 0x41, count: 65), limits: WireLimitTests.small)
    #expect(result.failure != nil)
    let long = Array("* SEARCH".utf8) + [UInt8](repeating: 0x20, count: 121)
    #expect(ReadResult(long, limits: WireLimitTests.small).failure != nil)
    #expect(ReadResult(long.dropLast(), limits: WireLimitTests.small).failure == nil)
  }

  @Test("gathered literals count together, and a body does not count")
  func literals() {
    let filling = String(repeating: "x", count: 16)
    let two = "* 1 FETCH (X {16}\n\(filling) Y {16}\n\(filling) UID 7)"
    let three = "* 1 FETCH (X {16}\n\(filling) Y {16}\n\(filling) Z {1}\n)"
    let body = "* 1 FETCH (BODY[] {160}\n\(String(repeating: filling, count: 10)) UID 7)"
    for (text, isFine) in [(two, true), (three, false), (body, true)] {
      let bytes = Array(text.wireLines.utf8)
      let result = ReadResult(bytes, limits: WireLimitTests.small)
      #expect((result.failure == nil) == isFine)
      expectAtEveryCut(bytes, result, limits: WireLimitTests.small)
    }
    // The next response has its own allowance.
    let twice = Array((two + "\n" + two).wireLines.utf8)
    #expect(ReadResult(twice, limits: WireLimitTests.small).failure == nil)
  }

  @Test("nesting is followed to a bounded depth", arguments: [64, 65, 100_000])
  func nesting(depth: Int) {
    let open = String(repeating: "(", count: depth)
    let close = String(repeating: ")", count: depth)
    let bytes = Array("* 1 FETCH (X \(open)\(close) UID 7)\r\n".utf8)
    #expect((ReadResult(bytes).failure == nil) == (depth <= 64))
    #expect(ReadResult(Array("* 1 FETCH (X \(open)\r\n".utf8)).failure != nil)
    #expect(ReadResult(Array("* NAMESPACE \(open)\r\n".utf8)).failure != nil)
  }

  @Test("a body may be large, but not without bounds")
  func body() {
    let sizes: [(UInt64, Bool)] = [(1 << 40, true), (1 << 40 + 1, false), (1 << 63 - 1, false)]
    for (size, isFine) in sizes {
      let result = ReadResult(Array("* 1 FETCH (BODY[] {\(size)}\r\nabc".utf8))
      #expect((result.failure == nil) == isFine)
    }
  }

  @Test("empty lines are passed over, but not without end")
  func emptyLines() {
    let some = String(repeating: "\r\n", count: 1000)
    #expect(ReadResult(Array("\(some)* 1 EXISTS\r\n\(some)".utf8)).responses == [.exists(1)])
    #expect(ReadResult(Array("\(some)\n".utf8)).failure != nil)
  }

  @Test("a message has a bounded number of flags", arguments: [1000, 1001])
  func flags(count: Int) {
    let flags = (1...count).map { "k\($0)" }.joined(separator: " ")
    let result = ReadResult(Array("* 1 FETCH (UID 1 FLAGS (\(flags)))\r\n".utf8))
    #expect((result.failure == nil) == (count <= 1000))
  }

  @Test("many empty literals in one response are no trap")
  func emptyLiterals() {
    let text = "* 1 FETCH (" + String(repeating: "X {0}\r\n ", count: 20_000) + "UID 7)\r\n"
    #expect(ReadResult(Array(text.utf8)).responses == [.fetch(1) { $0.uid = uid(7) }])
  }
}

extension String {
  /// Digits at the end in groups that are small numbers, of the same length altogether.
  fileprivate var spaced: String {
    guard let first = firstIndex(of: "1") else { return self }
    let isSearch = hasPrefix("* SEARCH")
    var result = Array(self[..<first].utf8)
    let digits = self[first...].utf8
    for (offset, byte) in digits.enumerated() {
      let isGap = offset % 2 == 1 && offset + 1 < digits.count
      result.append(isGap ? UInt8(ascii: isSearch ? " " : ",") : byte)
    }
    return String(decoding: result, as: UTF8.self)
  }
}
