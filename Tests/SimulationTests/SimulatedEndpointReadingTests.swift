import IMAPClient
import Simulation
import SyncEngine
import TestSupport
import Testing

/// What a simulated endpoint tells of its store.
@Suite("Simulated endpoint: reading") struct SimulatedEndpointReadingTests {
  let seen = FlagSet([.seen])

  private func world(_ traits: SimulatedTraits) throws -> (SimulatedWorld, any Endpoint) {
    let world = SimulatedWorld(traits, .maildir)
    return (world, try world.factory(.left).connect())
  }

  private func message(_ token: Int) -> [UInt8] {
    SimulatedContent.message(.ordinary, token: token)
  }

  private func uids(_ observation: Observation) -> [UInt32] {
    observation.messages.compactMap { $0.handle.uid?.rawValue }
  }

  @Test("list tells mailboxes, levels, subscriptions and anchors")
  func list() throws {
    let (world, endpoint) = try world(.imap())
    let server = world.servers.left
    let deep = try #require(MailboxName(["a", "b", "c"]))
    server.createMailbox(deep, specialUse: .archive)
    server.setSubscribed(true, deep)
    server.deliver(message(1))
    let listed = try endpoint.list().mailboxes
    #expect(listed.map(\.name.path) == ["INBOX", "a", "a/b", "a/b/c"])
    #expect(listed.map(\.isSelectable) == [true, false, false, true])
    #expect(listed.map(\.isSubscribed) == [false, false, false, true])
    #expect(listed[3].specialUse == .archive)
    let anchor = try #require(listed[0].anchor)
    #expect(anchor.messages == 1 && anchor.uidNext == uid(2) && anchor.highestModSeq != nil)
    #expect(listed[0].id != nil && listed[0].id != listed[3].id)
    server.isThere = false
    #expect(try endpoint.list().mailboxes.isEmpty)
  }

  @Test("everything, with details from a UID on", arguments: SimulatedTraits.Tier.allCases)
  func full(_ tier: SimulatedTraits.Tier) throws {
    let (world, endpoint) = try world(.imap(tier: tier))
    for token in 1...4 { world.servers.left.deliver(message(token), flags: seen) }
    let observation = try endpoint.open(.inbox, OpenRequest(detailsFrom: uid(3)))
    #expect(observation.coverage == .full)
    #expect(uids(observation) == [1, 2, 3, 4])
    #expect(observation.messages.map { $0.details != nil } == [false, false, true, true])
    #expect(observation.messages.allSatisfy { $0.flags == seen })
    #expect(
      observation.messages[2].details?.size == UInt64(message(3).count))
    #expect(try endpoint.describe(UIDSet(uid(1)...uid(2))).compactMap(\.details).count == 2)
    #expect(try endpoint.describe(UIDSet(uid(77))).isEmpty)
  }

  @Test("changes since an anchor", arguments: SimulatedTraits.Tier.allCases, [false, true])
  func changes(_ tier: SimulatedTraits.Tier, _ vanishesBroadly: Bool) throws {
    var traits = SimulatedTraits.imap(tier: tier)
    traits.vanishesBroadly = vanishesBroadly
    let (world, endpoint) = try world(traits)
    let server = world.servers.left
    for token in 1...6 { server.deliver(message(token)) }
    server.expunge(.uid(uid(1)))
    let since = try endpoint.open(.inbox, OpenRequest()).anchor
    server.expunge(.uid(uid(2)))
    server.setFlags(.uid(uid(3)), adding: seen)
    server.deliver(message(7))
    let request = OpenRequest(
      since: since, recheck: UIDSet([uid(5), uid(1)]), detailsFrom: since.uidNext)
    let observation = try endpoint.open(.inbox, request)
    let present = UIDSet(uid(3)...uid(7))
    switch tier {
    case .qresync:
      #expect(observation.coverage == .changes(vanished: UIDSet(uid(1)...uid(2))))
      #expect(uids(observation) == [3, 5, 7])
    case .condstore:
      #expect(observation.coverage == .present(present))
      #expect(uids(observation) == [3, 5, 7])
    case .none:
      #expect(observation.coverage == .full)
      #expect(uids(observation) == [3, 4, 5, 6, 7])
    }
    #expect(observation.messages.last?.details != nil)
    #expect(observation.messages.first?.details == nil)
    #expect(observation.anchor.uidNext == uid(8) && observation.anchor.messages == 5)
  }

  @Test("an anchor that does not fit gives everything")
  func unfitAnchors() throws {
    let (world, endpoint) = try world(.imap())
    let server = world.servers.left
    server.deliver(message(1))
    let good = try endpoint.open(.inbox, OpenRequest()).anchor
    var bad: [Anchor] = []
    for change in 0..<4 {
      var anchor = good
      switch change {
      case 0: anchor.uidValidity = UIDValidity(1)
      case 1: anchor.uidNext = uid(99)
      case 2: anchor.highestModSeq = nil
      default: anchor.highestModSeq = ModSequence(1 << 40)
      }
      bad.append(anchor)
    }
    for anchor in bad {
      #expect(try endpoint.open(.inbox, OpenRequest(since: anchor)).coverage == .full)
    }
    #expect(
      try endpoint.open(.inbox, OpenRequest(since: good)).coverage == .changes(vanished: UIDSet()))
  }

  @Test("a Maildir: unnumbered messages with stable keys, unchanged by its stamps")
  func maildir() throws {
    let (world, endpoint) = try world(.maildir)
    let server = world.servers.left
    let first = server.deliver(message(1))
    let second = server.deliver(message(2))
    let observation = try endpoint.open(.inbox, OpenRequest(detailsFrom: .last))
    #expect(observation.anchor.uidValidity == nil && observation.anchor.messages == 2)
    #expect(Set(observation.messages.map(\.handle)) == Set([first, second].compactMap { $0 }))
    #expect(observation.messages.allSatisfy { $0.handle.uid == nil && $0.details?.id != nil })
    #expect(observation.messages.map(\.handle) == observation.messages.map(\.handle).sorted())
    let since = observation.anchor
    #expect(
      try endpoint.open(.inbox, OpenRequest(since: since)).coverage == .changes(vanished: UIDSet()))
    server.deliver(message(3))
    #expect(try endpoint.open(.inbox, OpenRequest(since: since)).coverage == .full)
    server.numberAll(.inbox)
    let numbered = try endpoint.open(.inbox, OpenRequest())
    #expect(uids(numbered) == [1, 2, 3] && numbered.anchor.uidValidity != nil)
  }

  @Test("contents and bytes, of what is there", arguments: [SimulatedTraits.maildir, .imap()])
  func fetch(_ traits: SimulatedTraits) throws {
    let (world, endpoint) = try world(traits)
    let handle = try #require(world.servers.left.deliver(message(1)))
    _ = try endpoint.open(.inbox, OpenRequest())
    let missing = MessageHandle.uid(uid(9))
    let contents = try endpoint.contents(of: [missing, handle])
    #expect(contents == [handle: SimulatedContent.contentID(of: message(1))])
    for form in [MessageForm.wire, .stored] {
      let sink = CollectingSink(form)
      try endpoint.fetch([missing, handle], into: sink)
      #expect(sink.missing == [missing])
      let isStored = form == .stored && traits.isMaildir
      #expect(sink.messages.map(\.0) == [handle])
      #expect(sink.messages.first?.1 == message(1).filter { !isStored || $0 != 0x0d })
    }
    #expect((endpoint.traffic.bytesIn > 0) == !traits.isMaildir)
  }

  @Test("marks", arguments: [SimulatedTraits.maildir, .imap()])
  func marks(_ traits: SimulatedTraits) throws {
    let (world, endpoint) = try world(traits)
    #expect(try endpoint.hasMark("m") == (traits.isMaildir ? .absent : .unsupported))
    try endpoint.leaveMark("m")
    #expect(try endpoint.hasMark("m") == (traits.isMaildir ? .present : .unsupported))
    world.servers.left.isThere = false
    #expect(try endpoint.hasMark("m") == (traits.isMaildir ? .noStore : .unsupported))
  }
}

/// Keeps what is fetched.
final class CollectingSink: MessageSink {
  let wantedForm: MessageForm
  private(set) var messages: [(MessageHandle, [UInt8])] = []
  private(set) var missing: [MessageHandle] = []
  private var announced: UInt64 = 0

  init(_ form: MessageForm) { wantedForm = form }

  func begin(_ handle: MessageHandle, size: UInt64, form: MessageForm) {
    announced = size
    messages.append((handle, []))
  }

  func write(_ bytes: UnsafeRawBufferPointer) { messages[messages.count - 1].1 += bytes }

  func end() { #expect(messages.last.map { UInt64($0.1.count) } == announced) }

  func missing(_ handle: MessageHandle, why: String?) { missing.append(handle) }
}
