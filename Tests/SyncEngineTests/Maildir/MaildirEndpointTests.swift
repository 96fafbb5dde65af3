import CLinux
import Foundation
import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

@Suite("The Maildir endpoint: looking") struct MaildirObservationTests {
  @Test("a root that is not there has nothing, and is made by the first mailbox") func noRoot()
    throws
  {
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory)
      #expect(try maildir.endpoint.list().mailboxes.isEmpty)
      #expect(try maildir.endpoint.hasMark("pair") == .noStore)
      try maildir.endpoint.create(.inbox, specialUse: nil)
      #expect(maildir.names("") == ["cur", "new", "tmp"])
      #expect(try maildir.endpoint.hasMark("pair") == .absent)
      try maildir.endpoint.leaveMark("pair")
      try maildir.endpoint.leaveMark("other")
      try maildir.endpoint.leaveMark("pair")
      #expect(maildir.text(".mboxsync") == "pair\nother\n")
      #expect(try maildir.another().hasMark("other") == .present)
      #expect(try maildir.endpoint.list().mailboxes.map(\.name) == [.inbox])
      let mode = try FileManager.default.attributesOfItem(atPath: maildir.root)[.posixPermissions]
      #expect(mode as? Int == 0o700)
    }
  }

  @Test("the layout is found from what is there") func layouts() throws {
    try withTemporaryDirectory { directory in
      let nested = try MaildirFixture(directory, name: "nested")
      try nested.makeFolder("INBOX")
      try nested.makeFolder("A/B")
      #expect(
        try nested.another().list().mailboxes.map { "\($0.name) \($0.isSelectable)" }
          == ["A false", "A/B true", "INBOX true"])
      let flat = try MaildirFixture(directory, name: "flat")
      try flat.makeFolder("")
      try flat.makeFolder(".A.B")
      try flat.makeFolder(".INBOX.Sub")
      try flat.makeFolder("Other")
      try flat.write("", to: ".git/HEAD")
      #expect(
        try flat.another().list().mailboxes.map { "\($0.name) \($0.isSelectable)" }
          == ["A false", "A/B true", "INBOX true", "INBOX/Sub true"])
    }
  }

  @Test("of many messages whose names don't tell their sizes each is counted as it is")
  func manySizes() throws {
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory)
      try maildir.makeFolder("")
      var expected: [Int64: UInt64] = [:]
      for number in 1...250 {
        // Some longer than what is read at a time, some with CRLFs already.
        let lineEnd = number % 7 == 0 ? "\r\n" : "\n"
        let lines = number % 50 == 0 ? 30_000 + number : number
        let text = String(repeating: "12345\(lineEnd)", count: lines)
        let path = "cur/\(number).M1P1.host:2,S"
        try maildir.write(text, to: path)
        let date = Int64(1_000_000 + number)
        try FileManager.default.setAttributes(
          [.modificationDate: Date(timeIntervalSince1970: TimeInterval(date))],
          ofItemAtPath: "\(maildir.root)/\(path)")
        expected[date] = UInt64(lines * 7)
      }
      let details = try maildir.open().messages.compactMap(\.details)
      #expect(details.count == 250)
      #expect(details.allSatisfy { expected[$0.date.seconds] == $0.size })
    }
  }

  @Test("names that are no mailboxes are told of and left alone") func unusable() throws {
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory)
      for path in ["", ".&bad", ".\u{fc}", ".INBOX", ".a..b", ".~x", ".Good"] {
        try maildir.makeFolder(path)
      }
      let listing = try maildir.endpoint.list()
      #expect(listing.mailboxes.map(\.name.path) == ["Good", "INBOX"])
      #expect(listing.unusable.count == 5)
    }
  }

  @Test("of one that is named in UTF-8 it is said how it would have to be called")
  func namedInUTF8() {
    func encoded(_ steps: String..., layout: Layout) -> String? {
      layout.encoded(steps.map { Array($0.utf8) }).map { String(decoding: $0, as: UTF8.self) }
    }
    #expect(encoded(".Entw\u{fc}rfe", layout: .maildirPlusPlus) == ".Entw&APw-rfe")
    #expect(encoded("A", "R&D", layout: .fs) == "R&-D")
    #expect(encoded("Plain", layout: .fs) == nil)
    #expect(encoded("~\u{fc}", layout: .fs) == nil)
    #expect(Layout.fs.encoded([[0xff]]) == nil)
  }

  @Test("links that lead round in a circle end") func links() throws {
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory, layout: .fs)
      try maildir.makeFolder("INBOX")
      try maildir.makeFolder("A")
      #expect(symlink("..", "\(maildir.root)/A/up") == 0)
      #expect(try maildir.endpoint.list().mailboxes.map(\.name.path) == ["A", "INBOX"])
    }
  }

  @Test("files without a record, records without a file, doubles and strangers") func open() throws
  {
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory)
      try maildir.makeFolder("")
      try maildir.write("A: 1\n\n", to: "cur/1.one:2,Sa")
      try maildir.write("A: 2\n\n", to: "new/2.two")
      try maildir.write("A: 3\n\n", to: "new/3.three")
      try maildir.write("A: 4\n\n", to: "cur/4.four:2,P")
      try maildir.write("x", to: "cur/.hidden")
      try maildir.write("x", to: "cur/dir/x")
      try maildir.write(
        "3 V9 N20 G00112233445566778899aabbccddeeff\n3 :1.one\n5 G0a :gone\n7 Gabc :1.one\n8 :2.two\n9 :4.four\n",
        to: "dovecot-uidlist")
      try maildir.write("0 Work\n", to: "dovecot-keywords")
      let seen = try maildir.open()
      #expect(seen.anchor.uidValidity?.rawValue == 9)
      #expect(seen.anchor.uidNext == uid(20))
      #expect(seen.anchor.messages == 4)
      #expect(seen.coverage == .full)
      #expect(seen.uids == [7, 8, 9])
      #expect(seen.flags(of: 7) == flags([.seen], "Work"))
      #expect(seen.flags(of: 9) == flags([], "$Forwarded"))
      #expect(seen.id(of: 7) == GlobalUID(identifier: Array("abc".utf8)))
      #expect(seen.id(of: 8) == GlobalUID(identifier: Array("2.two".utf8)))
      #expect(seen.unnumbered.count == 1)
      #expect(try maildir.another().open(.inbox, OpenRequest()).unnumbered == seen.unnumbered)
      #expect(seen.mailboxID == (try maildir.endpoint.list().mailboxes.first?.id))
      #expect(
        try maildir.open(detailsFrom: uid(8)).messages.map { $0.details?.size } == [nil, 8, 8, 8])
      #expect(
        try maildir.endpoint.describe(uids(7, 5, 99)).map { $0.details?.size } == [8])
      #expect(!maildir.names("").contains { $0.contains("lock") })
    }
  }

  @Test("a mailbox nobody has numbered") func unnumbered() throws {
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory)
      try maildir.makeFolder("")
      try maildir.write("A: 1\n\n", to: "cur/1.one:2,S")
      let seen = try maildir.open()
      #expect(seen.anchor.uidValidity == nil)
      #expect(seen.anchor.uidNext == .first)
      #expect(seen.unnumbered.count == 1)
      #expect(maildir.names("") == ["cur", "new", "tmp"])
    }
  }

  @Test("sizes in names count only if they agree with the file") func sizes() throws {
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory)
      try maildir.makeFolder("")
      for (index, name) in ["a,S=4,W=6", "b,S=4,W=7", "c,S=5,W=6", "d,W=3", "e,W=99", "f,S=4"]
        .enumerated()
      {
        try maildir.write("\n\nab", to: "cur/\(index).\(name):2,")
      }
      let byName = try maildir.open().messages.compactMap(\.details?.size)
      // `b` lies plausibly and is believed, as Dovecot does; the others are counted.
      #expect(byName.sorted() == [6, 6, 6, 6, 6, 7])
    }
  }

  @Test("the stamp is that of the listing, once the times are old enough") func stamp() throws {
    try withTemporaryDirectory { directory in
      let clock = TestClock()
      let maildir = try MaildirFixture(directory, surroundings: clock.surroundings())
      try maildir.prepare()
      #expect(try maildir.open().anchor.stamp == nil)
      clock.at(seconds: 10) {}
      maildir.surroundings.pause(20 * MaildirSurroundings.second)
      let stamp = try #require(try maildir.open().anchor.stamp)
      #expect(try maildir.another().list().mailboxes.first?.anchor?.stamp == stamp)
      try maildir.write("A: 1\n\n", to: "new/1.one")
      #expect(try maildir.another().list().mailboxes.first?.anchor?.stamp != stamp)
    }
  }

  @Test(
    "a directory's time is believed once no later change can have the same",
    arguments: [
      (1, 0, false), (1, 99_999_999, false), (1, 100_000_000, true),
      // A file system that keeps whole seconds.
      (0, 100_000_000, false), (0, 1_999_999_999, false), (0, 2_000_000_000, true),
    ] as [(Int64, Int64, Bool)])
  func age(fraction: Int64, age: Int64, isOld: Bool) throws {
    try withTemporaryDirectory { directory in
      try MaildirFixture(directory).prepare()
      let time = 1_700_000_000 * MaildirSurroundings.second + fraction
      for name in ["cur", "new"] {
        let stamp = timespec(tv_sec: 1_700_000_000, tv_nsec: Int(fraction))
        #expect(utimensat(AT_FDCWD, directory.path("Mail/\(name)"), [stamp, stamp], 0) == 0)
      }
      var surroundings = MaildirSurroundings.machine
      surroundings.now = { time + age }
      let maildir = try MaildirFixture(directory, surroundings: surroundings)
      #expect(try (maildir.open().anchor.stamp != nil) == isOld)
    }
  }

  @Test("a file that is missing for a moment is no expunged message") func missing() throws {
    try withTemporaryDirectory { directory in
      let clock = TestClock()
      let maildir = try MaildirFixture(directory, surroundings: clock.surroundings())
      try maildir.prepare()
      try maildir.save("A: 1\r\n\r\n", flags: flags([.seen]))
      let name = try #require(maildir.names("cur").first)
      try maildir.rename("cur/\(name)", to: "away")
      let (away, place) = ("\(maildir.root)/away", "\(maildir.root)/cur/\(name)")
      // Back before it is looked for again.
      clock.at(seconds: 0) { #expect(rename(away, place) == 0) }
      #expect(try maildir.another().open(.inbox, OpenRequest()).uids == [1])
      #expect(maildir.names("cur") == [name])
    }
  }

  @Test("whole messages in both forms; contents are equal however they are stored") func fetch()
    throws
  {
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory)
      try maildir.makeFolder("")
      let big = "Message-ID: <1@x>\n\n" + String(repeating: "line\n", count: 100_000)
      let files = ["A: 1\n\nx\r\ny\rz\n", "", "no end", big, "\u{1f}x", "BZh: header\n\n"]
      for (index, file) in files.enumerated() { try maildir.write(file, to: "cur/\(index):2,") }
      try maildir.write("", to: "cur/6:2,")
      try Data([0x1f, 0x8b, 8, 0, 1, 2]).write(to: URL(fileURLWithPath: "\(maildir.root)/cur/7:2,"))
      let list = (0..<9).map { "\($0 + 1) :\($0)\n" }.joined()
      try maildir.write("3 V1 N100\n" + list, to: "dovecot-uidlist")
      _ = try maildir.open()
      try maildir.rename("cur/1:2,", to: "cur/1:2,S")
      let handles = (1...9).map { MessageHandle.uid(uid($0)) }
      let (stored, wire) = (FormSink(.stored), FormSink(.wire))
      try maildir.endpoint.fetch(handles, into: stored)
      try maildir.endpoint.fetch(handles, into: wire)
      #expect(stored.messages.map(\.handle) == Array(handles[0..<7]))
      #expect(stored.missed.count == 2)
      #expect(stored.missed[handles[7]]??.contains("gzip") == true)
      #expect(stored.missed[handles[8]] == .some(nil))
      for (index, file) in files.enumerated() {
        #expect(stored.messages[index].bytes == Array(file.utf8))
        #expect(wire.messages[index].bytes == withCRLF(Array(file.utf8)))
        #expect(stored.messages[index].size == UInt64(stored.messages[index].bytes.count))
        #expect(wire.messages[index].size == UInt64(wire.messages[index].bytes.count))
        var hasher = ContentHasher()
        wire.messages[index].bytes.withUnsafeBytes { hasher.update($0) }
        let content = hasher.finish()
        #expect(try maildir.endpoint.contents(of: [handles[index]]) == [handles[index]: content])
      }
    }
  }

  @Test("a file that can't be read is described as empty, and the others as they are")
  func describeUnreadable() throws {
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory)
      try maildir.makeFolder("")
      try maildir.write("A: 1\n\n", to: "cur/1:2,")
      try FileManager.default.createSymbolicLink(
        atPath: "\(maildir.root)/cur/2:2,", withDestinationPath: "2:2,")
      try maildir.write("3 V1 N3\n1 :1\n2 :2\n", to: "dovecot-uidlist")
      _ = try maildir.open()
      let described = try maildir.endpoint.describe(UIDSet([uid(1), uid(2), uid(9)]))
      #expect(described.map(\.handle) == [.uid(uid(1)), .uid(uid(2))])
      #expect(described.map { $0.details?.size } == [8, 0])
    }
  }

  @Test("headers end where the empty line does, and nothing is read far beyond") func headers()
    throws
  {
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory)
      try maildir.makeFolder("")
      let body = String(repeating: "line\n\n", count: 100_000)
      // Empty lines at and around the end of a piece that is read at once.
      let long = (1...6).map { "A: " + String(repeating: "x", count: 128 * 1024 - 6 + $0) + "\n\n" }
      let files: [(text: String, header: String)] =
        [
          ("A: 1\nB: 2\n\n\(body)", "A: 1\r\nB: 2\r\n\r\n"), ("A: 1\r\n\r\nx", "A: 1\r\n\r\n"),
          ("\nA: 1\n\n", "\r\n"), ("A: 1\n", "A: 1\r\n"), ("", ""),
          ("A: 1\rB\n\nx", "A: 1\rB\r\n\r\n"),
        ] + long.map { ($0, String($0.prefix(StubMessage.headerLimit))) }
      for (index, file) in files.enumerated() {
        try maildir.write(file.text, to: "cur/\(index + 10):2,")
      }
      try Data([0x1f, 0x8b, 8, 0, 1, 2]).write(to: URL(fileURLWithPath: "\(maildir.root)/cur/7:2,"))
      let names = files.indices.map { $0 + 10 } + [7, 8]
      let list = names.enumerated().map { "\($0.offset + 1) :\($0.element)\n" }.joined()
      try maildir.write("3 V1 N100\n" + list, to: "dovecot-uidlist")
      _ = try maildir.open()
      let handles = names.indices.map { MessageHandle.uid(uid(UInt32($0 + 1))) }
      let headers = try maildir.endpoint.headers(of: handles)
      #expect(headers.count == files.count)
      for (handle, file) in zip(handles, files) {
        #expect(headers[handle] == Array(file.header.utf8), "\(file.text.prefix(20))")
      }
    }
  }

  @Test(
    "the end of a header is found wherever the text is cut",
    arguments: ["A: 1\r\n\r\nbody\r\n\r\n", "\r\nA: 1\r\n\r\n", "\r\n"])
  func headerEnd(_ text: String) {
    let bytes = Array(text.utf8)
    let whole = MessageReader.headerEnd(bytes[...], isStart: true)
    #expect(whole == (text.hasPrefix("A") ? 8 : 2))
    for cut in 0..<bytes.count {
      let first = MessageReader.headerEnd(bytes[..<cut], isStart: true)
      let start = max(0, cut - 3)
      #expect((first ?? MessageReader.headerEnd(bytes[start...], isStart: start == 0)) == whole)
    }
    #expect(MessageReader.headerEnd(Array("A: 1\r\n".utf8)[...], isStart: true) == nil)
  }

  @Test("a folder that can't be written is read all the same", .enabled(if: geteuid() != 0))
  func readOnly() throws {
    try withTemporaryDirectory { directory in
      let maildir = try MaildirFixture(directory)
      try maildir.makeFolder("")
      try maildir.write("A: 1\n\n", to: "cur/1.one:2,S")
      chmod(maildir.root, 0o500)
      defer { chmod(maildir.root, 0o700) }
      let seen = try maildir.open()
      #expect(seen.isReadOnly)
      #expect(seen.messages.count == 1)
    }
  }
}
