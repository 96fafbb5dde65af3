import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

/// Servers that are odd, wrong or hostile.
@Suite("IMAP endpoint on odd servers") struct ScriptedEndpointTests {
  @Test("EXISTS is more than is shown: asked again, then believed or not")
  func wrongExists() throws {
    try withScript(
      "",
      { client in
        try Script.open(
          client,
          [
            "SELECTED* 3 EXISTS\r\n* OK [UIDNEXT 10] ok\r\nTAG OK done\r\n",
            "* 1 FETCH (UID 1 FLAGS () INTERNALDATE \"01-Jan-2020 00:00:00 +0000\" RFC822.SIZE 9)\r\n"
              + "TAG OK done\r\n",
            "* SEARCH 1 4 6\r\nTAG OK done\r\n",
            "* 2 FETCH (UID 4 FLAGS () INTERNALDATE \"01-Jan-2020 00:00:00 +0000\" RFC822.SIZE 9)\r\n"
              + "* 3 FETCH (UID 6 FLAGS () INTERNALDATE \"01-Jan-2020 00:00:00 +0000\" RFC822.SIZE 9)"
              + "\r\nTAG OK done\r\n",
          ])
      },
      { endpoint in
        let observation = try endpoint.open(.inbox, OpenRequest())
        #expect(observation.shownUIDs == [1, 4, 6] && observation.coverage == .full)
      })
    try withScript(
      "",
      { client in
        let search = "* SEARCH 1\r\nTAG OK done\r\n"
        let noop = "TAG OK done\r\n"
        try Script.open(
          client,
          [
            "SELECTED* 3 EXISTS\r\n* OK [UIDNEXT 10] ok\r\nTAG OK done\r\n", "TAG OK done\r\n",
            search, noop, search, noop, search, noop,
          ])
      },
      { endpoint in
        let error = #expect(throws: EndpointError.self) {
          try endpoint.open(.inbox, OpenRequest())
        }
        #expect(error?.code == .protocolViolation && error?.scope == .mailbox)
      })
  }

  @Test("a mailbox without mod-sequences")
  func noModSeq() throws {
    try withScript(
      "CONDSTORE",
      { client in
        try Script.open(
          client,
          [
            "SELECTED* 1 EXISTS\r\n* OK [UIDNEXT 10] ok\r\n* OK [NOMODSEQ] no\r\nTAG OK done\r\n",
            "TAG BAD no mod-sequences here\r\n",
            "SELECTED* 1 EXISTS\r\n* OK [UIDNEXT 10] ok\r\n* OK [NOMODSEQ] no\r\nTAG OK done\r\n",
            "* 1 FETCH (UID 1 FLAGS (\\Seen) INTERNALDATE \"01-Jan-2020 00:00:00 +0000\""
              + " RFC822.SIZE 9)\r\nTAG OK done\r\n",
          ])
      },
      { endpoint in
        let observation = try endpoint.open(.inbox, OpenRequest())
        #expect(observation.anchor.highestModSeq == nil && observation.shownUIDs == [1])
      })
  }

  @Test("SELECT without UIDNEXT, UIDs without limits")
  func hostileNumbers() throws {
    try withScript(
      "",
      { client in
        try Script.open(
          client,
          [
            "SELECTED* 1 EXISTS\r\nTAG OK done\r\n",
            "* 1 FETCH (UID 4294967295 FLAGS () INTERNALDATE \"01-Jan-2020 00:00:00 +0000\""
              + " RFC822.SIZE 18446744073709551615)\r\nTAG OK done\r\n",
            "* STATUS INBOX (UIDNEXT 7)\r\nTAG OK done\r\n",
          ])
      },
      { endpoint in
        let observation = try endpoint.open(.inbox, OpenRequest())
        #expect(observation.anchor.uidNext == .last)
      })
    let anchor = Anchor(
      uidValidity: UIDValidity(5), uidNext: try #require(UID(10)),
      highestModSeq: ModSequence(3), messages: 4)
    try withScript(
      "ENABLE QRESYNC ESEARCH",
      { client in
        try client.answer("ENABLE", "* ENABLED QRESYNC")
        try Script.open(
          client,
          [
            "SELECTED* 4 EXISTS\r\n* OK [UIDNEXT 10] ok\r\n* OK [HIGHESTMODSEQ 9] ok\r\n"
              + "* VANISHED (EARLIER) 1:4294967295\r\nTAG OK done\r\n",
            "TAG OK done\r\n",
            // Everything is said to be gone, yet EXISTS says that all are there: searched for.
            "* ESEARCH (TAG \"TAG\") UID ALL 1,2,5,9\r\nTAG OK done\r\n",
          ])
      },
      { endpoint in
        let request = OpenRequest(since: anchor, detailsFrom: anchor.uidNext)
        let observation = try endpoint.open(.inbox, request)
        guard case .changes(let vanished) = observation.coverage else {
          Issue.record("not changes")
          return
        }
        #expect(vanished.intersection(uidSet(1, 2, 3, 5, 9)) == uidSet(3))
      })
    try withScript(
      "ENABLE QRESYNC ESEARCH",
      { client in
        try client.answer("ENABLE", "* ENABLED QRESYNC")
        let search = "* ESEARCH (TAG \"TAG\") UID ALL 1:4294967295\r\nTAG OK done\r\n"
        let noop = "TAG OK done\r\n"
        try Script.open(
          client,
          [
            "SELECTED* 2 EXISTS\r\n* OK [UIDNEXT 10] ok\r\n* OK [HIGHESTMODSEQ 9] ok\r\nTAG OK done\r\n",
            "TAG OK done\r\n", search, noop, search, noop, search, noop,
          ])
      },
      { endpoint in
        let request = OpenRequest(since: anchor, detailsFrom: anchor.uidNext)
        let error = #expect(throws: EndpointError.self) { try endpoint.open(.inbox, request) }
        #expect(error?.code == .protocolViolation)
      })
  }

  @Test(
    "COPYUID is taken element by element, and only if it can be right",
    arguments: [
      ("COPYUID 6 3,1:2 20:22", nil), ("COPYUID 5 1:3 20", nil),
      ("COPYUID 5 1:4294967295 1:4294967295", nil), ("COPYUID 5 1:3 20,20,21", nil),
      ("COPYUID 5 3,1:2 20:22", [21, 22, 20]), ("COPYUID 5 1,3 20:21", [20, nil, 21]),
    ] as [(String, [UInt32?]?)])
  func copyUID(_ code: String, _ expected: [UInt32?]?) throws {
    try withScript(
      "UIDPLUS",
      { client in
        try Script.open(client, Script.empty)
        try client.expect("SELECT \"Other\"")
        try client.send(
          Script.selected + "* OK [UIDNEXT 9] ok\r\n\(client.tag) OK [READ-WRITE] done\r\n")
        try client.answer("UID COPY 1:3 \"INBOX\"", with: "OK [\(code)] done")
        if expected?.contains(nil) == true { try client.answer("UID SEARCH UID 2", "* SEARCH") }
      },
      { endpoint in
        _ = try endpoint.open(.inbox, OpenRequest())
        let uids = [1, 2, 3].compactMap { UID($0) }
        if let expected {
          let outcomes = try endpoint.copy(uids, from: .named("Other"), moving: true, targets: [])
          #expect(outcomes.map(\.placedUID) == expected)
        } else {
          let error = #expect(throws: EndpointError.self) {
            try endpoint.copy(uids, from: .named("Other"), moving: true, targets: [])
          }
          #expect(error?.code == .protocolViolation)
        }
      })
  }

  @Test("a refused batch is to be tried one by one, a refused message is told why")
  func refusedBatch() throws {
    try withScript(
      "UIDPLUS MULTIAPPEND LITERAL+",
      { client in
        try Script.open(client, Script.empty)
        for _ in 1...2 {
          try client.expect("APPEND \"INBOX\"")
          let tag = client.tag
          while try !client.readLine().isEmpty {}
          try client.say("\(tag) NO [OVERQUOTA] no room \u{1B}[31m here")
        }
      },
      { endpoint in
        _ = try endpoint.open(.inbox, OpenRequest())
        let texts = (1...3).map { _ in Array("text without empty lines\r\n".utf8) }
        #expect(try endpoint.save(texts) == [.retryAlone, .retryAlone, .retryAlone])
        guard case .refused(.overQuota, let text)? = try endpoint.save([texts[0]]).first else {
          Issue.record("not refused")
          return
        }
        #expect(text.contains("no room") && !text.contains("\u{1B}"))
      })
  }

  @Test("a message that breaks off is taken back, or costs the connection")
  func abandoned() throws {
    let size = 2 << 20
    try withScript(
      "UIDPLUS MULTIAPPEND LITERAL+",
      { client in
        try Script.open(client, Script.empty)
        try client.expect("{\(size)+}")
        let tag = client.tag
        _ = try client.readBytes(size)
        try client.expect("{0+}")
        try client.readLine()
        try client.say("\(tag) NO taken back")
      },
      { endpoint in
        _ = try endpoint.open(.inbox, OpenRequest())
        let saver = try endpoint.saver()
        try saver.begin(
          SaveItem(flags: .empty, date: InternalDate(seconds: 0)), size: 9, form: .wire)
        try saver.abandon()
        let item = SaveItem(flags: .empty, date: InternalDate(seconds: 0))
        try saver.begin(item, size: UInt64(size), form: .wire)
        try Array("broken".utf8).withBytes { (bytes) throws(EndpointError) in
          try saver.write(bytes)
        }
        try saver.abandon()
        #expect(try saver.commit().isEmpty)
      })
    try withScript(
      "UIDPLUS LITERAL+",
      { client in
        try Script.open(client, Script.empty)
        _ = client.waitForEnd()
      },
      { endpoint in
        _ = try endpoint.open(.inbox, OpenRequest())
        let saver = try endpoint.saver()
        let item = SaveItem(flags: .empty, date: InternalDate(seconds: 0))
        try saver.begin(item, size: UInt64(size), form: .wire)
        let error = #expect(throws: EndpointError.self) { try saver.abandon() }
        #expect(error?.code == .connectionLost && error?.scope == .side)
      })
  }

  @Test("a body that comes before its UID, none at all, and one that breaks off")
  func bodies() throws {
    try withScript(
      "UIDPLUS",
      { client in
        try Script.open(client, Script.empty)
        try client.answer(
          "UID FETCH 1:4", "* 1 FETCH (BODY[] {5}", "first UID 1)",
          "* 2 FETCH (UID 2 BODY[] NIL)", "* 9 FETCH (UID 9 BODY[] {5}", "wrong)",
          "* 3 FETCH (UID 3 BODY[] \"third\")")
        // Of the fourth there was no word: is it gone?
        try client.answer("UID SEARCH UID 4", "* SEARCH")
        try client.expect("UID FETCH 5")
        try client.send("* 5 FETCH (UID 5 BODY[] {100}\r\nonly")
      },
      { endpoint in
        _ = try endpoint.open(.inbox, OpenRequest())
        let sink = FetchedMessages()
        try endpoint.fetch((1...4).compactMap { UID($0).map { .uid($0) } }, into: sink)
        #expect(sink.messages.map { $0.handle.uid?.rawValue } == [1, 3])
        #expect(sink.messages.map(\.bytes) == [Array("first".utf8), Array("third".utf8)])
        #expect(sink.missing.map { $0.uid?.rawValue } == [2, 4])
        let error = #expect(throws: EndpointError.self) {
          try endpoint.fetch([.uid(try #require(UID(5)))], into: sink)
        }
        #expect(error?.code == .connectionLost && sink.messages.count == 2)
      })
  }

  @Test("what a conditional STORE rejects is reported, also with NO")
  func modified() throws {
    try withScript(
      "CONDSTORE",
      { client in
        try Script.open(
          client,
          [
            "SELECTED* 0 EXISTS\r\n* OK [UIDNEXT 10] ok\r\n* OK [HIGHESTMODSEQ 9] ok\r\nTAG OK done\r\n",
            "TAG OK done\r\n",
          ])
        try client.answer(
          "UID STORE 1:3 (UNCHANGEDSINCE 7) +FLAGS.SILENT (\\Seen)", with: "OK [MODIFIED 2] some")
        try client.answer(
          "UID STORE 4 (UNCHANGEDSINCE 7) -FLAGS.SILENT (\\Flagged)", with: "NO [MODIFIED 4] all")
        try client.answer("UID STORE 1,3 -FLAGS.SILENT (\\Flagged)")
      },
      { endpoint in
        _ = try endpoint.open(.inbox, OpenRequest())
        let outcome = try endpoint.store([
          StoreOrder(
            uids: uidSet(1, 2, 3), added: FlagSet(.seen), removed: FlagSet(.flagged),
            unchangedSince: ModSequence(7)),
          StoreOrder(
            uids: uidSet(4), added: .empty, removed: FlagSet(.flagged),
            unchangedSince: ModSequence(7)),
        ])
        #expect(outcome == StoreOutcome(rejected: uidSet(2, 4)))
      })
  }

  @Test("renumbering goes from MOVE to COPY to giving up")
  func renumbering() throws {
    try withScript(
      "UIDPLUS MOVE",
      { client in
        try Script.open(client, Script.empty)
        try client.answer("UID MOVE 1 \"INBOX\"", with: "NO [CANNOT] same mailbox")
        try client.answer("UID FETCH 1 (UID FLAGS INTERNALDATE)")
        try client.answer("UID COPY 1 \"INBOX\"", with: "NO same mailbox")
        try client.answer("UID SEARCH UID 1", "* SEARCH 1")
      },
      { endpoint in
        _ = try endpoint.open(.inbox, OpenRequest())
        for _ in 1...2 {
          let error = #expect(throws: EndpointError.self) {
            try endpoint.renumber([.uid(.first)], targets: [])
          }
          #expect(error?.code == .cannotRenumber)
        }
      })
  }

  @Test("a message that is gone before it is copied says nothing of COPY")
  func renumberingGone() throws {
    try withScript(
      "UIDPLUS",
      { client in
        try Script.open(client, Script.empty)
        for _ in 1...2 {
          try client.answer("UID FETCH 1 (UID FLAGS INTERNALDATE)")
          try client.answer("UID COPY 1 \"INBOX\"", with: "NO no such message")
          for _ in 1...2 { try client.answer("UID SEARCH UID 1", "* SEARCH") }
        }
      },
      { endpoint in
        _ = try endpoint.open(.inbox, OpenRequest())
        for _ in 1...2 {
          #expect(try endpoint.renumber([.uid(.first)], targets: []) == [.gone])
        }
      })
  }

  @Test("each message is moved by a command of its own: one that is expunged takes no other along")
  func movedOneByOne() throws {
    try withScript(
      "UIDPLUS MOVE",
      { client in
        try Script.open(client, Script.empty)
        try client.answer(
          "UID MOVE 1 \"INBOX\"", "* OK [COPYUID 5 1 10] moved", "* 1 EXPUNGE")
        try client.answer("UID MOVE 2 \"INBOX\"", with: "NO [EXPUNGEISSUED] some are gone")
        try client.answer("UID SEARCH UID 2", "* SEARCH")
      },
      { endpoint in
        _ = try endpoint.open(.inbox, OpenRequest())
        let second = try #require(UID(2))
        let outcomes = try endpoint.renumber([.uid(.first), .uid(second)], targets: [])
        #expect(outcomes.map(\.placedUID) == [10, nil])
        #expect(outcomes.last == .gone)
      })
  }

  @Test("names of servers with a prefix, and names that can't be ours")
  func names() throws {
    try withScript(
      "NAMESPACE LIST-EXTENDED LIST-STATUS",
      { client in
        try client.answer(
          "NAMESPACE", "* NAMESPACE ((\"INBOX.\" \".\")) ((\"user.\" \".\")) ((\"Public.\" \".\"))")
        try client.answer(
          "LIST \"\" \"*\" RETURN (SUBSCRIBED STATUS (MESSAGES UIDNEXT UIDVALIDITY))",
          "* LIST () \".\" inbox", "* LIST (\\Subscribed) \".\" INBOX.A.B",
          "* STATUS INBOX.A.B (MESSAGES 3 UIDNEXT 8 UIDVALIDITY 2)",
          "* LIST () \".\" INBOX.a/b", "* LIST () \".\" INBOX.x..y", "* LIST () \".\" INBOX.&bad",
          "* LIST () \".\" INBOX.INBOX", "* LIST () \".\" Public.News", "* LIST () \".\" user.bob",
          "* LIST () \".\" elsewhere", "* LIST () \".\" INBOX...")
        try client.answer("CREATE \"INBOX.C.D\"")
      },
      { endpoint in
        let listing = try endpoint.list()
        #expect(
          listing.mailboxes.map(\.name.components) == [["INBOX"], ["A", "B"], ["a/b"]])
        #expect(listing.mailboxes[1].anchor?.messages == 3 && listing.mailboxes[1].isSubscribed)
        #expect(
          listing.unusable.map(\.name) == [
            "INBOX.x..y", "INBOX.&bad", "INBOX.INBOX", "elsewhere", "INBOX...",
          ])
        try endpoint.create(.named("C/D"), specialUse: nil)
        let error = #expect(throws: EndpointError.self) {
          try endpoint.create(.named("with.dot"), specialUse: nil)
        }
        #expect(error?.code == .nameNotPossible)
      })
  }

  @Test("a run with nothing to do costs one round trip, and opening a mailbox one more")
  func roundTrips() throws {
    try withDovecot { endpoint, other in
      _ = try other.open(.inbox, OpenRequest())
      try other.save([testMessage(1), testMessage(2)])
      #expect(endpoint.traits.hasIDs)
      var anchor = try #require(try endpoint.list(withIDs: false).mailboxes.first?.anchor)
      // Not asked for beside a mod-sequence.
      anchor.messages = 2
      #expect(endpoint.traffic.roundTrips == 1)
      let request = OpenRequest(since: anchor, recheck: uidSet(1), detailsFrom: anchor.uidNext)
      _ = try endpoint.open(.inbox, request)
      #expect(endpoint.traffic.roundTrips == 2)
      _ = try endpoint.store([StoreOrder(uids: uidSet(1), added: FlagSet(.seen), removed: .empty)])
      #expect(endpoint.traffic.roundTrips == 3)
      _ = try endpoint.expunge(uidSet(1))
      #expect(endpoint.traffic.roundTrips == 4)
      try endpoint.save([testMessage(3), testMessage(4)])
      #expect(endpoint.traffic.roundTrips == 5)
    }
  }
}
