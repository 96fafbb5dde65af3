import Foundation
import IMAPClient
import Testing

@testable import SyncEngine

private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

@Suite("Message file names") struct MessageFileNameTests {
  struct Row: Sendable {
    var name: String
    var base: String
    var letters = ""
    var rest = ""
    var hasFlags = true
  }

  @Test(arguments: [
    Row(name: "1700000000.M1P2.host:2,FS", base: "1700000000.M1P2.host", letters: "FS"),
    Row(name: "1700000000.M1P2.host,S=12,W=13:2,", base: "1700000000.M1P2.host,S=12,W=13"),
    Row(name: "1700000000.R9.mutt", base: "1700000000.R9.mutt", hasFlags: false),
    Row(name: "1.2.mbsync,U=7:2,Sab", base: "1.2.mbsync,U=7", letters: "Sab"),
    Row(
      name: "1_0.99.host,U=3,FMD5=0123:2,RS", base: "1_0.99.host,U=3,FMD5=0123", letters: "RS"),
    Row(name: "with a blank.x:2,S", base: "with a blank.x", letters: "S"),
    Row(name: "a;2,S", base: "a;2,S", hasFlags: false),
    Row(name: "a:1,S", base: "a", hasFlags: false),
    Row(name: "a:2", base: "a", hasFlags: false),
    Row(name: "a:2,SF,x=1,y", base: "a", letters: "SF", rest: ",x=1,y"),
    Row(name: "a:2,S:2,F", base: "a", letters: "S:2", rest: ",F"),
    Row(name: ":2,S", base: "", letters: "S"),
  ])
  func parse(_ row: Row) {
    let name = MessageFileName(bytes(row.name))
    #expect(text(name.base) == row.base)
    #expect(name.hasFlags == row.hasFlags)
    #expect(text(name.letters) == row.letters)
    #expect(text(name.rest) == row.rest)
  }

  @Test("letters are written in order, each once, and the rest is kept") func write() {
    #expect(
      text(MessageFileName(base: bytes("a"), letters: bytes("bTSaS"), rest: bytes(",x")).bytes)
        == "a:2,STab,x")
    #expect(text(MessageFileName(base: bytes("a")).bytes) == "a:2,")
  }

  @Test(
    arguments: [
      ("a,S=12", 12), ("a,S=12,W=13", 12), ("a,W=13,S=12", 12), ("a,S=0", 0), ("a", nil),
      ("a,S=", nil), ("a,S=1x", nil), ("a,S=-1", nil), ("a,S=99999999999999999999", nil),
      ("a,XS=1", nil), ("S=1", nil), ("a,S=x,S=2", nil),
    ] as [(String, UInt64?)])
  func size(_ base: String, _ size: UInt64?) {
    #expect(MessageFileName.size(UInt8(ascii: "S"), in: bytes(base)) == size)
  }
}

@Suite("The order in which files are numbered") struct DeliveryOrderTests {
  /// Each list in the order in which a Dovecot numbers files of these names.
  @Test(arguments: [
    ["9.M1P2.host", "10.M1P2.host", "1700000000.M5P2.host"],
    ["1700000000.M2P3.host", "1700000000.M10P1.host", "1700000000.P9.host"],
    ["1700000000.M2P10.host", "1700000000.M2P3.host"],
    ["1.10_2.host", "1.1_2.host", "1.99_0.host", "1.M7", "0001.z"],
    ["a.b", "msg.1", "1.a"],
  ])
  func order(_ names: [String]) {
    for (first, second) in zip(names, names.dropFirst()) {
      #expect(DeliveryOrder(base: bytes(first)) < DeliveryOrder(base: bytes(second)))
      #expect(!(DeliveryOrder(base: bytes(second)) < DeliveryOrder(base: bytes(first))))
    }
  }
}

@Suite("dovecot-uidlist") struct UIDListTests {
  private func records(_ list: UIDList) -> [String] {
    list.records.indices.map {
      "\(list.records[$0].uid) [\(text(list.extensions(at: $0)))] \(text(list.base(at: $0)))"
    }
  }

  struct Row: Sendable, CustomTestStringConvertible {
    var file: String
    var validity: UInt32?
    var next: UInt32
    var records: [String] = []
    var testDescription: String { String(file.prefix(60)) }
  }

  @Test(arguments: [
    Row(file: "", validity: nil, next: 1),
    Row(file: "3 V5 N7", validity: nil, next: 1),
    Row(file: "3 V5 N7\n", validity: 5, next: 7),
    Row(file: "1 5 7\n3 a\n4 b:2,S\n", validity: 5, next: 7, records: ["3 [] a", "4 [] b"]),
    Row(
      file: "3 V5 N7 G00112233445566778899aabbccddeeff P3\n3 G1 W22 :a\n9 :b c:2,S\n",
      validity: 5, next: 10, records: ["3 [G1 W22] a", "9 [] b c"]),
    Row(file: "3 V5 N7\n3 :a\n4 :b", validity: 5, next: 7, records: ["3 [] a"]),
    Row(file: "3 V0 N7\n3 :a\n", validity: nil, next: 1),
    Row(file: "3 V4294967296 N7\n3 :a\n", validity: nil, next: 1),
    Row(file: "3 V5\n3 :a\n", validity: 5, next: 4, records: ["3 [] a"]),
    Row(file: "2 V5 N7\n3 :a\n", validity: nil, next: 1),
    Row(file: "31 V5 N7\n3 :a\n", validity: nil, next: 1),
    Row(file: "x\n", validity: nil, next: 1),
    Row(
      file: "3 V5 N1\n0 :z\n4294967294 :a\n4294967295 :b\n4294967296 :c\n99999999999999999999 :d\n",
      validity: 5, next: 4_294_967_295, records: ["4294967294 [] a"]),
    Row(
      file: "3 V5 N1\n9 :a\n3 :b\n9 :c\n4 :d\n", validity: 5, next: 10,
      records: ["3 [] b", "4 [] d", "9 [] a"]),
    Row(
      file: "3 V5 N1\n1\n2 \n3 x\n4 :\n5 ::2,S\n6:a\n -7 :a\n8 :a/b\n9 :../x\n10 G : y\n",
      validity: 5, next: 11, records: ["10 [G]  y"]),
    Row(
      file: "3 V5 N1\n1 :\(String(repeating: "n", count: 300))\n2 :a\n", validity: 5, next: 3,
      records: ["2 [] a"]),
  ])
  func parse(_ row: Row) {
    let list = UIDList(bytes(row.file))
    #expect(list.uidValidity?.rawValue == row.validity)
    #expect(list.next == row.next)
    #expect(records(list) == row.records)
  }

  @Test("what is not understood is written back as it was") func rewrite() {
    let file = "3 V5 N10 G00112233445566778899aabbccddeeff P3 Xabc\n3 G1 W22 Zq :a\n9 :b c\n"
    var list = UIDList(bytes(file))
    #expect(text(list.serialized()) == file)
    let isAdded = list.append(uid: 12, extensions: bytes("Gx"), base: bytes("n"))
    let isAddedAgain = list.append(uid: 12, extensions: [], base: bytes("m"))
    #expect(isAdded && !isAddedAgain)
    list.removeRecords { $0 == 0 }
    list.raiseNext(to: 5)
    #expect(
      text(list.serialized())
        == "3 V5 N13 G00112233445566778899aabbccddeeff P3 Xabc\n9 :b c\n12 Gx :n\n")
    #expect(UIDList(list.serialized()).next == 13)
  }

  @Test("a UIDVALIDITY that comes back goes on where it was") func former() throws {
    let guid = "G00112233445566778899aabbccddeeff"
    var list = UIDList(bytes("3 V5 N10 \(guid) P3\n9 :b\n"))
    #expect(list.origin == ValidityOrigin())
    list.begin(try #require(UIDValidity(7)), next: 1, isServers: true)
    #expect(text(list.serialized()) == "3 V7 N1 \(guid) s1 m5:10 P3\n")
    #expect(list.origin.isServers && list.origin.former.map(\.rawValue) == [5])
    list.raiseNext(to: 4)
    list = UIDList(list.serialized())
    list.begin(try #require(UIDValidity(5)), next: 3, isServers: false)
    #expect(text(list.serialized()) == "3 V5 N10 \(guid) m7:4 P3\n")
    list.begin(try #require(UIDValidity(7)), next: 6, isServers: false)
    // What was given elsewhere meanwhile may be given back here.
    #expect(text(list.serialized()) == "3 V7 N6 \(guid) m5:10 r4:6 P3\n")
    for number in 100..<200 {
      list.begin(try #require(UIDValidity(UInt32(number))), next: 1, isServers: false)
    }
    #expect(list.origin.former.count == 16 && list.origin.former.map(\.rawValue).min() == 183)
    #expect(UIDList(list.serialized()).origin == list.origin)
    #expect(UIDList(bytes("3 V1 N1 m m1 m0:2 m:3 m1: mx:2 m5:y\n")).origin == ValidityOrigin())
  }

  @Test("under a new UIDVALIDITY messages get back what they had, as long as nothing new came")
  func reopened() throws {
    let guid = "G00112233445566778899aabbccddeeff"
    func begun() throws -> UIDList {
      var list = UIDList(bytes("3 V5 N10 \(guid)\n9 :b\n"))
      list.begin(try #require(UIDValidity(7)), next: 6, isServers: true)
      return list
    }
    var list = try begun()
    #expect(text(list.serialized()) == "3 V7 N6 \(guid) s1 m5:10 r1:6\n")
    let given = list.append(uid: 3, extensions: [], base: bytes("a"))
    list = UIDList(list.serialized())
    #expect(given && list.next == 6 && list.origin.reopenedFrom == uid(4))
    #expect(!list.canGive(3) && list.canGive(5))
    #expect(list.raiseNext(to: 6) && !list.raiseNext(to: 6))
    #expect(!list.canGive(5) && text(list.serialized()) == "3 V7 N6 \(guid) s1 m5:10\n3 :a\n")
    #expect(list.linesToAdd() == nil)
    // All are given; expunging some of them later changes nothing.
    list = try begun()
    let last = list.append(uid: 5, extensions: [], base: bytes("b"))
    list.removeRecords { _ in true }
    #expect(last && list.origin.reopenedFrom == nil)
    #expect(text(list.serialized()) == "3 V7 N6 \(guid) s1 m5:10\n")
    // Someone else has numbered a file.
    let after = text(try begun().serialized()) + "6 :x\n"
    #expect(UIDList(bytes(after)).origin.reopenedFrom == nil)
    #expect(!UIDList(bytes(after)).canGive(5))
    // And it is gone again.
    #expect(UIDList(bytes("3 V7 N7 \(guid) r1:6\n")).origin.reopenedFrom == nil)
    #expect(UIDList(bytes("3 V7 N7 \(guid) r r1 r1:x r:7\n")).origin == ValidityOrigin())
  }

  @Test(
    "lines are added to a sound list that only grew; any other is written anew",
    arguments: [
      ("3 V5 N10 G00112233445566778899aabbccddeeff\n3 G1 :a\n", true),
      ("3 V5 N10 G00112233445566778899aabbccddeeff\n3 G1 :a\n4 :torn", false),
      ("3 V5 N10 G00112233445566778899aabbccddeeff\n3 G1 :a\nnonsense\n", false),
      ("3 V5 N10 G00112233445566778899aabbccddeeff\n4 :b\n3 :a\n3 :c\n", false),
      ("3 V5 N10\n3 G1 :a\n", false), ("1 5 10\n3 a\n", false),
    ]) func added(file: String, isSound: Bool)
  {
    var list = UIDList(bytes(file))
    #expect(list.linesToAdd() == nil)
    _ = list.append(uid: 12, extensions: bytes("Gx"), base: bytes("n"))
    _ = list.append(uid: 14, extensions: [], base: bytes("m"))
    #expect(list.linesToAdd().map(text) == (isSound ? "12 Gx :n\n14 :m\n" : nil))
    guard isSound else { return }
    let grown = UIDList(bytes(file) + (list.linesToAdd() ?? []))
    #expect(records(grown) == records(list) && grown.next == list.next)
    for change in [
      { (list: inout UIDList) in list.removeRecords { $0 == 0 } },
      { (list: inout UIDList) in list.raiseNext(to: 20) },
      { (list: inout UIDList) in list.mailboxGUID = nil },
    ] {
      var other = list
      change(&other)
      #expect(other.linesToAdd() == nil)
    }
    list.noteWritten()
    #expect(list.linesToAdd() == nil)
  }

  @Test("records that are in the file need not be kept") func leftOut() {
    let file = "3 V5 N10 G00112233445566778899aabbccddeeff r2:10\n2 G1 :a\n3 :b\n"
    var list = UIDList(bytes(file))
    list.leaveOutRecords()
    #expect(!list.isWhole && list.records.isEmpty && list.next == 10)
    // Those below have been given.
    #expect(list.origin.reopenedFrom == uid(4) && !list.canGive(3) && list.canGive(4))
    let isAdded = list.append(uid: 12, extensions: bytes("Gx"), base: bytes("n"))
    #expect(isAdded && list.linesToAdd() == nil)
    var written = ""
    list.forEachPiece {
      written += "…"
    } _: {
      written += text($0)
    }
    #expect(written == "3 V5 N13 G00112233445566778899aabbccddeeff\n…12 Gx :n\n")
    // What is not in the file is kept.
    list.leaveOutRecords()
    #expect(list.records.count == 1)
    list.noteWritten()
    list.leaveOutRecords()
    #expect(list.records.isEmpty && !list.canGive(12))
    _ = list.append(uid: 13, extensions: [], base: bytes("m"))
    #expect(list.linesToAdd().map { text($0) } == "13 :m\n")
    // What is in the file by now comes with the rest of it, kept or not.
    list.noteWritten()
    _ = list.append(uid: 14, extensions: [], base: bytes("o"))
    list.raiseNext(to: 20)
    written = ""
    list.forEachPiece {
      written += "…"
    } _: {
      written += text($0)
    }
    #expect(written == "3 V5 N20 G00112233445566778899aabbccddeeff\n…14 :o\n")
  }

  @Test("the last UID is the last") func last() {
    var list = UIDList(bytes("3 V5 N4294967294\n"))
    let isAdded = list.append(uid: UIDList.lastUID, extensions: [], base: bytes("a"))
    let isAddedAbove = list.append(uid: .max, extensions: [], base: bytes("b"))
    #expect(isAdded && !isAddedAbove)
    #expect(UIDList(list.serialized()).next == .max)
  }

  @Test("a file of any bytes does no harm") func noise() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<2_000 {
      let alphabet = bytes("3 VNG:\n0129/ab")
      let noise = (0..<60).map { _ in alphabet.randomElement(using: &generator) ?? 0 }
      let list = UIDList(bytes("3 V1 N1\n") + noise)
      #expect(UIDList(list.serialized()).records.count == list.records.count)
    }
  }
}

@Suite("dovecot-keywords") struct FolderKeywordsTests {
  @Test("lines, holes, doubles and nonsense") func parse() {
    let keywords = FolderKeywords(
      bytes(
        "0 One\n2 two words\n3 $Forwarded\n3 Again\n25 Last\n26 Beyond\nx\n5\n6 \n7 ONE\n-1 M\n"))
    #expect(
      keywords.names.map { $0.map(text) ?? "" }.filter { !$0.isEmpty } == [
        "One", "two words", "$Forwarded", "Last",
      ])
    #expect(keywords.flags(of: bytes("acdzgS")) == flags([.seen], "One", "$Forwarded", "Last"))
  }

  @Test("a new keyword goes after the last, never into a hole") func add() throws {
    var keywords = FolderKeywords(bytes("0 One\n24 Late\n"))
    let letterone = keywords.add(try #require(Keyword("one")))
    #expect(letterone == UInt8(ascii: "a"))
    let letterNew = keywords.add(try #require(Keyword("New")))
    #expect(letterNew == UInt8(ascii: "z"))
    let letterTooMany = keywords.add(try #require(Keyword("TooMany")))
    #expect(letterTooMany == nil)
    #expect(text(keywords.serialized()) == "0 One\n24 Late\n25 New\n")
  }

  struct Change: Sendable {
    var before: String
    var added = FlagSet.empty
    var removed = FlagSet.empty
    var after: String
  }

  @Test(arguments: [
    Change(before: "", added: flags([.seen, .answered]), after: "RS"),
    Change(before: "FSXq", added: flags([.draft]), removed: flags([.seen]), after: "DFXq"),
    Change(before: "Sa", removed: flags([], "one"), after: "S"),
    Change(before: "P", added: flags([], "$Forwarded"), after: "P"),
    Change(before: "PSb", removed: flags([], "$Forwarded"), after: "S"),
    Change(before: "", added: flags([], "$Forwarded", "One"), after: "ab"),
    Change(before: "SS", after: "S"),
  ])
  func change(_ row: Change) {
    var keywords = FolderKeywords(bytes("0 One\n1 $Forwarded\n"))
    var unstorable: [Keyword] = []
    let letters = keywords.letters(
      from: bytes(row.before), adding: row.added, removing: row.removed, unstorable: &unstorable)
    #expect(text(letters) == row.after)
    #expect(unstorable.isEmpty)
  }
}

@Suite("Line ends") struct LineEndsTests {
  @Test(arguments: [
    ("", ""), ("a\n", "a\r\n"), ("a\r\n", "a\r\n"), ("\n\n", "\r\n\r\n"), ("a\rb\r", "a\rb\r"),
    ("\r\r\n", "\r\r\n"), ("a\n\r\n", "a\r\n\r\n"), ("no end", "no end"),
  ])
  func wire(_ stored: String, _ wire: String) {
    for split in 0...stored.utf8.count {
      var ends = LineEnds()
      var counter = LineEnds()
      var output: [UInt8] = []
      var count = 0
      for piece in [bytes(stored)[..<split], bytes(stored)[split...]] {
        ends.appendWire(piece, to: &output)
        count += counter.wireCount(of: piece)
      }
      #expect(output == bytes(wire), "split at \(split)")
      #expect(count == output.count)
    }
  }

  @Test(arguments: [
    ("", ""), ("a\r\n", "a\n"), ("\r\n\r\n", "\n\n"), ("a\n", "a\n"), ("a\rb\r", "a\rb\r"),
    ("\r\r\n", "\r\n"), ("\r\n\r", "\n\r"),
  ])
  func stored(_ wire: String, _ stored: String) {
    for split in 0...wire.utf8.count {
      var ends = LineEnds()
      var output: [UInt8] = []
      for piece in [Array(bytes(wire)[..<split]), Array(bytes(wire)[split...])] {
        piece.withUnsafeBytes { ends.appendStored($0, to: &output) }
      }
      ends.finishStored(to: &output)
      #expect(output == bytes(stored), "split at \(split)")
    }
  }
}

@Suite("Names in a Maildir") struct MaildirLayoutTests {
  private func path(_ components: [String], _ layout: Layout) -> String? {
    guard let name = MailboxName(components), let steps = try? layout.steps(to: name) else {
      return nil
    }
    #expect(layout.name(of: steps) == name || (layout == .fs && name.isInbox))
    return steps.map(text).joined(separator: "/")
  }

  @Test(
    arguments: [
      (["INBOX"], "", "INBOX"), (["inbox"], "", "INBOX"), (["A", "B"], ".A.B", "A/B"),
      (["INBOX", "Sub"], ".INBOX.Sub", "INBOX/Sub"),
      (["Entwürfe"], ".Entw&APw-rfe", "Entw&APw-rfe"),
      (["a.b"], nil, "a.b"), (["a/b"], nil, nil), (["~x"], nil, nil),
      (["a", "~x"], ".a.~x", "a/~x"),
      ([".."], nil, nil), (["a", "."], nil, nil), (["a", "cur"], ".a.cur", nil),
      (["tmp"], ".tmp", nil),
      (
        [String(repeating: "x", count: 254)], "." + String(repeating: "x", count: 254),
        String(repeating: "x", count: 254)
      ),
      ([String(repeating: "x", count: 255)], nil, String(repeating: "x", count: 255)),
      ([String(repeating: "ü", count: 100)], nil, nil),
      (["subscriptions"], ".subscriptions", nil),
    ] as [([String], String?, String?)])
  func steps(_ components: [String], _ flat: String?, _ nested: String?) {
    #expect(path(components, .maildirPlusPlus) == flat)
    #expect(path(components, .fs) == nested)
  }

  @Test(
    "directories that are no mailboxes",
    arguments: [
      ".a..b", ".", "..", "..a", ".a.", ".&bad", ".\u{fc}", ".inbox", ".&AGE-",
    ])
  func unusable(_ directory: String) {
    let name = Layout.maildirPlusPlus.name(of: [bytes(directory)])
    #expect(name == nil || name == .inbox)
  }
}
