import Glibc
import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

@Suite("The Maildir endpoint: folders that are read before their turn") struct EarlyFolderTests {
  /// Three messages.
  private func withMaildir(_ body: (MaildirFixture) throws -> Void) throws {
    var surroundings = MaildirSurroundings.machine
    surroundings.leastWatched = 0
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory, surroundings: surroundings)
      try maildir.prepare()
      for number in 1...3 { try maildir.save("A: \(number)\r\n\r\n", flags: flags([.seen])) }
      try body(maildir)
    }
  }

  @Test("what was read is told, if it is asked for") func told() throws {
    try withMaildir { maildir in
      let endpoint = try maildir.another()
      endpoint.foresee([ForeseenOpening(.inbox, OpenRequest())])
      endpoint.finishEarly()
      let seen = try endpoint.open(.inbox, OpenRequest())
      let now = try maildir.another().open(.inbox, OpenRequest())
      #expect(seen.messages == now.messages && seen.messages.count == 3)
      #expect(seen.anchor.uidNext == now.anchor.uidNext && seen.mailboxID == now.mailboxID)
    }
  }

  @Test("what has changed since it was read is told: much time may have passed")
  func changed() throws {
    let changes: [(MaildirFixture) throws -> Void] = [
      { maildir in try maildir.renameFirst { "cur/\($0)T" } },
      { maildir in
        let list = maildir.text("dovecot-uidlist")
        try maildir.write(list.replacing("N4", with: "N9"), to: "dovecot-uidlist")
      },
      { maildir in try maildir.write("A: 4\n\n", to: "new/1.other") },
    ]
    for change in changes {
      try withMaildir { maildir in
        let endpoint = try maildir.another()
        endpoint.foresee([ForeseenOpening(.inbox, OpenRequest())])
        endpoint.finishEarly()
        try change(maildir)
        let seen = try endpoint.open(.inbox, OpenRequest())
        let now = try maildir.another().open(.inbox, OpenRequest())
        #expect(seen.messages == now.messages && seen.anchor.uidNext == now.anchor.uidNext)
      }
    }
  }

  @Test("another mailbox may be opened before it") func another() throws {
    try withMaildir { maildir in
      let name = try #require(MailboxName(["Other"]))
      try maildir.endpoint.create(name, specialUse: nil)
      let endpoint = try maildir.another()
      endpoint.foresee([ForeseenOpening(.inbox, OpenRequest())])
      #expect(try endpoint.open(name, OpenRequest()).messages.isEmpty)
      #expect(try endpoint.open(.inbox, OpenRequest()).messages.count == 3)
    }
  }

  @Test("nobody waits for another program's lock before its turn") func locked() throws {
    var surroundings = MaildirSurroundings.machine
    surroundings.pause = { _ in Issue.record("it waits") }
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory, surroundings: surroundings)
      try maildir.prepare()
      try maildir.save("A: 1\r\n\r\n")
      let host = String(decoding: surroundings.hostName, as: UTF8.self)
      // The program that runs the tests is alive.
      try maildir.write("\(getppid()):\(host)", to: "dovecot-uidlist.lock")
      let endpoint = try maildir.another()
      endpoint.foresee([ForeseenOpening(.inbox, OpenRequest())])
      endpoint.disconnect()
      endpoint.foresee([ForeseenOpening(.inbox, OpenRequest())])
      endpoint.finishEarly()
      try maildir.remove("dovecot-uidlist.lock")
      // When it is free it is read.
      #expect(try endpoint.open(.inbox, OpenRequest()).messages.count == 1)
    }
  }

  @Test("who asks for something else, or after something was done, is told what is there now")
  func unlike() throws {
    let causes: [(MaildirEndpoint) throws -> OpenRequest] = [
      { _ in OpenRequest(recheck: uids(2)) },
      { endpoint in
        endpoint.rest()
        return OpenRequest()
      },
      { endpoint in
        _ = try endpoint.open(MailboxName(["Other"]) ?? .inbox, OpenRequest())
        return OpenRequest()
      },
      { endpoint in
        endpoint.foresee([ForeseenOpening(MailboxName(["Other"]) ?? .inbox, OpenRequest())])
        return OpenRequest()
      },
    ]
    for cause in causes {
      try withMaildir { maildir in
        try maildir.endpoint.create(#require(MailboxName(["Other"])), specialUse: nil)
        let endpoint = try maildir.another()
        endpoint.foresee([ForeseenOpening(.inbox, OpenRequest())])
        endpoint.finishEarly()
        let request = try cause(endpoint)
        try maildir.renameFirst { "cur/\($0)T" }
        #expect(try endpoint.open(.inbox, request).countOfDeleted == 1)
      }
    }
  }

  @Test("what was read in vain does not count as told", .enabled(if: isWatchable))
  func untold() throws {
    try withMaildir { maildir in
      let endpoint = try maildir.another()
      endpoint.foresee([ForeseenOpening(.inbox, OpenRequest())])
      var request = OpenRequest()
      request.isContinued = true
      #expect(try endpoint.open(.inbox, request).messages.count == 3)
    }
  }

  @Test("a folder that was deleted since is not there") func deleted() throws {
    try withMaildir { maildir in
      let name = try #require(MailboxName(["Other"]))
      try maildir.endpoint.create(name, specialUse: nil)
      let endpoint = try maildir.another()
      endpoint.foresee([ForeseenOpening(name, OpenRequest())])
      try maildir.endpoint.delete(name)
      #expect(throws: EndpointError.self) { try endpoint.open(name, OpenRequest()) }
      // Nor is there anything to be read before its turn.
      endpoint.foresee([ForeseenOpening(name, OpenRequest())])
      endpoint.disconnect()
    }
  }
}

extension Observation {
  fileprivate var countOfDeleted: Int {
    messages.reduce(0) { $0 + ($1.flags.system.contains(.deleted) ? 1 : 0) }
  }
}
