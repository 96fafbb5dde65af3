import TestSupport
import Testing

@testable import SyncEngine

/// How many mailboxes a lane takes at a time.
@Suite("Looking ahead") struct LookAheadTests {
  private final class Task: LaneTask {
    var lane: Int?
    let weight: UInt64?

    init(_ weight: UInt64?) { self.weight = weight }

    func noteFailure(_ failure: SideFailure) {}
  }

  /// The weights of the mailboxes that a lane begins together.
  private func groups(_ weights: [UInt64?]) throws -> [[UInt64]] {
    try TestSupport.withTemporaryDirectory { directory in
      let lanes = Lanes(
        factories: Both { side in
          MaildirEndpointFactory(root: directory.path("\(side)"))
        }, jobs: 1, cancellation: Cancellation())
      var groups: [[UInt64]] = []
      var count = 0
      let ahead = LookAhead<Task>(weight: \.weight) { tasks, _ in
        groups.append(tasks.compactMap(\.weight))
      }
      try lanes.run(weights.map { Task($0) }, ahead: ahead) { _, _ throws(SideFailure) in
        count += 1
      }
      #expect(count == weights.count)
      return groups
    }
  }

  @Test("sixteen, if there is nothing to keep of them")
  func many() throws {
    let groups = try groups(Array(repeating: 0, count: 40))
    #expect(groups.map(\.count) == [16, 16, 8])
  }

  @Test("fewer, if there is much to keep of them, and those that are too much work by themselves")
  func heavy() throws {
    #expect(
      try groups([1000, 2000, 1000, 1, nil, 5, 4000, 3000, 0, 1000, 1])
        == [[1000, 2000, 1000], [3000, 0, 1000]])
    #expect(try groups([4000, 0, .max, .max, 3, 4]) == [[4000, 0], [3, 4]])
  }
}
