import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

/// Where messages can't be expunged, nothing is made that would have to be.
@Suite("IMAP endpoint without the right to expunge") struct ScriptedRightsTests {
  /// Opens INBOX, which keeps these flags.
  private static func open(_ client: ScriptedClient, keeping flags: String) throws {
    var answers = Script.empty
    answers[0] = answers[0].replacing(
      "* 0 EXISTS", with: "* OK [PERMANENTFLAGS (\(flags))] ok\r\n* 0 EXISTS")
    try Script.open(client, answers)
  }

  private static func takeFiller(_ client: ScriptedClient, _ status: String) throws {
    try client.expect("APPEND \"INBOX\" (\\Deleted \\Seen)")
    let tag = client.tag
    for _ in 1...2 { while try !client.readLine().isEmpty {} }
    try client.say("\(tag) \(status)")
  }

  /// What has to be expunged afterwards.
  enum Making: CaseIterable {
    case copy
    case fillers

    func make(on endpoint: IMAPEndpoint) throws(EndpointError) {
      switch self {
      case .copy: _ = try endpoint.renumber([.uid(.first)], targets: [])
      case .fillers: _ = try endpoint.pad(to: .last)
      }
    }
  }

  @Test("PERMANENTFLAGS without \\Deleted says so", arguments: Making.allCases)
  func flagMissing(making: Making) throws {
    try withScript(
      "UIDPLUS MOVE LITERAL+",
      { client in
        try Self.open(client, keeping: "\\Seen \\*")
        #expect(throws: TestFailure.self) { try client.readLine() }
      },
      { endpoint in
        _ = try endpoint.open(.inbox, OpenRequest())
        let error = #expect(throws: EndpointError.self) { try making.make(on: endpoint) }
        #expect(error?.code == .cannotRenumber && error?.scope == .mailbox)
        endpoint.connection.abort()
      })
  }

  @Test(
    "MYRIGHTS says so, and is asked once", arguments: Making.allCases,
    ["lrwsit", "lrwsie", "lrwsi"])
  func rightMissing(making: Making, rights: String) throws {
    try withScript(
      "UIDPLUS MOVE ACL LITERAL+",
      { client in
        try Script.open(client, Script.empty)
        try client.answer("MYRIGHTS \"INBOX\"", "* MYRIGHTS INBOX \(rights)")
        #expect(throws: TestFailure.self) { try client.readLine() }
      },
      { endpoint in
        _ = try endpoint.open(.inbox, OpenRequest())
        for _ in 1...2 {
          let error = #expect(throws: EndpointError.self) { try making.make(on: endpoint) }
          #expect(error?.code == .cannotRenumber && error?.scope == .mailbox)
        }
        endpoint.connection.abort()
      })
  }

  @Test("who has the rights renumbers", arguments: ["lrwsite", "lrsipcda"])
  func rightGiven(rights: String) throws {
    try withScript(
      "UIDPLUS MOVE ACL",
      { client in
        try Script.open(client, Script.empty)
        try client.answer("MYRIGHTS \"INBOX\"", "* MYRIGHTS \"INBOX\" \(rights)")
        try client.answer("UID MOVE 1 \"INBOX\"", "* OK [COPYUID 5 1 10] moved", "* 1 EXPUNGE")
      },
      { endpoint in
        _ = try endpoint.open(.inbox, OpenRequest())
        let outcomes = try endpoint.renumber([.uid(.first)], targets: [])
        #expect(outcomes.map(\.placedUID) == [10])
      })
  }

  @Test(
    "where nothing says so, one copy shows it: no second one is made, and the old one is as it was")
  func copyStays() throws {
    try withScript(
      "UIDPLUS",
      { client in
        try Script.open(client, Script.empty)
        let date = "INTERNALDATE \"01-Jan-2026 00:00:00 +0000\""
        try client.answer("UID FETCH 1 ", "* 1 FETCH (UID 1 FLAGS () \(date))")
        try client.answer("UID COPY 1 \"INBOX\"", with: "OK [COPYUID 5 1 10] done")
        try client.answer("UID FETCH 10 ", "* 3 FETCH (UID 10 FLAGS () \(date))")
        try client.answer("UID STORE 1 +FLAGS", with: "NO [NOPERM] not yours")
        try client.answer("UID EXPUNGE 1", with: "NO [NOPERM] not yours")
        try client.answer("UID SEARCH UID 1", "* SEARCH 1")
        try client.answer("UID STORE 1 -FLAGS.SILENT (\\Deleted)", with: "NO [NOPERM] not yours")
        try client.answer("UID STORE 10 +FLAGS", with: "NO [NOPERM] not yours")
        try client.answer("UID EXPUNGE 10", with: "NO [NOPERM] not yours")
        try client.answer("UID SEARCH UID 10", "* SEARCH 10")
        #expect(throws: TestFailure.self) { try client.readLine() }
      },
      { endpoint in
        _ = try endpoint.open(.inbox, OpenRequest())
        let second = try #require(UID(2))
        let error = #expect(throws: EndpointError.self) {
          try endpoint.renumber([.uid(.first), .uid(second)], targets: [])
        }
        #expect(error?.code == .cannotRenumber)
        endpoint.connection.abort()
      })
  }

  @Test("where nothing says so, one filler shows it") func fillerStays() throws {
    try withScript(
      "UIDPLUS MULTIAPPEND LITERAL+",
      { client in
        try Script.open(client, Script.empty)
        try client.answer("STATUS \"INBOX\"", "* STATUS INBOX (UIDNEXT 10)")
        try Self.takeFiller(client, "OK [APPENDUID 5 10] done")
        for _ in 1...2 {
          try client.answer("UID STORE 10 +FLAGS")
          try client.answer("UID EXPUNGE 10")
          try client.answer("UID SEARCH UID 10", "* SEARCH 10")
        }
        #expect(throws: TestFailure.self) { try client.readLine() }
      },
      { endpoint in
        _ = try endpoint.open(.inbox, OpenRequest())
        let error = #expect(throws: EndpointError.self) { try endpoint.pad(to: .last) }
        #expect(error?.code == .cannotRenumber)
        endpoint.connection.abort()
      })
  }

  @Test(
    "a filler that is refused for now says nothing of another time",
    arguments: [
      ("NO [OVERQUOTA] full", true, FailureCode.overQuota), ("NO [INUSE] wait", true, .refused),
      ("NO [NOPERM] not yours", false, .cannotRenumber), ("NO no", true, .refused),
    ])
  func fillerRefused(answer: String, isForNow: Bool, code: FailureCode) throws {
    try withScript(
      "UIDPLUS MULTIAPPEND LITERAL+",
      { client in
        try Script.open(client, Script.empty)
        try client.answer("STATUS \"INBOX\"", "* STATUS INBOX (UIDNEXT 10)")
        try Self.takeFiller(client, answer)
      },
      { endpoint in
        _ = try endpoint.open(.inbox, OpenRequest())
        let error = #expect(throws: EndpointError.self) { try endpoint.pad(to: .last) }
        #expect(error?.isForNow == isForNow && error?.code == code && error?.scope == .mailbox)
      })
  }

  @Test(
    "a renumbering that is refused for now is tried again",
    arguments: ["OVERQUOTA", "LIMIT", "INUSE", "UNAVAILABLE", "SERVERBUG"])
  func refusedForNow(code: String) throws {
    try withScript(
      "UIDPLUS",
      { client in
        try Script.open(client, Script.empty)
        for _ in 1...2 {
          try client.answer("UID FETCH 1 ")
          try client.answer("UID COPY 1 \"INBOX\"", with: "NO [\(code)] not now")
        }
      },
      { endpoint in
        _ = try endpoint.open(.inbox, OpenRequest())
        for _ in 1...2 {
          let error = #expect(throws: EndpointError.self) {
            try endpoint.renumber([.uid(.first)], targets: [])
          }
          #expect(error?.isForNow == true && error?.code != .cannotRenumber)
        }
      })
  }

  @Test("flags that the user may not set are not put back; a copy that loses others goes again")
  func flags() throws {
    try withScript(
      "UIDPLUS",
      { client in
        try Self.open(client, keeping: "\\Seen \\Deleted")
        let date = "INTERNALDATE \"01-Jan-2026 00:00:00 +0000\""
        try client.answer("UID FETCH 1 ", "* 1 FETCH (UID 1 FLAGS (\\Flagged) \(date))")
        try client.answer("UID COPY 1 \"INBOX\"", with: "OK [COPYUID 5 1 10] done")
        try client.answer("UID FETCH 10 ", "* 3 FETCH (UID 10 FLAGS () \(date))")
        try client.answer("UID STORE 1 +FLAGS")
        try client.answer("UID EXPUNGE 1", "* VANISHED 1")
        try client.answer("UID FETCH 2 ", "* 1 FETCH (UID 2 FLAGS (\\Seen) \(date))")
        try client.answer("UID COPY 2 \"INBOX\"", with: "OK [COPYUID 5 2 11] done")
        try client.answer("UID FETCH 11 ", "* 3 FETCH (UID 11 FLAGS () \(date))")
        try client.answer("UID STORE 11 +FLAGS.SILENT (\\Seen)", with: "NO [NOPERM] not yours")
        try client.answer("UID STORE 11 +FLAGS")
        try client.answer("UID EXPUNGE 11", "* VANISHED 11")
      },
      { endpoint in
        _ = try endpoint.open(.inbox, OpenRequest())
        let outcomes = try endpoint.renumber([.uid(.first)], targets: [])
        #expect(outcomes.map(\.placedUID) == [10])
        let second = try #require(UID(2))
        let error = #expect(throws: EndpointError.self) {
          try endpoint.renumber([.uid(second)], targets: [])
        }
        #expect(error?.code == .cannotRenumber)
      })
  }
}
