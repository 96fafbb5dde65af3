import IMAPClient
import SyncEngine
import TestSupport
import Testing

/// What a comparison says against what the simulation knows of its stores.
@Suite("Comparing after random histories") struct VerifyHistoryTests {
  static let deeds = RandomUser.everyday + [.createMailbox, .deleteMailbox]

  @Test("a run leaves nothing to find, and what users do is found", arguments: 0..<60)
  func agreement(_ seed: UInt64) {
    var random = SplitMix64(seed: seed)
    guard let traits = VerifyStage.pairs.randomElement(using: &random) else { return }
    let stage = VerifyStage(traits.left, traits.right)
    if random.oneIn(3) { stage.policy.uids = .map }
    var users = Both { side in
      RandomUser(
        seed: random.next(), deeds: VerifyHistoryTests.deeds,
        firstToken: side == .left ? 0 : 1_000_000)
    }
    for _ in 1...4 {
      for side in Side.allCases {
        for _ in 0..<Int.random(in: 0...5, using: &random) {
          users[side].act(on: stage.world.servers[side])
        }
      }
      let pending = differences(stage)
      let found = stage.verify()
      #expect(pending.isEmpty || !found.isEqual, "\(pending)")
      #expect(found.failures == [])
      guard stage.sync().result == .ok else { return }
      // Equal messages that came to both sides keep their dates.
      let left = stage.verify()
      #expect(left.kinds.filter { $0 != "date" } == [] && left.failures == [])
      #expect(stage.changingCalls == [])
    }
  }

  /// As multisets, whatever the base says.
  private func differences(_ stage: VerifyStage) -> [String] {
    SimulatedConvergence.differences(stage.world.servers)
  }
}
