import TestSupport
import Testing

@testable import IMAPClient

@Suite("flags") struct FlagTests {
  @Test(
    "keywords",
    arguments: [
      "$Forwarded", "Label1", "a", "-", "foo/bar", "#1", "a.b", "[x",
      "}",
    ])
  func keywords(text: String) throws {
    let keyword = try #require(Keyword(text))
    #expect(keyword.text.lowercased() == text.lowercased())
    #expect(Keyword(text.uppercased()) == keyword)
    #expect(Keyword(text.lowercased()) == keyword)
  }

  @Test(
    "what can't be a keyword",
    arguments: [
      "", " ", "a b", "\\Seen", "(", "a)", "{", "a%", "a*", "\"", "a]", "\u{7f}", "\u{0}", "é",
      "a\n",
      String(repeating: "x", count: 256),
    ])
  func noKeywords(text: String) { #expect(Keyword(text) == nil) }

  @Test("order does not depend on the spelling, nor on what was met first") func order() throws {
    let b = try #require(Keyword("wire-test-B"))
    let a = try #require(Keyword("Wire-Test-a"))
    #expect(a < b)
    #expect(!(b < a))
    #expect(!(a < a))
    #expect(FlagSet([], keywords: [b, a, b]).keywords == [a, b])
  }

  @Test("a value takes no more than eight bytes, and refers to nothing") func layout() {
    #expect(MemoryLayout<FlagSet>.size <= 8)
    #expect(_isPOD(FlagSet.self))
  }

  @Test("sets of keywords are held once, and there is an end to new ones that a server says")
  func table() throws {
    let keywords = try ["table-a", "table-b", "table-c"].map { try #require(Keyword($0)) }
    for (sets, words) in [(2, 100), (100, 3)] {
      let table = KeywordSetTable(mostSets: sets, mostKeywords: words)
      #expect(table.number(ofSaid: [keywords[0]]) == 1 && table.number(of: [keywords[0]]) == 1)
      #expect(table.number(ofSaid: Array(keywords[1...])) == 2)
      // What was met before goes on being understood.
      #expect(table.number(ofSaid: keywords) == nil && table.number(ofSaid: [keywords[0]]) == 1)
      #expect(table.number(of: keywords) == 3 && table.keywords(3) == keywords)
      #expect(table.number(ofSaid: keywords) == 3)
    }
    #expect(FlagSet(said: .seen, keywords: keywords) == FlagSet(.seen, keywords: keywords))
  }

  /// Against plain sets of names.
  @Test(arguments: UInt64(1)...20)
  func algebra(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for _ in 0..<100 {
      let (a, namesA) = randomFlags(&random)
      let (b, namesB) = randomFlags(&random)
      #expect(Set(a.names) == namesA)
      #expect(a.names.count == namesA.count)
      #expect(Set(a.union(b).names) == namesA.union(namesB))
      #expect(Set(a.subtracting(b).names) == namesA.subtracting(namesB))
      #expect(Set(a.intersection(b).names) == namesA.intersection(namesB))
      #expect((a == b) == (namesA == namesB))
      #expect(a.union(b) == b.union(a))
      let (c, namesC) = randomFlags(&random)
      #expect(
        Set(FlagSet.union(of: [a, b, c]).names) == namesA.union(namesB).union(namesC))
      #expect(a.isEmpty == namesA.isEmpty)
      #expect(a.hasKeywords == namesA.contains { $0.hasPrefix("$") })
    }
  }

  private func randomFlags(_ random: inout SplitMix64) -> (FlagSet, Set<String>) {
    var flags = FlagSet()
    var names: Set<String> = []
    for (flag, name) in SystemFlags.names where random.oneIn(2) {
      flags.system.insert(flag)
      names.insert(name)
    }
    for text in ["$x1", "$x2", "$x3", "$x4"] {
      guard let keyword = Keyword(text) else { continue }
      if random.oneIn(2) {
        flags.insert(keyword)
        names.insert(text)
      }
      if random.oneIn(4) {
        flags.remove(keyword)
        names.remove(text)
      }
    }
    return (flags, names)
  }
}

@Suite("global UIDs") struct GlobalUIDTests {
  @Test(
    "32 hexadecimal digits are the value",
    arguments: [
      "00000000000000000000000000000001", "f0f1552c0fef006b856c000083ecc375",
      "ffffffffffffffffffffffffffffffff",
    ])
  func hexadecimal(text: String) {
    let id = GlobalUID(identifier: text.utf8)
    #expect(id.description == text)
    #expect(GlobalUID(identifier: text.uppercased().utf8) == id)
    #expect(GlobalUID(bytes: id.bytes) == id)
    #expect(id.bytes.count == 16)
  }

  @Test("anything else is digested")
  func digested() {
    let texts = [
      "", "a", "M6d99ac3275bb4e", "f0f1552c0fef006b856c000083ecc37",
      "g0f1552c0fef006b856c000083ecc375",
    ]
    let ids = Set(texts.map { GlobalUID(identifier: $0.utf8) })
    #expect(ids.count == texts.count)
    // The first half of SHA-256 of "a".
    #expect(GlobalUID(identifier: "a".utf8).description == "ca978112ca1bbdcafac231b39a23dc4d")
  }

  @Test func bytesAndOrder() {
    #expect(GlobalUID(bytes: [UInt8](repeating: 1, count: 15)) == nil)
    #expect(GlobalUID(bytes: [UInt8](repeating: 1, count: 40))?.low == 0x0101_0101_0101_0101)
    #expect(GlobalUID(high: 0, low: .max) < GlobalUID(high: 1, low: 0))
    #expect(GlobalUID(high: 1, low: 0) < GlobalUID(high: 1, low: 1))
  }
}
