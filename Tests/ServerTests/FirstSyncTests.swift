import TestSupport
import Testing

/// Two sides that were never paired before become equal.
@Suite("First sync") struct FirstSyncTests {
  @Test("mail of both sides goes both ways, and the next run is quiet", arguments: Setting.all)
  func bothWays(setting: Setting) throws {
    try withPair(setting) { pair in
      try pair.left.store.add(tokens: (1...5).map { "left\($0)" })
      try pair.left.store.create("Archive/2024")
      try pair.left.store.add(
        makeMessage("old"), to: "Archive/2024", flags: ["\\Seen", "\\Flagged"], date: 1_000_000_000)
      try pair.right.store.add(tokens: (1...7).map { "right\($0)" })
      try pair.right.store.create("Entwürfe")
      try pair.right.store.add(
        makeMessage("draft"), to: "Entwürfe", flags: ["\\Draft", "$Label1"], date: 1_600_000_000)
      try pair.sync()
      #expect(try expectEqualSides(pair) == 14)
      try expectTokens(["old"], pair, in: "Archive/2024")
      #expect(
        try pair.left.store.flags(of: "draft", in: "Entwürfe") == ["\\draft", "$label1"])
      try expectQuiet(pair)
    }
  }

  @Test("what both sides have already is not copied", arguments: Setting.all)
  func pairsEqualMessages(setting: Setting) throws {
    try withPair(setting) { pair in
      for number in 1...20 {
        let message = makeMessage("both\(number)")
        let date = 1_700_000_000 + number
        try pair.left.store.add(
          message, to: "INBOX", flags: number % 2 == 0 ? ["\\Seen"] : [], date: date)
        try pair.right.store.add(
          message, to: "INBOX", flags: number % 3 == 0 ? ["\\Flagged"] : [], date: date)
      }
      try pair.left.store.add(tokens: ["left"])
      try pair.right.store.add(tokens: ["right"])
      let report = try pair.report()
      #expect(report.left.saved == 1)
      #expect(report.right.saved == 1)
      #expect(try expectEqualSides(pair) == 22)
      // Without a base, flags are united.
      #expect(try pair.left.store.flags(of: "both6") == ["\\seen", "\\flagged"])
      try expectQuiet(pair)
    }
  }

  @Test("of equal copies in a mailbox each counts", arguments: Combination.allCases)
  func equalCopies(combination: Combination) throws {
    try withPair(combination) { pair in
      let message = makeMessage("same")
      for _ in 1...3 { try pair.left.store.add(message) }
      for _ in 1...2 { try pair.right.store.add(message) }
      try pair.sync()
      try expectTokens(["same", "same", "same"], pair)
      try expectQuiet(pair)
    }
  }

  @Test("messages of one size and header but different bodies are two")
  func sameHeader() throws {
    try withPair(.maildirAndIMAP) { pair in
      let header = "Subject: note\nX-Token: "
      try pair.left.store.add(Array("\(header)n\n\nbuy milk\n".utf8))
      try pair.right.store.add(Array("\(header)n\n\nbuy salt\n".utf8))
      try pair.sync()
      #expect(try expectEqualSides(pair) == 2)
    }
  }

  @Test("nested folders are laid out as the key says")
  func nestedLayout() throws {
    try withPair(.maildirAndIMAP, layout: .nested) { pair in
      pair.left.keys["layout"] = "fs"
      try pair.left.store.create("Work.2024/inner")
      try pair.left.store.add(tokens: ["a"], to: "Work.2024/inner")
      try pair.right.store.create("Other")
      try pair.right.store.add(tokens: ["b"], to: "Other")
      try pair.right.store.add(tokens: ["c"])
      try pair.sync()
      #expect(try expectEqualSides(pair) == 3)
      try expectMirror(pair)
    }
  }

  @Test("a run without a terminal says nothing")
  func silent() throws {
    try withPair(.maildirAndIMAP) { pair in
      try pair.left.store.add(tokens: ["a"])
      let result = try pair.sync()
      #expect(result.outputText == "")
      #expect(result.errorText == "")
    }
  }

  @Test("a dry run changes neither side")
  func dryRun() throws {
    try withPair(.maildirAndIMAP) { pair in
      try pair.left.store.add(tokens: ["a", "b"])
      try pair.right.store.add(tokens: ["c"])
      let before = try pair.left.maildir?.footprint()
      let report = try pair.report("--dry-run")
      #expect(report.left.saved == 1)
      #expect(report.right.saved == 2)
      #expect(try pair.left.maildir?.footprint() == before)
      #expect(try pair.right.store.tokens() == ["c"])
    }
  }
}
