import Foundation
import Synchronization
import TestSupport
import Testing

/// Other programs work on the same mail while a run goes on.
@Suite("Company") struct CompanyTests {
  @Test("mail programs on both sides work during the runs", arguments: Combination.mirroring)
  func busy(combination: Combination) throws {
    try withPair(combination) { pair in
      try pair.left.store.add(tokens: (1...50).map { "m\($0)" })
      try pair.sync()
      let workers = try pair.sides.map { side in try BusyMailProgram(on: side) }
      for _ in 1...6 {
        // 75: something changed in between once too often; the next run goes on.
        let result = try pair.runUnchecked()
        #expect([0, 75].contains(result.code), "\(result.errorText)")
      }
      var expected = (1...50).map { "m\($0)" }
      for worker in workers { expected += try worker.finish() }
      try pair.sync()
      let found = try pair.left.store.tokens()
      let difference = found.difference(from: expected.sorted())
      #expect(difference.isEmpty, "inserted, or removed")
      #expect(try expectMirror(pair) == expected.count)
      try expectQuiet(pair)
      for side in pair.sides {
        let log = try side.log()
        #expect(!log.contains("Error:") && !log.contains("Warning:"), "\(log)")
      }
    }
  }
}

/// Appends, flags and expunges over IMAP as fast as it can, in a thread of its own.
private final class BusyMailProgram: Sendable {
  private struct State {
    var mayGoOn = true
    var isOver = false
    var left: [String] = []
    var problem: String?
  }

  private let state = Mutex(State())

  init(on side: PairSide) throws {
    let name = side.name
    let client = Box(try side.openSession())
    Thread.detachNewThread { [self] in
      do {
        try work(client.value, name)
      } catch {
        state.withLock { $0.problem = "\(error)" }
      }
      client.value.logOut()
      state.withLock { $0.isOver = true }
    }
  }

  /// Lets it end; the tokens of what it appended and did not expunge.
  func finish() throws -> [String] {
    state.withLock { $0.mayGoOn = false }
    try waitUntil { state.withLock(\.isOver) }
    return try state.withLock { state in
      if let problem = state.problem { throw TestFailure(problem) }
      return state.left
    }
  }

  private func work(_ client: IMAPTestClient, _ name: String) throws {
    var number = 0
    while number < 150, state.withLock(\.mayGoOn) {
      number += 1
      let token = "\(name)-\(number)"
      try client.append(makeMessage(token), to: "INBOX")
      if number % 5 == 0 {
        try expunge(token, client)
      } else {
        state.withLock { $0.left.append(token) }
      }
      if number % 3 == 0 {
        try client.store(
          try client.uids(of: ["m\(number % 50 + 1)"], in: "INBOX"), in: "INBOX",
          add: number % 2 == 0 ? ["\\Flagged"] : ["Busy"])
      }
    }
  }

  /// A run may give the message another UID just before the server hears of the old one.
  private func expunge(_ token: String, _ client: IMAPTestClient) throws {
    for _ in 1...20 {
      let found = try client.messages(in: "INBOX").filter { $0.token == token }
      if found.isEmpty { return }
      try client.expunge(found.compactMap(\.uid), in: "INBOX")
    }
    throw TestFailure("\(token) comes back")
  }

  /// Hands the session to the thread that alone uses it from then on.
  private struct Box: @unchecked Sendable {
    let value: IMAPTestClient

    init(_ value: IMAPTestClient) {
      self.value = value
    }
  }
}
