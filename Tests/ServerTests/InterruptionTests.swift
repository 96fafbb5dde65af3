import Foundation
import TestSupport
import Testing

/// A run that ends in the middle loses nothing and leaves nothing twice.
@Suite("Interruption") struct InterruptionTests {
  /// Where in the conversation, and what mail flows.
  struct Point: Sendable, CustomTestStringConvertible {
    var direction: Relay.Direction
    var share: Double
    var combination: Combination

    var testDescription: String {
      "\(direction == .fromServer ? "pull" : "push") at \(Int(share * 100)) %, \(combination.rawValue)"
    }

    static let all = [Combination.maildirAndIMAP, .servers].flatMap { combination in
      [Relay.Direction.fromServer, .toServer].flatMap { direction in
        [0.02, 0.3, 0.6, 0.97].map {
          Point(direction: direction, share: $0, combination: combination)
        }
      }
    }
  }

  private static let count = 200
  /// Small: the run after an unclean end waits the longer, the more may still be on its way.
  private static let size = 1_000

  /// Fills the side that sends, and lets a run come so far.
  private func interrupted(
    _ point: Point, _ pair: Pair, by end: (RunningMboxsync, Relay) throws -> Void
  )
    throws
  {
    let sender = point.direction == .fromServer ? pair.right : pair.left
    let store = sender.store
    try pair.sync()
    let relay = try pair.right.relay()
    defer { relay.close() }
    try store.add((1...Self.count).map { makeMessage("m\($0)", size: Self.size) })
    relay.hold(after: Int(point.share * Double(Self.count * Self.size)), point.direction)
    let running = try pair.start()
    try relay.waitUntilHeld(by: running.child)
    try end(running, relay)
    relay.cut()
    try pair.sync()
    try expectTokens((1...Self.count).map { "m\($0)" }, pair)
    try expectEqualSides(pair)
    if Combination.mirroring.contains(point.combination) { try expectMirror(pair) }
    try expectQuiet(pair)
  }

  @Test("Ctrl-C at the question for the password is a signal, and no wrong password")
  func atTheQuestion() throws {
    try withPair(.maildirAndIMAP) { pair in
      pair.right.keys["password-file"] = nil
      let session = try pair.mboxsync.startOnTerminal(pair.arguments([]))
      try session.wait(for: "password for ")
      try session.type("\u{3}")
      #expect(try session.finish() == .exited(75), "\(session.transcript)")
      #expect(session.transcript.contains("stopped by a signal"))
    }
  }

  @Test("kill -9, then another run", arguments: Point.all)
  func killed(point: Point) throws {
    try withPair(point.combination) { pair in
      try interrupted(point, pair) { running, _ in try running.kill() }
    }
  }

  @Test(
    "the connection breaks: exit 75, then another run",
    arguments: Point.all.filter { $0.share < 0.9 })
  func broken(point: Point) throws {
    try withPair(point.combination) { pair in
      try interrupted(point, pair) { running, relay in
        relay.cut()
        let result = try running.finish()
        // The rest of the run may have gone on over another connection.
        #expect([0, 1, 75].contains(result.code), "\(result.errorText)")
      }
    }
  }

  @Test(
    "what had come when the connection broke is kept, and does not come again",
    arguments: [Combination.maildirAndIMAP, .servers])
  func kept(combination: Combination) throws {
    let size = 10_000
    try withPair(combination) { pair in
      pair.right.keys["connections"] = "1"
      try pair.sync()
      let relay = try pair.right.relay()
      defer { relay.close() }
      try pair.right.store.add((1...Self.count).map { makeMessage("m\($0)", size: size) })
      relay.hold(after: Self.count * size / 2, .fromServer)
      let running = try pair.start()
      try relay.waitUntilHeld(by: running.child)
      relay.cut()
      #expect(try running.finish().code == 75)
      let kept = try pair.left.store.snapshot()["INBOX"]?.count ?? 0
      #expect(kept > Self.count / 3)
      let passed = relay.passed(.fromServer)
      try pair.sync()
      #expect(relay.passed(.fromServer) - passed < (Self.count - kept + 20) * size)
      try expectTokens((1...Self.count).map { "m\($0)" }, pair)
      try expectEqualSides(pair)
      try expectQuiet(pair)
    }
  }

  @Test("SIGTERM ends a run that waits for a silent server")
  func terminated() throws {
    try withPair(.maildirAndIMAP) { pair in
      let point = Point(direction: .fromServer, share: 0.5, combination: .maildirAndIMAP)
      try interrupted(point, pair) { running, _ in
        // The first asks it to stop after what is under way, which here never ends; a second one ends it at once.
        try waitUntil {
          running.child.signal(SIGTERM)
          return running.child.poll() != nil
        }
        let result = try running.finish()
        #expect(result.code == 75 || result.code == -1)
      }
    }
  }

  @Test("expunges and moves are cut off anywhere", arguments: [50, 300, 900, 1_500, 2_500])
  func changesCutOff(bytes: Int) throws {
    try withPair(.maildirAndIMAP, keys: ["max-expunge": "100%"]) { pair in
      try pair.left.store.add(tokens: (1...20).map { "m\($0)" })
      try pair.left.store.create("Box")
      try pair.sync()
      try pair.left.store.move((1...8).map { "m\($0)" }, in: "INBOX", to: "Box")
      try pair.left.store.expunge((9...12).map { "m\($0)" }, in: "INBOX")
      try pair.right.store.flag(
        (13...16).map { "m\($0)" }, in: "INBOX", add: ["\\Seen"], remove: [])
      let relay = try pair.right.relay()
      defer { relay.close() }
      relay.hold(after: bytes, .toServer)
      let running = try pair.start()
      try waitUntil { running.child.poll() != nil || relay.isHeld }
      try running.kill()
      relay.cut()
      try pair.sync()
      try expectTokens((13...20).map { "m\($0)" }, pair)
      try expectTokens((1...8).map { "m\($0)" }, pair, in: "Box")
      try expectMirror(pair)
      try expectQuiet(pair)
    }
  }

  @Test("a second run of a pair ends at once, exit 75")
  func locked() throws {
    try withPair(.maildirAndIMAP) { pair in
      try pair.right.store.add(tokens: ["a"])
      let relay = try pair.right.relay()
      defer { relay.close() }
      relay.hold(after: 1, .fromServer)
      let running = try pair.start()
      try relay.waitUntilHeld(by: running.child)
      let second = try pair.sync(expecting: 75)
      #expect(second.errorText.hasPrefix("mboxsync: test: "), "\(second.errorText)")
      try running.kill()
      relay.cut()
      try pair.sync()
      try expectTokens(["a"], pair)
    }
  }
}
