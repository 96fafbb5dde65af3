import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

/// Mailboxes that are asked for together because they are going to be opened one after the other.
@Suite("Early openings") struct EarlyOpeningTests {
  private static let names = ["A", "B", "C"].map { MailboxName.named($0) }

  /// Five messages; mod-sequence 3.
  private static let request: OpenRequest = {
    let anchor = Anchor(
      uidValidity: UIDValidity(5), uidNext: UID(10) ?? .first, highestModSeq: ModSequence(3),
      messages: 5)
    return OpenRequest(since: anchor, detailsFrom: anchor.uidNext)
  }()

  private static let openings = names.map { ForeseenOpening($0, request) }

  /// What is told of one mailbox: message `uid` was flagged.
  private static func told(_ uid: Int, exists: Int = 5) -> String {
    Script.selected
      + "* \(exists) EXISTS\r\n* OK [UIDNEXT 10] ok\r\n* OK [HIGHESTMODSEQ \(uid + 3)] ok\r\n"
      + "* 1 FETCH (UID \(uid) FLAGS (\\Seen) MODSEQ (\(uid + 3)))\r\n"
  }

  private static func flight(_ client: ScriptedClient, _ names: String...) throws -> [[String]] {
    try client.flight(names, mode: " (QRESYNC")
  }

  private static func answer(
    _ client: ScriptedClient, _ tags: [String], _ told: String, isFirst: Bool = false
  ) throws {
    let closed = isFirst ? "" : "* OK [CLOSED] left\r\n"
    try client.send("\(closed)\(told)\(tags[0]) OK done\r\n\(tags[1]) OK done\r\n")
  }

  private func changed(_ observation: Observation) -> [UInt32] {
    #expect(observation.coverage == .changes(vanished: UIDSet()))
    return observation.shownUIDs
  }

  private func expectChanged(
    _ endpoint: IMAPEndpoint, _ name: MailboxName, _ request: OpenRequest, _ uids: [UInt32],
    _ place: SourceLocation = #_sourceLocation
  ) throws {
    let observation = try endpoint.open(name, request)
    #expect(changed(observation) == uids, sourceLocation: place)
  }

  private func withQResync(
    _ script: @escaping @Sendable (ScriptedClient) throws -> Void,
    _ body: (IMAPEndpoint) throws -> Void
  ) throws {
    try withQResyncScript(script) { endpoint in
      endpoint.foresee(Self.openings)
      try body(endpoint)
    }
  }

  @Test("all are asked for before any is answered, and each is told what is its own")
  func together() throws {
    try withQResync(
      { client in
        let tags = try Self.flight(client, "A", "B", "C")
        try Self.answer(client, tags[0], Self.told(1), isFirst: true)
        // Of the former one, after all that it was asked for.
        try client.send("* 2 FETCH (UID 7 FLAGS (\\Deleted))\r\n* VANISHED 8\r\n")
        try Self.answer(client, tags[1], Self.told(2))
        try Self.answer(client, tags[2], Self.told(3))
      },
      { endpoint in
        let start = endpoint.traffic.roundTrips
        let shown = try Self.names.map { try endpoint.open($0, Self.request) }
        #expect(shown.map(changed) == [[1], [2], [3]])
        #expect(shown.map(\.anchor.highestModSeq?.rawValue) == [4, 5, 6])
        // Two of them for what comes before a mailbox is opened.
        #expect(endpoint.traffic.roundTrips == start + 3)
        #expect(endpoint.observer.mailbox?.name == Self.names[2])
      })
  }

  @Test("one that is worked on meanwhile is selected again, and the others need not be asked again")
  func workBetween() throws {
    try withQResync(
      { client in
        let tags = try Self.flight(client, "A", "B", "C")
        try Self.answer(client, tags[0], Self.told(1), isFirst: true)
        try client.expect("SELECT \"A\"")
        let select = client.tag
        // Only now come the answers to the others.
        try Self.answer(client, tags[1], Self.told(2))
        try Self.answer(client, tags[2], Self.told(3))
        try client.send("* OK [CLOSED] left\r\n\(Self.told(9))\(select) OK done\r\n")
        try client.answer(
          "UID FETCH 4",
          "* 1 FETCH (UID 4 FLAGS () INTERNALDATE \"01-Jan-2020 00:00:00 +0000\" RFC822.SIZE 9)")
        try client.expect("SELECT \"C\"")
        try client.send(
          "* OK [CLOSED] left\r\n\(Self.told(9))\(client.tag) OK done\r\n")
        try client.answer("UID FETCH 5")
      },
      { endpoint in
        try expectChanged(endpoint, Self.names[0], Self.request, [1])
        let described = try endpoint.describe(uidSet(4))
        #expect(described.map(\.handle) == [.uid(UID(4) ?? .first)])
        try expectChanged(endpoint, Self.names[1], Self.request, [2])
        try expectChanged(endpoint, Self.names[2], Self.request, [3])
        let gone = try endpoint.describe(uidSet(5))
        #expect(gone.isEmpty)
      })
  }

  @Test("more than one flight is needed: that one is asked anew, the others are not")
  func beginsAnew() throws {
    try withQResync(
      { client in
        let tags = try Self.flight(client, "A", "B", "C")
        // One more is gone than is named.
        try Self.answer(client, tags[0], Self.told(1, exists: 4), isFirst: true)
        let again = try Self.flight(client, "A")
        try Self.answer(client, tags[1], Self.told(2))
        try Self.answer(client, tags[2], Self.told(3))
        try Self.answer(client, again[0], Self.told(1, exists: 4))
        try client.answer("UID SEARCH", "* ESEARCH (TAG \"TAG\") UID ALL 1:4")
      },
      { endpoint in
        let first = try endpoint.open(Self.names[0], Self.request)
        #expect(first.coverage == .present(uidSet(1, 2, 3, 4)) && first.anchor.messages == 4)
        try expectChanged(endpoint, Self.names[1], Self.request, [2])
        try expectChanged(endpoint, Self.names[2], Self.request, [3])
      })
  }

  @Test("what was asked early is thrown away as soon as something is written")
  func writing() throws {
    try withQResync(
      { client in
        let tags = try Self.flight(client, "A", "B", "C")
        try Self.answer(client, tags[0], Self.told(1), isFirst: true)
        try client.expect("SELECT \"A\"")
        let select = client.tag
        try Self.answer(client, tags[1], Self.told(2))
        try Self.answer(client, tags[2], Self.told(3))
        try client.send("* OK [CLOSED] left\r\n\(Self.told(1))\(select) OK done\r\n")
        try client.answer("UID STORE 1", "* 1 FETCH (UID 1 FLAGS (\\Answered) MODSEQ (12))")
        let again = try Self.flight(client, "B")
        try Self.answer(client, again[0], Self.told(4))
      },
      { endpoint in
        try expectChanged(endpoint, Self.names[0], Self.request, [1])
        let order = StoreOrder(uids: uidSet(1), added: FlagSet(.answered), removed: .empty)
        _ = try endpoint.store([order])
        try expectChanged(endpoint, Self.names[1], Self.request, [4])
      })
  }

  @Test("one that is opened otherwise, or not at all, is not taken for what was asked")
  func otherRequest() throws {
    try withQResync(
      { client in
        let tags = try Self.flight(client, "A", "B", "C")
        try Self.answer(client, tags[0], Self.told(1), isFirst: true)
        let again = try Self.flight(client, "B")
        try Self.answer(client, tags[1], Self.told(2))
        try Self.answer(client, tags[2], Self.told(3))
        try Self.answer(client, again[0], Self.told(4))
        let last = try Self.flight(client, "A")
        try Self.answer(client, last[0], Self.told(5))
      },
      { endpoint in
        try expectChanged(endpoint, Self.names[0], Self.request, [1])
        var other = Self.request
        other.probe = uidSet(4)
        try expectChanged(endpoint, Self.names[1], other, [4])
        try expectChanged(endpoint, Self.names[2], Self.request, [3])
        endpoint.foresee([])
        try expectChanged(endpoint, Self.names[0], Self.request, [5])
      })
  }

  @Test("answers that come when nobody waits for them any more are nobody's")
  func lateAnswers() throws {
    try withQResync(
      { client in
        let tags = try Self.flight(client, "A", "B", "C")
        try Self.answer(client, tags[0], Self.told(1), isFirst: true)
        let again = try Self.flight(client, "A", "B", "C")
        try Self.answer(client, tags[1], Self.told(2))
        try Self.answer(client, tags[2], Self.told(3))
        for (index, tags) in again.enumerated() {
          try Self.answer(client, tags, Self.told(index + 4))
        }
      },
      { endpoint in
        try expectChanged(endpoint, Self.names[0], Self.request, [1])
        endpoint.foresee(Self.openings)
        let shown = try Self.names.map { try endpoint.open($0, Self.request) }
        #expect(shown.map(changed) == [[4], [5], [6]])
      })
  }

  @Test("a refusal is that of the mailbox which it is about", arguments: [0, 1, 2])
  func refused(_ number: Int) throws {
    try withQResync(
      { client in
        let tags = try Self.flight(client, "A", "B", "C")
        for (index, tags) in tags.enumerated() {
          if index == number {
            try client.say("\(tags[0]) NO not for you", "\(tags[1]) BAD nothing is selected")
          } else {
            let isFirst = index == 0 || index == number + 1
            try Self.answer(client, tags, Self.told(index + 1), isFirst: isFirst)
          }
        }
      },
      { endpoint in
        for (index, name) in Self.names.enumerated() {
          if index == number {
            let error = #expect(throws: EndpointError.self) {
              try endpoint.open(name, Self.request)
            }
            #expect(error?.scope == .mailbox && error?.message.contains("not for you") == true)
          } else {
            try expectChanged(endpoint, name, Self.request, [UInt32(index + 1)])
          }
        }
      })
  }

  @Test("a connection that is lost in between is lost when the mailbox has its turn")
  func lost() throws {
    try withQResync(
      { client in
        let tags = try Self.flight(client, "A", "B", "C")
        try Self.answer(client, tags[0], Self.told(1), isFirst: true)
        try client.send("* OK [CLOSED] left\r\n" + Self.told(2))
      },
      { endpoint in
        try expectChanged(endpoint, Self.names[0], Self.request, [1])
        let error = #expect(throws: EndpointError.self) {
          try endpoint.open(Self.names[1], Self.request)
        }
        #expect(error?.scope == .side && error?.code == .connectionLost)
      })
  }

  @Test("a server that answers out of order is not believed, and asked about one after the other")
  func outOfOrder() throws {
    try withQResync(
      { client in
        let tags = try Self.flight(client, "A", "B", "C")
        try client.send(Self.told(1) + "\(tags[0][0]) OK done\r\n")
        try Self.answer(client, tags[1], Self.told(2))
        try client.say("\(tags[0][1]) OK done")
        try Self.answer(client, tags[2], Self.told(3))
        for (uid, name) in zip(4..., ["A", "B", "C"]) {
          try Self.answer(client, try Self.flight(client, name)[0], Self.told(uid))
        }
      },
      { endpoint in
        for (uid, name) in zip(UInt32(4)..., Self.names) {
          try expectChanged(endpoint, name, Self.request, [uid])
        }
        #expect(!endpoint.asksAhead && endpoint.observer.expected.isEmpty)
      })
  }

  @Test("a server that does not take QRESYNC is asked otherwise")
  func brokenQResync() throws {
    try withQResync(
      { client in
        let tags = try Self.flight(client, "A", "B", "C")
        for tag in tags.joined() { try client.say("\(tag) BAD what?") }
        for uid in 1...3 {
          try client.expect("CONDSTORE")
          try client.send(Self.told(uid) + "\(client.tag) OK done\r\n")
          try client.answer("CHANGEDSINCE")
          try client.answer("UID FETCH")
          try client.answer("UID SEARCH", "* ESEARCH (TAG \"TAG\") UID ALL 1:5")
        }
      },
      { endpoint in
        for (index, name) in Self.names.enumerated() {
          let observation = try endpoint.open(name, Self.request)
          #expect(observation.shownUIDs == [UInt32(index + 1)])
        }
      })
  }

  @Test("new mail in ten mailboxes of a Dovecot: one round trip, and what each has is told of it")
  func dovecot() throws {
    try withDovecot { endpoint, other in
      let names = (0..<10).map { MailboxName.named("box\($0)") }
      var openings: [ForeseenOpening] = []
      for (number, name) in names.enumerated() {
        try other.create(name, specialUse: nil)
        _ = try other.open(name, OpenRequest())
        try other.save([testMessage(number), testMessage(100 + number)])
        let anchor = try other.open(name, OpenRequest()).anchor
        openings.append(
          ForeseenOpening(name, OpenRequest(since: anchor, detailsFrom: anchor.uidNext)))
        try other.save([testMessage(200 + number)])
        _ = try other.expunge(uidSet(UInt32(1 + number % 2)))
      }
      _ = try endpoint.list()
      endpoint.foresee(openings)
      let start = endpoint.traffic.roundTrips
      for (number, opening) in openings.enumerated() {
        let observation = try endpoint.open(opening.mailbox, opening.request)
        let again = try other.open(opening.mailbox, opening.request)
        #expect(observation.shownUIDs == [3] && observation.messages == again.messages)
        #expect(observation.coverage == .changes(vanished: uidSet(UInt32(1 + number % 2))))
        #expect(observation.anchor == again.anchor && observation.mailboxID == again.mailboxID)
      }
      #expect(endpoint.traffic.roundTrips == start + 1)
      try endpoint.select(names[9])
      #expect(try endpoint.text(of: 3) == testMessage(209))
      try endpoint.select(names[2])
      #expect(try endpoint.text(of: 3) == testMessage(202))
    }
  }
}
