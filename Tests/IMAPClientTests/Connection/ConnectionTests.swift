import TestSupport
import Testing

@testable import IMAPClient

@Suite("Connection") struct ConnectionTests {
  @Test("commands are pipelined, and their answers found by tag")
  func pipelining() throws {
    try withScript(
      { client in
        try preauthenticated(client)
        var tags: [String] = []
        for _ in 1...3 {
          try client.expect("NOOP")
          tags.append(client.tag)
        }
        try client.say("\(tags[2]) NO third", "\(tags[0]) OK first", "\(tags[1]) BAD second")
      },
      { configuration in
        let connection = try IMAPConnection.connect(configuration)
        let tags = try [connection.send(.noop), connection.send(.noop), connection.send(.noop)]
        let conditions = try tags.map { try connection.wait($0).condition }
        #expect(conditions == [.ok, .bad, .no])
        #expect(connection.roundTrips == 1)
      })
  }

  @Test(
    "what ends a connection",
    arguments: [
      ("* BYE going down\r\n", IMAPError.Kind.connectionLost), ("", .connectionLost),
      ("* 1 FETCH (UID 1 BODY[] {100}\r\nonly this", .connectionLost),
      ("garbage\r\n", .protocolViolation), ("m99 OK not asked\r\n", .protocolViolation),
      ("+ go on\r\n", .protocolViolation),
    ])
  func ends(_ text: String, _ kind: IMAPError.Kind) throws {
    try withScript(
      { client in
        try preauthenticated(client)
        try client.expect("NOOP")
        try client.send(text)
      },
      { configuration in
        let connection = try IMAPConnection.connect(configuration)
        #expect(failure { _ = try connection.wait(connection.send(.noop)) } == kind)
        // From now on every call says the same.
        #expect(failure { _ = try connection.send(.noop) } == kind)
        connection.disconnect()
      })
  }

  @Test("a server that falls silent")
  func silence() throws {
    try withScript(
      { $0.timeoutSeconds = 1 },
      { client in
        try preauthenticated(client)
        #expect(client.waitForEnd())
      },
      { configuration in
        let connection = try IMAPConnection.connect(configuration)
        #expect(failure { _ = try connection.wait(connection.send(.noop)) } == .timeout)
      })
  }

  @Test("large literals in both directions at once block nobody")
  func bothDirections() throws {
    let size = 12_000_000
    try withScript(
      { client in
        try preauthenticated(client, "LITERAL+")
        try client.expect("FETCH")
        let fetch = client.tag
        try client.expect("APPEND")
        let append = client.tag
        // Sends everything before it reads anything.
        try client.send("* 1 FETCH (UID 1 BODY[] {\(size)}\r\n")
        try client.send([UInt8](repeating: UInt8(ascii: "x"), count: size))
        try client.say(")", "\(fetch) OK fetched")
        #expect(try client.readBytes(size).allSatisfy { $0 == UInt8(ascii: "y") })
        try client.readLine()
        try client.say("\(append) OK appended")
      },
      { configuration in
        let connection = try IMAPConnection.connect(configuration)
        let observer = RecordingObserver()
        connection.observer = observer
        let fetch = try connection.send(.fetch(UIDSet(.first), ["UID", "BODY.PEEK[]"]))
        let append = try connection.beginAppend(to: Array("INBOX".utf8))
        let date = InternalDate(seconds: 0)
        #expect(
          try connection.appendMessage(append, flags: .empty, date: date, size: UInt64(size)))
        let piece = [UInt8](repeating: UInt8(ascii: "y"), count: 60_000)
        for _ in 0..<(size / piece.count) {
          try piece.withBytes { (bytes) throws(IMAPError) in try connection.write(bytes) }
          #expect(connection.output.count < 2 * IMAPConnection.outputLimit)
        }
        try connection.endAppend(append)
        #expect(try connection.wait(append).condition == .ok)
        #expect(try connection.wait(fetch).condition == .ok)
        #expect(observer.bodies == [size])
      })
  }

  @Test(
    "literals wait for leave where they have to",
    arguments: [
      ("LITERAL+", 5000, false), ("LITERAL-", 4096, false), ("LITERAL-", 4097, true),
      ("", 1, true),
    ])
  func literals(_ capability: String, _ size: Int, _ waits: Bool) throws {
    try withScript(
      { client in
        try preauthenticated(client, capability)
        try client.expect(
          "APPEND \"a\\\"b\" (\\Seen key) \"01-Jan-1970 00:00:00 +0000\" {\(size)\(waits ? "" : "+")}"
        )
        let tag = client.tag
        if waits { try client.say("* 1 EXISTS", "+ go on") }
        _ = try client.readBytes(size)
        #expect(try client.readLine().isEmpty)
        try client.say("\(tag) OK [APPENDUID 1 7] done")
      },
      { configuration in
        let connection = try IMAPConnection.connect(configuration)
        let tag = try connection.beginAppend(to: Array("a\"b".utf8))
        let flags = FlagSet(.seen, keywords: [Keyword("key")].compactMap(\.self))
        #expect(
          try connection.appendMessage(
            tag, flags: flags, date: InternalDate(seconds: 0), size: UInt64(size)))
        let bytes = [UInt8](repeating: 0x61, count: size)
        try bytes.withBytes { (bytes) throws(IMAPError) in try connection.write(bytes) }
        try connection.endAppend(tag)
        let status = try connection.wait(tag)
        #expect(
          status.code == UIDValidity(1).map { .appendUID($0, UIDSet([7].compactMap { UID($0) })) })
      })
  }

  @Test("a literal that is refused before it is sent is not sent")
  func refusedLiteral() throws {
    try withScript(
      { client in
        try preauthenticated(client)
        try client.answer("APPEND", with: "NO [TOOBIG] no")
        try client.answer("NOOP")
      },
      { configuration in
        let connection = try IMAPConnection.connect(configuration)
        let tag = try connection.beginAppend(to: Array("INBOX".utf8))
        let isWanted = try connection.appendMessage(
          tag, flags: .empty, date: InternalDate(seconds: 0), size: 10)
        #expect(!isWanted)
        #expect(try connection.wait(tag).code == .tooBig)
        #expect(try connection.wait(connection.send(.noop)).condition == .ok)
      })
  }

  @Test("compression begins behind the first flight and costs no round trip")
  func compression() throws {
    try withTemporaryDirectory { directory in
      let program = try DovecotProgram(in: directory)
      let configuration = IMAPConfiguration(target: .command(program.command), tls: .none)
      let connection = try IMAPConnection.connect(configuration)
      connection.compression = .wanted
      let observer = RecordingObserver()
      connection.observer = observer
      #expect(try connection.wait(connection.send(.list())).condition == .ok)
      #expect(connection.roundTrips == 1)
      for _ in 1...3 {
        let tags = try (1...20).map { _ in try connection.send(.list()) }
        for tag in tags { #expect(try connection.wait(tag).condition == .ok) }
      }
      #expect(connection.stream is DeflateStream)
      let lists = observer.responses.filter { if case .list = $0 { true } else { false } }
      #expect(lists.count == 61)
      connection.disconnect()
    }
  }

  @Test("a refused compression leaves everything as it was")
  func refusedCompression() throws {
    try withScript(
      { client in
        try preauthenticated(client)
        try client.expect("NOOP")
        let noop = client.tag
        try client.expect("COMPRESS DEFLATE")
        try client.say("\(noop) OK done", "\(client.tag) NO [COMPRESSIONACTIVE] no", "* 1 EXISTS")
        try client.answer("NOOP")
      },
      { configuration in
        let connection = try IMAPConnection.connect(configuration)
        connection.compression = .wanted
        _ = try connection.wait(connection.send(.noop))
        #expect(try connection.wait(connection.send(.noop)).condition == .ok)
      })
  }

  @Test("sets are cut into lines of bounded length")
  func pieces() throws {
    let all = UIDSet((1...3000).compactMap { UID(4_000_000_000 + 2 * $0) })
    let pieces = all.pieces()
    #expect(pieces.count > 1 && pieces.allSatisfy { $0.description.utf8.count <= 4000 })
    #expect(pieces.reduce(UIDSet()) { $0.union($1) } == all)
    #expect(UIDSet().pieces().isEmpty)
  }
}

@Suite("Servers without end") struct EndlessServerTests {
  @Test(
    "more than a budget of responses without an answer ends the connection",
    arguments: [
      ("* OK still here", "remarks"), ("* 1 EXISTS", "remarks"), ("* FROB", "remarks"),
      ("* CAPABILITY IMAP4rev1", "remarks"), ("* LIST () \"/\" a", "mailboxes"),
      ("* STATUS a (MESSAGES 1)", "mailboxes"), ("* SEARCH 1", "sets of messages"),
      ("* VANISHED 1", "sets of messages"), ("* 1 FETCH (UID 1)", "messages"),
      ("* 1 EXPUNGE", "messages"),
    ])
  func budget(line: String, what: String) throws {
    for (count, isFine) in [(8, true), (9, false)] {
      try withScript(
        { client in
          try preauthenticated(client)
          try client.answer("NOOP")
          try client.expect("NOOP")
          for _ in 1...count { try client.say(line) }
          try client.say("\(client.tag) OK done")
          _ = client.waitForEnd()
        },
        { configuration in
          let connection = try IMAPConnection.connect(configuration)
          connection.budget = ResponseBudget(remarks: 8, mailboxes: 8, sets: 8, messages: 8)
          _ = try connection.wait(connection.send(.noop))
          let tag = try connection.send(.noop)
          if isFine {
            #expect(try connection.wait(tag).condition == .ok)
          } else {
            let error = #expect(throws: IMAPError.self) { try connection.wait(tag) }
            #expect(error?.kind == .protocolViolation && error?.message.contains(what) == true)
          }
          connection.abort()
        })
    }
  }
}
