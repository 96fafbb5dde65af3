import Foundation
import TestSupport
import Testing

/// Wires that are cut, held, slow or false, between the command and a real server: nothing is lost, nothing is there twice,
/// and the run after that has nothing left to do.
///
/// `MBOXSYNC_SWEEP=1` cuts the conversation at every byte instead of some (`MBOXSYNC_SWEEP=10`: at every tenth).
@Suite("Bad wires") struct WireTests {
  /// How far apart the cuts are.
  fileprivate static let everySo =
    ProcessInfo.processInfo.environment["MBOXSYNC_SWEEP"].flatMap { Int($0) }

  /// A conversation that is cut again and again.
  struct Sweep: Sendable, CustomTestStringConvertible {
    var direction: Relay.Direction
    var setting: Setting

    var testDescription: String {
      "\(direction == .fromServer ? "from" : "to") the server, \(setting.testDescription)"
    }

    static let all = [
      Setting(combination: .maildirAndIMAP, tier: .qresync),
      Setting(combination: .maildirAndIMAP, tier: .none),
      Setting(combination: .servers, tier: .condstore),
    ].flatMap { setting in
      [Relay.Direction.fromServer, .toServer].map { Sweep(direction: $0, setting: setting) }
    }

    /// Somewhere in each stretch of a conversation of so many bytes, and a little behind its end.
    func cuts(of length: Int) -> [Int] {
      let step = WireTests.everySo ?? max(1, length / 8)
      var random = SplitMix64(seed: UInt64(length))
      return stride(from: 0, to: length + step, by: step).map {
        $0 + Int.random(in: 0..<step, using: &random)
      }
    }
  }

  @Test("cut after each of many bytes", arguments: Sweep.all)
  func cutAnywhere(sweep: Sweep) throws {
    try withPair(sweep.setting, keys: ["max-expunge": "100%"]) { pair in
      // One connection at a time: the same bytes pass in every round.
      pair.right.keys["connections"] = "1"
      var life = MailLife(pair)
      try life.begin()
      let relay = try pair.right.faultyRelay()
      defer { relay.close() }
      let before = relay.passed(sweep.direction)
      try life.nextDay()
      try pair.sync()
      try life.expectKept()
      for cut in sweep.cuts(of: relay.passed(sweep.direction) - before) {
        try life.nextDay()
        relay.cut(after: cut, sweep.direction)
        let result = try pair.runUnchecked()
        expectBroken(result, relay.wasCut, "after \(cut) bytes")
        relay.cut()
        try pair.sync()
        try life.expectKept("cut after \(cut) bytes")
      }
      try expectQuiet(pair)
    }
  }

  /// The run says in one line that it was cut off, unless it was over already.
  private func expectBroken(_ result: ProgramResult, _ wasCut: Bool, _ comment: Comment) {
    guard wasCut, result.code != 0 else {
      #expect(result.code == 0 && result.error.isEmpty, "\(comment): \(result.errorText)")
      return
    }
    #expect(result.status == .exited(75), "\(comment): \(result.errorText)")
    let lines = result.errorText.split(separator: "\n")
    #expect(lines.count == 1, "\(comment): \(result.errorText)")
    #expect(result.errorText.hasPrefix("mboxsync: test: right: "), "\(comment)")
  }

  @Test(
    "a wire that stands still is given up after the timeout",
    arguments: [
      (0, Relay.Direction.fromServer), (200, .fromServer), (2_000, .fromServer), (0, .toServer),
      (100, .toServer), (3_000, .toServer),
    ])
  func stalled(bytes: Int, direction: Relay.Direction) throws {
    try withPair(.maildirAndIMAP, keys: ["max-expunge": "100%"]) { pair in
      var life = MailLife(pair)
      try life.begin()
      let relay = try pair.right.faultyRelay()
      defer { relay.close() }
      try life.nextDay()
      relay.hold(after: bytes, direction)
      pair.right.keys["timeout"] = "1"
      let result = try pair.sync(expecting: 75)
      #expect(relay.isHeld)
      #expect(result.errorText.contains("for 1 s: "), "\(result.errorText)")
      relay.cut()
      pair.right.keys["timeout"] = nil
      try pair.sync()
      try life.expectKept()
      try expectQuiet(pair)
    }
  }

  @Test(
    "byte by byte, and slowly", arguments: [Combination.maildirAndIMAP, .servers],
    [FaultyRelay.Quality(piece: 1), FaultyRelay.Quality(piece: 700, delay: 20_000)])
  func slow(combination: Combination, quality: FaultyRelay.Quality) throws {
    try withPair(combination, keys: ["max-expunge": "100%"]) { pair in
      var life = MailLife(pair)
      try life.begin()
      let relay = try pair.right.faultyRelay()
      defer { relay.close() }
      relay.quality = quality
      for _ in 1...2 {
        try life.nextDay()
        try pair.sync()
        try life.expectKept()
      }
      try expectQuiet(pair)
    }
  }

  @Test(
    "the server is restarted midway",
    arguments: [
      (10, Relay.Direction.fromServer), (900, .fromServer), (4_000, .fromServer), (50, .toServer),
      (1_500, .toServer), (4_000, .toServer),
    ])
  func restarted(bytes: Int, direction: Relay.Direction) throws {
    try withPair(.maildirAndIMAP, keys: ["max-expunge": "100%"]) { pair in
      var life = MailLife(pair)
      try life.begin()
      let relay = try pair.right.faultyRelay()
      defer { relay.close() }
      try life.nextDay()
      relay.hold(after: bytes, direction)
      let running = try pair.start()
      try relay.waitUntilHeld(by: running.child)
      pair.right.server?.stop()
      relay.cut()
      let result = try running.finish()
      // What is told depends on whether it had to connect once more.
      #expect([69, 75].contains(result.code), "\(result.status): \(result.errorText)")
      try pair.right.server?.restart()
      try pair.sync()
      try life.expectKept()
      try expectQuiet(pair)
    }
  }

  @Test("a byte is not what was sent: no trap, no hang", arguments: 0..<4)
  func falsified(part: Int) throws {
    try withPair(.maildirAndIMAP) { pair in
      try pair.left.store.add(tokens: ["a"])
      try pair.right.store.add(tokens: ["b"])
      try pair.sync()
      let relay = try pair.right.faultyRelay()
      defer { relay.close() }
      try pair.sync("--full")
      let length = relay.passed(.fromServer)
      // A false number of octets may have it wait for more than there is.
      pair.right.keys["timeout"] = "2"
      let step = Self.everySo ?? max(1, length / 32)
      var random = SplitMix64(seed: UInt64(part))
      for start in stride(from: part * step, to: length, by: 4 * step) {
        let byte = start + Int.random(in: 0..<step, using: &random)
        relay.flip(1 << UInt8.random(in: 0...7, using: &random), after: byte, .fromServer)
        let result = try pair.runUnchecked("--full", "-n")
        #expect(
          [0, 1, 2, 75, 76, 77].contains(result.code),
          "byte \(byte): \(result.status): \(result.errorText)")
      }
      pair.right.keys["timeout"] = nil
      try pair.sync()
      try expectTokens(["a", "b"], pair)
      try expectQuiet(pair)
    }
  }
}

/// What goes on in a pair of mailboxes: each day mail comes and goes on both sides, about the same amount of it.
struct MailLife {
  private let pair: Pair
  private var day = 0
  private var inbox: Set<String> = []
  private var box: Set<String> = []

  init(_ pair: Pair) { self.pair = pair }

  /// Two mailboxes that are equal on both sides.
  mutating func begin() throws {
    try pair.left.store.create("Box")
    try nextDay()
    try pair.sync()
    try nextDay()
    try pair.sync()
  }

  /// Both sides change, as long as they are apart.
  mutating func nextDay() throws {
    day += 1
    let (left, right) = (pair.left.store, pair.right.store)
    try left.add([makeMessage("l1-\(day)"), makeMessage("l2-\(day)", size: 3_000)])
    try right.add([makeMessage("r1-\(day)", size: 2_000), makeMessage("r2-\(day)")])
    inbox.formUnion(["l1", "l2", "r1", "r2"].map { "\($0)-\(day)" })
    guard day > 1 else { return }
    let last = day - 1
    try left.expunge(["r1-\(last)"], in: "INBOX")
    try right.expunge(["l1-\(last)"], in: "INBOX")
    inbox.subtract(["r1-\(last)", "l1-\(last)"])
    try right.flag(["l2-\(last)"], in: "INBOX", add: ["\\Seen", "$Work"], remove: [])
    try left.move(["l2-\(last)"], in: "INBOX", to: "Box")
    try left.flag(["r2-\(last)"], in: "INBOX", add: ["\\Flagged"], remove: [])
    inbox.remove("l2-\(last)")
    box.insert("l2-\(last)")
    guard day > 2 else { return }
    let older = day - 2
    try right.move(["r2-\(older)"], in: "INBOX", to: "Box")
    try right.expunge(["l2-\(older)"], in: "Box")
    inbox.remove("r2-\(older)")
    box.insert("r2-\(older)")
    box.remove("l2-\(older)")
  }

  /// Nothing was lost, nothing is there twice, and both sides are the same to a client.
  func expectKept(_ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation)
    throws
  {
    for side in pair.sides {
      for (mailbox, tokens) in [("INBOX", inbox), ("Box", box)] {
        let found = try side.store.tokens(in: mailbox)
        #expect(
          found == tokens.sorted(), "\(side.name) \(mailbox) \(comment ?? "")",
          sourceLocation: sourceLocation)
      }
    }
    try expectEqualSides(pair, sourceLocation: sourceLocation)
  }
}
