import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

/// As by a first push: the messages are sent part by part, and each part gets the numbers that the server gave.
@Suite(
  "The Maildir endpoint: a folder whose files the run numbers", .enabled(if: isWatchable))
struct NumberedFolderTests {
  private struct Numbered {
    let maildir: MaildirFixture
    var handles: [MessageHandle]

    var endpoint: MaildirEndpoint { maildir.endpoint }

    /// The next of those that have none.
    @discardableResult
    mutating func number(_ count: Int) throws -> [UInt32?] {
      let some = Array(handles.prefix(count))
      handles.removeFirst(some.count)
      return try endpoint.renumber(some, targets: []).map(\.uid)
    }

    func openAgain() throws -> Observation {
      var request = OpenRequest()
      request.isContinued = true
      return try endpoint.open(.inbox, request)
    }

    /// What whoever reads it finds.
    func read() throws -> Observation { try maildir.another().open(.inbox, OpenRequest()) }
  }

  /// So long that some hundred of them make a long list.
  private static func name(_ number: Int) -> String {
    "\(1_000_000 + number).M1P1." + String(repeating: "h", count: 220)
  }

  /// Told of all, and none has a number.
  private func withNumbered(
    _ count: Int, _ body: (inout Numbered) throws -> Void
  ) throws {
    var surroundings = MaildirSurroundings.machine
    surroundings.leastWatched = 4
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(
        directory, surroundings: surroundings,
        keptNames: NamesDirectory(path: directory.path("left")))
      try maildir.prepare()
      for number in 1...count {
        try maildir.write(
          "A: \(number)\n\n",
          to: "cur/\(NumberedFolderTests.name(number)):2,\(number % 3 == 0 ? "S" : "")")
      }
      var numbered = Numbered(maildir: maildir, handles: try maildir.open().unnumbered)
      #expect(numbered.handles.count == count)
      try body(&numbered)
    }
  }

  @Test("is not read again", arguments: [[285, 315], [1, 290, 200, 109]])
  func unread(parts: [Int]) throws {
    try withNumbered(600) { numbered in
      for part in parts { try numbered.number(part) }
      let seen = try numbered.openAgain()
      #expect(seen.coverage == .changes(vanished: UIDSet()) && seen.messages.isEmpty)
      #expect(seen.anchor.messages == 600 && seen.anchor.stamp != nil)
      let all = try numbered.read()
      let numbers: [UInt32] = Array(1...600)
      #expect(all.uids == numbers && all.anchor.uidNext == seen.anchor.uidNext)
      #expect(all.flags(of: 3) == flags([.seen]) && all.flags(of: 4) == .empty)
    }
  }

  @Test("a small one is") func small() throws {
    try withNumbered(3) { numbered in
      try numbered.number(3)
      #expect(try numbered.openAgain().coverage == .full)
    }
  }

  private static let changes: [@Sendable (MaildirFixture) throws -> Void] = [
    { maildir in try maildir.write("A: 4\n\n", to: "new/1.other") },
    { maildir in try maildir.remove("cur/\(try #require(maildir.names("cur").first))") },
    { maildir in try maildir.renameFirst { "cur/\($0)T" } },
    { maildir in
      let name = "dovecot-uidlist"
      try maildir.write(maildir.text(name) + "9 :\(NumberedFolderTests.name(99))\n", to: name)
    },
  ]

  @Test(
    "what somebody does before it is numbered, between and after is told",
    arguments: 0..<changes.count, 0...2)
  func others(change: Int, after parts: Int) throws {
    try withNumbered(600) { numbered in
      for part in 0...2 {
        if part == parts { try NumberedFolderTests.changes[change](numbered.maildir) }
        if part == 0 { try numbered.number(285) }
        if part == 1 { try numbered.number(315) }
      }
      let seen = try numbered.openAgain()
      #expect(seen.coverage == .full)
      let all = try numbered.read()
      #expect(seen.messages.map(\.flags) == all.messages.map(\.flags))
      #expect(seen.messages.map(\.handle) == all.messages.map(\.handle))
      #expect(seen.anchor.messages == all.anchor.messages)
    }
  }

  @Test("one whose file is gone meanwhile, and all others, are told") func gone() throws {
    try withNumbered(600) { numbered in
      try numbered.number(285)
      try numbered.maildir.remove("cur/\(NumberedFolderTests.name(300)):2,S")
      #expect(try numbered.number(315)[14] == nil)
      let seen = try numbered.openAgain()
      #expect(seen.coverage == .full && seen.messages.count == 599)
    }
  }

  // MARK: A long one, whose records are not kept

  @Test("what has a number can be used as if the list were known", arguments: [285, 600])
  func used(count: Int) throws {
    try withNumbered(600) { numbered in
      try numbered.number(285)
      try numbered.number(count - 285)
      let endpoint = numbered.endpoint
      let sink = FormSink(.wire)
      try endpoint.fetch([.uid(uid(2)), .uid(uid(UInt32(count)))], into: sink)
      let texts = sink.messages.map { String(decoding: $0.bytes, as: UTF8.self) }
      #expect(texts == ["A: 2\r\n\r\n", "A: \(count)\r\n\r\n"])
      let order = StoreOrder(uids: uids(7, 601), added: flags([.flagged]), removed: .empty)
      let outcome = try endpoint.store([order])
      #expect(outcome.gone == uids(601) && outcome.rejected.isEmpty)
      #expect(try endpoint.expunge(uids(9, 11), onlyDeleted: false) == uids(9, 11))
      let id = try endpoint.describe(uids(7)).first?.details?.id
      #expect(id == GlobalUID(identifier: Array(NumberedFolderTests.name(7).utf8)))
      try numbered.number(600)
      let all = try numbered.read()
      let left: [UInt32] = (1...600).filter { $0 != 9 && $0 != 11 }
      #expect(all.uids == left)
      #expect(all.id(of: 7) == id && all.flags(of: 7) == flags([.flagged]))
      let lines = numbered.maildir.text("dovecot-uidlist").split(separator: "\n")
      #expect(lines.count == 601 && Set(lines).count == lines.count)
      let last = try #require(lines.last)
      #expect(last.hasSuffix(NumberedFolderTests.name(600)))
    }
  }

  @Test("the names are kept for the next run, which is told what has changed") func kept() throws {
    try withNumbered(600) { numbered in
      try numbered.number(285)
      try numbered.number(600)
      let anchor = try numbered.openAgain().anchor
      numbered.endpoint.disconnect()
      try numbered.maildir.renameFirst { "cur/\($0)T" }
      try numbered.maildir.remove("cur/\(NumberedFolderTests.name(6)):2,S")
      let next = try numbered.maildir.another().open(
        .inbox, OpenRequest(since: anchor, detailsFrom: anchor.uidNext))
      #expect(next.coverage == .changes(vanished: uids(6)) && next.uids == [1])
      #expect(next.flags(of: 1) == flags([.deleted]))
    }
  }

  @Test("another UIDVALIDITY: nothing is lost of what stands in the list", arguments: [285, 600])
  func adopted(count: Int) throws {
    try withNumbered(600) { numbered in
      try numbered.number(285)
      try numbered.number(count - 285)
      try numbered.endpoint.adopt(
        try #require(UIDValidity(78)), uidNext: uid(10), isServers: false)
      let handles = try numbered.maildir.open().unnumbered
      #expect(handles.count == 600)
      let outcomes = try numbered.endpoint.renumber(handles, targets: [])
      let numbers: [UInt32] = Array(10..<610)
      #expect(outcomes.compactMap(\.uid) == numbers)
      #expect(try numbered.read().uids == numbers)
    }
  }
}
