import IMAPClient
import TestSupport
import Testing

@testable import Simulation
@testable import SyncEngine

/// A first sync in parts that was killed: the side that was being filled has some messages that nobody recorded.
@Suite("Arrivals in parts, after a kill") struct KilledPartsTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var from = SimulatedTraits.imap()
    var side = Side.left
    var uids = Policy.UIDs.auto
    var to = SimulatedTraits.maildir

    var testDescription: String {
      "to \(to == .maildir ? "a Maildir" : "a server"), from the \(side) side, \(from == .maildir ? "a Maildir" : from.hasIDs ? "with ids" : "without ids"), \(uids)"
    }
  }

  private static let cases: [Case] = [
    Case(), Case(side: .right), Case(uids: .map), Case(from: .maildir),
    Case(from: .imap(tier: .none, hasIDs: false)),
    Case(from: .imap(tier: .none, hasIDs: false), side: .right),
    Case(from: .imap(tier: .none, hasIDs: false), uids: .map), Case(uids: .map, to: .imap()),
    Case(from: .imap(tier: .none, hasIDs: false), side: .right, uids: .map, to: .imap(tier: .none)),
  ]

  private static let partSize = 3

  /// A Maildir or a server, and what it is filled from, and the base of the pair.
  private struct Fixture {
    let sample: Case
    let world: SimulatedWorld
    let store: MemoryStateStore
    let from: SimulatedServer
    let to: SimulatedServer

    /// - Parameter synced: so many of the messages both sides have.
    init(_ sample: Case, _ messages: [(content: [UInt8], day: Int)], synced: Int = 0) {
      self.sample = sample
      world =
        sample.side == .left
        ? SimulatedWorld(sample.from, sample.to) : SimulatedWorld(sample.to, sample.from)
      store = world.stateStore()
      from = world.servers[sample.side]
      to = world.servers[sample.side.other]
      for (number, (content, day)) in messages.enumerated() {
        from.deliver(content, date: KilledPartsTests.date(day))
        if number + 1 == synced { _ = run(arrivals: 1000) }
      }
    }

    /// - Parameter effect: what comes of the first messages that are saved.
    func killed(_ effect: SimulatedFault.Effect) {
      world.onStep = { step in
        step.moment == .before && step.call == .save ? .crash(effect) : nil
      }
      _ = run(arrivals: KilledPartsTests.partSize)
      world.onStep = nil
      world.restart()
    }

    func run(arrivals: Int) -> SyncReport {
      world.run(store) { policy in
        policy.uids = sample.uids
        policy.batches.arrivals = arrivals
      }
    }

    struct Message: Hashable {
      var uid: UID?
      var content: [UInt8]
      var date: InternalDate
      var flags: FlagSet
    }

    func messages(_ server: SimulatedServer) -> [Message] {
      (server[.inbox]?.messages ?? []).map {
        Message(uid: $0.handle.uid, content: $0.content, date: $0.date, flags: $0.flags)
      }
    }
  }

  private static func date(_ day: Int) -> InternalDate {
    InternalDate(seconds: Int64(1_700_000_000 + 86400 * day))
  }

  /// Of several sizes, and not in the order of their dates.
  private static let ordinary = (1...12).map { number in
    (content: SimulatedContent.message(.ordinary, token: number), day: number * 7 % 5)
  }

  private static let oneSize = (1...12).map { number in
    (content: SimulatedContent.message(.sameSize, token: number), day: number * 7 % 5)
  }

  /// Plays the same twice after the kill: all at once, and in parts.
  ///
  /// - Returns: the reports.
  private func compare(
    _ sample: Case, _ messages: [(content: [UInt8], day: Int)],
    synced: Int = 2, killed effect: SimulatedFault.Effect = .partial(2),
    sourceLocation: SourceLocation = #_sourceLocation, _ meanwhile: (Fixture) -> Void = { _ in }
  ) -> (whole: SyncReport, parted: SyncReport) {
    let fixtures = [1000, KilledPartsTests.partSize].map { arrivals in
      let fixture = Fixture(sample, messages, synced: synced)
      fixture.killed(effect)
      meanwhile(fixture)
      return (fixture, fixture.run(arrivals: arrivals))
    }
    let (whole, parted) = (fixtures[0], fixtures[1])
    #expect(whole.1.result == .ok && parted.1.result == .ok, sourceLocation: sourceLocation)
    #expect(whole.1.counts == parted.1.counts, sourceLocation: sourceLocation)
    #expect(whole.1.rounds == parted.1.rounds, sourceLocation: sourceLocation)
    for (one, other) in [(whole.0.from, parted.0.from), (whole.0.to, parted.0.to)] {
      #expect(whole.0.messages(one) == parted.0.messages(other), sourceLocation: sourceLocation)
    }
    #expect(
      parted.0.from.contentCounts == parted.0.to.contentCounts, sourceLocation: sourceLocation)
    let again = parted.0.run(arrivals: KilledPartsTests.partSize)
    #expect(again.counts.left.isEmpty && again.counts.right.isEmpty, sourceLocation: sourceLocation)
    return (whole.1, parted.1)
  }

  @Test("what is left goes on in parts", arguments: cases)
  func goesOn(_ sample: Case) {
    // Of two Maildirs in one UID space, what was saved on one has no number yet on the other.
    let isFound = sample.from != .maildir
    for messages in [KilledPartsTests.ordinary, KilledPartsTests.oneSize] {
      for (synced, effect, found) in [
        (0, SimulatedFault.Effect.partial(2), 2), (2, .partial(1), 1), (2, .all, 3),
      ] {
        let (whole, parted) = compare(sample, messages, synced: synced, killed: effect)
        #expect(whole.laterParts == 0 && whole.laterHalves == 0)
        let left = messages.count - synced - found
        #expect(parted.laterHalves == (isFound ? found : 0))
        #expect(parted.laterParts == (isFound ? (left - 1) / KilledPartsTests.partSize : 0))
      }
    }
  }

  /// What the other side has and nobody recorded, by its position there.
  private func unrecorded(_ fixture: Fixture, _ number: Int) -> MessageHandle {
    let messages = fixture.to[.inbox]?.messages ?? []
    return messages[2 + number].handle
  }

  @Test("new mail on the other side is compared with everything", arguments: cases)
  func newMail(_ sample: Case) {
    for isNumbered in [false, true] {
      let (_, parted) = compare(sample, KilledPartsTests.ordinary) { fixture in
        fixture.to.deliver(
          SimulatedContent.message(.ordinary, token: 99), date: KilledPartsTests.date(9))
        if isNumbered { fixture.to.numberAll(.inbox) }
      }
      #expect(parted.laterParts == 0 && parted.laterHalves == 0)
    }
  }

  @Test("so is another copy of what waits, under a number of its own", arguments: cases)
  func copied(_ sample: Case) {
    let (_, parted) = compare(sample, KilledPartsTests.oneSize) { fixture in
      let last = KilledPartsTests.oneSize[11]
      fixture.to.deliver(last.content, date: KilledPartsTests.date(last.day))
      fixture.to.numberAll(.inbox)
    }
    // In one UID space it would have to get another number.
    #expect(parted.laterHalves == (sample.uids == .map ? 3 : 0))
  }

  @Test("what is gone from the other side comes anew, under a number that was not given yet")
  func gone() {
    for (messages, isTouched) in [
      (KilledPartsTests.ordinary, false), (KilledPartsTests.oneSize, true),
    ] {
      let (_, parted) = compare(
        Case(from: .imap(tier: .none, hasIDs: false)), messages, killed: .all
      ) { fixture in
        // The other one is known only by its content then: all of its size are compared with it.
        if isTouched { touch(fixture, self.unrecorded(fixture, 0)) }
        fixture.to.expunge(self.unrecorded(fixture, 1))
      }
      #expect(parted.laterParts == 0)
    }
  }

  /// The file gets another date.
  private func touch(_ fixture: Fixture, _ handle: MessageHandle) {
    guard let index = fixture.to[.inbox]?.index(handle) else { return }
    fixture.to.mailboxes[.inbox]?.messages[index].date = KilledPartsTests.date(20)
  }

  @Test("a copy of what another mailbox has is copied, though it was only read to be compared")
  func copyOfKnown() {
    let archive = name("archive")
    let sample = Case(from: .imap(tier: .none, hasIDs: false), uids: .map)
    let reports = [1000, 3].map { arrivals in
      let fixture = Fixture(sample, [])
      for number in 1...2 {
        fixture.from.deliver(
          SimulatedContent.message(.sameSize, token: 50 + number), to: .inbox,
          date: KilledPartsTests.date(1))
      }
      fixture.from.createMailbox(archive)
      for handle in fixture.from[.inbox]?.messages.map(\.handle) ?? [] {
        fixture.from.move(handle, from: .inbox, to: archive)
      }
      #expect(fixture.run(arrivals: 1000).result == .ok)
      for (content, day) in KilledPartsTests.oneSize {
        fixture.from.deliver(content, date: KilledPartsTests.date(day))
      }
      if let handle = fixture.from[archive]?.messages.first?.handle {
        fixture.from.copy(handle, from: archive, to: .inbox)
      }
      // Under another number than there.
      let last = KilledPartsTests.oneSize[11]
      fixture.to.deliver(last.content, date: KilledPartsTests.date(last.day))
      fixture.to.numberAll(.inbox)
      return fixture.run(arrivals: arrivals)
    }
    #expect(reports[0].counts == reports[1].counts)
    #expect(reports[0].counts.right.copied == 1 && reports[0].counts.right.saved == 11)
  }

  /// Equal messages of the same size and date under the same numbers cross each other, and a third one is nearer.
  @Test("what is equal to something nearer than its namesake is found to be that")
  func crossed() {
    let fixtures = [1000, 3].map { arrivals in
      let one = SimulatedContent.message(.sameSize, token: 21)
      let other = SimulatedContent.message(.sameSize, token: 22)
      let fixture = Fixture(
        Case(from: .imap(tier: .none, hasIDs: false), uids: .map),
        [(other, 1), (one, 2), (one, 1)] + KilledPartsTests.ordinary)
      for (content, day) in [(one, 1), (other, 2)] {
        fixture.to.deliver(content, date: KilledPartsTests.date(day))
        fixture.to.numberAll(.inbox)
      }
      #expect(fixture.run(arrivals: arrivals).result == .ok)
      return fixture
    }
    #expect(fixtures[0].messages(fixtures[0].to) == fixtures[1].messages(fixtures[1].to))
    #expect(fixtures[0].messages(fixtures[0].from) == fixtures[1].messages(fixtures[1].from))
  }

  @Test("of equal messages that is found which has the same id, under whatever number")
  func sameID() {
    let id = GlobalUID(high: 7, low: 7)
    let fixtures = [1000, 3].map { arrivals in
      let content = SimulatedContent.message(.sameSize, token: 21)
      let fixture = Fixture(Case(uids: .map), [])
      fixture.from.deliver(content, date: KilledPartsTests.date(1))
      fixture.from.deliver(content, flags: FlagSet(.seen), date: KilledPartsTests.date(1), id: id)
      for (content, day) in KilledPartsTests.ordinary {
        fixture.from.deliver(content, date: KilledPartsTests.date(day))
      }
      fixture.to.deliver(content, date: KilledPartsTests.date(1), id: id)
      fixture.to.numberAll(.inbox)
      let report = fixture.run(arrivals: arrivals)
      #expect(report.result == .ok && report.laterHalves == (arrivals == 3 ? 1 : 0))
      return fixture
    }
    #expect(fixtures[0].messages(fixtures[0].to) == fixtures[1].messages(fixtures[1].to))
    #expect(fixtures[0].messages(fixtures[0].from) == fixtures[1].messages(fixtures[1].from))
  }
}
