import Dispatch
import Foundation
import IMAPClient
import Synchronization
import TestSupport
import Testing

@testable import SyncEngine

@Suite("The Maildir endpoint: saving") struct MaildirSavingTests {
  @Test("bytes, date, flags, id and place") func save() throws {
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory)
      try maildir.prepare(validity: 5, next: 3)
      let guid = GlobalUID(high: 0xab, low: 0xcd)
      #expect(
        try maildir.save("A: 1\r\n\r\nx\n\ry\r\n", date: -5, guid: guid)
          == .placed(uid(3), id: guid, movedAway: false))
      #expect(
        try maildir.save("A: 2\r\n\r\n", flags: flags([.seen, .draft], "Work"), target: 9).uid == 9)
      #expect(try maildir.save("A: 3\n\n", flags: flags([], "work"), target: 9) == .targetTaken)
      let item = SaveItem(flags: flags([], "Other"), date: InternalDate(seconds: 7))
      #expect(try maildir.save([("A: 4\r\n\n", item)], form: .stored).map(\.uid) == [10])
      let new = maildir.names("new")
      let cur = maildir.names("cur").sorted { $0.hasSuffix("DSa") && !$1.hasSuffix("DSa") }
      #expect(new.count == 1 && cur.count == 2)
      #expect(new.allSatisfy { $0.hasSuffix(",S=11,W=15") })
      #expect(cur[0].hasSuffix(",S=6,W=8:2,DSa"))
      #expect(cur[1].hasSuffix(",S=7,W=8:2,b"))
      #expect(maildir.text("new/\(new[0])") == "A: 1\n\nx\n\ry\n")
      #expect(maildir.text("cur/\(cur[1])") == "A: 4\r\n\n")
      #expect(maildir.names("tmp").isEmpty)
      #expect(maildir.text("dovecot-keywords") == "0 Work\n1 Other\n")
      let seen = try maildir.open()
      #expect(seen.uids == [3, 9, 10])
      #expect(seen.messages.map { $0.details?.date.seconds } == [-5, 1_000_000, 7])
      #expect(seen.messages.map { $0.details?.size } == [15, 8, 8])
      #expect(seen.id(of: 3) == guid)
      #expect(seen.anchor.uidNext == uid(11))
      let lines = maildir.text("dovecot-uidlist").split(separator: "\n")
      #expect(lines[0].hasPrefix("3 V5 N11 G"))
      #expect(lines[1].hasPrefix("3 G\(guid) :"))
    }
  }

  @Test("more messages than files may be open, in one batch") func many() throws {
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory)
      try maildir.prepare()
      let item = SaveItem(flags: flags([.seen]), date: InternalDate(seconds: 1))
      let outcomes = try maildir.save((0..<300).map { ("A: \($0)\r\n\r\n", item) })
      #expect(outcomes.compactMap(\.uid) == Array(1...300))
      #expect(maildir.names("cur").count == 300)
      #expect(try maildir.open().uids == Array(1...300))
    }
  }

  @Test("messages that come in another order than their UIDs") func outOfOrder() throws {
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory)
      try maildir.prepare()
      let targets: [UInt32?] = [7, 5, nil, 6]
      let outcomes = try maildir.save(
        targets.enumerated().map { number, target in
          let date = InternalDate(seconds: 1)
          return (
            "A: \(number)\r\n\r\n",
            SaveItem(flags: .empty, date: date, target: target.flatMap { UID($0) })
          )
        })
      #expect(outcomes.map(\.uid) == [7, 5, 8, 6])
    }
  }

  @Test("what is not completed leaves nothing") func abandon() throws {
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory)
      try maildir.prepare()
      do {
        let saver = try maildir.endpoint.saver()
        let item = SaveItem(flags: .empty, date: InternalDate(seconds: 1))
        try saver.begin(item, size: 3, form: .stored)
        try [1, 2].withUnsafeBytes { try saver.write($0) }
        try saver.abandon()
        try saver.begin(item, size: 2, form: .stored)
        try saver.end()
        let outcomes = try saver.commit()
        guard case .refused(.other, _)? = outcomes.first, outcomes.count == 1 else {
          Issue.record("\(outcomes)")
          return
        }
        try saver.begin(item, size: 0, form: .stored)
        try saver.end()
        try saver.begin(item, size: 0, form: .stored)
      }
      #expect(maildir.names("tmp").isEmpty && maildir.names("cur").isEmpty)
      #expect(maildir.names("new").isEmpty)
    }
  }

  @Test("an unnumbered mailbox gets a UIDVALIDITY with its first message") func numbering() throws {
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory)
      try maildir.endpoint.create(.inbox, specialUse: nil)
      _ = try maildir.open()
      #expect(try maildir.save("A: 1\r\n\r\n").uid == 1)
      #expect(try maildir.save("A: 2\r\n\r\n").uid == 2)
      #expect(try maildir.open().anchor.uidValidity != nil)
      let one = try maildir.endpoint.freshUIDValidity()
      #expect(try maildir.endpoint.freshUIDValidity() > one)
    }
  }

  @Test("another lane's messages are numbered after ours and ours after theirs") func lanes() throws
  {
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory)
      try maildir.prepare()
      let other = try MaildirFixture(directory)
      _ = try other.open()
      for round in 0..<3 {
        #expect(try maildir.save("A: 1\r\n\r\n").uid == UInt32(round * 2 + 1))
        #expect(
          try other.save("A: 1\r\n\r\n", flags: flags([], "K\(round)")).uid == UInt32(round * 2 + 2)
        )
      }
      #expect(try maildir.open().uids == other.open().uids)
      #expect(try maildir.open().flags(of: 6) == flags([], "K2"))
    }
  }

  @Test("leftovers of a crash do no harm") func leftovers() throws {
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory)
      try maildir.prepare()
      try maildir.write("half", to: "dovecot-uidlist.tmp")
      try maildir.write("half", to: "dovecot-keywords.tmp")
      try maildir.write("half", to: "tmp/1.2.3")
      // Recorded, but never put into place: the UID is burnt.
      let list = maildir.text("dovecot-uidlist").replacingOccurrences(of: "N1", with: "N2")
      try maildir.write(list + "1 :lost\n", to: "dovecot-uidlist")
      #expect(try maildir.another().open(.inbox, OpenRequest()).uids.isEmpty)
      #expect(try maildir.save("A: 1\r\n\r\n", flags: flags([], "K"), target: 1) == .targetTaken)
      #expect(try maildir.save("A: 1\r\n\r\n", flags: flags([], "K")).uid == 2)
      #expect(!maildir.names("").contains { $0.hasSuffix(".tmp") || $0.hasSuffix(".lock") })
    }
  }

  @Test("what dead programs left in tmp goes after 36 hours", arguments: [35, 37])
  func leftovers(hours: Int64) throws {
    try withTemporaryDirectory { directory in
      var surroundings = MaildirSurroundings.machine
      surroundings.now = {
        MaildirSurroundings.machine.now() + hours * 3_600 * MaildirSurroundings.second
      }
      let maildir = try MaildirFixture(directory, surroundings: surroundings)
      try maildir.prepare()
      try maildir.write("half", to: "tmp/1.2.3")
      try maildir.save("Subject: 1\r\n\r\n")
      #expect(maildir.names("tmp") == (hours < 36 ? ["1.2.3"] : []))
    }
  }

  @Test("a full disk refuses messages and leaves no files", .enabled(if: geteuid() == 0))
  func fullDisk() throws {
    try withTemporaryDirectory { directory in
      let disk = try directory.directory("disk")
      guard mountSmall(disk) else { return }
      defer { unmount(disk) }
      let maildir = try MaildirFixture(directory, name: "disk/Mail")
      try maildir.prepare()
      let item = SaveItem(flags: flags([.seen]), date: InternalDate(seconds: 1))
      let big = String(repeating: "x", count: 2_000_000)
      let outcomes = try maildir.save([(big, item), ("A: 1\r\n\r\n", item)])
      guard case .refused(.noSpace, _) = outcomes[0] else {
        Issue.record("\(outcomes)")
        return
      }
      #expect(outcomes[1].uid == 1)
      #expect(maildir.names("tmp").isEmpty)
      #expect(maildir.names("cur").count == 1)
    }
  }

  private func mountSmall(_ path: String) -> Bool {
    run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", path])
  }

  private func unmount(_ path: String) { _ = run(["umount", path]) }

  private func run(_ command: [String]) -> Bool {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }
}

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
}

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
