import IMAPClient
import Synchronization
import TestSupport
import Testing

@testable import SyncEngine

/// Not on every file system.
let isWatchable: Bool = {
  let isOnlyHere = try? withTemporaryDirectory { try Directory(path: $0.path).isOnlyHere }
  return isOnlyHere ?? false
}()

@Suite("The Maildir endpoint: what others change meanwhile", .enabled(if: isWatchable))
struct FolderWatchTests {
  /// Three messages that have been told, of which the flags of one were stored.
  private func withTold(_ body: (MaildirFixture) throws -> Void) throws {
    var surroundings = MaildirSurroundings.machine
    surroundings.leastWatched = 0
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory, surroundings: surroundings)
      try maildir.prepare()
      try maildir.save("A: 1\r\n\r\n")
      for number in 2...3 { try maildir.save("A: \(number)\r\n\r\n", flags: flags([.seen])) }
      _ = try maildir.open()
      let outcome = try maildir.endpoint.store([
        StoreOrder(uids: uids(1, 3), added: flags([.flagged]), removed: .empty)
      ])
      #expect(outcome == StoreOutcome())
      try body(maildir)
    }
  }

  private func openAgain(_ maildir: MaildirFixture) throws -> Observation {
    var request = OpenRequest()
    request.isContinued = true
    return try maildir.endpoint.open(.inbox, request)
  }

  @Test("flags that it has stored itself are not told again") func own() throws {
    try withTold { maildir in
      let seen = try openAgain(maildir)
      #expect(seen.coverage == .changes(vanished: UIDSet()) && seen.messages.isEmpty)
      #expect(seen.anchor.messages == 3)
      // Whoever asks for everything gets it.
      let all = try maildir.open()
      #expect(all.coverage == .full && all.flags(of: 3) == flags([.seen, .flagged]))
      #expect(try openAgain(maildir).messages.isEmpty)
    }
  }

  @Test("what it has put there itself is not told again", arguments: [flags(), flags([.seen])])
  func delivered(_ flags: FlagSet) throws {
    try withTold { maildir in
      try maildir.save("A: 4\r\n\r\n", flags: flags)
      let outcome = try maildir.endpoint.store([
        StoreOrder(uids: uids(4), added: .init([.answered]), removed: .empty)
      ])
      #expect(outcome == StoreOutcome())
      let seen = try openAgain(maildir)
      #expect(seen.coverage == .changes(vanished: UIDSet()) && seen.messages.isEmpty)
      #expect(seen.anchor.messages == 4 && seen.anchor.uidNext == uid(5))
      #expect(try maildir.open().messages.count == 4)
    }
  }

  /// What file systems have as the time of what is changed now: it stands still until so many pauses were made.
  private final class Ticks: Sendable {
    private let state = Mutex((pauses: 0, time: Int64.max))
    private let until: Int

    init(until: Int) { self.until = until }

    func pause() { state.withLock { $0.pauses += 1 } }

    /// The directories' last change.
    func stop(at time: Int64) { state.withLock { $0 = (0, time) } }

    var pauses: Int { state.withLock { $0.pauses } }
    var time: Int64 {
      state.withLock {
        $0.pauses < until ? min($0.time, MaildirSurroundings.machine.fileTime()) : .max
      }
    }
  }

  @Test(
    "it waits until a change would get another time, but not for ever",
    arguments: [(0, true), (3, true), (100_000, false)])
  func stamp(ticks: Int, isCertain: Bool) throws {
    let clock = Ticks(until: ticks)
    var surroundings = MaildirSurroundings.machine
    surroundings.leastWatched = 0
    surroundings.fileTime = { clock.time }
    surroundings.pause = { _ in clock.pause() }
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory, surroundings: surroundings)
      try maildir.prepare()
      try maildir.save("A: 1\r\n\r\n", flags: flags([.seen]))
      _ = try maildir.open()
      _ = try maildir.endpoint.store([
        StoreOrder(uids: uids(1), added: flags([.flagged]), removed: .empty)
      ])
      let cur = try Directory(path: directory.path("Mail/cur")).status().modified
      let new = try Directory(path: directory.path("Mail/new")).status().modified
      clock.stop(at: max(cur, new))
      #expect((try openAgain(maildir).anchor.stamp != nil) == isCertain)
      #expect(isCertain ? clock.pauses == ticks : clock.pauses > 3)
    }
  }

  @Test("whatever anybody else does to a name, everything is told")
  func others() throws {
    let changes: [(MaildirFixture) throws -> Void] = [
      { maildir in try maildir.renameFirst { "cur/\($0)T" } },
      { maildir in
        let name = try #require(maildir.names("cur").first)
        // There and back again: nobody can tell that it was the same.
        try maildir.rename("cur/\(name)", to: "cur/\(name)T")
        try maildir.rename("cur/\(name)T", to: "cur/\(name)")
      },
      { maildir in try maildir.remove("cur/\(try #require(maildir.names("cur").first))") },
      { maildir in try maildir.write("A: 4\n\n", to: "new/1.other") },
      { maildir in try maildir.write("0 Word\n", to: "dovecot-keywords") },
      { maildir in
        try maildir.write("A: 4\n\n", to: "cur/1.other:2,")
        try maildir.save("A: 5\r\n\r\n")
      },
      { maildir in
        try maildir.save("A: 5\r\n\r\n")
        let name = try #require(maildir.names("new").last)
        // As a mail program does that shows it.
        try maildir.rename("new/\(name)", to: "cur/\(name):2,S")
      },
      { maildir in
        // The list is another one, as Dovecot writes it.
        let list = maildir.text("dovecot-uidlist")
        try maildir.write(list.replacing("N4", with: "N9"), to: "dovecot-uidlist")
        try maildir.save("A: 5\r\n\r\n")
      },
    ]
    for change in changes {
      try withTold { maildir in
        try change(maildir)
        let seen = try openAgain(maildir)
        #expect(seen.coverage == .full && !seen.messages.isEmpty)
        #expect(try openAgain(maildir).coverage == .changes(vanished: UIDSet()))
      }
    }
  }

  @Test("changes between the look and the storing count, too") func before() throws {
    var surroundings = MaildirSurroundings.machine
    surroundings.leastWatched = 0
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory, surroundings: surroundings)
      try maildir.prepare()
      for number in 1...3 { try maildir.save("A: \(number)\r\n\r\n", flags: flags([.seen])) }
      _ = try maildir.open()
      try maildir.renameFirst { "cur/\($0)T" }
      _ = try maildir.endpoint.store([
        StoreOrder(uids: uids(1, 2, 3), added: flags([.flagged]), removed: .empty)
      ])
      let seen = try openAgain(maildir)
      #expect(seen.coverage == .full && seen.messages.count == 3)
    }
  }

  @Test("many changes of its own are told from others'") func many() throws {
    var surroundings = MaildirSurroundings.machine
    surroundings.leastWatched = 0
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory, surroundings: surroundings)
      try maildir.prepare()
      let messages = (1...1_500).map {
        (bytes: "A: \($0)\r\n\r\n", item: SaveItem(flags: flags([.seen]), date: .init(seconds: 1)))
      }
      _ = try maildir.save(messages)
      _ = try maildir.open()
      let all = UIDSet(uid(1)...uid(1_500))
      _ = try maildir.endpoint.store([
        StoreOrder(uids: all, added: flags([.draft]), removed: .empty)
      ])
      #expect(try openAgain(maildir).messages.isEmpty)
      _ = try maildir.endpoint.store([
        StoreOrder(uids: all, added: .empty, removed: flags([.draft]))
      ])
      try maildir.renameFirst { "cur/\($0)T" }
      #expect(try openAgain(maildir).messages.count == 1_500)
    }
  }
}
