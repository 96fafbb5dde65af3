import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

@Suite("The Maildir endpoint: a folder that nobody has read", .enabled(if: isWatchable))
struct StandingFolderTests {
  private struct Standing {
    let maildir: MaildirFixture
    /// Knows of the folder only where it stands.
    let endpoint: MaildirEndpoint
    let anchor: Anchor

    func save(_ count: Int) throws -> [PlacementOutcome] {
      let saver = try endpoint.saver()
      for number in 0..<count {
        let bytes = Array("B: \(number)\r\n\r\n".utf8)
        try saver.begin(
          SaveItem(flags: .empty, date: InternalDate(seconds: 1)), size: UInt64(bytes.count),
          form: .wire)
        try bytes.withUnsafeBytes { try saver.write($0) }
        try saver.end()
      }
      return try saver.commit()
    }

    func select() throws {
      endpoint.expect(standingAt: anchor, .inbox)
      try endpoint.select(.inbox)
    }

    func openAgain() throws -> Observation {
      var request = OpenRequest(since: anchor)
      request.isContinued = true
      return try endpoint.open(.inbox, request)
    }
  }

  /// Three messages, told to an endpoint of an earlier run long ago.
  private func withStanding(
    leastWatched: Int = 0, _ body: (Standing) throws -> Void
  ) throws {
    var surroundings = MaildirSurroundings.machine
    surroundings.leastWatched = leastWatched
    surroundings.now = { MaildirSurroundings.machine.now() + MaildirSurroundings.second }
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory, surroundings: surroundings)
      try maildir.prepare()
      for number in 1...3 { try maildir.save("A: \(number)\r\n\r\n", flags: flags([.seen])) }
      let anchor = try maildir.open().anchor
      #expect(anchor.stamp != nil)
      try body(Standing(maildir: maildir, endpoint: maildir.another(), anchor: anchor))
    }
  }

  @Test("what is put there needs no reading") func delivered() throws {
    try withStanding { standing in
      try standing.select()
      let outcomes = try standing.save(2)
      #expect(outcomes.map(\.uid) == [4, 5])
      let seen = try standing.openAgain()
      #expect(seen.coverage == .changes(vanished: UIDSet()) && seen.messages.isEmpty)
      #expect(seen.anchor.messages == 5 && seen.anchor.uidNext == uid(6))
      #expect(seen.anchor.uidValidity == standing.anchor.uidValidity)
      // As it is, to whoever reads it.
      let all = try standing.maildir.another().open(.inbox, OpenRequest())
      #expect(all.anchor == seen.anchor && all.messages.count == 5)
      #expect(seen.mailboxID == all.mailboxID && seen.origin == all.origin)
    }
  }

  @Test("so it is after more has been put there, and after it was selected again")
  func again() throws {
    try withStanding { standing in
      try standing.select()
      _ = try standing.save(1)
      #expect(try standing.openAgain().anchor.messages == 4)
      try standing.select()
      _ = try standing.save(1)
      let seen = try standing.openAgain()
      #expect(seen.coverage == .changes(vanished: UIDSet()) && seen.anchor.messages == 5)
    }
  }

  @Test("what somebody did before it was selected is told")
  func before() throws {
    try withStanding { standing in
      try standing.maildir.write("A: 4\n\n", to: "new/1.other")
      try standing.select()
      _ = try standing.save(1)
      let seen = try standing.openAgain()
      #expect(seen.coverage == .full && seen.messages.count == 5)
    }
  }

  @Test("what somebody does between or after is told, too", arguments: [false, true])
  func others(isAfter: Bool) throws {
    let changes: [(MaildirFixture) throws -> Void] = [
      { maildir in try maildir.write("A: 4\n\n", to: "new/1.other") },
      { maildir in try maildir.remove("cur/\(try #require(maildir.names("cur").first))") },
      { maildir in try maildir.renameFirst { "cur/\($0)T" } },
      { maildir in try maildir.write("0 Word\n", to: "dovecot-keywords") },
      { maildir in
        let list = maildir.text("dovecot-uidlist")
        try maildir.write(list + "\n", to: "dovecot-uidlist")
      },
    ]
    for change in changes {
      try withStanding { standing in
        try standing.select()
        if !isAfter { try change(standing.maildir) }
        _ = try standing.save(1)
        if isAfter { try change(standing.maildir) }
        let seen = try standing.openAgain()
        #expect(seen.coverage == .full && seen.messages.count >= 3)
      }
    }
  }

  @Test("flags are stored in what is there") func flagged() throws {
    try withStanding { standing in
      try standing.select()
      let outcome = try standing.endpoint.store([
        StoreOrder(uids: uids(2), added: flags([.flagged]), removed: .empty)
      ])
      #expect(outcome == StoreOutcome())
      let seen = try standing.openAgain()
      #expect(seen.coverage == .full && seen.flags(of: 2) == flags([.seen, .flagged]))
    }
  }

  @Test("a small one is read") func small() throws {
    try withStanding(leastWatched: 4) { standing in
      try standing.select()
      _ = try standing.save(1)
      #expect(try standing.openAgain().coverage == .full)
    }
  }

  @Test("one of another UIDVALIDITY is read") func validity() throws {
    try withStanding { standing in
      var anchor = standing.anchor
      anchor.uidValidity = UIDValidity(78)
      standing.endpoint.expect(standingAt: anchor, .inbox)
      try standing.endpoint.select(.inbox)
      _ = try standing.save(1)
      #expect(try standing.openAgain().coverage == .full)
    }
  }
}
