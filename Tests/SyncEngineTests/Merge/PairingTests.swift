import IMAPClient
import SyncEngine
import TestSupport
import Testing

@Suite("Pairing equal messages") struct PairingTests {
  private func candidate(
    _ index: Int, _ raw: UInt32, _ content: UInt64?, date: Int64? = nil, id: UInt64? = nil
  ) -> Pairing.Candidate {
    Pairing.Candidate(
      index: index, handle: .uid(uid(raw)), size: 10, id: id.map { guid($0) },
      content: content.map { ContentID(size: 10, digest: guid($0)) },
      date: date.map { InternalDate(seconds: $0) })
  }

  private func match(
    _ left: [Pairing.Candidate], _ right: [Pairing.Candidate]
  ) -> (pairs: [[Int]], rest: Both<[Int]>) {
    var candidates = Both(left: left, right: right)
    let matches = Pairing.matchByContent(&candidates)
    return (matches.map { [$0.left, $0.right] }, candidates.map { $0.map(\.index) })
  }

  @Test("as multisets: two here and one there are two messages")
  func multisets() {
    let (pairs, rest) = match([candidate(0, 1, 5), candidate(1, 2, 5)], [candidate(2, 9, 5)])
    #expect(pairs == [[0, 2]] && rest.left == [1] && rest.right.isEmpty)
  }

  @Test("one date goes before one UID, one UID before the order")
  func preferences() {
    let dated = match(
      [candidate(0, 1, 5, date: 1), candidate(1, 2, 5, date: 2)],
      [candidate(2, 1, 5, date: 2), candidate(3, 2, 5, date: 1)])
    #expect(dated.pairs == [[0, 3], [1, 2]])
    let numbered = match([candidate(0, 1, 5), candidate(1, 2, 5)], [candidate(2, 2, 5)])
    #expect(numbered.pairs == [[1, 2]])
    let ordered = match(
      [candidate(0, 1, 5), candidate(1, 2, 5)], [candidate(2, 8, 5), candidate(3, 7, 5)])
    #expect(ordered.pairs == [[0, 3], [1, 2]])
  }

  @Test("a stub of another date stands for another of several equal messages")
  func stubs() {
    var stub = candidate(0, 1, 5, date: 1)
    stub.keepsDate = true
    let twin = match([stub], [candidate(1, 1, 5, date: 2)])
    #expect(twin.pairs.isEmpty && twin.rest.left == [0] && twin.rest.right == [1])
    let both = match([stub], [candidate(1, 1, 5, date: 2), candidate(2, 2, 5, date: 1)])
    #expect(both.pairs == [[0, 2]])
  }

  @Test("by the sides' own ids where they are shared, of one size")
  func ids() {
    var candidates = Both(
      left: [candidate(0, 1, nil, id: 7), candidate(1, 2, nil, id: 8)],
      right: [candidate(2, 1, nil, id: 8)])
    #expect(Pairing.matchByID(&candidates).map { [$0.left, $0.right] } == [[1, 2]])
    #expect(candidates.left.map(\.index) == [0] && candidates.right.isEmpty)
  }

  @Test("headers are wanted only of sizes that occur on both sides")
  func wanted() {
    var other = candidate(1, 2, nil)
    other.size = 11
    let known = candidate(2, 3, 4)
    let wanted = Pairing.wanted(
      Both(left: [candidate(0, 1, nil), other, known], right: [candidate(3, 1, nil)]))
    #expect(wanted.left.map(\.index) == [0] && wanted.right.map(\.index) == [3])
  }

  @Test("no message is in two pairs, none is left that could be paired", arguments: 0..<100)
  func property(_ seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let side = { (first: Int, random: inout SplitMix64) in
      (0..<Int.random(in: 0...6, using: &random)).map { offset in
        self.candidate(
          first + offset, UInt32(offset + 1), UInt64.random(in: 0...2, using: &random),
          date: Int64.random(in: 0...1, using: &random))
      }
    }
    let (left, right) = (side(0, &random), side(100, &random))
    let (pairs, rest) = match(left, right)
    for content in 0...2 as ClosedRange<UInt64> {
      let count = { (side: [Pairing.Candidate]) in
        side.count { $0.content?.digest == guid(content) }
      }
      let paired = pairs.count { pair in
        left.first { $0.index == pair[0] }?.content?.digest == guid(content)
      }
      #expect(paired == min(count(left), count(right)))
    }
    #expect(Set(pairs.map { $0[0] } + rest.left).count == left.count)
    #expect(Set(pairs.map { $0[1] } + rest.right).count == right.count)
  }
}
