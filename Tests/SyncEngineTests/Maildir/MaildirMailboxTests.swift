import Foundation
import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

@Suite("The Maildir endpoint: mailboxes") struct MaildirMailboxTests {
  @Test("impossible names make nothing", arguments: Layout.allCases) func names(layout: Layout)
    throws
  {
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory, layout: layout)
      try maildir.endpoint.create(.inbox, specialUse: nil)
      let names = [["a", ".."], ["."], ["a/b"], ["~a"], [String(repeating: "x", count: 300)]]
      for components in names {
        let name = try #require(MailboxName(components))
        for call in [
          { try maildir.endpoint.create(name, specialUse: nil) },
          { _ = try maildir.endpoint.open(name, OpenRequest()) },
          { try maildir.endpoint.rename(.inbox, to: name) },
          { try maildir.endpoint.delete(name) },
          { try maildir.endpoint.setSubscribed(true, name) },
        ] {
          #expect(throws: EndpointError.self) { try call() }
        }
      }
      #expect(maildir.names("").filter { !["cur", "new", "tmp", "INBOX"].contains($0) }.isEmpty)
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["Mail"])
    }
  }

  @Test(
    "deleting takes the mailbox, not those below it nor strangers' files",
    arguments: Layout.allCases)
  func delete(layout: Layout) throws {
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory, layout: layout)
      try maildir.endpoint.create(.inbox, specialUse: nil)
      for name in ["A", "A/B", "C"] { try maildir.prepare(try mailbox(name)) }
      try maildir.write("mine", to: layout == .fs ? "C/notes" : ".C/notes")
      // A run that died had moved it out of the way.
      let tmp = layout == .fs ? "INBOX/tmp" : "tmp"
      for part in ["cur", "new", "tmp"] {
        try maildir.write("gone", to: "\(tmp)/mboxsync-deleted.1.M2/\(part)/1.M3.x")
      }
      for name in ["A", "C"] { try maildir.endpoint.delete(try mailbox(name)) }
      #expect(
        try maildir.endpoint.list().mailboxes.filter(\.isSelectable).map(\.name.path) == [
          "A/B", "INBOX",
        ])
      #expect(maildir.names(layout == .fs ? "C" : ".C") == ["notes"])
      #expect(maildir.names(tmp).isEmpty)
      let error = #expect(throws: EndpointError.self) {
        _ = try maildir.open(try mailbox("A"))
      }
      #expect(error?.code == .mailboxGone)
      #expect(throws: EndpointError.self) { try maildir.endpoint.delete(.inbox) }
    }
  }

  @Test("renaming takes those below along and overwrites nothing", arguments: Layout.allCases)
  func rename(layout: Layout) throws {
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory, layout: layout)
      try maildir.endpoint.create(.inbox, specialUse: nil)
      for name in ["A", "A/B", "Ab", "C"] { try maildir.prepare(try mailbox(name)) }
      let id = try maildir.endpoint.list().mailboxes.first { $0.name.path == "A" }?.id
      #expect(id != nil)
      #expect(throws: EndpointError.self) {
        try maildir.endpoint.rename(try mailbox("A"), to: try mailbox("C"))
      }
      #expect(throws: EndpointError.self) {
        try maildir.endpoint.rename(try mailbox("A"), to: try mailbox("A/X"))
      }
      try maildir.endpoint.rename(try mailbox("A"), to: try mailbox("N/A"))
      let listing = try maildir.endpoint.list().mailboxes.filter(\.isSelectable)
      #expect(listing.map(\.name.path) == ["Ab", "C", "INBOX", "N/A", "N/A/B"])
      #expect(listing.first { $0.name.path == "N/A" }?.id == id)
    }
  }

  @Test(
    "a mailbox that is made anew under a name that one was renamed or deleted from goes on where that was",
    arguments: Layout.allCases, [true, false])
  func former(layout: Layout, isRenamed: Bool) throws {
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory, layout: layout)
      try maildir.endpoint.create(.inbox, specialUse: nil)
      try maildir.endpoint.leaveMark("pair")
      let names = try ["A", "A/B ä"].map { try mailbox($0) }
      for name in names { try maildir.prepare(name, validity: 77, next: 20) }
      if isRenamed {
        try maildir.endpoint.rename(names[0], to: try mailbox("C"))
      } else {
        for name in names.reversed() { try maildir.endpoint.delete(name) }
      }
      let other = try maildir.another()
      for name in names {
        for (validity, next) in [(77, 20), (78, 5)] as [(UInt32, UInt32)] {
          try other.create(name, specialUse: nil)
          _ = try other.open(name, OpenRequest())
          try other.adopt(try #require(UIDValidity(validity)), uidNext: uid(5), isServers: true)
          let observation = try other.open(name, OpenRequest())
          #expect(observation.anchor.uidNext == uid(next))
        }
      }
      #expect(try other.hasMark("pair") == .present)
    }
  }

  @Test("subscriptions of both forms") func subscriptions() throws {
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory)
      try maildir.endpoint.create(.inbox, specialUse: nil)
      for name in ["A/B", "Ä", "C"] {
        try maildir.endpoint.create(try mailbox(name), specialUse: nil)
      }
      try maildir.write("A.B\nGone\n&AMQ-\n", to: "subscriptions")
      func subscribed() throws -> [String] {
        try maildir.endpoint.list().mailboxes.filter(\.isSubscribed).map(\.name.path)
      }
      #expect(try subscribed() == ["A/B", "Ä"])
      try maildir.endpoint.setSubscribed(true, try mailbox("C"))
      try maildir.endpoint.setSubscribed(false, try mailbox("Ä"))
      try maildir.endpoint.setSubscribed(false, try mailbox("Ä"))
      #expect(try subscribed() == ["A/B", "C"])
      #expect(maildir.text("subscriptions") == "V\t2\n\nA\tB\nGone\nC\n")
    }
  }
}
