import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

/// What must not be done to a mailbox that is not what it was, or not to be changed.
@Suite("IMAP endpoint before it changes something") struct ScriptedChangeTests {
  private static func select(
    _ client: ScriptedClient, _ name: String, uidValidity: Int, _ result: String = "READ-WRITE"
  ) throws {
    try client.answer(
      "SELECT \"\(name)\"", "* 3 EXISTS", "* OK [UIDVALIDITY \(uidValidity)] ok",
      "* OK [UIDNEXT 9] ok", with: "OK [\(result)] done")
  }

  /// The calls that name UIDs of INBOX.
  enum Call: String, CaseIterable, CustomTestStringConvertible {
    case expunge
    case store
    case save
    case fetch
    case describe
    case contents
    case renumber
    case pad

    var testDescription: String { rawValue }
    static let changing: [Call] = [.expunge, .store, .save, .renumber, .pad]

    func make(on endpoint: IMAPEndpoint) throws(EndpointError) {
      switch self {
      case .expunge: _ = try endpoint.expunge(uidSet(1))
      case .store:
        let order = StoreOrder(uids: uidSet(1), added: FlagSet(.seen), removed: .empty)
        _ = try endpoint.store([order])
      case .save: try endpoint.save([testMessage(1)])
      case .fetch:
        let messages = FetchedMessages()
        defer { #expect(messages.messages.isEmpty && messages.missing.isEmpty) }
        try endpoint.fetch([.uid(.first)], into: messages)
      case .describe: _ = try endpoint.describe(uidSet(1))
      case .contents: _ = try endpoint.contents(of: [.uid(.first)])
      case .renumber: _ = try endpoint.renumber([.uid(.first)], targets: [])
      case .pad: _ = try endpoint.pad(to: .last)
      }
    }
  }

  @Test(
    "nothing is asked or done under another UIDVALIDITY than that of the opening",
    arguments: Call.allCases)
  func replacedSinceOpened(call: Call) throws {
    try withScript(
      "UIDPLUS MOVE",
      { client in
        try Script.open(client, Script.empty)
        // Another mailbox is selected in between, as by a copy.
        try Self.select(client, "Other", uidValidity: 7)
        try client.answer("UID COPY 1", with: "OK [COPYUID 5 1 10] done")
        try Self.select(client, "INBOX", uidValidity: 6)
        // Asked for in the same flight, and not taken.
        let isAsked = call == .fetch || call == .contents
        if isAsked { try client.answer("UID FETCH 1", "* 1 FETCH (UID 1 BODY[] \"abc\")") }
        #expect(client.waitForEnd())
      },
      { endpoint in
        _ = try endpoint.open(.inbox, OpenRequest())
        _ = try endpoint.copy([.first], from: .named("Other"), moving: false, targets: [])
        for _ in 1...2 {
          let error = #expect(throws: EndpointError.self) { try call.make(on: endpoint) }
          #expect(error?.code == .mailboxGone && error?.scope == .mailbox)
        }
      })
  }

  @Test(
    "nor under another than the base's, where the mailbox was not opened",
    arguments: [
      Call.describe, .expunge, .save,
    ])
  func replacedSinceRecorded(call: Call) throws {
    try withScript(
      "UIDPLUS",
      { client in
        try client.answer("LIST \"\" \"\"", "* LIST (\\Noselect) \"/\" \"\"")
        try Self.select(client, "INBOX", uidValidity: 6)
        #expect(client.waitForEnd())
      },
      { endpoint in
        endpoint.expect(try #require(UIDValidity(5)), of: .inbox)
        try endpoint.select(.inbox)
        let error = #expect(throws: EndpointError.self) { try call.make(on: endpoint) }
        #expect(error?.code == .mailboxGone)
      })
  }

  @Test("messages are not taken from a replaced mailbox", arguments: [false, true])
  func replacedSource(moving: Bool) throws {
    try withScript(
      "UIDPLUS MOVE",
      { client in
        try Script.open(client, Script.empty)
        try Self.select(client, "Other", uidValidity: 8)
        #expect(client.waitForEnd())
      },
      { endpoint in
        _ = try endpoint.open(.inbox, OpenRequest())
        endpoint.expect(try #require(UIDValidity(7)), of: .named("Other"))
        let error = #expect(throws: EndpointError.self) {
          try endpoint.copy([.first], from: .named("Other"), moving: moving, targets: [])
        }
        #expect(error?.code == .mailboxGone)
      })
  }

  @Test("a server that changes UIDVALIDITY in mid-session is believed")
  func changedWhileSelected() throws {
    try withScript(
      "UIDPLUS",
      { client in
        try Script.open(client, Script.empty)
        try client.answer("UID FETCH 1", "* OK [UIDVALIDITY 99] repaired")
        #expect(client.waitForEnd())
      },
      { endpoint in
        _ = try endpoint.open(.inbox, OpenRequest())
        _ = try endpoint.describe(uidSet(1))
        let error = #expect(throws: EndpointError.self) { try endpoint.expunge(uidSet(1)) }
        #expect(error?.code == .mailboxGone)
      })
  }

  @Test("a message that is still there after its expunge is not gone") func notExpunged() throws {
    try withScript(
      "UIDPLUS",
      { client in
        try Script.open(client, Script.empty)
        // Once more, one after the other, before it is believed.
        for _ in 1...2 {
          try client.answer("UID STORE 1 +FLAGS")
          try client.answer("UID EXPUNGE 1")
          try client.answer("UID SEARCH UID 1", "* SEARCH 1")
        }
        #expect(client.waitForEnd())
      },
      { endpoint in
        _ = try endpoint.open(.inbox, OpenRequest())
        #expect(try endpoint.expunge(uidSet(1)) == UIDSet())
      })
  }

  @Test("keywords are set into the room that others leave") func room() throws {
    try withScript(
      "UIDPLUS",
      { client in
        try Script.open(client, Script.empty)
        try client.answer("UID STORE 1 +FLAGS.SILENT (\\Seen)")
        try client.answer("UID STORE 3 -FLAGS.SILENT (LeavesRoom)")
        try client.answer("UID STORE 2 +FLAGS.SILENT (TakesRoom)")
        try client.answer("UID STORE 3 +FLAGS.SILENT (TakesRoom)")
      },
      { endpoint in
        _ = try endpoint.open(.inbox, OpenRequest())
        let old = FlagSet([], keywords: [try #require(Keyword("LeavesRoom"))])
        let new = FlagSet([], keywords: [try #require(Keyword("TakesRoom"))])
        let outcome = try endpoint.store([
          StoreOrder(uids: uidSet(1), added: FlagSet(.seen), removed: .empty),
          StoreOrder(uids: uidSet(2), added: new, removed: .empty),
          StoreOrder(uids: uidSet(3), added: new, removed: old),
        ])
        #expect(outcome.rejected.isEmpty && outcome.unstorable.isEmpty)
      })
  }

  @Test("what somebody changes just before it is to go stays") func changedBeforeRemoval() throws {
    try withScript(
      "CONDSTORE UIDPLUS",
      { client in
        try Script.open(
          client,
          [
            "SELECTED* 0 EXISTS\r\n* OK [UIDNEXT 10] ok\r\n* OK [HIGHESTMODSEQ 9] ok\r\nTAG OK done\r\n",
            "TAG OK done\r\n",
          ])
        try client.answer("NOOP")
        try client.answer(
          "UID FETCH 1:4 (UID FLAGS MODSEQ)", "* 1 FETCH (UID 1 FLAGS () MODSEQ (5))",
          "* 2 FETCH (UID 2 FLAGS () MODSEQ (7))", "* 4 FETCH (UID 4 FLAGS (\\Seen) MODSEQ (8))")
        try client.answer("UID STORE 1 (UNCHANGEDSINCE 5) +FLAGS.SILENT (\\Deleted)")
        try client.answer(
          "UID STORE 2 (UNCHANGEDSINCE 7) +FLAGS.SILENT (\\Deleted)", with: "OK [MODIFIED 2] no")
        try client.answer("UID EXPUNGE 1:2", "* VANISHED 1")
        try client.answer("UID SEARCH UID 1:2", "* SEARCH 2")
        try client.answer("UID EXPUNGE 1:2")
        try client.answer("UID SEARCH UID 1:2", "* SEARCH 2")
        #expect(client.waitForEnd())
      },
      { endpoint in
        _ = try endpoint.open(.inbox, OpenRequest())
        let known = Dictionary(
          uniqueKeysWithValues: uidSet(1, 2, 3, 4).map { ($0, FlagSet.empty) })
        let outcomes = try endpoint.remove(known)
        let wanted: [RemovalOutcome] = [.removed, .kept, .missing, .changed(FlagSet(.seen))]
        #expect(uidSet(1, 2, 3, 4).map { outcomes[$0] } == wanted)
      })
  }

  @Test("a message that is shorter than it was said to be is not sent", arguments: [3, 3 << 20])
  func tooShort(size: UInt64) throws {
    try withScript(
      "UIDPLUS LITERAL+",
      { client in
        try Script.open(client, Script.empty)
        #expect(client.waitForEnd())
      },
      { endpoint in
        _ = try endpoint.open(.inbox, OpenRequest())
        let saver = try endpoint.saver()
        let item = SaveItem(flags: .empty, date: InternalDate(seconds: 1))
        try saver.begin(item, size: size, form: .wire)
        try [UInt8](repeating: 0x61, count: 2).withUnsafeBytes { try saver.write($0) }
        let error = #expect(throws: EndpointError.self) { try saver.end() }
        #expect(error?.scope == .message && error?.code == .unreadable)
      })
  }

  @Test("a read-only mailbox is only read", arguments: Call.changing)
  func readOnly(call: Call) throws {
    try withScript(
      "UIDPLUS MOVE",
      { client in
        try Script.open(
          client,
          [
            Script.empty[0].replacing("TAG OK done", with: "TAG OK [READ-ONLY] done"),
            Script.empty[1],
          ])
        #expect(client.waitForEnd())
      },
      { endpoint in
        let observation = try endpoint.open(.inbox, OpenRequest())
        #expect(observation.isReadOnly)
        let error = #expect(throws: EndpointError.self) { try call.make(on: endpoint) }
        #expect(error?.code == .readOnly && error?.scope == .mailbox)
      })
  }

  @Test("an APPEND that nobody ends does not become part of the next command")
  func unendedAppend() throws {
    try withScript(
      "UIDPLUS MULTIAPPEND LITERAL+",
      { client in
        try Script.open(client, Script.empty)
        #expect(client.waitForEnd())
      },
      { endpoint in
        _ = try endpoint.open(.inbox, OpenRequest())
        do {
          let saver = try endpoint.saver()
          let text = testMessage(1)
          let item = SaveItem(flags: .empty, date: InternalDate(seconds: 0))
          try saver.begin(item, size: UInt64(text.count), form: .wire)
          try text.withBytes { (bytes) throws(EndpointError) in try saver.write(bytes) }
          try saver.end()
        }
        let error = #expect(throws: EndpointError.self) { try endpoint.list() }
        #expect(error?.code == .connectionLost && error?.scope == .side)
      })
  }

  /// A message that is nothing but a header.
  private func save(_ text: String, by saver: any MessageSaver) throws {
    let bytes = Array((text + "\r\n\r\n").utf8)
    let item = SaveItem(flags: .empty, date: InternalDate(seconds: 0))
    try saver.begin(item, size: UInt64(bytes.count), form: .wire)
    try bytes.withBytes { (bytes) throws(EndpointError) in try saver.write(bytes) }
    try saver.end()
  }

  /// Answers an APPEND for each.
  private func takeMessages(_ uids: ClosedRange<Int>, _ client: ScriptedClient) throws {
    for uid in uids {
      try client.expect("APPEND \"INBOX\"")
      let tag = client.tag
      for _ in 1...2 { while try !client.readLine().isEmpty {} }
      try client.say("\(tag) OK [APPENDUID 5 \(uid)] done")
    }
  }

  @Test("a message is altered if it has a NUL, or lost the 8-bit octets of its header")
  func altered() throws {
    try withScript(
      "UIDPLUS MULTIAPPEND LITERAL+",
      { client in
        try Script.open(client, Script.empty)
        try client.expect("APPEND \"INBOX\"")
        let tag = client.tag
        // Four messages, each with an empty line at its end, and the end of the command.
        for _ in 1...5 { while try !client.readLine().isEmpty {} }
        try client.say("\(tag) OK [APPENDUID 5 10:13] done")
        try client.expect("UID FETCH 11:12 (UID BODY.PEEK[HEADER])")
        try client.say("* 2 FETCH (UID 11 BODY[HEADER] {6}")
        try client.send("A: X\r\n)\r\n* 3 FETCH (UID 12 BODY[HEADER] {7}\r\nA: é\r\n)\r\n")
        try client.say("\(client.tag) OK done")
      },
      { endpoint in
        _ = try endpoint.open(.inbox, OpenRequest())
        let saver = try #require(try endpoint.saver() as? IMAPSaver)
        for text in ["A: \0", "A: \u{e4}", "A: \u{e9}", "A: plain"] {
          try save(text, by: saver)
        }
        let outcomes = try saver.commit()
        #expect(outcomes.map(\.placedUID) == [10, 11, 12, 13])
        #expect(saver.altered.map(\.rawValue) == [10, 11])
      })
  }

  @Test(
    "of messages cut short, what was answered is told; what can't be asked about any more is doubtful"
  )
  func cutShort() throws {
    try withScript(
      "UIDPLUS LITERAL+",
      { client in
        try Script.open(client, Script.empty)
        try takeMessages(10...11, client)
        try client.expect("APPEND \"INBOX\"")
        // Nothing but the beginning of the third comes.
        #expect(try client.readLine() == "A: large")
        #expect(client.waitForEnd())
      },
      { endpoint in
        _ = try endpoint.open(.inbox, OpenRequest())
        let saver = try #require(try endpoint.saver() as? IMAPSaver)
        let item = SaveItem(flags: .empty, date: InternalDate(seconds: 0))
        for text in ["A: plain", "A: \0"] { try save(text, by: saver) }
        try saver.begin(item, size: 2 << 20, form: .wire)
        try Array("A: large\r\n".utf8).withBytes { (bytes) throws(EndpointError) in
          try saver.write(bytes)
        }
        let outcomes = try saver.commitArrived(without: [])
        #expect(outcomes.map(\.placedUID) == [10, nil] && outcomes.last == .retryAlone)
        #expect(throws: EndpointError.self) { try endpoint.list() }
      })
  }

  @Test("what was answered is known before all is sent, save for what the server may have altered")
  func answered() throws {
    try withScript(
      "UIDPLUS LITERAL+",
      { client in
        try Script.open(client, Script.empty)
        try takeMessages(10...12, client)
      },
      { endpoint in
        _ = try endpoint.open(.inbox, OpenRequest())
        let saver = try #require(try endpoint.saver() as? IMAPSaver)
        try save("A: \0", by: saver)
        try save("A: plain", by: saver)
        #expect(try saver.answered().count == 2)
        while try saver.answered()[1]?.placedUID != 11 { try endpoint.connection.push() }
        try save("A: other", by: saver)
        let answered = try saver.answered()
        #expect(answered.count == 3 && answered[0] == nil && answered[1]?.placedUID == 11)
        #expect(try saver.commit().map(\.placedUID) == [10, 11, 12])
        #expect(saver.altered.map(\.rawValue) == [10])
      })
  }

  @Test("of several mailboxes those are made that can be, and each of the others says why not")
  func refusedMailboxes() throws {
    try withScript(
      "UIDPLUS",
      { client in
        try client.answer("LIST \"\" \"\"", "* LIST (\\Noselect) \".\" \"\"")
        try client.answer("CREATE \"A\"")
        try client.answer("CREATE \"B\"", with: "NO [OVERQUOTA] no more")
        try client.answer("CREATE \"B\"", with: "NO [OVERQUOTA] no more")
        try client.answer("STATUS \"B\"", with: "NO what?")
        try client.answer("SUBSCRIBE \"A\"")
      },
      { endpoint in
        let failures = try endpoint.create(
          ["A", "with.dot", "B"].map {
            NewMailbox(.named($0), specialUse: nil, isSubscribed: true)
          })
        #expect(failures.map(\.?.code) == [nil, .nameNotPossible, .overQuota])
      })
  }
}
