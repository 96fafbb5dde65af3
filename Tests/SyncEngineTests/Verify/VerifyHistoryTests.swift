import IMAPClient
import Simulation
import SyncEngine
import TestSupport
import Testing

/// What a comparison says against what the simulation knows of its stores.
@Suite("Comparing after random histories") struct VerifyHistoryTests {
  @Test("a run leaves nothing to find, and what users do is found", arguments: 0..<60)
  func agreement(_ seed: UInt64) {
    var random = SplitMix64(seed: seed)
    guard let traits = VerifyStage.pairs.randomElement(using: &random) else { return }
    let stage = VerifyStage(traits.left, traits.right)
    if random.oneIn(3) { stage.policy.uids = .map }
    var token = 0
    for _ in 1...4 {
      for side in Side.allCases {
        for _ in 0..<Int.random(in: 0...6, using: &random) {
          token += 1
          act(on: stage.world.servers[side], token: token, using: &random)
        }
      }
      let views = Both { SimulatedView.all(stage.world.servers[$0]) }
      let pending = SimulatedView.difference(views.left, views.right)
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

  /// A user does one thing.
  private func act(on server: SimulatedServer, token: Int, using random: inout SplitMix64) {
    let names = server.mailboxes.keys.sorted()
    let date = InternalDate(seconds: 1_700_000_000 + Int64(token / 2))
    guard let name = names.randomElement(using: &random),
      let target = names.randomElement(using: &random)
    else { return }
    let message = server[name]?.messages.randomElement(using: &random)
    let flag = [SystemFlags.seen, .flagged, .draft].randomElement(using: &random) ?? .seen
    switch (Int.random(in: 0..<12, using: &random), message?.handle) {
    case (0, let handle?): server.setFlags(handle, in: name, adding: FlagSet(flag))
    case (1, let handle?): server.setFlags(handle, in: name, removing: FlagSet(flag))
    case (2, let handle?): server.expunge(handle, in: name)
    case (3, let handle?): server.copy(handle, from: name, to: target)
    case (4, let handle?) where name != target: server.move(handle, from: name, to: target)
    case (5, _?): server.deliver(message?.content ?? [], to: target, date: date)
    case (6, _):
      if let new = MailboxName(path: "m\(token)") { server.createMailbox(new) }
    case (7, _): server.deleteMailbox(name)
    case (8, _): server.numberAll(name)
    default:
      server.deliver(SimulatedContent.random(token: token, using: &random), to: name, date: date)
    }
  }
}
