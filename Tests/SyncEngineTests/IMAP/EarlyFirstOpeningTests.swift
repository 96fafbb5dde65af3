import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

/// Small mailboxes that a server has to tell everything of, asked for together.
@Suite("Early first openings") struct EarlyFirstOpeningTests {
  private static let names = ["A", "B", "C"].map { MailboxName.named($0) }
  private static let mode = " (CONDSTORE)"

  /// A mailbox that has these messages.
  private static func told(_ uids: [Int], exists: Int? = nil) -> String {
    EarlyScript.selected(exists: exists ?? uids.count) + "* OK [HIGHESTMODSEQ 3] ok\r\n"
      + uids.enumerated().map { EarlyScript.details($1, number: $0 + 1) }.joined()
  }

  private static func answer(
    _ client: ScriptedClient, _ tags: [String], _ told: String, isFirst: Bool = false
  ) throws {
    let closed = isFirst ? "" : "* OK [CLOSED] left\r\n"
    try client.send("\(closed)\(told)\(tags[0]) OK done\r\n\(tags[1]) OK done\r\n")
  }

  private func withQResync(
    _ script: @escaping @Sendable (ScriptedClient) throws -> Void,
    _ body: (IMAPEndpoint) throws -> Void
  ) throws {
    try withQResyncScript(script) { endpoint in
      endpoint.foresee(Self.names.map { ForeseenOpening($0, OpenRequest()) })
      try body(endpoint)
    }
  }

  @Test("all are asked for before any is answered, and each is told what is its own")
  func together() throws {
    try withQResync(
      { client in
        let tags = try client.flight(["A", "B", "C"], mode: Self.mode)
        try Self.answer(client, tags[0], Self.told([1]), isFirst: true)
        // Of the former one, after all that it was asked for.
        try client.send(EarlyScript.details(7, number: 2) + "* VANISHED 8\r\n* 2 EXISTS\r\n")
        try Self.answer(client, tags[1], Self.told([2, 5]))
        try Self.answer(client, tags[2], Self.told([]))
      },
      { endpoint in
        let start = endpoint.traffic.roundTrips
        let shown = try Self.names.map { try endpoint.open($0, OpenRequest()) }
        #expect(shown.map(\.shownUIDs) == [[1], [2, 5], []])
        #expect(shown.allSatisfy { $0.coverage == .full && $0.anchor.highestModSeq != nil })
        #expect(shown.map(\.anchor.messages) == [1, 2, 0])
        // Two of them for what comes before a mailbox is opened.
        #expect(endpoint.traffic.roundTrips == start + 3)
        #expect(endpoint.observer.mailbox?.name == Self.names[2])
      })
  }

  @Test("one of which not all is shown is asked anew, the others are not")
  func beginsAnew() throws {
    try withQResync(
      { client in
        let tags = try client.flight(["A", "B", "C"], mode: Self.mode)
        try Self.answer(client, tags[0], Self.told([1]), isFirst: true)
        try Self.answer(client, tags[1], Self.told([2], exists: 2))
        try Self.answer(client, tags[2], Self.told([3]))
        let again = try client.flight(["B"], mode: Self.mode)
        try Self.answer(client, again[0], Self.told([2, 4]))
      },
      { endpoint in
        let shown = try Self.names.map { try endpoint.open($0, OpenRequest()) }
        #expect(shown.map(\.shownUIDs) == [[1], [2, 4], [3]])
      })
  }

  @Test("a mailbox that keeps no mod-sequences is asked anew without them")
  func withoutModSequences() throws {
    try withQResync(
      { client in
        let tags = try client.flight(["A", "B", "C"], mode: Self.mode)
        let bare = Self.told([2]).replacing("HIGHESTMODSEQ 3", with: "NOMODSEQ")
        try Self.answer(client, tags[0], Self.told([1]), isFirst: true)
        try Self.answer(client, tags[1], bare)
        try Self.answer(client, tags[2], Self.told([3]))
        let again = try client.flight(["B"])
        try Self.answer(client, again[0], bare)
      },
      { endpoint in
        let shown = try Self.names.map { try endpoint.open($0, OpenRequest()) }
        #expect(shown.map(\.shownUIDs) == [[1], [2], [3]])
        #expect(shown.map(\.anchor.highestModSeq?.rawValue) == [3, nil, 3])
      })
  }

  @Test("a refusal is that of the mailbox which it is about", arguments: [0, 1, 2])
  func refused(_ number: Int) throws {
    try withQResync(
      { client in
        let tags = try client.flight(["A", "B", "C"], mode: Self.mode)
        for (index, tags) in tags.enumerated() {
          if index == number {
            try client.say("\(tags[0]) NO not for you", "\(tags[1]) BAD nothing is selected")
          } else {
            let isFirst = index == 0 || index == number + 1
            try Self.answer(client, tags, Self.told([index + 1]), isFirst: isFirst)
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
      })
  }

  @Test("what follows is taken off the wire before a Maildir is read")
  func takenOff() throws {
    try withQResync(
      { client in
        let tags = try client.flight(["A", "B", "C"], mode: Self.mode)
        for (index, tags) in tags.enumerated() {
          try Self.answer(client, tags, Self.told([index + 1]), isFirst: index == 0)
        }
      },
      { endpoint in
        _ = try endpoint.open(Self.names[0], OpenRequest())
        #expect(endpoint.observer.expected.isEmpty)
        let second = try endpoint.open(Self.names[1], OpenRequest())
        #expect(second.shownUIDs == [2])
      })
  }

  @Test("ten mailboxes of a Dovecot, whatever it lacks", arguments: Self.profiles)
  func dovecot(_ profile: ServerProfileCase) throws {
    try withDovecot(profile) { endpoint, other in
      let names = (0..<10).map { MailboxName.named("box\($0)") }
      for (number, name) in names.enumerated() {
        try other.create(name, specialUse: nil)
        _ = try other.open(name, OpenRequest())
        try other.save((0...number).map { testMessage(100 * number + $0) })
      }
      _ = try endpoint.list()
      endpoint.foresee(names.map { ForeseenOpening($0, OpenRequest()) })
      let start = endpoint.traffic.roundTrips
      for (number, name) in names.enumerated() {
        let observation = try endpoint.open(name, OpenRequest())
        let again = try other.open(name, OpenRequest())
        #expect(observation.coverage == .full && observation.messages.count == number + 1)
        #expect(observation.messages == again.messages)
        #expect(observation.anchor.uidNext == again.anchor.uidNext)
      }
      let canLeave = !profile.disabled.contains(.unselect)
      #expect(endpoint.asksAhead == canLeave && endpoint.traits.asksAhead == canLeave)
      #expect(endpoint.traffic.roundTrips == start + (canLeave ? 1 : 10))
      try endpoint.select(names[9])
      #expect(try endpoint.text(of: 3) == testMessage(902))
      try endpoint.select(names[2])
      #expect(try endpoint.text(of: 3) == testMessage(202))
    }
  }

  private static let profiles = [
    ServerProfileCase("everything"), ServerProfileCase("no QRESYNC", "QRESYNC"),
    ServerProfileCase("no CONDSTORE", "QRESYNC", "CONDSTORE", "ENABLE"),
    ServerProfileCase("no UNSELECT", "QRESYNC", "UNSELECT"),
  ]
}
