import Foundation
import TestSupport
import Testing

/// Mailboxes in which the user may not do all that a sync takes (RFC 4314), and servers that have no room.
@Suite("Missing rights and missing room", .timeLimit(.minutes(5))) struct RightsTests {
  /// Two sides that share a mailbox `Box` with these messages, in which the user then has no other rights.
  private func withBox(
    _ rights: String, keys: [String: String] = [:], _ body: (Pair) throws -> Void
  ) throws {
    try withPair(.maildirAndIMAP, keys: keys, right: .withRights) { pair in
      try pair.right.store.create("Box")
      try pair.right.store.add(tokens: ["a", "b", "c"], to: "Box")
      try pair.sync()
      try setRights(rights, pair)
      try body(pair)
    }
  }

  private func setRights(_ rights: String, _ pair: Pair) throws {
    _ = try pair.right.served.withSession { try $0.command("SETACL Box alice \(rights)") }
  }

  @Test(
    "where messages can't be expunged, each side keeps its own UIDs, and nothing is made twice",
    arguments: ["lrwsia", "lrwsita"])
  func noRenumbering(rights: String) throws {
    try withBox(rights) { pair in
      try pair.left.served.add(tokens: ["mine"], to: "Box")
      try pair.right.served.add(tokens: ["theirs"], to: "Box")
      let report = try pair.report()
      #expect(report.notices.contains { $0.code == "renumber" && $0.message.contains("expunge") })
      for _ in 1...3 {
        for side in pair.sides {
          #expect(try side.store.tokens(in: "Box") == ["a", "b", "c", "mine", "theirs"])
          #expect(try side.store.messages(in: "Box").count == 5)
        }
        try pair.sync()
      }
      try expectQuiet(pair)
    }
  }

  @Test("nor are fillers left there", arguments: ["lrwsia", "lrwsita"])
  func noPadding(rights: String) throws {
    try withBox(rights) { pair in
      let gone = (1...5).map { "gone\($0)" }
      try pair.left.served.add(tokens: gone + ["mine"], to: "Box")
      try pair.left.served.expunge(gone, in: "Box")
      for _ in 1...3 {
        try pair.sync()
        for side in pair.sides { #expect(try side.store.messages(in: "Box").count == 4) }
      }
      try expectTokens(["a", "b", "c", "mine"], pair, in: "Box")
      try expectQuiet(pair)
    }
  }

  @Test(
    "a message that may not be expunged is named, and tried again",
    arguments: ["lrwsia", "lrwsita"])
  func noExpunge(rights: String) throws {
    try withBox(rights) { pair in
      let uid = try #require(
        try pair.right.served.messages(in: "Box").first { $0.token == "b" }?.uid)
      try pair.left.store.expunge(["b"], in: "Box")
      try pair.left.store.flag(["c"], in: "Box", add: ["\\Flagged"], remove: [])
      for _ in 1...2 {
        let report = try pair.report(expecting: 1)
        #expect(report.errors.map(\.code) == ["permission"], "\(report.errors)")
        #expect(report.errors.first?.message.contains("UID \(uid) can't be expunged") == true)
        #expect(try pair.right.store.tokens(in: "Box") == ["a", "b", "c"])
        #expect(try pair.left.store.tokens(in: "Box") == ["a", "c"])
        #expect(try pair.right.store.flags(of: "c", in: "Box") == ["\\flagged"])
      }
      try setRights("lrwsitea", pair)
      try pair.sync()
      try expectTokens(["a", "c"], pair, in: "Box")
      try expectQuiet(pair)
    }
  }

  @Test("nor what is flagged \\Deleted, with `expunge = both`")
  func noExpungeOfDeleted() throws {
    try withBox("lrwsita", keys: ["expunge": "both"]) { pair in
      try pair.left.store.flag(["b"], in: "Box", add: ["\\Deleted"], remove: [])
      for _ in 1...2 {
        let report = try pair.report(expecting: 1)
        #expect(report.errors.map(\.code) == ["permission"], "\(report.errors)")
        #expect(try pair.right.store.tokens(in: "Box") == ["a", "b", "c"])
      }
      try setRights("lrwsitea", pair)
      try pair.sync()
      try expectTokens(["a", "c"], pair, in: "Box")
      try expectQuiet(pair)
    }
  }

  @Test("flags that a copy may not have are not taken for removed", arguments: ["", "MOVE"])
  func flagsOfCopies(disabled: String) throws {
    try withBox("lrwsitea") { pair in
      if !disabled.isEmpty { pair.right.keys["disable-capabilities"] = disabled }
      try pair.left.served.add(tokens: ["mine"], to: "Box")
      try pair.right.served.add(tokens: ["theirs"], to: "Box")
      for side in pair.sides {
        let own = try side.served.tokens(in: "Box").filter { $0.count > 1 }
        try side.served.flag(own, in: "Box", add: ["\\Flagged", "Word"], remove: [])
      }
      try setRights("lrsitea", pair)
      _ = try pair.runUnchecked()
      for _ in 1...2 {
        _ = try pair.runUnchecked()
        for token in ["mine", "theirs"] {
          #expect(try pair.left.store.flags(of: token, in: "Box") == ["\\flagged", "word"])
        }
      }
    }
  }

  @Test("a server without room for fillers is told of, and the rest of the mailbox synced")
  func noRoom() throws {
    var options = DovecotOptions(storage: .sdbox)
    options.quotaBytes = 20_000
    try withPair(.maildirAndIMAP, right: options) { pair in
      try pair.right.store.add(tokens: ["a"])
      try pair.sync()
      let gone = (1...5).map { "gone\($0)" }
      try pair.left.served.add(tokens: gone)
      try pair.left.served.expunge(gone, in: "INBOX")
      let used = try pair.right.served.messages(in: "INBOX").reduce(0) { $0 + $1.bytes.count }
      let head = "Subject: big\r\nX-Token: big\r\n\r\n"
      let big = head + String(repeating: "b", count: 20_000 - used - head.utf8.count - 10)
      try pair.right.served.add(Array(big.utf8), to: "INBOX")
      var next: UInt64?
      for _ in 1...3 {
        let report = try pair.report(expecting: 1)
        #expect(report.errors.map(\.code) == ["overquota"], "\(report.errors)")
        #expect(try pair.left.store.messages(in: "INBOX").count == 2)
        let now = try #require(try pair.left.served.numbers(of: "INBOX")).uidNext
        #expect(next == nil || next == now, "UIDs are used up at every run")
        next = now
      }
    }
  }
}
