import TestSupport
import Testing

/// What a dead run sent is still on its way: the server carries it out while the next run is at work.
@Suite("In flight") struct InFlightTests {
  private static let count = 20
  private static let size = 2_000

  /// When the server gets the rest of what the dead run sent: before this byte of the next run's.
  ///
  /// The last comes when nothing has happened for more than a second, and before the patience with so many octets ends.
  static let moments = [1, 150, 300, 450, 600, 900, 1_200, 3_300]

  @Test(
    "APPENDs of a dead run are carried out during the next one",
    arguments: [Combination.maildirAndIMAP, .servers], moments)
  func appends(combination: Combination, moment: Int) throws {
    try withPair(combination) { pair in
      try pair.left.store.add(tokens: ["old"])
      try pair.sync()
      let relay = try pair.right.relay()
      defer { relay.close() }
      let tokens = (1...Self.count).map { "m\($0)" }
      try pair.left.store.add(tokens.map { makeMessage($0, size: Self.size) })
      relay.hold(after: 4_000, .toServer, keeping: true)
      let dead = try pair.start()
      try relay.waitUntilHeld(by: dead.child)
      // All messages have been sent; what comes after them waits for answers that never come.
      try waitUntil { relay.passed(.toServer) + relay.kept >= Self.count * Self.size }
      try dead.kill()
      relay.deliver(after: moment)
      try pair.sync()
      #expect(relay.isDelivered)
      try expectTokens(["old"] + tokens, pair)
      try expectEqualSides(pair)
      if Combination.mirroring.contains(combination) { try expectMirror(pair) }
      try expectQuiet(pair)
    }
  }

}
