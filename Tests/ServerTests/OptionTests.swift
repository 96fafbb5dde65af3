import Foundation
import TestSupport
import Testing

/// What options and keys of the configuration do to the mail.
@Suite("Options") struct OptionTests {
  @Test("one way only", arguments: ["--pull", "--push"])
  func oneWay(option: String) throws {
    try withPair(.maildirAndIMAP) { pair in
      try pair.left.store.add(tokens: ["old"])
      try pair.sync()
      try pair.left.store.add(tokens: ["left"])
      try pair.right.store.add(tokens: ["right"])
      try pair.sync(option)
      let toLeft = option == "--pull"
      #expect(try pair.left.store.tokens() == ["left", "old"] + (toLeft ? ["right"] : []))
      #expect(try pair.right.store.tokens() == (toLeft ? [] : ["left"]) + ["old", "right"])
      try pair.sync()
      try expectTokens(["left", "old", "right"], pair)
      try expectMirror(pair)
    }
  }

  @Test("only these kinds of change")
  func only() throws {
    try withPair(.maildirAndIMAP) { pair in
      try pair.left.store.add(tokens: ["a", "b"])
      try pair.sync()
      try pair.left.store.add(tokens: ["c"])
      try pair.left.store.flag("a", add: ["\\Seen"])
      try pair.left.store.expunge(["b"], in: "INBOX")
      try pair.sync("--only", "flags")
      #expect(try pair.right.store.tokens() == ["a", "b"])
      #expect(try pair.right.store.flags(of: "a") == ["\\seen"])
      try pair.sync("--only=new")
      #expect(try pair.right.store.tokens() == ["a", "b", "c"])
      try pair.sync()
      try expectTokens(["a", "c"], pair)
    }
  }

  @Test("patterns choose mailboxes")
  func patterns() throws {
    try withPair(.maildirAndIMAP, keys: ["mailboxes": "* !Spam !Trash/%"]) { pair in
      for name in ["Work", "Spam", "Trash", "Trash/a", "Trash/a/b"] {
        try pair.right.store.create(name)
        try pair.right.store.add(tokens: ["in \(name)"], to: name)
      }
      try pair.sync("--mailbox", "inbox")
      #expect(try pair.left.store.mailboxes() == ["INBOX"])
      let none = try pair.sync("-v", "--mailbox", "Wrok")
      #expect(none.errorText.contains("test: no mailbox is selected: "), "\(none.errorText)")
      #expect(try pair.sync("--mailbox", "Wrok").error.isEmpty)
      try pair.sync()
      #expect(try pair.left.store.mailboxes() == ["INBOX", "Trash", "Trash/a/b", "Work"])
    }
  }

  @Test("mailboxes that are called differently")
  func names() throws {
    var right = DovecotOptions()
    right.specialUse = ["Gesendet": "\\Sent"]
    try withPair(.servers, keys: ["map": "Work=Arbeit"], right: right) { pair in
      pair.right.keys["prefix"] = "Mirror/"
      try pair.left.store.create("Work")
      try pair.left.store.add(tokens: ["w"], to: "Work")
      try pair.sync()
      #expect(try pair.right.store.tokens(in: "Mirror/Arbeit") == ["w"])
      try pair.right.store.add(tokens: ["x"], to: "Mirror/Arbeit")
      try pair.sync()
      #expect(try pair.left.store.tokens(in: "Work") == ["w", "x"])
    }
  }

  @Test("mail sent lies in one mailbox, whatever each side calls it")
  func specialUse() throws {
    var left = DovecotOptions()
    left.specialUse = ["Sent": "\\Sent"]
    var right = DovecotOptions()
    right.specialUse = ["Gesendet": "\\Sent"]
    try withPair(.servers, left: left, right: right) { pair in
      try pair.left.store.create("Sent")
      try pair.left.store.add(tokens: ["a"], to: "Sent")
      try pair.right.store.create("Gesendet")
      try pair.right.store.add(tokens: ["b"], to: "Gesendet")
      try pair.sync()
      #expect(try pair.left.store.tokens(in: "Sent") == ["a", "b"])
      #expect(try pair.right.store.tokens(in: "Gesendet") == ["a", "b"])
      #expect(try pair.left.store.mailboxes() == ["INBOX", "Sent"])
      #expect(try pair.right.store.mailboxes() == ["Gesendet", "INBOX"])
    }
  }

  @Test(
    "messages marked \\Deleted are expunged if so wished",
    arguments: ["none", "left", "right", "both"])
  func expunge(sides: String) throws {
    try withPair(.maildirAndIMAP, keys: ["expunge": sides]) { pair in
      try pair.left.store.add(tokens: ["a", "b"])
      try pair.sync()
      try pair.left.store.flag("a", add: ["\\Deleted"])
      try pair.sync()
      // What is expunged on one side is an expunge like any other to the next run.
      try pair.sync()
      try expectTokens(sides == "none" ? ["a", "b"] : ["b"], pair)
    }
  }

  @Test("a large message comes as a stub, and whole when it is asked for")
  func stub() throws {
    try withPair(.maildirAndIMAP, keys: ["max-size": "10k"]) { pair in
      let big = makeMessage("big", size: 100_000)
      try pair.right.store.add(big)
      try pair.right.store.add(tokens: ["small"])
      try pair.sync()
      func arrived() throws -> StoredMessage? {
        try pair.left.store.messages(in: "INBOX").first { $0.token == "big" }
      }
      #expect(try #require(try arrived()).bytes.count < 20_000)
      #expect(try pair.right.store.messages(in: "INBOX").map(\.bytes).contains(withCRLF(big)))
      try expectQuiet(pair)
      try pair.left.store.flag("big", add: ["\\Flagged"])
      try pair.sync()
      #expect(try arrived()?.bytes == withCRLF(big))
      #expect(try pair.right.store.messages(in: "INBOX").map(\.bytes).contains(withCRLF(big)))
      try expectQuiet(pair)
    }
  }

  @Test("older mail stays where it is")
  func since() throws {
    try withPair(.maildirAndIMAP, keys: ["since": "2020-01-01"]) { pair in
      try pair.right.store.add(makeMessage("old"), to: "INBOX", flags: [], date: 1_500_000_000)
      try pair.right.store.add(makeMessage("new"), to: "INBOX", flags: [], date: 1_700_000_000)
      try pair.sync()
      #expect(try pair.left.store.tokens() == ["new"])
      #expect(try pair.right.store.tokens() == ["new", "old"])
      try expectQuiet(pair)
    }
  }

  @Test("`status` and `check` change nothing", arguments: ["status", "check"])
  func looking(verb: String) throws {
    try withPair(.maildirAndIMAP) { pair in
      try pair.left.store.add(tokens: ["a"])
      try pair.sync()
      try pair.left.store.add(tokens: ["b"])
      let before = try pair.left.maildir?.footprint()
      try pair.sync(verb: verb)
      #expect(try pair.left.maildir?.footprint() == before)
      #expect(try pair.right.store.tokens() == ["a"])
    }
  }

  @Test("commands before and after")
  func hooks() throws {
    try withPair(.maildirAndIMAP) { pair in
      let note = pair.directory.path("home/note")
      pair.keys["after"] = "env | grep ^MBOXSYNC_ >\(note)"
      try pair.left.store.add(tokens: ["a"])
      try pair.sync()
      #expect(try String(contentsOfFile: note, encoding: .utf8).contains("MBOXSYNC_"))
      pair.keys["before"] = "exit 3"
      try pair.left.store.add(tokens: ["b"])
      let result = try pair.runUnchecked()
      #expect(result.code != 0)
      #expect(try pair.right.store.tokens() == ["a"])
    }
  }
}
