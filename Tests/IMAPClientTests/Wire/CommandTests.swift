import IMAPClient
import TestSupport
import Testing

@Suite("commands") struct CommandTests {
  private static let inbox = Array("INBOX".utf8)

  static let table: [(command: Command, text: String)] = [
    (.capability, "CAPABILITY"), (.namespace, "NAMESPACE"), (.noop, "NOOP"),
    (.startTLS, "STARTTLS"), (.unselect, "UNSELECT"), (.expungeAll, "EXPUNGE"),
    (.list(), "LIST \"\" \"*\""), (.list(pattern: ""), "LIST \"\" \"\""),
    (.list(pattern: "a\"b\\"), "LIST \"\" \"a\\\"b\\\\\""),
    (
      .list(returning: ["SUBSCRIBED", "STATUS (MESSAGES UIDNEXT)"]),
      "LIST \"\" \"*\" RETURN (SUBSCRIBED STATUS (MESSAGES UIDNEXT))"
    ),
    (.subscriptions, "LSUB \"\" \"*\""),
    (.status(inbox, ["MESSAGES", "UIDNEXT"]), "STATUS \"INBOX\" (MESSAGES UIDNEXT)"),
    (.create(inbox, use: nil), "CREATE \"INBOX\""),
    (.create(inbox, use: .sent), "CREATE \"INBOX\" (USE (\\Sent))"),
    (.delete(inbox), "DELETE \"INBOX\""), (.rename(inbox, to: [0x61]), "RENAME \"INBOX\" \"a\""),
    (.subscribe(inbox, true), "SUBSCRIBE \"INBOX\""),
    (.subscribe(inbox, false), "UNSUBSCRIBE \"INBOX\""), (.examine(inbox), "EXAMINE \"INBOX\""),
    (.select(inbox), "SELECT \"INBOX\""),
    (.select(inbox, .condStore), "SELECT \"INBOX\" (CONDSTORE)"),
    (.fetch(uids(1...3, 7...7), ["UID", "FLAGS"]), "UID FETCH 1:3,7 (UID FLAGS)"),
    (
      .fetch(uids(1...(.max)), ["UID"], changedSince: ModSequence(9)),
      "UID FETCH 1:4294967295 (UID) (CHANGEDSINCE 9)"
    ),
    (
      .store(uids(7...7), adding: true, FlagSet([.seen, .deleted])),
      "UID STORE 7 +FLAGS.SILENT (\\Deleted \\Seen)"
    ),
    (
      .store(
        uids(7...7), adding: false, FlagSet([], keywords: [Keyword("$Junk")].compactMap { $0 }),
        unchangedSince: ModSequence(12)), "UID STORE 7 (UNCHANGEDSINCE 12) -FLAGS.SILENT ($Junk)"
    ),
    (.search("UID 1:3", compact: false), "UID SEARCH UID 1:3"),
    (.search("ALL", compact: true), "UID SEARCH RETURN (ALL) ALL"),
    (.copy(uids(1...2), to: inbox, moving: false), "UID COPY 1:2 \"INBOX\""),
    (.copy(uids(1...2), to: inbox, moving: true), "UID MOVE 1:2 \"INBOX\""),
    (.expunge(uids(4...4)), "UID EXPUNGE 4"),
  ]

  @Test(arguments: table.indices)
  func text(row: Int) {
    let (command, text) = CommandTests.table[row]
    #expect(String(decoding: command.text, as: UTF8.self) == text)
  }

  @Test func quickResynchronization() throws {
    let validity = try #require(UIDValidity(67_890_007))
    let modSeq = try #require(ModSequence(90_060_115_194_045_000))
    let command = Command.select(CommandTests.inbox, .qResync(validity, modSeq))
    #expect(
      String(decoding: command.text, as: UTF8.self)
        == "SELECT \"INBOX\" (QRESYNC (67890007 90060115194045000))")
  }

  /// What a name may hold, and how it must look between quotes.
  static let names: [(name: String, quoted: String)] = [
    ("", "\"\""), ("a b", "\"a b\""), ("a\"b", "\"a\\\"b\""), ("a\\", "\"a\\\\\""),
    ("\\\"", "\"\\\\\\\"\""), ("{5}", "\"{5}\""), ("{5+}", "\"{5+}\""), ("a)(", "\"a)(\""),
    ("*%", "\"*%\""), ("NIL", "\"NIL\""), ("&-", "\"&-\""), ("é", "\"é\""),
    ("\" \"b", "\"\\\" \\\"b\""),
  ]

  @Test("no name ends its quotes", arguments: names.indices)
  func quoting(row: Int) {
    let (name, quoted) = CommandTests.names[row]
    let bytes = Array(name.utf8)
    let expected = [
      (Command.select(bytes), "SELECT \(quoted)"), (.examine(bytes), "EXAMINE \(quoted)"),
      (.status(bytes, ["UIDNEXT"]), "STATUS \(quoted) (UIDNEXT)"),
      (.create(bytes, use: nil), "CREATE \(quoted)"),
      (.delete(bytes), "DELETE \(quoted)"),
      (.rename(bytes, to: bytes), "RENAME \(quoted) \(quoted)"),
      (.subscribe(bytes, true), "SUBSCRIBE \(quoted)"),
      (.copy(uids(1...1), to: bytes, moving: true), "UID MOVE 1 \(quoted)"),
      (.list(pattern: name), "LIST \"\" \(quoted)"),
    ]
    for (command, text) in expected {
      #expect(String(decoding: command.text, as: UTF8.self) == text)
    }
    // A server that lists it so is understood.
    let response = Array("* LIST () \"/\" \(quoted)\r\n".utf8)
    #expect(ReadResult(response).responses == [.list([], "/", name)])
  }

  @Test(
    "a name with a line break is not sent",
    arguments: ["a\"\r\nm9 DELETE \"b", "a\n", "\r", "a\0b"])
  func injection(name: String) throws {
    let script: @Sendable (ScriptedClient) throws -> Void = { client in
      try preauthenticated(client)
      try client.expect("NOOP")
      try client.say("\(client.tag) OK")
    }
    try withScript(script) { configuration in
      let connection = try IMAPConnection.connect(configuration)
      let bytes = Array(name.utf8)
      let commands: [Command] = [
        .select(bytes), .status(bytes, ["UIDNEXT"]), .rename(CommandTests.inbox, to: bytes),
        .copy(uids(1...1), to: bytes, moving: false), .list(pattern: name),
      ]
      for command in commands {
        #expect(failure { _ = try connection.send(command) } == .refused)
      }
      #expect(failure { _ = try connection.beginAppend(to: bytes) } == .refused)
      // Nothing of it went out, and the connection can be used.
      #expect(try connection.wait(connection.send(.noop)).condition == .ok)
    }
  }
}
