import SyncEngine
import Testing

@Suite("A value for each side") struct BothTests {
  /// Filling an array of one side must not copy it for each element.
  @Test("is changed in place", arguments: Side.allCases)
  func inPlace(side: Side) {
    var both = Both<[Int]>(left: [], right: [])
    both[side].reserveCapacity(100)
    let before = both[side].withUnsafeBufferPointer { $0.baseAddress }
    for number in 0..<100 { both[side].append(number) }
    let after = both[side].withUnsafeBufferPointer { $0.baseAddress }
    #expect(before != nil && before == after)
    #expect(both[side].count == 100 && both[side.other].isEmpty)
  }
}
