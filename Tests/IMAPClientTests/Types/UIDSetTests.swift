import IMAPClient
import TestSupport
import Testing

/// Against sets that are kept UID by UID.
@Suite("UIDSet") struct UIDSetTests {
  /// Small numbers meet often, and the greatest ones are where arithmetic may overflow.
  @Test(arguments: UInt64(1)...30, [UInt32(1), UInt32.max - 40])
  func algebra(seed: UInt64, base: UInt32) {
    var random = SplitMix64(seed: seed)
    for _ in 0..<60 {
      let (a, naiveA) = randomSet(base, &random)
      let (b, naiveB) = randomSet(base, &random)
      expect(a, naiveA)
      expect(a.union(b), naiveA.union(naiveB))
      expect(a.intersection(b), naiveA.intersection(naiveB))
      expect(a.subtracting(b), naiveA.subtracting(naiveB))
      #expect((a == b) == (naiveA == naiveB))
      for number in base...(base + 40) {
        #expect(a.contains(uid(number)) == naiveA.contains(number))
      }
    }
  }

  private func randomSet(
    _ base: UInt32, _ random: inout SplitMix64
  ) -> (UIDSet, Set<UInt32>) {
    var naive: Set<UInt32> = []
    var set = UIDSet()
    for _ in 0..<Int.random(in: 0...8, using: &random) {
      let low = base + UInt32.random(in: 0...40, using: &random)
      let high =
        min(low, base + 40) + min(base + 40 - low, UInt32.random(in: 0...6, using: &random))
      if random.oneIn(2) {
        set.insert(uid(low)...uid(high))
      } else {
        for number in low...high { set.insert(uid(number)) }
      }
      naive.formUnion(low...high)
    }
    return (set, naive)
  }

  private func expect(
    _ set: UIDSet, _ naive: Set<UInt32>, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let sorted = naive.sorted()
    #expect(set.map(\.rawValue) == sorted, sourceLocation: sourceLocation)
    #expect(set.count == naive.count, sourceLocation: sourceLocation)
    #expect(set.isEmpty == naive.isEmpty, sourceLocation: sourceLocation)
    #expect(set.min?.rawValue == sorted.first, sourceLocation: sourceLocation)
    #expect(set.max?.rawValue == sorted.last, sourceLocation: sourceLocation)
    #expect(isNormal(set), sourceLocation: sourceLocation)
    #expect(UIDSet(naive.map(uid)) == set, sourceLocation: sourceLocation)
    #expect(UIDSet(ranges: set.ranges.reversed()) == set, sourceLocation: sourceLocation)
    #expect(parsed(set.description) == set, sourceLocation: sourceLocation)
  }

  private func isNormal(_ set: UIDSet) -> Bool {
    zip(set.ranges, set.ranges.dropFirst()).allSatisfy { left, right in
      left.upperBound.next.map { $0 < right.lowerBound } ?? false
    }
  }

  /// Its text as a server would send it.
  private func parsed(_ text: String) -> UIDSet? {
    if text.isEmpty { return UIDSet() }
    let result = ReadResult(Array("* VANISHED \(text)\r\n".utf8))
    guard case .vanished(_, let set)? = result.responses.first else { return nil }
    return set
  }

  @Test(
    "text",
    arguments: [
      (uids(), ""), (uids(1...1), "1"), (uids(1...2), "1:2"), (uids(2...2, 1...1), "1:2"),
      (uids(1...3, 5...5, 7...9), "1:3,5,7:9"), (UIDSet(.first ... .last), "1:4294967295"),
      (uids(.max ... .max), "4294967295"),
    ])
  func text(set: UIDSet, text: String) {
    #expect(set.description == text)
    #expect(parsed(text) == set)
  }

  @Test("billions of UIDs take no time and no memory")
  func wide() {
    let all = UIDSet(.first ... .last)
    #expect(all.count == 4_294_967_295)
    #expect(all.subtracting(UIDSet(uid(5))) == uids(1...4, 6...(.max)))
    #expect(all.subtracting(all).isEmpty)
    #expect(all.subtracting(UIDSet(.last)).max == uid(.max - 1))
    #expect(all.union(UIDSet(.last)) == all)
    #expect(all.intersection(UIDSet(.last)) == UIDSet(.last))
  }

  @Test("in any order", arguments: ["3,1,2", "1:3", "3:1", "2,2,1:1,3", "1:2,2:3"])
  func order(text: String) { #expect(parsed(text) == uids(1...3)) }

  @Test(arguments: UInt64(1)...5)
  func pieces(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let numbers = (0..<500).map { _ in uid(UInt32.random(in: 1...(.max), using: &random)) }
    let set = UIDSet(numbers)
    for limit in [1, 25, 100, 4000] {
      let pieces = set.pieces(limit: limit)
      #expect(pieces.reduce(UIDSet()) { $0.union($1) } == set)
      #expect(pieces.allSatisfy { $0.description.utf8.count <= max(limit, 21) && !$0.isEmpty })
      #expect(zip(pieces, pieces.dropFirst()).allSatisfy { ($0.max ?? .last) < ($1.min ?? .first) })
    }
    #expect(UIDSet().pieces().isEmpty)
  }

  @Test func bounds() {
    #expect(UID(0) == nil)
    #expect(UID.first.previous == nil)
    #expect(UID.last.next == nil)
    #expect(uid(5).next == uid(6))
    #expect(UIDValidity(0) == nil)
    #expect(ModSequence(0) == nil)
    #expect(ModSequence(UInt64(Int64.max)) != nil)
    #expect(ModSequence(1 << 63) == nil)
  }
}
