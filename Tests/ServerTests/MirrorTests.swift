import Foundation
import TestSupport
import Testing

/// To a client that caches, both sides are one mailbox: the same UIDs, never one for two messages.
@Suite("One UID space") struct MirrorTests {
  @Test("UIDs, UIDNEXT and UIDVALIDITY are equal after each run", arguments: Setting.mirroring)
  func equal(setting: Setting) throws {
    try withPair(setting) { pair in
      try pair.left.store.add(tokens: (1...8).map { "l\($0)" })
      try pair.right.store.add(tokens: (1...6).map { "r\($0)" })
      try pair.right.store.create("Box")
      try pair.right.store.add(tokens: ["x", "y"], to: "Box")
      try pair.sync()
      var ledger = Ledger()
      #expect(try expectMirror(pair) == 16)
      try ledger.check(pair)
      try pair.right.store.expunge(["r6", "l8"], in: "INBOX")
      try pair.right.store.add(tokens: ["r7"])
      try pair.left.store.move(["l1"], in: "INBOX", to: "Box")
      try pair.sync()
      #expect(try expectMirror(pair) == 15)
      try ledger.check(pair)
      try expectQuiet(pair)
    }
  }

  @Test("one UID for two messages: both get new ones", arguments: Setting.mirroring)
  func collision(setting: Setting) throws {
    try withPair(setting) { pair in
      try pair.left.served.add(tokens: ["a", "b"])
      try pair.sync()
      let next = try #require(try pair.left.served.numbers(of: "INBOX")).uidNext
      try pair.left.served.add(tokens: ["left"])
      try pair.right.served.add(tokens: ["right"])
      var ledger = Ledger()
      try ledger.record(pair)
      try pair.sync()
      #expect(try expectMirror(pair) == 4)
      try ledger.check(pair)
      let uids = try pair.left.served.messages(in: "INBOX").compactMap(\.uid).map(UInt64.init)
      #expect(!uids.contains(next), "a UID that stood for two messages stands for one of them")
      try expectTokens(["a", "b", "left", "right"], pair)
      try expectQuiet(pair)
    }
  }

  @Test("hundreds of collisions beside messages that can stay", arguments: Combination.mirroring)
  func manyCollisions(combination: Combination) throws {
    try withPair(combination) { pair in
      try pair.left.served.add(tokens: ["a"])
      try pair.sync()
      let next = try #require(try pair.left.served.numbers(of: "INBOX")).uidNext
      try pair.left.served.add(tokens: (1...200).map { "l\($0)" })
      try pair.right.served.add(tokens: (1...250).map { "r\($0)" })
      // Seen on either side only, and gone before the other heard of them.
      try pair.left.served.expunge(["l5", "l6", "l200"], in: "INBOX")
      try pair.right.served.expunge(["r7", "r249"], in: "INBOX")
      try pair.left.served.flag(["l9"], in: "INBOX", add: ["\\Flagged", "Word"], remove: [])
      try pair.right.served.flag(["r9"], in: "INBOX", add: ["\\Seen"], remove: [])
      try pair.sync()
      #expect(try expectMirror(pair) == 1 + 197 + 248)
      let uids = try pair.left.served.messages(in: "INBOX").compactMap(\.uid).map(UInt64.init)
      #expect(uids.allSatisfy { $0 < next || $0 >= next + 200 }, "burned UIDs are used again")
      #expect(try pair.right.store.flags(of: "l9") == ["\\flagged", "word"])
      #expect(try pair.left.store.flags(of: "r9") == ["\\seen"])
      try expectQuiet(pair)
    }
  }

  @Test(
    "a UID that was handed out and expunged on one side is not given to another message",
    arguments: Setting.mirroring)
  func expungedMeanwhile(setting: Setting) throws {
    try withPair(setting) { pair in
      try pair.left.served.add(tokens: ["a"])
      try pair.sync()
      let next = try #require(try pair.left.served.numbers(of: "INBOX")).uidNext
      try pair.left.served.add(tokens: ["gone"])
      try pair.left.served.expunge(["gone"], in: "INBOX")
      try pair.right.served.add(tokens: ["stays"])
      try pair.sync()
      #expect(try expectMirror(pair) == 2)
      let uid = try pair.left.served.messages(in: "INBOX").first { $0.token == "stays" }?.uid
      #expect(try UInt64(#require(uid)) > next)
      try expectQuiet(pair)
    }
  }

  @Test("more UIDs than `max-uid-padding` are not used up on a server: each side keeps its own")
  func tooMuchPadding() throws {
    try withPair(.maildirAndExec, keys: ["max-uid-padding": "10"]) { pair in
      try pair.left.served.add(tokens: ["a"])
      try pair.sync()
      let before = try #require(try pair.right.store.numbers(of: "INBOX")).uidNext
      let gone = (1...30).map { "gone\($0)" }
      try pair.left.served.add(tokens: gone + ["b"])
      try pair.left.served.expunge(gone, in: "INBOX")
      let report = try pair.report()
      #expect(report.mailboxes.map(\.uids) == ["map"])
      #expect(report.notices.contains { $0.code == "renumber" })
      #expect(try pair.right.store.numbers(of: "INBOX")?.uidNext == before + 1)
      try expectTokens(["a", "b"], pair)
      try expectQuiet(pair)
    }
  }

  @Test("the same message filed on both sides while apart is one", arguments: Combination.mirroring)
  func sameMessageApart(combination: Combination) throws {
    try withPair(combination) { pair in
      try pair.sync()
      try pair.left.served.add(tokens: ["first", "same"])
      try pair.right.served.add(tokens: ["same"])
      try pair.sync()
      #expect(try expectMirror(pair) == 2)
      try expectQuiet(pair)
    }
  }

  @Test(
    "many rounds of work on both sides keep the promise", arguments: Combination.mirroring, 1...2)
  func rounds(combination: Combination, seed: UInt64) throws {
    try withPair(combination, keys: ["max-expunge": "100%"]) { pair in
      var generator = SeededGenerator(seed: seed)
      var ledger = Ledger()
      for round in 1...6 {
        for side in pair.sides {
          let tokens = (0..<Int.random(in: 0...5, using: &generator)).map {
            "\(side.name)-\(round)-\($0)"
          }
          try side.served.add(tokens: tokens, to: "INBOX")
          let old = try side.served.tokens().shuffled(using: &generator)
          try side.served.expunge(
            Array(old.prefix(Int.random(in: 0...2, using: &generator))), in: "INBOX")
        }
        try ledger.record(pair)
        try pair.sync()
        try expectMirror(pair)
        try ledger.check(pair)
      }
    }
  }

  @Test("with `uids = map` each side keeps its own", arguments: Combination.allCases)
  func map(combination: Combination) throws {
    try withPair(combination, keys: ["uids": "map"]) { pair in
      try pair.left.served.add(tokens: ["a", "b", "c"])
      try pair.right.served.add(tokens: ["d"])
      let before = try pair.sides.map { try $0.served.messages(in: "INBOX").map(\.uid) }
      let report = try pair.report()
      #expect(report.left.renumbered == 0)
      #expect(report.mailboxes.first { $0.name == "INBOX" }?.uids == "map")
      for (side, uids) in zip(pair.sides, before) {
        #expect(try Array(side.served.messages(in: "INBOX").map(\.uid).prefix(uids.count)) == uids)
      }
      try expectTokens(["a", "b", "c", "d"], pair)
      try expectQuiet(pair)
    }
  }

  @Test(
    "files that nobody has numbered get their UIDs in the order of a Dovecot",
    arguments: ["mirror", "map"])
  func order(uids: String) throws {
    let names = [
      "1700000000.M2P3.x", "1700000000.M10P1.x", "1700000000.P9.x", "9.M1P2.x", "msg.1", "a.b",
      "1700000000.M2P10.x", "1.99_1.x,U=3", "1.99_0.x,U=4", "1700000000.M1000000P1.x", "1.M7",
      "1700000000.1_2.y", "0001.z", "1700000000.R5.x", "1700000000.q", "1700000000.10_2.y",
    ]
    try withPair(.maildirs, keys: ["uids": uids]) { pair in
      let user = try #require(pair.left.maildir)
      try user.create("Twin")
      for (number, name) in names.enumerated() {
        for mailbox in ["INBOX", "Twin"] {
          let file = "\(user.folder(mailbox))/new/\(name)"
          try user.put(makeMessage("\(mailbox)-\(number)"), at: file)
          // One order for both sides is first of all that of the dates.
          let seconds = momentOfTests - (uids == "mirror" ? 0 : number * 60)
          #expect(
            utimes(file, Array(repeating: timeval(tv_sec: seconds, tv_usec: 0), count: 2)) == 0)
        }
      }
      #expect(try pair.left.served.messages(in: "Twin").count == names.count)
      let dovecots = try #require(user.uidList(of: "Twin")).uids
      try pair.sync()
      #expect(try #require(user.uidList(of: "INBOX")).uids == dovecots)
      try expectQuiet(pair)
    }
  }
}
