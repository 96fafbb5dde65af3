import CLinux
import Dispatch
import Foundation
import IMAPClient
import Synchronization
import TestSupport
import Testing

@testable import SyncEngine

@Suite("The Maildir endpoint: changing") struct MaildirChangeTests {
  /// Three messages with the UIDs 1 to 3: no flags, \Seen, \Seen and a keyword.
  private func withMessages(_ body: (MaildirFixture) throws -> Void) throws {
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory)
      try maildir.prepare()
      try maildir.save("A: 1\r\n\r\n")
      try maildir.save("A: 2\r\n\r\n", flags: flags([.seen]))
      try maildir.save(
        "A: 3\r\n\r\n", flags: flags([.seen], "Work"), guid: GlobalUID(high: 1, low: 3))
      _ = try maildir.open()
      try body(maildir)
    }
  }

  @Test("flags are added and removed, and only that") func store() throws {
    try withMessages { maildir in
      let outcome = try maildir.endpoint.store([
        StoreOrder(uids: uids(1, 3), added: flags([.flagged], "New"), removed: flags([.seen])),
        StoreOrder(uids: uids(2, 77), added: flags([.seen]), removed: flags([.draft])),
        StoreOrder(uids: uids(3), added: .empty, removed: flags([], "Work")),
        StoreOrder(uids: UIDSet(uid(4)...UID.last), added: flags([.draft]), removed: .empty),
      ])
      #expect(outcome.gone.contains(uid(77)) && !outcome.gone.contains(uid(3)))
      #expect(outcome.rejected.isEmpty && outcome.unstorable.isEmpty)
      let seen = try maildir.open()
      #expect(seen.flags(of: 1) == flags([.flagged], "New"))
      #expect(seen.flags(of: 2) == flags([.seen]))
      #expect(seen.flags(of: 3) == flags([.flagged], "New"))
      #expect(maildir.names("new").isEmpty)
      #expect(maildir.text("dovecot-keywords") == "0 Work\n1 New\n")
    }
  }

  @Test("someone else's change in between rejects ours; a mere move to cur does not")
  func rejected() throws {
    try withMessages { maildir in
      // The order of names made within one second is not that of the messages.
      let cur = maildir.names("cur").sorted { $0.hasSuffix(":2,S") && !$1.hasSuffix(":2,S") }
      try maildir.rename("cur/\(cur[0])", to: "cur/\(cur[0])T")
      try maildir.rename("new/\(maildir.names("new")[0])", to: "cur/\(maildir.names("new")[0]):2,")
      try maildir.remove("cur/\(cur[1])")
      let outcome = try maildir.endpoint.store([
        StoreOrder(uids: uids(1), added: flags([.answered]), removed: .empty, expected: .empty),
        StoreOrder(
          uids: uids(2), added: flags([.answered]), removed: .empty, expected: flags([.seen])),
        StoreOrder(
          uids: uids(3), added: flags([.answered]), removed: .empty,
          expected: flags([.seen], "Work")),
      ])
      #expect(outcome.rejected == uids(2))
      #expect(outcome.gone == uids(3))
      let seen = try maildir.open()
      #expect(seen.flags(of: 1) == flags([.answered]))
      #expect(seen.flags(of: 2) == flags([.seen, .deleted]))
    }
  }

  @Test("there are 26 keywords, and no more") func unstorable() throws {
    try withMessages { maildir in
      for number in 0..<25 {
        let order = StoreOrder(uids: uids(1), added: flags([], "K\(number)"), removed: .empty)
        #expect(try maildir.endpoint.store([order]).unstorable.isEmpty)
      }
      let order = StoreOrder(
        uids: uids(1, 2), added: flags([.flagged], "Beyond", "$Forwarded"), removed: .empty)
      let beyond = try #require(Keyword("Beyond"))
      #expect(try maildir.endpoint.store([order]).unstorable == [beyond: uids(1, 2)])
      let seen = try maildir.open()
      #expect(seen.flags(of: 1)?.keywords.count == 26)
      #expect(seen.flags(of: 2) == flags([.seen, .flagged], "$Forwarded"))
    }
  }

  @Test("exactly the messages meant are expunged") func expunge() throws {
    try withMessages { maildir in
      try maildir.rename("new/\(maildir.names("new")[0])", to: "cur/\(maildir.names("new")[0]):2,T")
      #expect(try maildir.endpoint.expunge(uids(1, 3, 50)) == uids(1, 3, 50))
      #expect(maildir.names("cur").count == 1)
      let seen = try maildir.open()
      #expect(seen.uids == [2])
      #expect(seen.anchor.uidNext == uid(4))
      #expect(maildir.text("dovecot-uidlist").split(separator: "\n").count == 2)
    }
  }

  @Test("what is as it was known goes, and nothing else") func remove() throws {
    try withMessages { maildir in
      try maildir.rename("new/\(maildir.names("new")[0])", to: "cur/\(maildir.names("new")[0]):2,T")
      let known = [
        uid(1): FlagSet.empty, uid(2): flags([.seen]), uid(3): flags([.seen], "Work"),
        uid(50): .empty,
      ]
      let third = try #require(maildir.names("cur").first { $0.hasSuffix(":2,Sa") })
      try maildir.rename("cur/\(third)", to: "tmp/elsewhere")
      let outcomes = try maildir.endpoint.remove(known)
      #expect(outcomes[uid(1)] == .changed(flags([.deleted])))
      #expect(outcomes[uid(2)] == .removed)
      #expect(outcomes[uid(3)] == .missing && outcomes[uid(50)] == .missing)
      #expect(try maildir.open().uids == [1])
      #expect(maildir.text("dovecot-uidlist").split(separator: "\n").count == 2)
    }
  }

  @Test("what is flagged \\Deleted goes, and what somebody has taken the flag off stays")
  func expungeDeleted() throws {
    try withMessages { maildir in
      let deleted = flags([.deleted])
      _ = try maildir.endpoint.store([
        StoreOrder(uids: uids(1, 2, 3), added: deleted, removed: .empty)
      ])
      let second = try #require(maildir.names("cur").first { $0.hasSuffix(":2,ST") })
      try maildir.rename("cur/\(second)", to: "cur/\(second.dropLast())")
      #expect(try maildir.endpoint.expunge(uids(1, 2), onlyDeleted: true) == uids(1))
      #expect(try maildir.open().uids == [2, 3])
      #expect(maildir.text("dovecot-uidlist").split(separator: "\n").count == 3)
    }
  }

  @Test("after a change of UIDVALIDITY nothing is done to the old UIDs") func otherValidity() throws
  {
    try withMessages { maildir in
      try maildir.write(
        maildir.text("dovecot-uidlist").replacingOccurrences(of: "V77", with: "V78"),
        to: "dovecot-uidlist")
      #expect(throws: EndpointError.self) { try maildir.endpoint.expunge(uids(1)) }
      #expect(throws: EndpointError.self) {
        try maildir.endpoint.store([
          StoreOrder(uids: uids(1), added: flags([.seen]), removed: .empty)
        ])
      }
      #expect(throws: EndpointError.self) { try maildir.save("x") }
      #expect(try maildir.open().uids == [1, 2, 3])
      #expect(try maildir.endpoint.expunge(uids(1)) == uids(1))
    }
  }

  @Test("new UIDs: given, next, taken, and for files without one") func renumber() throws {
    try withMessages { maildir in
      try maildir.write("A: 9\n\n", to: "cur/9.nine:2,S")
      let key = try #require(maildir.open().unnumbered.first)
      let before = try maildir.open()
      let outcomes = try maildir.endpoint.renumber(
        [.uid(uid(3)), key, .uid(uid(1)), .uid(uid(66))],
        targets: [uid(10), uid(12), uid(11), uid(13)])
      #expect(
        outcomes == [
          .placed(uid(10), id: GlobalUID(high: 1, low: 3), movedAway: true),
          .placed(uid(12), id: GlobalUID(identifier: Array("9.nine".utf8)), movedAway: true),
          .targetTaken, .gone,
        ])
      let after = try maildir.open()
      #expect(after.uids == [1, 2, 10, 12])
      #expect(after.flags(of: 10) == before.flags(of: 3))
      #expect(after.id(of: 10) == before.id(of: 3))
      #expect(try maildir.endpoint.renumber([.uid(uid(2))], targets: []).map(\.uid) == [13])
      #expect(try maildir.endpoint.pad(to: uid(30)) == uid(30))
      #expect(try maildir.endpoint.pad(to: uid(20)) == uid(30))
      #expect(try maildir.save("x", target: 29) == .targetTaken)
      #expect(try maildir.save("x", target: 30).uid == 30)
    }
  }

  @Test("copies and moves carry flags, keywords, dates and ids") func copy() throws {
    try withMessages { maildir in
      let box = try mailbox("Box")
      try maildir.prepare(box)
      try maildir.save("B: 1\r\n\r\n", flags: flags([], "Else"))
      let copied = try maildir.endpoint.copy(
        [uid(3), uid(44), uid(2)], from: .inbox, moving: false, targets: [uid(5), uid(6), uid(7)])
      #expect(copied[0] == .placed(uid(5), id: GlobalUID(high: 1, low: 3), movedAway: false))
      #expect(copied[1] == .gone)
      #expect(copied[2].uid == 7)
      #expect(
        try maildir.endpoint.copy([uid(1)], from: .inbox, moving: false, targets: [uid(6)]) == [
          .targetTaken
        ])
      #expect(
        try maildir.endpoint.copy([uid(3)], from: .inbox, moving: true, targets: []).map(\.uid) == [
          8
        ])
      let seen = try maildir.open(box)
      #expect(seen.uids == [1, 5, 7, 8])
      #expect(seen.flags(of: 5) == flags([.seen], "Work"))
      #expect(seen.flags(of: 7) == flags([.seen]))
      #expect(seen.messages.allSatisfy { $0.details?.date.seconds == 1_000_000 })
      #expect(seen.id(of: 8) == seen.id(of: 5))
      #expect(try maildir.open().uids == [1, 2])
    }
  }

  @Test("two lanes that move messages towards each other don't block each other")
  func crossing() throws {
    try withMessages { maildir in
      let box = try mailbox("Box")
      try maildir.prepare(box)
      let path = maildir.root
      let failures = Mutex(0)
      DispatchQueue.concurrentPerform(iterations: 2) { lane in
        do {
          let endpoint = try MaildirEndpointFactory(root: path).connect()
          let (from, to) = lane == 0 ? (MailboxName.inbox, box) : (box, .inbox)
          for _ in 0..<20 {
            let seen = try endpoint.open(from, OpenRequest(detailsFrom: .last))
            try endpoint.select(to)
            let uids = seen.messages.compactMap(\.handle.uid)
            _ = try endpoint.copy(uids, from: from, moving: true, targets: [])
          }
        } catch {
          failures.withLock { $0 += 1 }
        }
      }
      #expect(failures.withLock { $0 } == 0)
      let seen = try [maildir.open(), maildir.open(box)].flatMap(\.messages)
      #expect(seen.count == 3)
      #expect(seen.allSatisfy { $0.handle.uid != nil })
      #expect(Set(seen.compactMap(\.details?.id)).count == 3)
    }
  }

  @Test("times of any size are no trap") func times() throws {
    try withMessages { maildir in
      for seconds in [Int.max, Int.min, 0, -1] {
        for path in ["cur", "new", "dovecot-uidlist", "cur/\(maildir.names("cur")[0])"] {
          let time = timespec(tv_sec: seconds, tv_nsec: 999_999_999)
          utimensat(AT_FDCWD, "\(maildir.root)/\(path)", [time, time], 0)
        }
        #expect(try maildir.open().uids == [1, 2, 3])
        let order = StoreOrder(uids: uids(1), added: flags([], "K\(seconds)"), removed: .empty)
        #expect(try maildir.endpoint.store([order]) == StoreOutcome())
        _ = try maildir.endpoint.list()
      }
    }
  }

  @Test("adopting keeps messages, flags and ids, and numbers nothing") func adopt() throws {
    try withMessages { maildir in
      let before = try maildir.open()
      try maildir.endpoint.adopt(
        try #require(UIDValidity(500)), uidNext: uid(100), isServers: false)
      let handles = try maildir.open().messages
      #expect(handles.compactMap(\.handle.uid).isEmpty)
      #expect(
        Set(handles.compactMap(\.details?.id)) == Set(before.messages.compactMap(\.details?.id)))
      let outcomes = try maildir.endpoint.renumber(
        handles.map(\.handle), targets: [uid(100), uid(101), uid(105)])
      #expect(outcomes.map(\.uid) == [100, 101, 105])
      let after = try maildir.another().open(.inbox, OpenRequest())
      #expect(after.anchor.uidValidity?.rawValue == 500)
      #expect(after.anchor.uidNext == uid(106))
      #expect(
        Set(after.messages.compactMap(\.details?.id))
          == Set(before.messages.compactMap(\.details?.id)))
      #expect(after.mailboxID == before.mailboxID)
    }
  }

  @Test("the mailbox gets another id, and its own back, and nothing else") func otherID() throws {
    try withMessages { maildir in
      let before = try maildir.open()
      let id = try maildir.endpoint.setID(nil)
      let after = try maildir.another().open(.inbox, OpenRequest())
      #expect(id != nil && after.mailboxID == id && id != before.mailboxID)
      #expect(after.messages.map(\.handle) == before.messages.map(\.handle))
      #expect(after.anchor.uidNext == before.anchor.uidNext)
      #expect(try maildir.endpoint.setID(before.mailboxID) == before.mailboxID)
      #expect(try maildir.another().open(.inbox, OpenRequest()).mailboxID == before.mailboxID)
    }
  }
}
