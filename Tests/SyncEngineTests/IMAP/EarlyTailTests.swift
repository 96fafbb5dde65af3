import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

/// What a server tells unasked when several mailboxes were asked about together, and all is answered.
@Suite("The end of early openings") struct EarlyTailTests {
  private static let names = ["A", "B", "C"].map { MailboxName.named($0) }

  private static func begin(_ client: ScriptedClient) throws {
    try client.answer("LIST \"\" \"\"", "* LIST (\\Noselect) \"/\" \"\"")
  }

  /// Two messages; mod-sequence 3.
  private static let known: OpenRequest = {
    let anchor = Anchor(
      uidValidity: UIDValidity(5), uidNext: UID(10) ?? .first, highestModSeq: ModSequence(3),
      messages: 2)
    return OpenRequest(since: anchor, detailsFrom: anchor.uidNext)
  }()

  @Test("with QRESYNC: what is gone from the last mailbox is not gone from the one worked on")
  func vanished() throws {
    try withScript(
      "ENABLE QRESYNC ESEARCH",
      { client in
        try client.answer("ENABLE", "* ENABLED QRESYNC")
        try Self.begin(client)
        let tags = try client.flight(["A", "B", "C"], mode: " (QRESYNC")
        let told = tags.map { tags in
          "* OK [CLOSED] left\r\n" + EarlyScript.selected(exists: 2)
            + "* OK [HIGHESTMODSEQ 4] ok\r\n" + tags.map { "\($0) OK done\r\n" }.joined()
        }
        try client.send(told.joined() + "* VANISHED 4\r\n")
      },
      { endpoint in
        endpoint.foresee(Self.names.map { ForeseenOpening($0, Self.known) })
        let coverage = try Self.names.map { try endpoint.open($0, Self.known).coverage }
        let nothing = Observation.Coverage.changes(vanished: UIDSet())
        #expect(coverage == [nothing, nothing, .changes(vanished: uidSet(4))])
      })
  }

  @Test("with UNSELECT: flags of the last mailbox are not those of the one that is worked on")
  func flags() throws {
    try withScript(
      "UNSELECT",
      { client in
        try Self.begin(client)
        var told = ""
        for name in ["A", "B", "C"] {
          try client.expect("SELECT \"\(name)\"")
          told += EarlyScript.selected(exists: 1) + "\(client.tag) OK done\r\n"
          try client.expect("UID FETCH")
          told += EarlyScript.details(1) + "\(client.tag) OK done\r\n"
          guard name != "C" else { continue }
          try client.expect("UNSELECT")
          told += "\(client.tag) OK left\r\n"
        }
        try client.send(told + "* 1 FETCH (UID 1 FLAGS (\\Deleted))\r\n")
      },
      { endpoint in
        endpoint.foresee(Self.names.map { ForeseenOpening($0, OpenRequest()) })
        let shown = try Self.names.map { try endpoint.open($0, OpenRequest()) }
        #expect(shown.map(\.shownUIDs) == [[1], [1], [1]])
        let areDeleted = shown.map { $0.shownFlags(1)?.system.contains(.deleted) }
        #expect(areDeleted == [false, false, true])
      })
  }

  @Test("headers of a mailbox that was replaced: what still comes is not the next one's")
  func replaced() throws {
    let told = EarlyScript.selected(exists: 2) + "* OK [HIGHESTMODSEQ 3] ok\r\n"
    try withScript(
      "CONDSTORE",
      { client in
        try Self.begin(client)
        for _ in 1...2 { try Self.answerKnown(client, told) }
        let tags = try client.flight(["A"])[0]
        let other = told.replacing("UIDVALIDITY 5", with: "UIDVALIDITY 6")
        try client.send("\(other)\(tags[0]) OK done\r\n")
        // More than is read at one go.
        try client.say("* 1 FETCH (UID 1 RFC822.SIZE 99 BODY[HEADER] {100000}")
        try client.send([UInt8](repeating: 0x61, count: 100_000))
        try client.say(")", "* 2 FETCH (UID 2 FLAGS (\\Deleted) MODSEQ (4))", "\(tags[1]) OK done")
        try Self.answerKnown(client, told)
      },
      { endpoint in
        for name in Self.names[..<2] { _ = try endpoint.open(name, Self.known) }
        try endpoint.select(Self.names[0])
        let error = #expect(throws: EndpointError.self) {
          try endpoint.contents(of: [.uid(.first)])
        }
        #expect(error?.code == .mailboxGone)
        let next = try endpoint.open(Self.names[2], Self.known)
        #expect(next.shownUIDs == [] && next.coverage == .present(uidSet(1, 2)))
      })
  }

  private static func answerKnown(_ client: ScriptedClient, _ told: String) throws {
    try client.expect("SELECT")
    try client.send("\(told)\(client.tag) OK done\r\n")
    try client.answer("CHANGEDSINCE 3")
    try client.answer("UID FETCH 10")
    try client.answer("UID SEARCH ALL", "* SEARCH 1 2")
  }

  @Test("that a message is gone does not tell how many there are")
  func counted() {
    var mailbox = SelectedMailbox(name: Self.names[0])
    mailbox.forget(1)
    #expect(!mailbox.isCounted)
    mailbox.exists = 3
    mailbox.forget(1)
    #expect(mailbox.isCounted && mailbox.exists == 2)
  }
}
