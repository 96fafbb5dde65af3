import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

@Suite(
  "The Maildir endpoint: a folder that the run itself makes large", .enabled(if: isWatchable))
struct GrowingFolderTests {
  private struct Growing {
    let maildir: MaildirFixture

    var endpoint: MaildirEndpoint { maildir.endpoint }

    @discardableResult
    func save(_ count: Int, flags: FlagSet = .empty) throws -> [PlacementOutcome] {
      try maildir.save(
        (0..<count).map { number in
          ("B: \(number)\r\n\r\n", SaveItem(flags: flags, date: InternalDate(seconds: 1)))
        })
    }

    func openAgain() throws -> Observation {
      var request = OpenRequest()
      request.isContinued = true
      return try endpoint.open(.inbox, request)
    }

    /// What whoever reads it finds.
    func read() throws -> Observation { try maildir.another().open(.inbox, OpenRequest()) }
  }

  /// Told while it was small; from four messages on it is a large one.
  private func withGrowing(knowing count: Int = 0, _ body: (Growing) throws -> Void) throws {
    var surroundings = MaildirSurroundings.machine
    surroundings.leastWatched = 4
    try withTemporaryDirectory { directory in
      let growing = Growing(maildir: try MaildirFixture(directory, surroundings: surroundings))
      try growing.maildir.prepare()
      if count > 0 { try growing.save(count, flags: flags([.seen])) }
      _ = try growing.maildir.open()
      try body(growing)
    }
  }

  @Test("is not read again", arguments: [0, 3], [1, 2]) func unread(known: Int, batches: Int) throws
  {
    try withGrowing(knowing: known) { growing in
      for _ in 0..<batches {
        try growing.save(2)
        try growing.save(2, flags: flags([.flagged]))
      }
      let count = known + 4 * batches
      let seen = try growing.openAgain()
      #expect(seen.coverage == .changes(vanished: UIDSet()) && seen.messages.isEmpty)
      #expect(seen.anchor.messages == UInt32(count) && seen.anchor.stamp != nil)
      let all = try growing.read()
      #expect(all.uids == (1...UInt32(count)).map { $0 })
      #expect(all.anchor.uidNext == seen.anchor.uidNext && all.mailboxID == seen.mailboxID)
      #expect(seen.origin == all.origin)
      // More may be put there, and so on.
      try growing.save(1)
      let last = try growing.openAgain()
      #expect(last.messages.isEmpty && last.anchor.messages == UInt32(count + 1))
      #expect(try growing.maildir.open().messages.count == count + 1)
    }
  }

  @Test("neither are files without a number that it was told of") func unnumbered() throws {
    try withGrowing(knowing: 1) { growing in
      try growing.maildir.write("A: 9\n\n", to: "new/1.other")
      #expect(try growing.maildir.open().unnumbered.count == 1)
      try growing.save(4)
      let seen = try growing.openAgain()
      #expect(seen.messages.isEmpty && seen.anchor.messages == 6)
    }
  }

  @Test("a small one is") func small() throws {
    try withGrowing { growing in
      try growing.save(3)
      #expect(try growing.openAgain().coverage == .full)
    }
  }

  @Test("the UIDs that are used up at the end are no reason to read it") func padded() throws {
    try withGrowing { growing in
      try growing.save(4)
      #expect(try growing.endpoint.pad(to: uid(50)) == uid(50))
      let seen = try growing.openAgain()
      #expect(seen.messages.isEmpty && seen.anchor.uidNext == uid(50))
      #expect(seen.anchor.messages == 4)
      #expect(try growing.read().anchor.uidNext == uid(50))
    }
  }

  @Test("its list is added to, and written anew, without being read", arguments: [4, 2_000])
  func list(count: Int) throws {
    try withGrowing(knowing: 1) { growing in
      let ids = try growing.save(count).map(\.id)
      let isLong = growing.maildir.text("dovecot-uidlist").utf8.count > 64 << 10
      #expect(isLong == (count > 100))
      let before = growing.maildir.text("dovecot-uidlist").split(separator: "\n")
      let file = growing.maildir.fileNumber("dovecot-uidlist")
      let next = UInt32(count + 2)
      try growing.save(1)
      #expect((growing.maildir.fileNumber("dovecot-uidlist") == file) == isLong)
      // Taken, though it does not know by whom.
      #expect(try growing.maildir.save("C: 1\r\n\r\n", target: 3) == .targetTaken)
      _ = try growing.endpoint.pad(to: uid(next + 50))
      try growing.save(2)
      let id = try growing.endpoint.setID(GlobalUID(high: 1, low: 2))
      try growing.maildir.save("C: 2\r\n\r\n", target: next + 99)
      let text = growing.maildir.text("dovecot-uidlist")
      #expect(!text.contains("\n\n"))
      let after = text.split(separator: "\n")
      #expect(after[1..<before.count] == before[1...] && after.count == before.count + 4)
      let seen = try growing.read()
      let numbers = (1...next).map { $0 } + [next + 50, next + 51, next + 99]
      #expect(seen.uids == numbers && seen.mailboxID == id)
      #expect(ids.indices.allSatisfy { ids[$0] == seen.id(of: UInt32($0 + 2)) })
      let all = try growing.openAgain()
      #expect(all.messages.isEmpty || all.uids == numbers)
      #expect(all.anchor.uidNext == uid(next + 100) && all.mailboxID == id)
      #expect(try growing.endpoint.describe(uids(3, next + 51)).count == 2)
      #expect(try growing.endpoint.expunge(uids(2), onlyDeleted: false) == uids(2))
      #expect(try growing.read().uids == numbers.filter { $0 != 2 })
    }
  }

  @Test("its list that somebody has changed or taken away meanwhile is read")
  func listOfOthers() throws {
    try withGrowing(knowing: 1) { growing in
      try growing.save(4)
      let text = growing.maildir.text("dovecot-uidlist")
      try growing.maildir.write(
        text.split(separator: "\n", omittingEmptySubsequences: false).filter {
          !$0.hasPrefix("3 :")
        }.joined(separator: "\n"), to: "dovecot-uidlist")
      try growing.save(1)
      let seen = try growing.openAgain()
      #expect(seen.uids == [1, 2, 4, 5, 6] && seen.unnumbered.count == 1)
    }
    try withGrowing(knowing: 1) { growing in
      try growing.save(4)
      try growing.maildir.remove("dovecot-uidlist")
      #expect(throws: EndpointError.self) { try growing.save(1) }
      #expect(try growing.openAgain().unnumbered.count == 5)
    }
  }

  /// As in the clock tick of the last change: the times of the directories don't tell.
  private func withoutATrace(_ maildir: MaildirFixture, _ body: () throws -> Void) throws {
    let directories = try ["cur", "new"].map { try Directory(path: "\(maildir.root)/\($0)") }
    let times = try directories.map { try $0.status().modified }
    try body()
    for (directory, time) in zip(directories, times) { try directory.setModified(time) }
  }

  private static let changes: [@Sendable (MaildirFixture) throws -> Void] = [
    { maildir in try maildir.write("A: 4\n\n", to: "new/1.other") },
    { maildir in try maildir.write("A: 4\n\n", to: "cur/1.other:2,S") },
    { maildir in try maildir.remove("cur/\(try #require(maildir.names("cur").first))") },
    { maildir in try maildir.renameFirst { "cur/\($0)T" } },
    // As many as before.
    { maildir in try maildir.renameFirst { _ in "cur/1.other" } },
    { maildir in try maildir.renameFirst { "new/\($0)" } },
    { maildir in
      let name = try #require(maildir.names("cur").first)
      try maildir.write("A: 1\n\n", to: "new/\(name)")
    },
  ]

  @Test(
    "what somebody does between, in the same clock tick as the run, or after is told",
    arguments: 0..<changes.count, 0...2)
  func others(change: Int, after batches: Int) throws {
    try withGrowing(knowing: 2) { growing in
      for batch in 0...2 {
        if batch == batches {
          try withoutATrace(growing.maildir) {
            try GrowingFolderTests.changes[change](growing.maildir)
          }
        }
        if batch < 2 { try growing.save(2) }
      }
      let seen = try growing.openAgain()
      #expect(seen.coverage == .full)
      let all = try growing.read()
      #expect(seen.messages.map(\.flags) == all.messages.map(\.flags))
      #expect(seen.messages.map(\.handle) == all.messages.map(\.handle))
      #expect(seen.anchor.messages == all.anchor.messages)
      #expect(try growing.openAgain().anchor.messages == all.anchor.messages)
    }
  }

  @Test("so are keywords and a list that somebody else has written", arguments: [1, 2])
  func lists(after batches: Int) throws {
    for name in ["dovecot-keywords", "dovecot-uidlist"] {
      try withGrowing(knowing: 2) { growing in
        for batch in 0...2 {
          if batch == batches {
            let text = growing.maildir.text(name)
            try growing.maildir.write(text.isEmpty ? "0 Word\n" : text + "\n", to: name)
          }
          if batch < 2 { try growing.save(2) }
        }
        let seen = try growing.openAgain()
        #expect(seen.coverage == .full && seen.messages.count == 6)
      }
    }
  }

  // MARK: What is done with its messages in the same run

  @Test("flags are stored there") func flagged() throws {
    try withGrowing(knowing: 1) { growing in
      try growing.save(4)
      for (number, count) in [(3, 0), (5, 1)] as [(UInt32, Int)] {
        let outcome = try growing.endpoint.store([
          StoreOrder(uids: uids(number, 9), added: flags([.flagged], "Word"), removed: .empty)
        ])
        #expect(outcome.gone == uids(9) && outcome.rejected.isEmpty)
        try growing.save(count)
      }
      let seen = try growing.openAgain()
      #expect(seen.coverage == .full && seen.uids == [1, 2, 3, 4, 5, 6])
      #expect(seen.flags(of: 5) == flags([.flagged], "Word") && seen.flags(of: 4) == .empty)
      #expect(try growing.openAgain().coverage == .changes(vanished: UIDSet()))
    }
  }

  @Test("they are read, described and expunged") func read() throws {
    try withGrowing(knowing: 1) { growing in
      let ids = try growing.save(4).map(\.id)
      #expect(try growing.endpoint.describe(uids(2)).first?.details?.id == ids[0])
      #expect(try growing.endpoint.firstLines(of: uids(1, 2, 5)) == ["B: 0", "B: 0", "B: 3"])
      #expect(try growing.openAgain().messages.count == 5)
      try growing.save(1)
      #expect(try growing.endpoint.expunge(uids(2), onlyDeleted: false) == uids(2))
      #expect(try growing.openAgain().coverage == .changes(vanished: UIDSet()))
      #expect(try growing.read().uids == [1, 3, 4, 5, 6])
    }
  }

  @Test("they are copied and moved, from there and to there", arguments: [false, true])
  func carried(moving: Bool) throws {
    try withGrowing(knowing: 1) { growing in
      try growing.save(4)
      let other = try mailbox("Other")
      try growing.maildir.prepare(other)
      let outcomes = try growing.endpoint.copy(
        [uid(2), uid(5)], from: .inbox, moving: moving, targets: [])
      #expect(outcomes.map(\.uid) == [1, 2])
      try growing.endpoint.select(.inbox)
      let back = try growing.endpoint.copy([uid(1)], from: other, moving: moving, targets: [])
      #expect(back.map(\.uid) == [6])
      let seen = try growing.openAgain()
      #expect(seen.coverage == .full)
      #expect(seen.uids == (moving ? [1, 3, 4, 6] : [1, 2, 3, 4, 5, 6]))
      #expect(try growing.read().uids == seen.uids)
    }
  }

  @Test("it gets another UIDVALIDITY, and all in it other numbers") func adopted() throws {
    try withGrowing(knowing: 1) { growing in
      let ids = try growing.save(4).map(\.id)
      try growing.endpoint.adopt(
        try #require(UIDValidity(78)), uidNext: uid(10), isServers: false)
      let handles = try growing.maildir.open().unnumbered
      #expect(handles.count == 5)
      let outcomes = try growing.endpoint.renumber(handles, targets: [])
      #expect(outcomes.map(\.uid) == [10, 11, 12, 13, 14])
      #expect(Set(outcomes.map(\.id)).isSuperset(of: ids))
      #expect(try growing.openAgain().coverage == .changes(vanished: UIDSet()))
      #expect(try growing.read().uids == [10, 11, 12, 13, 14])
    }
  }
}

extension MaildirEndpoint {
  fileprivate func firstLines(of uids: UIDSet) throws -> [String] {
    let sink = FormSink(.wire)
    try fetch(uids.map { .uid($0) }, into: sink)
    return sink.messages.map { message in
      String(decoding: message.bytes.prefix { $0 != 0x0d }, as: UTF8.self)
    }
  }
}
