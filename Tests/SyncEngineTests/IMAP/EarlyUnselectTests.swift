import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

/// Mailboxes of a server without QRESYNC that are asked for together: each is left before the next one is selected.
@Suite("Early openings without QRESYNC") struct EarlyUnselectTests {
  private static let names = ["A", "B", "C"].map { MailboxName.named($0) }

  private struct Tags {
    var own: [String]
    var unselect: String?
  }

  /// SELECT and what goes out with it of each, and UNSELECT behind all but the last.
  private static func flight(
    _ client: ScriptedClient, _ names: [String] = ["A", "B", "C"],
    commands: [String] = ["UID FETCH"]
  ) throws -> [Tags] {
    try names.enumerated().map { index, name in
      var tags: [String] = []
      for command in ["SELECT \"\(name)\""] + commands {
        try client.expect(command)
        tags.append(client.tag)
      }
      guard index < names.count - 1 else { return Tags(own: tags) }
      try client.expect("UNSELECT")
      return Tags(own: tags, unselect: client.tag)
    }
  }

  private static func told(_ uids: Int...) -> String {
    EarlyScript.selected(exists: uids.count)
      + uids.enumerated().map { EarlyScript.details($1, number: $0 + 1) }.joined()
  }

  private static func answer(
    _ client: ScriptedClient, _ tags: Tags, _ told: String, unselect: String = "OK left"
  ) throws {
    try client.send(told + tags.own.map { "\($0) OK done\r\n" }.joined())
    if let tag = tags.unselect { try client.say("\(tag) \(unselect)") }
  }

  private func withServer(
    offering capabilities: String = "UNSELECT", asking request: OpenRequest = OpenRequest(),
    _ script: @escaping @Sendable (ScriptedClient) throws -> Void,
    _ body: (IMAPEndpoint) throws -> Void
  ) throws {
    try withScript(
      capabilities,
      { client in
        try client.answer("LIST \"\" \"\"", "* LIST (\\Noselect) \"/\" \"\"")
        try script(client)
      },
      { endpoint in
        endpoint.foresee(Self.names.map { ForeseenOpening($0, request) })
        try body(endpoint)
      })
  }

  private func expectShown(
    _ endpoint: IMAPEndpoint, _ shown: [[UInt32]], _ place: SourceLocation = #_sourceLocation
  ) throws {
    for (name, uids) in zip(Self.names, shown) {
      let observation = try endpoint.open(name, OpenRequest())
      #expect(
        observation.shownUIDs == uids && observation.coverage == .full, sourceLocation: place)
    }
  }

  @Test(
    "all are asked for before any is answered, and what is told until one is left is not the next one's"
  )
  func together() throws {
    try withServer(
      { client in
        let tags = try Self.flight(client)
        for (uid, tags) in zip(1..., tags) {
          try client.send(Self.told(uid) + tags.own.map { "\($0) OK done\r\n" }.joined())
          guard let unselect = tags.unselect else { continue }
          // Somebody is at work there.
          try client.send("* 1 EXPUNGE\r\n\(EarlyScript.details(8))* 7 EXISTS\r\n* SEARCH 9\r\n")
          try client.say("* OK [UIDNEXT 77] what?", "\(unselect) OK left")
        }
      },
      { endpoint in
        let start = endpoint.traffic.roundTrips
        try expectShown(endpoint, [[1], [2], [3]])
        // One of them for what comes before a mailbox is opened.
        #expect(endpoint.traffic.roundTrips == start + 2)
        #expect(endpoint.observer.mailbox?.name == Self.names[2])
        #expect(endpoint.observer.expected.isEmpty)
      })
  }

  @Test("with mod-sequences: what has changed, and what is there")
  func condStore() throws {
    let anchor = Anchor(
      uidValidity: UIDValidity(5), uidNext: UID(10) ?? .first, highestModSeq: ModSequence(3),
      messages: 2)
    let request = OpenRequest(since: anchor, detailsFrom: anchor.uidNext)
    try withServer(
      offering: "CONDSTORE UNSELECT", asking: request,
      { client in
        let tags = try Self.flight(
          client, commands: ["CHANGEDSINCE 3", "UID FETCH 10", "UID SEARCH ALL"])
        for (uid, tags) in zip(1..., tags) {
          let told =
            EarlyScript.selected(exists: 2) + "* OK [HIGHESTMODSEQ 4] ok\r\n"
            + "* 1 FETCH (UID \(uid) FLAGS (\\Seen) MODSEQ (4))\r\n* SEARCH \(uid) \(uid + 1)\r\n"
          try Self.answer(client, tags, told)
        }
      },
      { endpoint in
        for (uid, name) in zip(UInt32(1)..., Self.names) {
          let observation = try endpoint.open(name, request)
          #expect(observation.shownUIDs == [uid])
          #expect(observation.coverage == .present(uidSet(uid, uid + 1)))
        }
      })
  }

  @Test("where none could be selected, there is none to be left", arguments: [0, 1, 2])
  func refused(_ number: Int) throws {
    try withServer(
      { client in
        for (index, tags) in try Self.flight(client).enumerated() {
          if index == number {
            try client.say("\(tags.own[0]) NO not for you", "\(tags.own[1]) BAD none is selected")
            if let tag = tags.unselect { try client.say("\(tag) BAD none is selected") }
          } else {
            try Self.answer(client, tags, Self.told(index + 1))
          }
        }
      },
      { endpoint in
        for (index, name) in Self.names.enumerated() {
          if index == number {
            let error = #expect(throws: EndpointError.self) {
              try endpoint.open(name, OpenRequest())
            }
            #expect(error?.scope == .mailbox && error?.message.contains("not for you") == true)
          } else {
            let observation = try endpoint.open(name, OpenRequest())
            #expect(observation.shownUIDs == [UInt32(index + 1)])
          }
        }
        #expect(endpoint.asksAhead)
      })
  }

  @Test("a mailbox that can't be left: nothing that came after it is believed", arguments: [0, 1])
  func notLeft(_ number: Int) throws {
    try withServer(
      { client in
        for (index, tags) in try Self.flight(client).enumerated() {
          let unselect = index == number ? "BAD never heard of it" : "OK left"
          // Perhaps that of the one before.
          try Self.answer(client, tags, Self.told(index + 1), unselect: unselect)
        }
        for uid in 4...6 {
          let tags = try Self.flight(client, [["A", "B", "C"][uid - 4]])
          try Self.answer(client, tags[0], Self.told(uid))
        }
      },
      { endpoint in
        try expectShown(endpoint, [[4], [5], [6]])
        #expect(!endpoint.asksAhead && endpoint.observer.expected.isEmpty)
      })
  }

  @Test("a server that answers out of order is asked about one after the other from then on")
  func outOfOrder() throws {
    try withServer(
      { client in
        let tags = try Self.flight(client)
        try client.send(Self.told(1) + "\(tags[0].own[0]) OK done\r\n")
        try Self.answer(client, tags[1], Self.told(2))
        try client.say("\(tags[0].own[1]) OK done", "\(tags[0].unselect ?? "") OK left")
        try Self.answer(client, tags[2], Self.told(3))
        for uid in 4...6 {
          let tags = try Self.flight(client, [["A", "B", "C"][uid - 4]])
          try Self.answer(client, tags[0], Self.told(uid))
        }
      },
      { endpoint in
        try expectShown(endpoint, [[4], [5], [6]])
        #expect(!endpoint.asksAhead && endpoint.observer.expected.isEmpty)
      })
  }

  @Test(
    "a mailbox that is told of before the one before was left: all are asked about once more",
    arguments: [true, false])
  func tooEarly(_ isSaid: Bool) throws {
    try withServer(
      { client in
        let tags = try Self.flight(client)
        let selected = Self.told(2).replacing("UIDVALIDITY 5", with: "UIDVALIDITY 6")
        // What of it comes too early: all, or all that could be missed.
        let early = isSaid ? selected : "* 1 EXISTS\r\n" + EarlyScript.details(2)
        let late = isSaid ? "" : Script.selected
        try Self.answer(client, Tags(own: tags[0].own), Self.told(1))
        try client.send("\(early)\(tags[0].unselect ?? "") OK left\r\n")
        try Self.answer(client, tags[1], late)
        try Self.answer(client, tags[2], Self.told(3))
        for uid in (isSaid ? 1 : 2)...(isSaid ? 3 : 2) {
          let tags = try Self.flight(client, [["A", "B", "C"][uid - 1]])
          try Self.answer(client, tags[0], Self.told(uid))
        }
      },
      { endpoint in
        try expectShown(endpoint, [[1], [2], [3]])
        #expect(endpoint.asksAhead == !isSaid)
      })
  }

  @Test("one that is worked on is selected again, and the last one need not be")
  func worksBetween() throws {
    try withServer(
      { client in
        for (uid, tags) in zip(1..., try Self.flight(client)) {
          try Self.answer(client, tags, Self.told(uid))
        }
        try client.expect("SELECT \"A\"")
        try client.send("\(EarlyScript.selected(exists: 1))\(client.tag) OK done\r\n")
        try client.answer("UID FETCH 1", EarlyScript.details(1).replacing("\r\n", with: ""))
        try client.expect("SELECT \"C\"")
        try client.send("\(EarlyScript.selected(exists: 1))\(client.tag) OK done\r\n")
        try client.answer("UID FETCH 3", EarlyScript.details(3).replacing("\r\n", with: ""))
        try client.answer("UID FETCH 3", EarlyScript.details(3).replacing("\r\n", with: ""))
      },
      { endpoint in
        var shown = [try endpoint.open(Self.names[0], OpenRequest()).shownUIDs]
        var described = try endpoint.describe(uidSet(1))
        for name in Self.names[1...] {
          shown.append(try endpoint.open(name, OpenRequest()).shownUIDs)
        }
        for _ in 1...2 { described += try endpoint.describe(uidSet(3)) }
        #expect(shown == [[1], [2], [3]])
        #expect(described.map(\.handle) == [1, 3, 3].map { .uid(UID($0) ?? .first) })
      })
  }

  @Test("a name that can't be sent: those before it are told all the same")
  func unsendable() throws {
    let unsendable = MailboxName.named("x/y")
    try withScript(
      "UNSELECT",
      { client in
        // A server without levels has no such name.
        try client.answer("LIST \"\" \"\"", "* LIST (\\Noselect) NIL \"\"")
        let tags = try Self.flight(client, ["A", "B"])
        for (uid, tags) in zip(1..., tags) { try Self.answer(client, tags, Self.told(uid)) }
        try client.answer("UID FETCH 2", EarlyScript.details(2).replacing("\r\n", with: ""))
      },
      { endpoint in
        let names = [Self.names[0], Self.names[1], unsendable, Self.names[2]]
        endpoint.foresee(names.map { ForeseenOpening($0, OpenRequest()) })
        try expectShown(endpoint, [[1], [2]])
        let described = try endpoint.describe(uidSet(2))
        #expect(described.count == 1)
        let error = #expect(throws: EndpointError.self) {
          try endpoint.open(unsendable, OpenRequest())
        }
        #expect(error?.scope == .mailbox)
      })
  }

  @Test(
    "messages: the next mailboxes' are asked for behind those of the first",
    arguments: [true, false])
  func messages(_ isRefused: Bool) throws {
    let text = "Subject: x\r\n\r\nhello\r\n"
    try withServer(
      { client in
        for (index, tags) in try Self.flight(client).enumerated() {
          if isRefused, index == 1 {
            try client.say("\(tags.own[0]) NO not for you", "\(tags.own[1]) BAD none is selected")
            try client.say("\(tags.unselect ?? "") BAD none is selected")
          } else {
            try client.send(EarlyScript.selected(exists: 1) + "\(tags.own[0]) OK done\r\n")
            try client.send("* 1 FETCH (UID 4 BODY[] {\(text.utf8.count)}\r\n\(text))\r\n")
            try client.send("\(tags.own[1]) OK done\r\n* 7 EXISTS\r\n")
            if let tag = tags.unselect { try client.say("\(tag) OK left") }
          }
        }
      },
      { endpoint in
        let uid = UID(4) ?? .first
        endpoint.foresee(fetches: Self.names.map { ForeseenFetch($0, [uid]) })
        for (index, name) in Self.names.enumerated() {
          let sink = FetchedMessages()
          try endpoint.select(name)
          if isRefused, index == 1 {
            let error = #expect(throws: EndpointError.self) {
              try endpoint.fetch([.uid(uid)], into: sink)
            }
            #expect(error?.scope == .mailbox && sink.messages.isEmpty)
          } else {
            try endpoint.fetch([.uid(uid)], into: sink)
            #expect(sink.messages.map(\.bytes) == [Array(text.utf8)])
          }
        }
        #expect(endpoint.observer.mailbox?.name == Self.names[2])
      })
  }

  @Test(
    "contents in one that is not selected any more: one round trip, if it can be selected",
    arguments: [true, false])
  func contents(_ isRefused: Bool) throws {
    try withServer(
      { client in
        for (uid, tags) in zip(1..., try Self.flight(client)) {
          try Self.answer(client, tags, Self.told(uid))
        }
        let tags = try client.flight(["A"])[0]
        if isRefused {
          try client.say("\(tags[0]) NO not any more", "\(tags[1]) BAD none is selected")
        } else {
          try client.send(EarlyScript.selected(exists: 1) + "\(tags[0]) OK done\r\n")
          try client.say(
            "* 1 FETCH (UID 1 RFC822.SIZE 99 BODY[HEADER] {24}", "Message-ID: <1@test>\r\n\r\n)",
            "\(tags[1]) OK done")
        }
      },
      { endpoint in
        _ = try endpoint.open(Self.names[0], OpenRequest())
        if isRefused {
          let error = #expect(throws: EndpointError.self) {
            try endpoint.contents(of: [.uid(.first)])
          }
          #expect(error?.message.contains("not any more") == true)
        } else {
          let contents = try endpoint.contents(of: [.uid(.first)])
          #expect(contents.count == 1)
        }
        let second = try endpoint.open(Self.names[1], OpenRequest())
        #expect(second.shownUIDs == [2])
      })
  }

  @Test("a server that can't leave a mailbox is asked about one after the other")
  func withoutUnselect() throws {
    try withServer(
      offering: "IDLE",
      { client in
        for (uid, name) in zip(1..., ["A", "B", "C"]) {
          try Self.answer(client, try Self.flight(client, [name])[0], Self.told(uid))
        }
      },
      { endpoint in
        try expectShown(endpoint, [[1], [2], [3]])
        #expect(!endpoint.traits.asksAhead)
      })
  }
}
