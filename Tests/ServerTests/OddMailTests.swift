import Foundation
import TestSupport
import Testing

/// Mail and names as they come.
@Suite("Odd mail") struct OddMailTests {
  @Test(
    "odd messages arrive byte for byte, or are said to be altered", arguments: Combination.allCases)
  func oddMail(combination: Combination) throws {
    try withPair(combination) { pair in
      let plain = oddMessages.filter { !$0.isAltered }
      let half = plain.count / 2
      try pair.left.store.add(plain[..<half].map(\.bytes))
      try pair.right.store.add(plain[half...].map(\.bytes))
      try pair.sync()
      #expect(try expectEqualSides(pair) == plain.count)
      let expected = Set(plain.map { withCRLF($0.bytes) })
      for side in pair.sides {
        let found = Set(try side.store.messages(in: "INBOX").map(\.bytes))
        #expect(found.symmetricDifference(expected).isEmpty, "\(side.name)")
      }
      try expectQuiet(pair)
    }
  }

  @Test(
    "a message that the server alters is sent once",
    arguments: [Combination.maildirAndIMAP, .maildirAndExec])
  func altered(combination: Combination) throws {
    try withPair(combination) { pair in
      let altered = oddMessages.filter(\.isAltered)
      try pair.left.store.add(altered.map(\.bytes))
      try pair.left.store.add(tokens: ["plain"])
      let before = try pair.left.maildir?.messages(in: "INBOX").map(\.bytes)
      #expect(try pair.report().notices.map(\.code) == ["altered"])
      for _ in 1...2 {
        #expect(try pair.right.store.tokens().count == altered.count + 1)
        #expect(Set(try pair.left.store.messages(in: "INBOX").map(\.bytes)) == Set(before ?? []))
        try pair.sync()
      }
    }
  }

  @Test("an empty file, which no server takes, stops nothing else and stays")
  func emptyFile() throws {
    try withPair(.maildirAndIMAP) { pair in
      try pair.left.store.add([[], makeMessage("a"), makeMessage("b")])
      for _ in 1...2 {
        let result = try pair.runUnchecked()
        #expect(result.code == 1 || result.code == 0, "\(result.errorText)")
        #expect(try pair.right.store.tokens().suffix(2) == ["a", "b"])
        #expect(try pair.left.store.messages(in: "INBOX").count == 3)
      }
    }
  }

  @Test("files whose names are no messages' are told at each run, and stay")
  func oddFileNames() throws {
    try withPair(.maildirs) { pair in
      try pair.left.store.add(tokens: ["a"])
      let root = try #require(pair.left.maildir).root
      let odd = ["\(root)/new/1600000000.x\ny", "\(root)/cur/:2,S"]
      for path in odd { try Data(makeMessage("odd")).write(to: URL(fileURLWithPath: path)) }
      for _ in 1...3 {
        let result = try pair.sync(expecting: 1)
        let lines = result.errorText.split(separator: "\n")
        #expect(lines.count == 1 && result.errorText.contains("left: INBOX: "), "\(lines)")
        #expect(result.errorText.contains("x\\x0ay and 1 more"), "\(lines)")
      }
      #expect(try pair.right.store.tokens() == ["a"])
      let verified = try pair.sync(expecting: 1, verb: "verify").errorText
      #expect(verified.contains("and 1 more"))
      for path in odd { #expect(unlink(path) == 0) }
      try pair.sync()
      try pair.sync(verb: "verify")
    }
  }

  @Test("a mailbox that holds such a file is not deleted with it")
  func oddFileNameInDeleted() throws {
    try withPair(.maildirs) { pair in
      pair.keys["delete"] = "both"
      for side in pair.sides { try side.store.create("Old") }
      try pair.sync()
      let maildir = try #require(pair.left.maildir)
      let path = "\(maildir.folder("Old"))/cur/:2,S"
      try Data(makeMessage("odd")).write(to: URL(fileURLWithPath: path))
      try pair.right.store.delete("Old")
      try pair.sync(expecting: 1)
      #expect(access(path, F_OK) == 0)
    }
  }

  @Test("a folder with two names is one mailbox, and the other name is left alone on both sides")
  func linkedFolder() throws {
    try withPair(.maildirs) { pair in
      pair.keys["delete"] = "both"
      let maildir = try #require(pair.left.maildir)
      try pair.left.store.create("Real")
      try pair.left.store.add(tokens: ["a"], to: "Real")
      // As if it had been synced before the link was made.
      for side in pair.sides { try side.store.create("Alias") }
      try pair.right.store.add(tokens: ["b"], to: "Alias")
      try pair.sync()
      try FileManager.default.removeItem(atPath: maildir.folder("Alias"))
      #expect(symlink(".Real", maildir.folder("Alias")) == 0)
      for _ in 1...2 {
        let report = try pair.report(expecting: 1)
        #expect(report.notices.map(\.code) == ["name"])
        #expect(report.errors.map(\.code) == ["name"])
        #expect(report.mailboxes.allSatisfy { $0.uids == "mirror" })
        #expect(try pair.right.store.tokens(in: "Alias") == ["b"])
        #expect(try pair.right.store.tokens(in: "Real") == ["a"])
        #expect(try pair.left.store.tokens(in: "Real") == ["a"])
      }
      try pair.sync(expecting: 1, verb: "verify")
      // Where there is nothing but the link, it is only told.
      try pair.right.store.delete("Alias")
      try pair.sync()
      try pair.sync(verb: "verify")
    }
  }

  @Test("odd mailbox names", arguments: Combination.allCases)
  func names(combination: Combination) throws {
    try withPair(combination) { pair in
      let names = oddMailboxNames
      for (index, name) in names.enumerated() {
        let store = index % 2 == 0 ? pair.left.store : pair.right.store
        try store.create(name)
        try store.add(tokens: ["in \(index)"], to: name)
      }
      try pair.sync()
      for side in pair.sides {
        #expect(Set(try side.store.mailboxes()).isSuperset(of: names), "\(side.name)")
      }
      #expect(try expectEqualSides(pair) == names.count)
      try expectQuiet(pair)
    }
  }

  @Test("20 MB arrive whole", arguments: [Combination.maildirAndIMAP, .servers])
  func big(combination: Combination) throws {
    try withPair(combination) { pair in
      let pull = makeMessage("pull", size: 20_000_000)
      let push = makeMessage("push", size: 20_000_000)
      try pair.right.store.add(pull)
      try pair.left.store.add(push)
      try pair.sync()
      let right = try pair.right.store.messages(in: "INBOX").first { $0.token == "push" }
      let left = try pair.left.store.messages(in: "INBOX").first { $0.token == "pull" }
      #expect((right?.bytes == withCRLF(push)) as Bool)
      #expect((left?.bytes == withCRLF(pull)) as Bool)
    }
  }

  @Test("thousands of small messages", arguments: Combination.mirroring)
  func many(combination: Combination) throws {
    try withPair(combination) { pair in
      try pair.left.store.add(tokens: (1...1_000).map { "l\($0)" })
      try pair.right.store.add(tokens: (1...1_000).map { "r\($0)" })
      try pair.sync()
      #expect(try expectMirror(pair) == 2_000)
      try expectQuiet(pair)
    }
  }
}
