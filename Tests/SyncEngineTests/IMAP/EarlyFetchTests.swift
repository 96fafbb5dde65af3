import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

/// Messages of several mailboxes that are asked for together because they are going to be fetched one after the other.
@Suite("Early fetches") struct EarlyFetchTests {
  private static let names = ["A", "B", "C"].map { MailboxName.named($0) }
  private static let uids = [4, 7].compactMap { UID($0) }

  private static func handles(_ uids: [UID] = uids) -> [MessageHandle] { uids.map { .uid($0) } }

  private static func text(_ name: String, _ uid: Int) -> String {
    "Subject: \(uid) in \(name)\r\n\r\nhello\r\n"
  }

  private static func body(_ name: String, _ uid: Int) -> String {
    let text = text(name, uid)
    return "* 1 FETCH (UID \(uid) BODY[] {\(text.utf8.count)}\r\n\(text))\r\n"
  }

  private static func answer(
    _ client: ScriptedClient, _ tags: [String], _ name: String, uidValidity: Int = 5,
    shows: [Int] = [4, 7]
  ) throws {
    let selected = Script.selected.replacing("UIDVALIDITY 5", with: "UIDVALIDITY \(uidValidity)")
    let told = selected + "* 9 EXISTS\r\n* OK [UIDNEXT 10] ok\r\n\(tags[0]) OK done\r\n"
    try client.send(told + shows.map { body(name, $0) }.joined() + "\(tags[1]) OK done\r\n")
  }

  private func withEndpoint(
    _ script: @escaping @Sendable (ScriptedClient) throws -> Void,
    _ body: (IMAPEndpoint) throws -> Void
  ) throws {
    try withQResyncScript(script) { endpoint in
      for name in Self.names {
        if let validity = UIDValidity(5) { endpoint.expect(validity, of: name) }
      }
      endpoint.foresee(fetches: Self.names.map { ForeseenFetch($0, Self.uids) })
      try body(endpoint)
    }
  }

  private func fetch(
    _ endpoint: IMAPEndpoint, _ name: MailboxName, _ handles: [MessageHandle] = handles()
  ) throws(EndpointError) -> FetchedMessages {
    let sink = FetchedMessages()
    try endpoint.select(name)
    try endpoint.fetch(handles, into: sink)
    return sink
  }

  private func expectBoth(
    _ endpoint: IMAPEndpoint, _ number: Int, _ place: SourceLocation = #_sourceLocation
  ) throws {
    let name = ["A", "B", "C"][number]
    let sink = try fetch(endpoint, Self.names[number])
    let texts = sink.messages.map { String(decoding: $0.bytes, as: UTF8.self) }
    #expect(texts == [Self.text(name, 4), Self.text(name, 7)], sourceLocation: place)
    #expect(
      sink.messages.map(\.handle) == Self.handles() && sink.missing == [], sourceLocation: place)
  }

  @Test("all are asked for before any is answered, and each gets its own")
  func together() throws {
    try withEndpoint(
      { client in
        let tags = try client.flight(["A", "B", "C"])
        try Self.answer(client, tags[0], "A")
        try Self.answer(client, tags[1], "B")
        try Self.answer(client, tags[2], "C")
      },
      { endpoint in
        for number in 0...2 { try expectBoth(endpoint, number) }
        #expect(
          endpoint.observer.mailbox?.name == Self.names[2] && endpoint.observer.expected.isEmpty)
      })
  }

  @Test(
    "what was asked for in vain is nobody's: other messages are wanted, or something else is done")
  func dropped() throws {
    try withEndpoint(
      { client in
        let tags = try client.flight(["A", "B", "C"])
        for (name, tags) in zip(["A", "B", "C"], tags) { try Self.answer(client, tags, name) }
        let again = try client.flight(["B"])
        try Self.answer(client, again[0], "B", shows: [4])
        let last = try client.flight(["C"])
        try Self.answer(client, last[0], "C")
      },
      { endpoint in
        try expectBoth(endpoint, 0)
        let one = try fetch(endpoint, Self.names[1], Self.handles([Self.uids[0]]))
        #expect(one.messages.map(\.handle) == Self.handles([Self.uids[0]]))
        try expectBoth(endpoint, 2)
      })
  }

  @Test("messages that are not shown are searched for where they were")
  func silent() throws {
    try withEndpoint(
      { client in
        let tags = try client.flight(["A", "B", "C"])
        try Self.answer(client, tags[0], "A", shows: [7])
        try client.expect("SELECT \"A\"")
        let select = client.tag
        try Self.answer(client, tags[1], "B")
        try Self.answer(client, tags[2], "C")
        try client.send(Script.selected + "* 1 EXISTS\r\n\(select) OK done\r\n")
        try client.answer("UID SEARCH", "* ESEARCH (TAG \"TAG\") UID")
        let again = try client.flight(["B"])
        try Self.answer(client, again[0], "B")
      },
      { endpoint in
        let sink = try fetch(endpoint, Self.names[0])
        #expect(sink.messages.map(\.handle) == Self.handles([Self.uids[1]]))
        #expect(sink.missing == Self.handles([Self.uids[0]]))
        try expectBoth(endpoint, 1)
      })
  }

  @Test(
    "a mailbox that was replaced, or is refused, gives nothing, and the next one all",
    arguments: [true, false])
  func replaced(_ isRefused: Bool) throws {
    try withEndpoint(
      { client in
        let tags = try client.flight(["A", "B", "C"])
        try Self.answer(client, tags[0], "A")
        if isRefused {
          try client.say("\(tags[1][0]) NO not for you", "\(tags[1][1]) BAD nothing is selected")
        } else {
          try Self.answer(client, tags[1], "B", uidValidity: 6)
        }
        try Self.answer(client, tags[2], "C")
      },
      { endpoint in
        try expectBoth(endpoint, 0)
        let sink = FetchedMessages()
        try endpoint.select(Self.names[1])
        let error = #expect(throws: EndpointError.self) {
          try endpoint.fetch(Self.handles(), into: sink)
        }
        #expect(error?.scope == .mailbox && sink.messages.isEmpty)
        try expectBoth(endpoint, 2)
      })
  }

  @Test("a connection that is lost in between is lost when the mailbox has its turn")
  func lost() throws {
    try withEndpoint(
      { client in
        let tags = try client.flight(["A", "B", "C"])
        try Self.answer(client, tags[0], "A")
        try client.send(
          Script.selected + "* 9 EXISTS\r\n\(tags[1][0]) OK done\r\n" + Self.body("B", 4))
      },
      { endpoint in
        try expectBoth(endpoint, 0)
        let sink = FetchedMessages()
        try endpoint.select(Self.names[1])
        let error = #expect(throws: EndpointError.self) {
          try endpoint.fetch(Self.handles(), into: sink)
        }
        #expect(error?.scope == .side && sink.messages.count == 1)
      })
  }

  @Test(
    "messages of ten mailboxes of a Dovecot: one round trip",
    arguments: [
      ServerProfileCase("everything"), ServerProfileCase("no QRESYNC", "QRESYNC"),
    ])
  func dovecot(_ profile: ServerProfileCase) throws {
    try withDovecot(profile) { endpoint, other in
      let names = (0..<10).map { MailboxName.named("box\($0)") }
      for (number, name) in names.enumerated() {
        try other.create(name, specialUse: nil)
        _ = try other.open(name, OpenRequest())
        try other.save([testMessage(number), testMessage(100 + number, size: 200 * number)])
      }
      _ = try endpoint.list()
      let uids = [1, 2].compactMap { UID($0) }
      endpoint.foresee(fetches: names.map { ForeseenFetch($0, uids) })
      let start = endpoint.traffic.roundTrips
      for (number, name) in names.enumerated() {
        let sink = try fetch(endpoint, name, Self.handles(uids))
        #expect(
          sink.messages.map(\.bytes)
            == [testMessage(number), testMessage(100 + number, size: 200 * number)])
      }
      #expect(endpoint.traffic.roundTrips == start + 1)
    }
  }
}
