import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

@Suite("The Maildir endpoint: files whose names are no messages'") struct LeftOutFileTests {
  @Test(
    "each is told",
    arguments: ["new/1.a\nb", "new/1.a\rb", "cur/1.a\nb:2,S", "cur/:2,S", "cur/:"])
  func told(path: String) throws {
    try withOldTimes { maildir in
      try maildir.makeFolder("")
      try maildir.write("A: 1\n\n", to: "cur/1.one:2,")
      try maildir.write("A: 2\n\n", to: path)
      let seen = try maildir.open()
      #expect(seen.leftOut == LeftOutFiles(first: path))
      #expect(seen.messages.count == 1)
      // It is looked at at each run, also where nothing changes.
      #expect(seen.anchor.stamp == nil)
      try maildir.remove(path)
      let rest = try maildir.open()
      #expect(rest.leftOut == nil && rest.anchor.stamp != nil)
    }
  }

  @Test("a line end in what follows the base name does no harm") func info() throws {
    try withOldTimes { maildir in
      try maildir.makeFolder("")
      try maildir.write("A: 1\n\n", to: "cur/1.one:2,S\n")
      let seen = try maildir.open()
      #expect(seen.leftOut == nil && seen.messages.count == 1 && seen.anchor.stamp != nil)
    }
  }

  @Test("of many one is named, and so once") func many() throws {
    try withOldTimes { maildir in
      try maildir.makeFolder("")
      for number in 1...3 { try maildir.write("A: 1\n\n", to: "new/\(number)\n") }
      for _ in 1...2 { #expect(try maildir.open().leftOut?.count == 3) }
      let error = try #require(try maildir.open().leftOut).error(advice: "rename them")
      #expect(error.message.contains("and 2 more"))
    }
  }

  @Test(
    "one in a folder that the run itself makes large is told again", .enabled(if: isWatchable))
  func large() throws {
    try withOldTimes(leastWatched: 2) { maildir in
      try maildir.prepare()
      try maildir.write("A: 1\n\n", to: "new/1\n")
      #expect(try maildir.open().leftOut != nil)
      for number in 1...4 { try maildir.save("B: \(number)\r\n\r\n") }
      var request = OpenRequest()
      request.isContinued = true
      let seen = try maildir.endpoint.open(.inbox, request)
      #expect(seen.leftOut != nil && seen.anchor.stamp == nil)
    }
  }

  /// With a clock that is an hour ahead: whatever is done is long ago.
  private func withOldTimes(
    leastWatched: Int = 1000, _ body: (MaildirFixture) throws -> Void
  ) throws {
    var surroundings = MaildirSurroundings.machine
    let now = surroundings.now
    surroundings.now = { now() + 3600 * MaildirSurroundings.second }
    surroundings.leastWatched = leastWatched
    try withTemporaryDirectory { directory in
      try body(try MaildirFixture(directory, surroundings: surroundings))
    }
  }
}
