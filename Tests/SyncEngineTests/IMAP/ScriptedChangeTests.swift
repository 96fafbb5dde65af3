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
      case .fetch: try endpoint.fetch([.uid(.first)], into: FetchedMessages())
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

  @Test("nor under another than the base's, where the mailbox was not opened")
  func replacedSinceRecorded() throws {
    try withScript(
      "UIDPLUS",
      { client in
        try client.answer("LIST \"\" \"\"", "* LIST (\\Noselect) \"/\" \"\"")
        try Self.select(client, "INBOX", uidValidity: 6)
        #expect(client.waitForEnd())
      },
      { endpoint in
        endpoint.expect(try #require(UIDValidity(5)), of: .inbox)
        let error = #expect(throws: EndpointError.self) { try endpoint.select(.inbox) }
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
}
