import TestSupport
import Testing

/// What was done to one side since the last run is done to the other.
@Suite("Changes") struct ChangeTests {
  @Test("flags and keywords are merged one by one", arguments: Setting.all)
  func flags(setting: Setting) throws {
    try withPair(setting) { pair in
      for token in ["a", "b", "c", "d"] {
        try pair.left.store.add(
          makeMessage(token), to: "INBOX", flags: ["\\Seen", "NonJunk"], date: nil)
      }
      try pair.sync()
      try pair.left.store.flag("a", add: ["\\Flagged"])
      try pair.left.store.flag("b", remove: ["\\Seen"])
      try pair.right.store.flag("b", add: ["\\Answered"])
      try pair.right.store.flag("c", remove: ["NonJunk"])
      try pair.right.store.flag("d", add: ["$Forwarded", "Work"])
      try pair.left.store.flag("d", add: ["\\Draft"])
      let report = try pair.report()
      #expect(report.left.flagged == 3)
      #expect(report.right.flagged == 3)
      try expectEqualSides(pair)
      for side in pair.sides {
        #expect(try side.store.flags(of: "a") == ["\\seen", "nonjunk", "\\flagged"])
        #expect(try side.store.flags(of: "b") == ["nonjunk", "\\answered"])
        #expect(try side.store.flags(of: "c") == ["\\seen"])
        #expect(
          try side.store.flags(of: "d") == ["\\seen", "nonjunk", "$forwarded", "work", "\\draft"])
      }
      try expectQuiet(pair)
    }
  }

  @Test("expunges, new mail and changes at once", arguments: Setting.all)
  func everything(setting: Setting) throws {
    try withPair(setting) { pair in
      try pair.left.store.add(tokens: (1...30).map { "m\($0)" })
      try pair.sync()
      try pair.left.store.expunge(["m1", "m2", "m15"], in: "INBOX")
      try pair.right.store.expunge(["m2", "m30", "m29"], in: "INBOX")
      try pair.left.store.add(tokens: ["l1", "l2"])
      try pair.right.store.add(tokens: ["r1"])
      try pair.right.store.flag("m3", add: ["\\Seen"])
      // Expunged here, changed there: the expunge wins unless `conflict` says otherwise.
      try pair.left.store.expunge(["m20"], in: "INBOX")
      try pair.right.store.flag("m20", add: ["\\Flagged"])
      try pair.sync()
      let gone = Set(["m1", "m2", "m15", "m20", "m29", "m30"])
      try expectTokens(
        (1...30).map { "m\($0)" }.filter { !gone.contains($0) } + ["l1", "l2", "r1"], pair)
      try expectEqualSides(pair)
      try expectQuiet(pair)
    }
  }

  @Test(
    "a message expunged here and changed there is kept if so wished",
    arguments: Combination.allCases)
  func conflictKeep(combination: Combination) throws {
    try withPair(combination, keys: ["conflict": "keep"]) { pair in
      try pair.left.store.add(tokens: ["a", "b"])
      try pair.sync()
      try pair.left.store.expunge(["a"], in: "INBOX")
      try pair.right.store.flag("a", add: ["\\Flagged"])
      try pair.sync()
      try expectTokens(["a", "b"], pair)
      #expect(try pair.left.store.flags(of: "a") == ["\\flagged"])
      try expectEqualSides(pair)
    }
  }

  @Test(
    "moves and copies between mailboxes are followed without sending the mail",
    arguments: Setting.all)
  func moves(setting: Setting) throws {
    try withPair(setting) { pair in
      try pair.left.store.add(tokens: ["a", "b", "c", "d"])
      try pair.left.store.create("Archive")
      try pair.sync()
      try pair.left.store.move(["a"], in: "INBOX", to: "Archive")
      try pair.right.store.move(["b"], in: "INBOX", to: "Archive")
      try pair.left.store.copy(["c"], in: "INBOX", to: "Archive")
      try pair.right.store.copy(["d"], in: "INBOX", to: "Archive")
      let report = try pair.report()
      // A file copied under another name may pass for new mail; a server tells that a copy is one.
      #expect(report.left.saved <= (pair.right.maildir == nil ? 0 : 1))
      #expect(report.right.saved <= (pair.left.maildir == nil ? 0 : 1))
      try expectTokens(["c", "d"], pair)
      try expectTokens(["a", "b", "c", "d"], pair, in: "Archive")
      try expectEqualSides(pair)
      try expectQuiet(pair)
    }
  }

  @Test(
    "what is expunged takes nothing along that others have flagged to be deleted",
    arguments: Combination.allCases, [nil, "UIDPLUS MOVE"])
  func onlyTheMeant(combination: Combination, lacking: String?) throws {
    try withPair(combination) { pair in
      if combination != .maildirs { pair.right.keys["disable-capabilities"] = lacking }
      try pair.left.store.add(tokens: ["a", "b", "c"])
      try pair.sync()
      try pair.right.store.flag(["b"], in: "INBOX", add: ["\\Deleted"], remove: [])
      try pair.sync()
      try pair.left.store.expunge(["a"], in: "INBOX")
      try pair.sync()
      try expectTokens(["b", "c"], pair)
      for side in pair.sides { #expect(try side.store.flags(of: "b") == ["\\deleted"]) }
      try expectQuiet(pair)
    }
  }

  @Test("received dates are kept to the second", arguments: Combination.allCases)
  func dates(combination: Combination) throws {
    let dates = [1, 86_400, 951_782_400, 1_111_111_111, 1_711_846_799, 1_735_689_599]
    try withPair(combination) { pair in
      for (index, date) in dates.enumerated() {
        let store = index % 2 == 0 ? pair.left.store : pair.right.store
        try store.add(makeMessage("d\(index)"), to: "INBOX", flags: [], date: date)
      }
      try pair.sync()
      for side in pair.sides {
        #expect(try side.store.messages(in: "INBOX").map(\.date).sorted() == dates, "\(side.name)")
      }
    }
  }

  @Test(
    "more keywords than a Maildir has letters for are not lost on the server",
    arguments: Combination.allCases)
  func manyKeywords(combination: Combination) throws {
    try withPair(combination) { pair in
      // Where a local Dovecot has more than 26, it keeps the others in its index only.
      let count = combination == .maildirs ? 26 : 40
      let keywords = (1...count).map { "word\($0)" }
      for (index, word) in keywords.enumerated() {
        try pair.right.store.add(
          makeMessage("k\(index)"), to: "INBOX", flags: [word], date: 1_700_000_000)
      }
      // What has no room in the Maildir is said, and stays on the server.
      let code: Int32 = pair.left.maildir == nil || combination == .maildirs ? 0 : 1
      try pair.sync(expecting: code)
      for _ in 1...2 {
        let words = try pair.right.store.messages(in: "INBOX").flatMap(\.flags)
        #expect(words.filter { $0 != "\\seen" }.sorted() == keywords.sorted())
        let kept = try pair.left.store.messages(in: "INBOX").flatMap(\.flags)
          .filter { $0 != "\\seen" }
        #expect(kept.count == (pair.left.maildir == nil ? count : 26))
        try pair.left.store.flag("k0", add: ["\\Seen"])
        try pair.sync()
      }
    }
  }

  @Test("mailboxes are renamed, created and, if wished, deleted", arguments: Combination.allCases)
  func mailboxes(combination: Combination) throws {
    try withPair(combination, keys: ["delete": "both", "max-expunge": "100%"]) { pair in
      try pair.left.store.create("One")
      try pair.left.store.add(tokens: ["a"], to: "One")
      try pair.left.store.create("Two")
      try pair.left.store.add(tokens: ["b"], to: "Two")
      try pair.left.store.add(tokens: ["c"])
      try pair.sync()
      try pair.right.store.rename("One", to: "Renamed")
      try pair.left.store.delete("Two")
      let report = try pair.report()
      #expect(report.left.saved == 0)
      #expect(report.right.saved == 0)
      for side in pair.sides {
        #expect(try side.store.mailboxes() == ["INBOX", "Renamed"], "\(side.name)")
      }
      try expectTokens(["a"], pair, in: "Renamed")
      try expectQuiet(pair)
    }
  }

  @Test(
    "a rename is followed by the messages where mailboxes have no ids",
    arguments: Combination.allCases.filter { $0 != .maildirs })
  func renameWithoutIDs(combination: Combination) throws {
    var options = DovecotOptions()
    // It is taken for a server without ids.
    options.hiddenCapabilities = ["NOTIFY"]
    options.extra = "imap_id_send = name other"
    try withPair(combination, right: options) { pair in
      for name in ["One", "Two", "Empty"] { try pair.left.store.create(name) }
      try pair.left.store.add(tokens: ["a", "b", "c"], to: "One")
      for (date, token) in ["d", "e", "f", "g", "h"].enumerated() {
        try pair.left.store.add(
          makeMessage(token), to: "Two", flags: [], date: 1_700_000_000 + date)
      }
      try pair.sync()
      try pair.right.store.rename("Two", to: "Archive/Two")
      try pair.right.store.expunge(["h"], in: "Archive/Two")
      try pair.right.store.add(tokens: ["new"], to: "Archive/Two")
      try pair.right.store.create("Three")
      try pair.right.store.add(tokens: ["x"], to: "Three")
      let report = try pair.report()
      #expect(report.left.saved == 2 && report.right.saved == 0 && report.left.expunged == 1)
      for side in pair.sides {
        let names = try side.store.mailboxes().filter { $0 != "Archive" }
        #expect(names == ["Archive/Two", "Empty", "INBOX", "One", "Three"], "\(side.name)")
      }
      try expectTokens(["d", "e", "f", "g", "new"], pair, in: "Archive/Two")
      try expectQuiet(pair)
    }
  }

  @Test("by default a deleted mailbox is deleted nowhere else")
  func keepsDeletedMailbox() throws {
    try withPair(.maildirAndIMAP) { pair in
      try pair.left.store.create("Box")
      try pair.left.store.add(tokens: ["a", "b"], to: "Box")
      try pair.sync()
      try pair.left.store.delete("Box")
      _ = try pair.runUnchecked()
      #expect(try pair.right.store.tokens(in: "Box") == ["a", "b"])
    }
  }

  @Test("subscriptions are synced", arguments: [Combination.maildirAndIMAP, .servers])
  func subscriptions(combination: Combination) throws {
    try withPair(combination) { pair in
      for name in ["One", "Two"] { try pair.left.store.create(name) }
      try pair.left.served.withSession { try $0.subscribe("One") }
      try pair.sync()
      try pair.right.served.withSession { try $0.subscribe("Two") }
      try pair.sync()
      for side in pair.sides {
        let found = try side.served.withSession { try $0.subscriptions() }
        #expect(found.filter { $0 != "INBOX" } == ["One", "Two"], "\(side.name)")
      }
    }
  }
}
