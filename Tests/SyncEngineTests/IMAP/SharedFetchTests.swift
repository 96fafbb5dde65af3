import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

/// One mailbox that is fetched over several connections.
@Suite("Shared fetches") struct SharedFetchTests {
  /// Runs a test with an endpoint that has saved messages to INBOX, on a Dovecot that allows so many connections.
  private func withMailbox(
    _ count: Int, allowed: Int = 10,
    _ body: (IMAPEndpointFactory, IMAPEndpoint, [[UInt8]]) throws -> Void
  ) throws {
    try TestSupport.withTemporaryDirectory { directory in
      var options = DovecotOptions()
      options.extra = "mail_max_userip_connections = \(allowed)"
      let server = try DovecotServer.start(in: directory, options: options)
      let account = DovecotServer.Account()
      var configuration = IMAPConfiguration(
        target: .tcp(host: "127.0.0.1", port: server.port), tls: .none)
      configuration.user = account.name
      configuration.password = { () throws(PasswordError) in Array(account.password.utf8) }
      configuration.timeoutSeconds = 60
      let factory = IMAPEndpointFactory(
        name: "test", configuration: configuration, connectionLimit: 4)
      factory.helpers.makesAtOnce = true
      let endpoint = try #require(try factory.connect() as? IMAPEndpoint)
      defer {
        endpoint.disconnect()
        factory.disconnect()
      }
      let texts = (1...count).map { testMessage($0, size: $0 % 40 == 0 ? 9_000 : 3) }
      _ = try endpoint.open(.inbox, OpenRequest())
      for start in stride(from: 0, to: count, by: 100) {
        try endpoint.save(Array(texts[start..<min(count, start + 100)]))
      }
      _ = try endpoint.open(.inbox, OpenRequest(detailsFrom: .last))
      try body(factory, endpoint, texts)
    }
  }

  private func handles(_ numbers: some Sequence<Int>) -> [MessageHandle] {
    numbers.compactMap { UID(UInt32($0)).map { .uid($0) } }
  }

  private func expectAll(
    _ sink: FetchedMessages, _ wanted: [MessageHandle], _ texts: [[UInt8]],
    _ place: SourceLocation = #_sourceLocation
  ) {
    #expect(sink.messages.map(\.handle) == wanted, sourceLocation: place)
    for (handle, bytes) in sink.messages {
      #expect(bytes == texts[Int(handle.uid?.rawValue ?? 1) - 1], sourceLocation: place)
    }
  }

  @Test("everything comes, once and in order, over all connections that are allowed")
  func order() throws {
    try withMailbox(430) { factory, endpoint, texts in
      factory.allow(connections: 4)
      // Others are only made when it is worth it; nobody waits for them.
      let first = FetchedMessages()
      try endpoint.fetch(handles(1...430), into: first)
      expectAll(first, handles(1...430), texts)
      factory.helpers.waitUntilMade()
      #expect(factory.traffic.bytesIn > 0)
      let before = (own: endpoint.traffic.bytesIn, helpers: factory.traffic.bytesIn)
      let orders = [Array(1...430), (1...430).reversed(), Array(200...430) + Array(1..<200)]
      for order in orders {
        let sink = FetchedMessages()
        try endpoint.fetch(handles(order), into: sink)
        expectAll(sink, handles(order), texts)
      }
      let own = endpoint.traffic.bytesIn - before.own
      let helped = factory.traffic.bytesIn - before.helpers
      #expect(helped > 2 * own, "\(own), \(helped)")
    }
  }

  @Test("what is gone is told once") func missing() throws {
    try withMailbox(250) { factory, endpoint, texts in
      factory.allow(connections: 3)
      try endpoint.fetch(handles(1...250), into: FetchedMessages())
      factory.helpers.waitUntilMade()
      let gone = [1, 17, 18, 100, 101, 102, 250]
      _ = try endpoint.expunge(UIDSet(gone.compactMap { UID(UInt32($0)) }))
      let sink = FetchedMessages()
      try endpoint.fetch(handles(1...250) + [.unnumbered(7)], into: sink)
      expectAll(sink, handles((1...250).filter { !gone.contains($0) }), texts)
      #expect(Set(sink.missing) == Set(handles(gone) + [.unnumbered(7)]))
      #expect(sink.missing.count == gone.count + 1)
    }
  }

  @Test("a server that allows no more connections is asked once") func refused() throws {
    try withMailbox(220, allowed: 2) { factory, endpoint, texts in
      factory.allow(connections: 4)
      for _ in 1...3 {
        let sink = FetchedMessages()
        try endpoint.fetch(handles(1...220), into: sink)
        expectAll(sink, handles(1...220), texts)
        factory.helpers.waitUntilMade()
      }
      #expect(factory.helpers.take(9).count == 1)
    }
  }

  @Test("a helper that is lost, or finds another mailbox, does not help") func lost() throws {
    try withMailbox(220) { factory, endpoint, texts in
      factory.allow(connections: 3)
      try endpoint.fetch(handles(1...220), into: FetchedMessages())
      factory.helpers.waitUntilMade()
      let helpers = factory.helpers.take(9)
      #expect(helpers.count == 2)
      helpers.first?.connection.abort()
      factory.helpers.giveBack(helpers)
      for _ in 1...2 {
        let sink = FetchedMessages()
        try endpoint.fetch(handles(1...220), into: sink)
        expectAll(sink, handles(1...220), texts)
      }
      // Both were made for another mailbox than this.
      endpoint.expect(try #require(UIDValidity(1)), of: .inbox)
      let error = #expect(throws: EndpointError.self) {
        try endpoint.fetch(handles(1...220), into: FetchedMessages())
      }
      #expect(error?.code == .mailboxGone)
    }
  }

  @Test("what a helper leaves behind that is lost on the way, is fetched by who asked")
  func lostLater()
    throws
  {
    try withMailbox(220) { factory, endpoint, texts in
      factory.allow(connections: 3)
      try endpoint.fetch(handles(1...220), into: FetchedMessages())
      factory.helpers.waitUntilMade()
      let helpers = factory.helpers.take(9)
      try #require(helpers.count == 2)
      for helper in helpers { _ = try helper.open(.inbox, OpenRequest()) }
      helpers[1].connection.abort()
      let sink = FetchedMessages()
      let fetch = SharedFetch(endpoint, helpers: helpers, sink)
      try fetch.run(handles(1...220))
      let inOrder = sink.messages.sorted { $0.handle < $1.handle }
      #expect(inOrder.map(\.handle) == handles(1...220))
      for (handle, bytes) in sink.messages {
        #expect(bytes == texts[Int(handle.uid?.rawValue ?? 1) - 1])
      }
      #expect(fetch.failed.count == 1 && fetch.failed.first === helpers[1])
      helpers[0].disconnect()
    }
  }

  @Test("a message that breaks off with its helper is fetched anew") func lostInside() throws {
    try withMailbox(220) { _, endpoint, texts in
      let script: @Sendable (ScriptedClient) throws -> Void = { client in
        try client.readLine()
        try client.send("* 11 FETCH (UID 11 BODY[] {2000}\r\nMessage-ID: <11@")
      }
      try withScript("", script) { helper in
        let sink = FetchedMessages()
        let fetch = SharedFetch(endpoint, helpers: [helper], sink)
        try fetch.run(handles(1...220))
        let inOrder = sink.messages.sorted { $0.handle < $1.handle }
        #expect(inOrder.map(\.handle) == handles(1...220))
        for (handle, bytes) in sink.messages {
          #expect(bytes == texts[Int(handle.uid?.rawValue ?? 1) - 1])
        }
        #expect(sink.abandoned == handles([11]) && sink.missing == [])
        #expect(fetch.failed.count == 1 && fetch.failed.first === helper)
      }
    }
  }

  @Test("others are connected only for a server that is waited for") func pace() {
    func isWaitedFor(reads: UInt64, waits: UInt64) -> Bool {
      var start = ReadingPace()
      start.reads = 1000
      var pace = start
      pace.reads += reads
      pace.waits += waits
      return pace.isWaitedFor(since: start)
    }
    #expect(!isWaitedFor(reads: 31, waits: 31))
    #expect(!isWaitedFor(reads: 100, waits: 49))
    #expect(isWaitedFor(reads: 100, waits: 50))
  }

  @Test("a lane's connection helps while it rests, and is its lane's own again") func lanes() throws
  {
    try withMailbox(220) { factory, endpoint, texts in
      factory.allow(connections: 2)
      let lane = try #require(try factory.connect() as? IMAPEndpoint)
      defer { lane.disconnect() }
      try lane.create(.named("Other"), specialUse: nil)
      _ = try lane.open(.named("Other"), OpenRequest())
      lane.rest()
      let before = lane.traffic.bytesIn
      let sink = FetchedMessages()
      try endpoint.fetch(handles(1...220), into: sink)
      expectAll(sink, handles(1...220), texts)
      #expect(lane.traffic.bytesIn > before)
      // There may be two connections, and there are.
      #expect(factory.traffic.bytesIn == 0)
      lane.resume()
      #expect(!lane.onlyReads && factory.helpers.take(9).isEmpty)
      #expect(try lane.save([testMessage(1)]).map(\.placedUID) == [1])
      let flagged = try lane.store([
        StoreOrder(uids: uidSet(1), added: FlagSet([.flagged]), removed: .empty)
      ])
      #expect(flagged.rejected.isEmpty && flagged.gone.isEmpty)
    }
  }

  @Test("a sink that fails ends all of it") func failing() throws {
    try withMailbox(400) { factory, endpoint, texts in
      factory.allow(connections: 4)
      try endpoint.fetch(handles(1...400), into: FetchedMessages())
      factory.helpers.waitUntilMade()
      let error = #expect(throws: EndpointError.self) {
        try endpoint.fetch(handles(1...400), into: FailingSink())
      }
      #expect(error?.code == .noSpace)
      // All connections are as good as before.
      let sink = FetchedMessages()
      try endpoint.fetch(handles(1...400), into: sink)
      expectAll(sink, handles(1...400), texts)
    }
  }
}

private final class FailingSink: MessageSink {
  private var count = 0

  var wantedForm: MessageForm { .wire }

  func begin(_ handle: MessageHandle, size: UInt64, form: MessageForm) throws(EndpointError) {
    count += 1
    if count == 55 { throw EndpointError(.mailbox, .noSpace, "full", advice: "") }
  }
  func write(_ bytes: UnsafeRawBufferPointer) throws(EndpointError) {}
  func end() throws(EndpointError) {}
  func missing(_ handle: MessageHandle, why: String?) throws(EndpointError) {}
}
