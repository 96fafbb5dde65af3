import Foundation
import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

/// A local Dovecot that serves the same Maildir sees exactly what the endpoint says it did.
@Suite("Maildir beside a Dovecot", .serialized) struct MaildirDovecotTests {
  private struct Row: Hashable, CustomStringConvertible {
    var uid: UInt32
    var flags: Set<String>
    var id: GlobalUID?
    var date: Int64
    var size: UInt64
    var description: String { "\(uid) \(flags.sorted()) \(id?.description ?? "-") \(date) \(size)" }
  }

  /// Both views of a mailbox have to be equal.
  private func compare(
    _ maildir: MaildirFixture, _ session: IMAPTestClient, _ name: String = "INBOX",
    _ location: SourceLocation = #_sourceLocation
  ) throws {
    let served = try session.messages(in: name).map { message in
      Row(
        uid: message.uid ?? 0, flags: message.flags,
        id: message.guid.map { GlobalUID(identifier: Array($0.utf8)) },
        date: Int64(message.date), size: UInt64(message.bytes.count))
    }
    let observation = try maildir.open(try mailbox(name))
    let observed = observation.messages.map { message in
      Row(
        uid: message.handle.uid?.rawValue ?? 0,
        flags: Set(message.flags.names.map { $0.lowercased() }), id: message.details?.id,
        date: message.details?.date.seconds ?? 0, size: message.details?.size ?? 0)
    }
    #expect(observed == served, sourceLocation: location)
    try session.unselect()
    let numbers = try session.numbers(of: name)
    #expect(
      observation.anchor.uidValidity.map { UInt64($0.rawValue) } == numbers.uidValidity,
      sourceLocation: location)
    #expect(
      UInt64(observation.anchor.uidNext.rawValue) == numbers.uidNext, sourceLocation: location)
    #expect(Int(observation.anchor.messages) == numbers.messages, sourceLocation: location)
  }

  /// - Parameter connect: opens a session.
  private func withDovecot(
    _ layout: Layout = .maildirPlusPlus,
    _ body: (
      _ maildir: MaildirFixture, _ connect: () throws -> IMAPTestClient, _ session: IMAPTestClient
    ) throws -> Void
  ) throws {
    try withTemporaryDirectory { directory in
      let root = try directory.directory("Mail")
      let maildir = try MaildirFixture(directory, layout: layout)
      let storage = DovecotStorage.maildir(root, layout == .fs ? .nested : .maildirPlusPlus)
      let server = try DovecotServer.start(in: directory, options: DovecotOptions(storage: storage))
      defer { server.stop() }
      try maildir.endpoint.create(.inbox, specialUse: nil)
      let session = try IMAPTestClient.connect(to: server)
      try body(maildir, { try IMAPTestClient.connect(to: server) }, session)
      session.logOut()
      let log = server.log
      #expect(log.contains("imap"))
      for line in log.split(separator: "\n") {
        let isExpected = line.contains("UIDVALIDITY changed")
        let isComplaint = ["Error:", "Warning:", "Panic:", "Fatal:"].contains { line.contains($0) }
        #expect(!isComplaint || isExpected, "\(line)")
      }
    }
  }

  @Test("every operation, new and open sessions", arguments: Layout.allCases)
  func operations(layout: Layout) throws {
    try withDovecot(layout) { maildir, connect, session in
      try maildir.prepare(validity: 4_711, next: 10)
      // `open` stays selected all the time; `session` looks anew each time.
      let open = try connect()
      defer { open.logOut() }
      try open.select("INBOX")
      try compare(maildir, session)

      let guid = GlobalUID(high: 1, low: 2)
      #expect(try maildir.save("A: 1\r\n\r\none\r\n", guid: guid).uid == 10)
      #expect(
        try maildir.save(
          "A: 2\r\n\r\ntwo\r\n", flags: flags([.seen], "Work", "$Forwarded"), target: 20
        )
        .uid == 20)
      #expect(try maildir.save("A: 3\r\n\r\nthree\r\n", flags: flags([.flagged])).uid == 21)
      try compare(maildir, session)
      #expect(try maildir.open().id(of: 10) == guid)

      // Someone delivers and flags through Dovecot, in the session that was open before.
      try open.append(
        Array("A: 4\r\n\r\nfour\r\n".utf8), to: "INBOX", flags: ["Other"], date: 5_000)
      try open.store([10], in: "INBOX", add: ["\\Answered", "Third"], remove: [])
      try compare(maildir, session)

      let order = StoreOrder(
        uids: uids(10, 20, 22), added: flags([.flagged], "Fourth"), removed: flags([.seen], "Work"))
      #expect(try maildir.endpoint.store([order]) == StoreOutcome())
      try open.command("NOOP")
      try compare(maildir, session)

      #expect(
        try maildir.endpoint.renumber([.uid(uid(10)), .uid(uid(21))], targets: [uid(40), uid(50)])
          .map(\.uid) == [40, 50])
      try open.command("NOOP")
      try compare(maildir, session)
      #expect(try maildir.open().id(of: 40) == guid)

      #expect(try maildir.endpoint.pad(to: uid(100)) == uid(100))
      try compare(maildir, session)

      #expect(try maildir.endpoint.expunge(uids(20, 99)) == uids(20, 99))
      try open.command("NOOP")
      try compare(maildir, session)

      let copies = try maildir.endpoint.copy(
        [uid(40), uid(20)], from: .inbox, moving: false, targets: [])
      #expect(copies.map(\.uid) == [100, nil])
      try compare(maildir, session)
      try open.command("NOOP")
      #expect(try open.messages(in: "INBOX").count == 4)
    }
  }

  @Test("a long list to which both add lines")
  func longList() throws {
    try withDovecot { maildir, connect, session in
      try maildir.prepare(validity: 4_711, next: 10)
      let open = try connect()
      defer { open.logOut() }
      let item = SaveItem(flags: flags([.seen]), date: InternalDate(seconds: 1))
      _ = try maildir.save((0..<1600).map { ("A: \($0)\r\n\r\n", item) })
      try open.select("INBOX")
      try compare(maildir, session)
      let length = maildir.text("dovecot-uidlist").utf8.count
      #expect(length > 64 << 10)
      for number in 0..<3 {
        let before = maildir.fileNumber("dovecot-uidlist")
        #expect(try maildir.save("A: \(number)\r\n\r\nours\r\n").uid != nil)
        // The same file, longer.
        #expect(maildir.fileNumber("dovecot-uidlist") == before)
        try open.append(
          Array("A: \(number)\r\n\r\ntheirs\r\n".utf8), to: "INBOX", flags: [], date: 5_000)
        try open.command("NOOP")
        try compare(maildir, session)
      }
      #expect(try open.messages(in: "INBOX").count == 1606)

      // Half a line, left by a crash: whoever comes next mends it.
      let text = maildir.text("dovecot-uidlist")
      try maildir.write(text + "2000 :torn", to: "dovecot-uidlist")
      #expect(try maildir.save("A: 9\r\n\r\nafter\r\n").uid == 1616)
      #expect(!maildir.text("dovecot-uidlist").contains("torn"))
      try compare(maildir, session)
    }
  }

  @Test("copies and moves between mailboxes keep flags, keywords, dates and ids")
  func copying() throws {
    try withDovecot { maildir, _, session in
      let box = try mailbox("Täg/sub")
      try maildir.endpoint.create(box, specialUse: nil)
      #expect(try session.mailboxes().contains("Täg/sub"))
      try session.append(
        Array("A: 1\r\n\r\none\r\n".utf8), to: "INBOX", flags: ["\\Seen", "Kone", "Ktwo"],
        date: 123_456)
      try session.append(
        Array("A: 2\r\n\r\ntwo\r\n".utf8), to: "INBOX", flags: ["Ktwo"], date: 234_567)
      try session.append(
        Array("A: 3\r\n\r\nthree\r\n".utf8), to: "Täg/sub", flags: ["Else"], date: 1)
      let before = try maildir.open()
      _ = try maildir.open(box)
      #expect(
        try maildir.endpoint.copy([uid(1)], from: .inbox, moving: false, targets: [uid(7)])
          == [.placed(uid(7), id: before.id(of: 1), movedAway: false)])
      #expect(
        try maildir.endpoint.copy([uid(2), uid(1)], from: .inbox, moving: true, targets: [])
          == [
            .placed(uid(8), id: before.id(of: 2), movedAway: true),
            .placed(uid(9), id: before.id(of: 1), movedAway: true),
          ])
      try compare(maildir, session, "Täg/sub")
      try compare(maildir, session)
      #expect(try maildir.open().messages.isEmpty)
    }
  }

  @Test("another UIDVALIDITY: ids and flags stay")
  func adopting() throws {
    try withDovecot { maildir, connect, session in
      for number in 1...5 {
        try session.append(
          Array("A: \(number)\r\n\r\n\r\n".utf8), to: "INBOX", flags: ["\\Seen", "K\(number)"],
          date: 1_000 * number)
      }
      try session.copy([3], in: "INBOX", to: "INBOX")
      let before = try maildir.open()
      #expect(before.uids == [1, 2, 3, 4, 5, 6])
      try maildir.endpoint.adopt(try #require(UIDValidity(99)), uidNext: uid(50), isServers: true)
      let unnumbered = try maildir.open()
      #expect(unnumbered.unnumbered.count == 6)
      #expect(
        Set(unnumbered.messages.compactMap(\.details?.id))
          == Set(before.messages.compactMap(\.details?.id)))
      let outcomes = try maildir.endpoint.renumber(
        unnumbered.unnumbered, targets: (50..<56).map { uid($0) })
      #expect(outcomes.map(\.uid) == [50, 51, 52, 53, 54, 55])
      let fresh = try connect()
      defer { fresh.logOut() }
      try compare(maildir, fresh)
      let after = try maildir.open()
      #expect(after.anchor.uidValidity?.rawValue == 99)
      // Dovecot keeps what we wrote about it, when it writes the list itself.
      try fresh.append(Array("A: 6\r\n\r\n\r\n".utf8), to: "INBOX", date: 6_000)
      try fresh.expunge([50, 51, 52, 53, 54], in: "INBOX")
      #expect(try maildir.open().origin == after.origin)
      #expect(after.origin.isServers)
      #expect(after.origin.former == Set([before.anchor.uidValidity].compactMap { $0 }))
    }
  }

  @Test("messages get back lower UIDs than the next one, unless Dovecot has numbered them first")
  func reopened() throws {
    try withDovecot { maildir, connect, session in
      for number in 1...3 {
        try session.append(Array("A: \(number)\r\n\r\n\r\n".utf8), to: "INBOX", date: number)
      }
      #expect(try maildir.open().uids == [1, 2, 3])
      try maildir.endpoint.adopt(try #require(UIDValidity(99)), uidNext: uid(50), isServers: true)
      let files = try maildir.open().unnumbered
      let given = try maildir.endpoint.renumber(files, targets: [uid(4), uid(7), uid(8)])
      #expect(given.map(\.uid) == [4, 7, 8])
      let fresh = try connect()
      defer { fresh.logOut() }
      try compare(maildir, fresh)
      let appended = try fresh.append(Array("A: 4\r\n\r\n\r\n".utf8), to: "INBOX", date: 4)
      #expect(appended == 50)
      let after = try maildir.open()
      #expect(after.anchor.uidNext == uid(51) && after.origin.reopenedFrom == nil)

      try maildir.endpoint.adopt(try #require(UIDValidity(100)), uidNext: uid(60), isServers: true)
      #expect(try maildir.open().origin.reopenedFrom == uid(1))
      let another = try connect()
      defer { another.logOut() }
      #expect(try another.messages(in: "INBOX").map(\.uid) == [60, 61, 62, 63])
      #expect(try maildir.open().origin.reopenedFrom == nil)
      let refused = try maildir.endpoint.renumber([.uid(uid(60))], targets: [uid(5)])
      #expect(refused == [.targetTaken])
      try compare(maildir, another)
    }
  }

  @Test("mailboxes made, renamed, deleted and subscribed are Dovecot's", arguments: Layout.allCases)
  func mailboxes(layout: Layout) throws {
    try withDovecot(layout) { maildir, connect, session in
      let endpoint = maildir.endpoint
      for name in ["INBOX/Sub", "A/B/C", "Ä & co", "A"] {
        try endpoint.create(try mailbox(name), specialUse: nil)
      }
      try session.create("Made/by Dovecot")
      try endpoint.setSubscribed(true, try mailbox("A/B/C"))
      try session.subscribe("Made/by Dovecot")
      try endpoint.setSubscribed(true, try mailbox("Ä & co"))
      func listed() throws -> [String] {
        try endpoint.list().mailboxes.filter(\.isSelectable).map(\.name.path).sorted()
      }
      #expect(try listed() == session.mailboxes().sorted())
      #expect(
        try endpoint.list().mailboxes.filter(\.isSubscribed).map(\.name.path).sorted()
          == session.subscriptions().sorted())
      try endpoint.rename(try mailbox("A"), to: try mailbox("Neu/A"))
      try endpoint.delete(try mailbox("Ä & co"))
      try endpoint.setSubscribed(false, try mailbox("Ä & co"))
      #expect(try listed() == ["INBOX", "INBOX/Sub", "Made/by Dovecot", "Neu/A", "Neu/A/B/C"])
      let theirs = try connect()
      defer { theirs.logOut() }
      #expect(try theirs.mailboxes().sorted() == listed())
      #expect(try session.subscriptions().sorted() == ["A/B/C", "Made/by Dovecot"])
    }
  }

  @Test("a new UIDVALIDITY counts on from Dovecot's") func counter() throws {
    try withDovecot { maildir, _, session in
      try session.create("Box")
      let known = try session.numbers(of: "Box").uidValidity
      _ = try maildir.open()
      let fresh = try maildir.endpoint.freshUIDValidity()
      #expect(UInt64(fresh.rawValue) > known)
      try session.create("Next")
      #expect(try session.numbers(of: "Next").uidValidity > UInt64(fresh.rawValue))
    }
  }

  @Test("lines of what is gone stay in a long list, and nobody minds") func deadLines() throws {
    try withDovecot { maildir, connect, session in
      let stem = String(repeating: "x", count: 120)
      var list = "3 V7 N601 G0123456789abcdef0123456789abcdef\n"
      for number in 1...600 {
        list += "\(number) :\(number).\(stem)\n"
        try maildir.write("A: \(number)\n\n", to: "cur/\(number).\(stem):2,S")
      }
      try maildir.write(list, to: "dovecot-uidlist")
      let open = try connect()
      defer { open.logOut() }
      try open.select("INBOX")
      try compare(maildir, session)
      #expect(try maildir.endpoint.expunge(uids(17, 600)) == uids(17, 600))
      #expect(maildir.text("dovecot-uidlist").contains("\n17 :"))
      try open.command("NOOP")
      try compare(maildir, session)
      try open.append(Array("A: 2\r\n\r\n".utf8), to: "INBOX", flags: ["Other"], date: 5_000)
      try open.expunge([18], in: "INBOX")
      #expect(try maildir.endpoint.expunge(uids(19, 20)) == uids(19, 20))
      #expect(try maildir.save("A: 3\r\n\r\nthree\r\n", flags: flags([.flagged])).uid == 602)
      try maildir.write("A: 17\n\n", to: "cur/17.\(stem):2,S")
      try open.command("NOOP")
      try compare(maildir, session)
      _ = try maildir.endpoint.expunge(UIDSet(uid(100)...uid(300)))
      #expect(!maildir.text("dovecot-uidlist").contains("\n100 :"))
      try compare(maildir, session)
    }
  }
}
