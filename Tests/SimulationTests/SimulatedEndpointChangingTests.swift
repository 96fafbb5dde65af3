import IMAPClient
import Simulation
import SyncEngine
import TestSupport
import Testing

/// What a simulated endpoint does to its store.
@Suite("Simulated endpoint: changing") struct SimulatedEndpointChangingTests {
  let date = InternalDate(seconds: 5)
  let other = name("other")

  private func world(_ traits: SimulatedTraits) throws -> (SimulatedWorld, any Endpoint) {
    let world = SimulatedWorld(traits, .maildir)
    world.servers.left.createMailbox(other)
    if traits.isMaildir {
      for mailbox in [.inbox, other] { world.servers.left.numberAll(mailbox) }
    }
    return (world, try world.factory(.left).connect())
  }

  private func message(_ token: Int) -> [UInt8] {
    SimulatedContent.message(.ordinary, token: token)
  }

  private func save(
    _ items: [([UInt8], SaveItem)], to endpoint: any Endpoint, form: MessageForm = .wire
  ) throws -> [PlacementOutcome] {
    let saver = try endpoint.saver()
    for (bytes, item) in items {
      try saver.begin(item, size: UInt64(bytes.count), form: form)
      try bytes.withUnsafeBytes { try saver.write($0) }
      try saver.end()
    }
    return try saver.commit()
  }

  private func placed(_ outcomes: [PlacementOutcome]) -> [UInt32] {
    outcomes.compactMap { if case .placed(let uid, _, _) = $0 { uid.rawValue } else { nil } }
  }

  @Test("mailboxes are created, renamed, subscribed and deleted")
  func mailboxes() throws {
    let (world, endpoint) = try world(.imap())
    let server = world.servers.left
    let deep = name("a", "b")
    try endpoint.create(deep, specialUse: .sent)
    try endpoint.create(deep, specialUse: nil)
    #expect(server[deep]?.specialUse == .sent)
    let id = server[deep]?.id
    try endpoint.setSubscribed(true, deep)
    try endpoint.rename(deep, to: name("c"))
    #expect(server[name("c")]?.id == id && server[deep] == nil)
    #expect(server.subscriptions == [deep])
    #expect(throws: EndpointError.self) { try endpoint.rename(name("c"), to: other) }
    #expect(throws: EndpointError.self) { try endpoint.delete(.inbox) }
    try endpoint.delete(name("c"))
    let error = try #require(throws: EndpointError.self) { try endpoint.delete(name("c")) }
    #expect(error.code == .mailboxGone && error.scope == .mailbox)
    server.traits.forbidden = "."
    let impossible = try #require(throws: EndpointError.self) {
      try endpoint.create(name("a.b"), specialUse: nil)
    }
    #expect(impossible.code == .nameNotPossible)
  }

  @Test("saves to a server that numbers")
  func save() throws {
    let (world, endpoint) = try world(.imap())
    let server = world.servers.left
    server.deliver(message(1))
    try endpoint.select(.inbox)
    let item = SaveItem(flags: FlagSet([.seen]), date: date, guid: guid(5))
    let outcomes = try save([(message(2), item), (message(3), item)], to: endpoint)
    #expect(
      outcomes == [2, 3].map { .placed(uid($0), id: nil, movedAway: false) })
    let saved = try #require(server[.inbox]?.message(.uid(uid(2))))
    #expect(saved.content == message(2) && saved.flags == item.flags && saved.date == date)
    #expect(saved.id != guid(5))
    #expect(world.misuses == [])
  }

  @Test("saves to a Maildir: targets, ids, stored form")
  func saveMaildir() throws {
    let (world, endpoint) = try world(.maildir)
    try endpoint.select(.inbox)
    let stored = message(2).filter { $0 != 0x0d }
    func item(_ target: UInt32?) -> SaveItem {
      SaveItem(flags: .empty, date: date, guid: guid(5), target: target.map { uid($0) })
    }
    let outcomes = try save(
      [(stored, item(7)), (stored, item(nil)), (stored, item(4))], to: endpoint, form: .stored)
    #expect(
      outcomes == [
        .placed(uid(7), id: guid(5), movedAway: false),
        .placed(uid(8), id: guid(5), movedAway: false), .targetTaken,
      ])
    #expect(world.servers.left[.inbox]?.messages.map(\.content) == [message(2), message(2)])
    #expect(world.servers.left[.inbox]?.uidNext == uid(9))
  }

  @Test("an abandoned message leaves nothing; a broken protocol is noticed")
  func saverMisuse() throws {
    let (world, endpoint) = try world(.imap())
    #expect(throws: EndpointError.self) { _ = try endpoint.saver() }
    try endpoint.select(.inbox)
    let saver = try endpoint.saver()
    let item = SaveItem(flags: .empty, date: date)
    try saver.begin(item, size: 10, form: .wire)
    try saver.abandon()
    #expect(try saver.commit() == [])
    #expect(world.misuses.count == 1)
    try saver.begin(item, size: 10, form: .wire)
    #expect(throws: EndpointError.self) { try saver.end() }
    #expect(throws: EndpointError.self) {
      try endpoint.saver().begin(item, size: 1, form: .stored)
    }
    let validity = try #require(UIDValidity(1))
    #expect(throws: EndpointError.self) {
      try endpoint.adopt(validity, uidNext: .first, isServers: false)
    }
    #expect(world.misuses.count == 4)
    #expect(world.servers.left[.inbox]?.messages.isEmpty == true)
  }

  @Test("refusals: alone, in a batch, over quota, altered")
  func refusals() throws {
    let (world, endpoint) = try world(.imap())
    let server = world.servers.left
    try endpoint.select(.inbox)
    let bad = message(1)
    server.refuses = { $0 == bad ? (.tooLarge, "no") : nil }
    let item = SaveItem(flags: .empty, date: date)
    let batch = [(message(2), item), (bad, item)]
    #expect(try save(batch, to: endpoint) == [.retryAlone, .retryAlone])
    #expect(try save([(bad, item)], to: endpoint) == [.refused(.tooLarge, "no")])
    server.traits.savesAtOnce = false
    #expect(placed(try save(batch, to: endpoint)) == [1])
    server.quota = server.octets
    #expect(try save([(message(3), item)], to: endpoint) == [.refused(.overQuota, "over quota")])
    server.quota = .max
    server.alters = { $0 + [0x21] }
    #expect(placed(try save([(message(4), item)], to: endpoint)) == [2])
    let altered = try #require(server[.inbox]?.message(.uid(uid(2))))
    #expect(altered.content == message(4) + [0x21] && altered.origin.bytes == message(4))
  }

  @Test(
    "copies and moves",
    arguments: [SimulatedTraits.imap(), .imap(canMove: false), .maildir], [false, true])
  func copy(_ traits: SimulatedTraits, _ moving: Bool) throws {
    let (world, endpoint) = try world(traits)
    let server = world.servers.left
    for token in 1...3 { server.deliver(message(token), to: other, flags: FlagSet([.flagged])) }
    server.numberAll(other)
    try endpoint.select(.inbox)
    let targets = traits.isMaildir ? [uid(5), uid(6), uid(9)] : []
    let outcomes = try endpoint.copy(
      [uid(3), uid(8), uid(1)], from: other, moving: moving, targets: targets)
    let moves = moving && traits.canMove
    #expect(placed(outcomes) == (traits.isMaildir ? [5, 9] : [1, 2]))
    #expect(outcomes[1] == .gone)
    let copies = server[.inbox]?.messages ?? []
    #expect(copies.map(\.content) == [message(3), message(1)])
    #expect(copies.allSatisfy { $0.flags == FlagSet([.flagged]) })
    guard case .placed(_, let id, let movedAway) = outcomes[0] else { return }
    #expect(movedAway == moves && id == (traits.isMaildir ? copies[0].id : nil))
    #expect(server[other]?.messages.count == (moves ? 1 : 3))
    #expect(throws: EndpointError.self) {
      _ = try endpoint.copy([uid(1)], from: name("none"), moving: false, targets: targets)
    }
  }

  @Test("flags with a precondition")
  func store() throws {
    let (world, endpoint) = try world(.imap())
    let server = world.servers.left
    for token in 1...3 { server.deliver(message(token), flags: FlagSet([.seen])) }
    let before = try endpoint.open(.inbox, OpenRequest()).anchor.highestModSeq
    server.setFlags(.uid(uid(2)), adding: FlagSet([.draft]))
    let order = StoreOrder(
      uids: UIDSet([uid(1), uid(2), uid(7)]), added: FlagSet([.flagged]),
      removed: FlagSet([.seen]), unchangedSince: before)
    let outcome = try endpoint.store([order])
    #expect(outcome == StoreOutcome(rejected: UIDSet(uid(2)), gone: UIDSet(uid(7))))
    #expect(
      server[.inbox]?.messages.map(\.flags) == [
        FlagSet([.flagged]), FlagSet([.seen, .draft]), FlagSet([.seen]),
      ])
  }

  @Test("flags of a Maildir: the flags before are the precondition; keywords find no room")
  func storeMaildir() throws {
    var traits = SimulatedTraits.maildir
    traits.keywordLimit = 1
    let (world, endpoint) = try world(traits)
    let server = world.servers.left
    for token in 1...2 { server.deliver(message(token)) }
    server.numberAll(.inbox)
    server.setFlags(.uid(uid(2)), adding: FlagSet([.seen]))
    try endpoint.select(.inbox)
    let keywords = ["a", "b"].compactMap { Keyword($0) }
    let outcome = try endpoint.store([
      StoreOrder(
        uids: UIDSet(uid(1)...uid(2)), added: FlagSet([.flagged], keywords: keywords),
        removed: .empty, expected: .empty)
    ])
    #expect(
      outcome
        == StoreOutcome(rejected: UIDSet(uid(2)), unstorable: [keywords[1]: UIDSet(uid(1))]))
    #expect(
      server[.inbox]?.messages[0].flags == FlagSet([.flagged], keywords: [keywords[0]]))
  }

  @Test("expunges those meant and no other")
  func expunge() throws {
    let (world, endpoint) = try world(.imap())
    let server = world.servers.left
    for token in 1...4 { server.deliver(message(token), flags: FlagSet([.deleted])) }
    try endpoint.select(.inbox)
    #expect(try endpoint.expunge(UIDSet([uid(2), uid(9)])) == UIDSet([uid(2), uid(9)]))
    #expect(server[.inbox]?.uids == UIDSet([uid(1), uid(3), uid(4)]))
    server.setReadOnly(true, .inbox)
    let error = try #require(throws: EndpointError.self) {
      _ = try endpoint.expunge(UIDSet(uid(1)))
    }
    #expect(error.code == .readOnly)
  }

  @Test(
    "removes what is as it was known",
    arguments: [SimulatedTraits.imap(), .imap(tier: .none), .maildir])
  func remove(_ traits: SimulatedTraits) throws {
    let (world, endpoint) = try world(traits)
    let server = world.servers.left
    for token in 1...2 { server.deliver(message(token), flags: FlagSet([.flagged])) }
    server.numberAll(.inbox)
    try endpoint.select(.inbox)
    let known = [uid(1): FlagSet([.flagged]), uid(2): .empty, uid(3): .empty]
    let outcomes = try endpoint.remove(known)
    #expect(outcomes[uid(1)] == .removed && outcomes[uid(3)] == .missing)
    #expect(outcomes[uid(2)] == .changed(FlagSet([.flagged])))
    #expect(server[.inbox]?.uids == UIDSet(uid(2)))
  }

  @Test(
    "renumbers, keeping flags, date and id",
    arguments: [SimulatedTraits.imap(), .imap(canMove: false), .maildir])
  func renumber(_ traits: SimulatedTraits) throws {
    let (world, endpoint) = try world(traits)
    let server = world.servers.left
    for token in 1...3 {
      server.deliver(message(token), flags: FlagSet([.flagged]), date: date)
    }
    server.numberAll(.inbox)
    let unnumbered = traits.isMaildir ? server.deliver(message(4)) : nil
    let handles = [.uid(uid(2)), .uid(uid(8)), unnumbered ?? .uid(uid(1))]
    let before = try #require(server[.inbox]?.message(handles[0]))
    try endpoint.select(.inbox)
    let outcomes = try endpoint.renumber(
      handles, targets: traits.isMaildir ? [uid(10), uid(11), uid(20)] : [])
    #expect(placed(outcomes) == (traits.isMaildir ? [10, 20] : [4, 5]))
    #expect(outcomes[1] == .gone)
    let new = uid(traits.isMaildir ? 10 : 4)
    var after = try #require(server[.inbox]?.message(.uid(new)))
    #expect(after.id == before.id && after.flags == before.flags && after.date == before.date)
    after = try #require(server[.inbox]?.messages.last)
    #expect(after.content == message(traits.isMaildir ? 4 : 1))
    #expect(server[.inbox]?.messages.count == (traits.isMaildir ? 4 : 3))
    if traits.isMaildir {
      #expect(try endpoint.renumber([.uid(uid(1))], targets: [uid(3)]) == [.targetTaken])
    }
  }

  @Test("some servers can't renumber")
  func cannotRenumber() throws {
    let (world, endpoint) = try world(.imap(hasUIDPlus: false))
    world.servers.left.deliver(message(1))
    try endpoint.select(.inbox)
    let error = try #require(throws: EndpointError.self) {
      _ = try endpoint.renumber([.uid(.first)], targets: [])
    }
    #expect(error.code == .cannotRenumber)
  }

  @Test("pads, adopts, makes UIDVALIDITYs")
  func numbers() throws {
    let (world, endpoint) = try world(.maildir)
    let server = world.servers.left
    server.deliver(message(1))
    server.numberAll(.inbox)
    try endpoint.select(.inbox)
    #expect(try endpoint.pad(to: uid(10)) == uid(10))
    #expect(try endpoint.pad(to: uid(5)) == uid(10))
    let validity = try #require(UIDValidity(70_000))
    try endpoint.adopt(validity, uidNext: uid(30), isServers: false)
    #expect(try endpoint.freshUIDValidity() > validity)
    let observation = try endpoint.open(.inbox, OpenRequest())
    #expect(observation.anchor.uidValidity == validity && observation.anchor.uidNext == uid(30))
    #expect(observation.messages.count == 1 && observation.messages[0].handle.uid == nil)
    #expect(try endpoint.open(.inbox, OpenRequest()).messages == observation.messages)
  }

  @Test("UIDs of an earlier UIDVALIDITY are never taken for others")
  func staleUIDs() throws {
    let (world, endpoint) = try world(.imap())
    let server = world.servers.left
    server.deliver(message(1))
    _ = try endpoint.open(.inbox, OpenRequest())
    server.resetUIDValidity(.inbox)
    #expect(throws: EndpointError.self) { _ = try endpoint.expunge(UIDSet(.first)) }
    #expect(throws: EndpointError.self) { try endpoint.select(.inbox) }
    #expect(server[.inbox]?.messages.count == 1)
    _ = try endpoint.open(.inbox, OpenRequest())
    #expect(try endpoint.expunge(UIDSet(.first)) == UIDSet(.first))
  }
}
