import IMAPClient
import Simulation
import SyncEngine
import TestSupport
import Testing

/// What a run that died had sent to a server that writes every message anew: it is known by little, and nothing else must
/// be taken for it.
@Suite("What a dead run had sent to a server that alters it") struct SentTests {
  private static let date = InternalDate(seconds: 1_700_000_000)
  static let lefts: [SimulatedTraits] = [.maildir, .imap()]

  /// Of one Message-ID, Subject and From.
  private static func message(_ body: String, fields: String = "") -> [UInt8] {
    Array(
      "Message-ID: <1@example.org>\r\nFrom: a@example.org\r\nSubject: one\r\n\(fields)\r\n\(body)\r\n"
        .utf8)
  }

  @Sendable private static func rewritten(_ bytes: [UInt8]) -> [UInt8] {
    Array("X-Kept-By: server\r\n".utf8) + bytes + Array("kept by a server\r\n".utf8)
  }

  private func world(_ left: SimulatedTraits) -> (SimulatedWorld, MemoryStateStore) {
    let world = SimulatedWorld(left, .imap())
    world.servers.right.alters = SentTests.rewritten
    return (world, world.stateStore())
  }

  /// A run that sends what the left side has, of which so many arrive.
  private func runAndDie(_ world: SimulatedWorld, _ store: MemoryStateStore, arriving count: Int) {
    world.onStep = { step in
      step.moment == .before && step.side == .right && step.call.kind == .save
        ? .connectionLost(.partial(count)) : nil
    }
    #expect(world.run(store).result == .failed)
    #expect(!store.intents().isEmpty)
    #expect(world.servers.right[.inbox]?.messages.count ?? 0 == count)
    world.onStep = nil
  }

  private func bodies(_ world: SimulatedWorld, _ side: Side, _ bodies: [String]) -> [Int] {
    let messages = world.servers[side][.inbox]?.messages ?? []
    return bodies.map { body in
      messages.count { String(decoding: $0.content, as: UTF8.self).contains("\r\n\(body)\r\n") }
    }
  }

  @Test("it does not come again; nor do twins, whichever of them arrived", arguments: lefts, 0...3)
  func known(_ left: SimulatedTraits, _ arrived: Int) {
    let (world, store) = world(left)
    for _ in 1...3 { world.servers.left.deliver(SentTests.message("a text"), date: SentTests.date) }
    runAndDie(world, store, arriving: arrived)
    #expect(world.run(store).result == .ok)
    for side in Side.allCases { #expect(bodies(world, side, ["a text"]) == [3]) }
    #expect(world.run(store).mailboxes.isEmpty)
  }

  @Test(
    "what a list has sent on is not it", arguments: lefts,
    ["List-Id: <l.example.org>", "Resent-From: b@example.org"])
  func passedOn(_ left: SimulatedTraits, _ field: String) {
    let (world, store) = world(left)
    world.servers.left.deliver(SentTests.message("a text"), date: SentTests.date)
    runAndDie(world, store, arriving: 0)
    world.servers.right.deliver(
      SentTests.message("another text", fields: "\(field)\r\n"), date: SentTests.date)
    #expect(world.run(store).result == .ok)
    for side in Side.allCases {
      #expect(bodies(world, side, ["a text", "another text"]) == [1, 1])
    }
  }

  @Test(
    "a message from a list that was sent is known, whether or not the server keeps its lines",
    arguments: lefts)
  func fromList(_ left: SimulatedTraits) {
    for isKept in [false, true] {
      let (world, store) = world(left)
      let message = SentTests.message("a text", fields: "List-Id: <l.example.org>\r\n")
      if !isKept { world.servers.right.alters = { _ in SentTests.message("a text") } }
      world.servers.left.deliver(message, date: SentTests.date)
      runAndDie(world, store, arriving: 1)
      #expect(world.run(store).result == .ok)
      for side in Side.allCases { #expect(bodies(world, side, ["a text"]) == [1]) }
    }
  }

  @Test(
    "of two that were meant none is taken where only one came: the other would never be there",
    arguments: lefts)
  func oneOfTwo(_ left: SimulatedTraits) {
    let (world, store) = world(left)
    for body in ["a text", "another text"] {
      world.servers.left.deliver(SentTests.message(body), date: SentTests.date)
    }
    runAndDie(world, store, arriving: 0)
    // The server refused the other one.
    world.servers.right.deliver(
      SentTests.rewritten(SentTests.message("another text")), date: SentTests.date)
    #expect(world.run(store).result == .ok)
    for side in Side.allCases {
      #expect(bodies(world, side, ["a text", "another text"]).allSatisfy { $0 > 0 })
    }
  }

  @Test("nor of two that came, where one was meant", arguments: lefts)
  func twoForOne(_ left: SimulatedTraits) {
    let (world, store) = world(left)
    world.servers.left.deliver(SentTests.message("a text"), date: SentTests.date)
    runAndDie(world, store, arriving: 0)
    for content in [
      SentTests.message("another text"), SentTests.rewritten(SentTests.message("a text")),
    ] {
      world.servers.right.deliver(content, date: SentTests.date)
    }
    #expect(world.run(store).result == .ok)
    for side in Side.allCases {
      #expect(bodies(world, side, ["a text", "another text"]).allSatisfy { $0 > 0 })
    }
  }

  @Test("of equal ones that came, whichever", arguments: lefts) func equalOnes(
    _ left: SimulatedTraits
  ) {
    let (world, store) = world(left)
    world.servers.left.deliver(SentTests.message("a text"), date: SentTests.date)
    runAndDie(world, store, arriving: 1)
    // What another run had sent, too.
    world.servers.right.deliver(
      SentTests.rewritten(SentTests.message("a text")), date: SentTests.date)
    #expect(world.run(store).result == .ok)
    for side in Side.allCases { #expect(bodies(world, side, ["a text"]) == [2]) }
  }
}
