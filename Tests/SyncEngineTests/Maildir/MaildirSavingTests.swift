import Foundation
import IMAPClient
import Synchronization
import TestSupport
import Testing

@testable import SyncEngine

@Suite("The Maildir endpoint: saving") struct MaildirSavingTests {
  @Test("keywords for which there is no room are told") func lacking() throws {
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory)
      try maildir.prepare(validity: 5, next: 1)
      try maildir.write(
        (0..<26).map { "\($0) K\($0)\n" }.joined(), to: "dovecot-keywords")
      _ = try maildir.open()
      let saver = try maildir.endpoint.saver()
      for names in [["K3"], ["K3", "Beyond"]] {
        let keywords = FlagSet([.seen], keywords: names.compactMap { Keyword($0) })
        let item = SaveItem(flags: keywords, date: InternalDate(seconds: 7))
        try saver.begin(item, size: 2, form: .stored)
        try Array("\n\n".utf8).withUnsafeBytes { try saver.write($0) }
        try saver.end()
      }
      #expect(try saver.commit().map(\.uid) == [1, 2])
      #expect(saver.lacking == [uid(2): flags([], "Beyond")])
      #expect(try maildir.open().flags(of: 2) == flags([.seen], "K3"))
    }
  }

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

  @Test("of messages cut short, the one under way goes, and those that are withdrawn")
  func cutShort() throws {
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory)
      try maildir.prepare()
      _ = try maildir.open()
      let saver = try maildir.endpoint.saver()
      // More than are made durable together.
      for number in 1...70 {
        let item = SaveItem(
          flags: flags([.seen]), date: InternalDate(seconds: 1), target: uid(UInt32(number)))
        try saver.begin(item, size: 2, form: .stored)
        try Array("\n\n".utf8).withUnsafeBytes { try saver.write($0) }
        try saver.end()
      }
      try saver.begin(
        SaveItem(flags: .empty, date: InternalDate(seconds: 1)), size: 9, form: .stored)
      let outcomes = try saver.commitArrived(without: [2, 69])
      #expect(outcomes.count == 70)
      #expect(outcomes[2].uid == nil && outcomes[69].uid == nil)
      let placed = Array(1...70).filter { $0 != 3 && $0 != 70 }
      #expect(outcomes.compactMap(\.uid) == placed.map { UInt32($0) })
      #expect(try maildir.open().uids == placed.map { UInt32($0) })
      #expect(maildir.names("tmp").isEmpty)
    }
  }

  @Test(
    "what has come whole is not given up at a signal because another program has a lock for a moment",
    arguments: ["dovecot-uidlist.lock", "dovecot-keywords.lock"], [false, true])
  func locked(_ lock: String, _ isCutShort: Bool) throws {
    try withTemporaryDirectory { directory in
      let clock = TestClock()
      let maildir = try MaildirFixture(directory, surroundings: clock.surroundings())
      try maildir.prepare()
      let saver = try maildir.endpoint.saver()
      let item = SaveItem(flags: flags([.seen], "Work"), date: InternalDate(seconds: 1))
      try saver.begin(item, size: 2, form: .stored)
      try Array("\n\n".utf8).withUnsafeBytes { try saver.write($0) }
      try saver.end()
      maildir.cancellation.request()
      try maildir.write(
        "4242:\(String(decoding: clock.surroundings().hostName, as: UTF8.self))", to: lock)
      let path = directory.path("Mail/\(lock)")
      clock.at(seconds: 1) { unlink(path) }
      let outcomes = isCutShort ? try saver.commitArrived(without: []) : try saver.commit()
      #expect(outcomes.map(\.uid) == [1])
      #expect(clock.waited <= 3)
      #expect(try maildir.open().flags(of: 1) == flags([.seen], "Work"))
    }
  }

  @Test("nor are the numbers of files whose copies have come") func lockedWhileNumbering() throws {
    try withTemporaryDirectory { directory in
      let clock = TestClock()
      let maildir = try MaildirFixture(directory, surroundings: clock.surroundings())
      try maildir.prepare()
      try maildir.write("A: 1\n\n", to: "cur/1.a:2,S")
      let handles = try maildir.open().unnumbered
      maildir.cancellation.request()
      try maildir.write("1:elsewhere", to: "dovecot-uidlist.lock")
      let path = directory.path("Mail/dovecot-uidlist.lock")
      clock.at(seconds: 1) { unlink(path) }
      #expect(try maildir.endpoint.renumber(handles, targets: [uid(7)]).map(\.uid) == [7])
    }
  }

  @Test("other waits end at a signal") func lockedWithNothingToLose() throws {
    try withTemporaryDirectory { directory in
      let clock = TestClock()
      let maildir = try MaildirFixture(directory, surroundings: clock.surroundings())
      try maildir.prepare()
      try maildir.save("A: 1\r\n\r\n")
      _ = try maildir.open()
      maildir.cancellation.request()
      try maildir.write("1:elsewhere", to: "dovecot-uidlist.lock")
      let order = StoreOrder(uids: uids(1), added: flags([.seen]), removed: .empty)
      let waits: [() throws -> Void] = [
        { _ = try maildir.endpoint.expunge(uids(1)) },
        { _ = try maildir.endpoint.renumber([.uid(uid(1))], targets: [uid(7)]) },
        { _ = try maildir.endpoint.store([order]) },
      ]
      for wait in waits {
        #expect(#expect(throws: EndpointError.self) { try wait() }?.code == .interrupted)
      }
      #expect(clock.waited == 0)
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

  @Test("nothing is numbered or put in its place once somebody has taken the lock away")
  func lockTakenAway() throws {
    try withTemporaryDirectory { directory in
      let lock = directory.path("Mail/dovecot-uidlist.lock")
      let isTaken = Mutex(false)
      var surroundings = MaildirSurroundings.machine
      surroundings.uptime = {
        if isTaken.withLock({ $0 }) { unlink(lock) }
        return MaildirSurroundings.machine.uptime()
      }
      let maildir = try MaildirFixture(directory, surroundings: surroundings)
      try maildir.prepare()
      let list = maildir.text("dovecot-uidlist")
      isTaken.withLock { $0 = true }
      let error = #expect(throws: EndpointError.self) { try maildir.save("A: 1\r\n\r\n") }
      #expect(error?.code == .locked)
      #expect(maildir.text("dovecot-uidlist") == list)
      #expect((maildir.names("cur") + maildir.names("new") + maildir.names("tmp")).isEmpty)
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
