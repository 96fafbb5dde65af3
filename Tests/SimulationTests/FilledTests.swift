import IMAPClient
import TestSupport
import Testing

@testable import Simulation
@testable import SyncEngine

/// A first sync of two sides that both have more messages than are held in memory at a time.
@Suite("Two filled sides, in parts") struct FilledTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var left: SimulatedTraits
    var right: SimulatedTraits
    var uids: Policy.UIDs = .auto
    /// The Maildirs have their files numbered.
    var isNumbered = false

    var testDescription: String {
      let names = [left, right].map { traits in
        traits == .maildir ? "Maildir" : traits.hasIDs ? "IMAP" : "IMAP without ids"
      }
      return "\(names[0]), \(names[1]), \(uids)\(isNumbered ? ", numbered" : "")"
    }
  }

  private static let cases: [Case] = [
    Case(left: .maildir, right: .imap()),
    Case(left: .maildir, right: .imap(), isNumbered: true),
    Case(left: .imap(), right: .maildir),
    Case(left: .imap(tier: .none, hasIDs: false), right: .maildir),
    Case(left: .maildir, right: .imap(), uids: .map),
    Case(left: .maildir, right: .imap(), uids: .map, isNumbered: true),
    Case(left: .imap(), right: .imap()),
    Case(left: .maildir, right: .maildir),
    Case(left: .maildir, right: .maildir, isNumbered: true),
  ]

  private struct Fixture {
    let sample: Case
    let world: SimulatedWorld
    let store: MemoryStateStore

    init(_ sample: Case) {
      self.sample = sample
      world = SimulatedWorld(sample.left, sample.right)
      store = world.stateStore()
    }

    func deliver(
      _ content: [UInt8], on sides: [Side] = Side.allCases, flags: FlagSet = .empty, day: Int = 0,
      id: GlobalUID? = nil
    ) {
      for side in sides {
        world.servers[side].deliver(
          content, flags: flags, date: InternalDate(seconds: Int64(1_700_000_000 + 86400 * day)),
          id: id)
      }
    }

    func number() {
      guard sample.isNumbered else { return }
      for side in Side.allCases { world.servers[side].numberAll(.inbox) }
    }

    func run(parts: Int, _ change: (inout Policy) -> Void = { _ in }) -> SyncReport {
      world.run(store) { policy in
        policy.uids = sample.uids
        policy.batches.arrivals = parts
        change(&policy)
      }
    }

    struct Message: Hashable {
      var uid: UID?
      var content: [UInt8]
      var date: InternalDate
      var flags: FlagSet
    }

    func messages(_ side: Side) -> [Message] {
      (world.servers[side][.inbox]?.messages ?? []).map {
        Message(uid: $0.handle.uid, content: $0.content, date: $0.date, flags: $0.flags)
      }
    }

    /// Without what the store numbers itself.
    func rows() -> Set<[ContentID?]> {
      Set(store.messages(in: MailboxID(1)).map { [$0.contents.left, $0.contents.right] })
    }
  }

  /// Plays the same all at once, and in parts of some sizes.
  ///
  /// - Returns: in how many parts.
  @discardableResult private func compare(
    _ sample: Case, sourceLocation: SourceLocation = #_sourceLocation,
    _ change: (inout Policy) -> Void = { _ in }, _ fill: (Fixture) -> Void
  ) -> [Int] {
    let whole = Fixture(sample)
    fill(whole)
    whole.number()
    let expected = whole.run(parts: 1000, change)
    #expect(expected.settledParts == 0, sourceLocation: sourceLocation)
    return [1, 3].map { parts in
      let parted = Fixture(sample)
      fill(parted)
      parted.number()
      let report = parted.run(parts: parts, change)
      #expect(report.result == expected.result, sourceLocation: sourceLocation)
      #expect(report.counts == expected.counts, sourceLocation: sourceLocation)
      #expect(report.rounds == expected.rounds, sourceLocation: sourceLocation)
      for side in Side.allCases {
        #expect(parted.messages(side) == whole.messages(side), sourceLocation: sourceLocation)
      }
      #expect(parted.rows() == whole.rows(), sourceLocation: sourceLocation)
      let again = parted.run(parts: parts)
      let isLevel = again.counts.left.isEmpty && again.counts.right.isEmpty
      #expect(isLevel || expected.result != .ok, sourceLocation: sourceLocation)
      return report.settledParts
    }
  }

  private static func ordinary(_ token: Int) -> [UInt8] {
    SimulatedContent.message(.ordinary, token: token)
  }

  /// Whether pairs of a side's own UIDs are settled: files of two Maildirs have none to give each other.
  private func isSettled(_ sample: Case) -> Bool {
    let isMapped = sample.uids == .map && !sample.isNumbered
    let isUnnumbered = sample.left == .maildir && sample.right == .maildir && !sample.isNumbered
    return !isMapped && !isUnnumbered
  }

  @Test("what both have is recorded", arguments: cases)
  func equal(_ sample: Case) {
    let parts = compare(sample) { fixture in
      for token in 1...9 {
        fixture.deliver(
          FilledTests.ordinary(token), flags: token % 3 == 0 ? FlagSet(.seen) : .empty)
      }
    }
    #expect(parts == (isSettled(sample) ? [9, 3] : [0, 0]))
  }

  @Test("what only one side has goes over, under the same UIDs", arguments: cases)
  func halves(_ sample: Case) {
    for missing in Side.allCases {
      compare(sample) { fixture in
        for token in 1...12 {
          let isThere = token % 4 != 1
          fixture.deliver(
            FilledTests.ordinary(token), on: isThere ? Side.allCases : [missing.other],
            day: token * 7 % 5)
        }
      }
    }
  }

  @Test("what stands under one UID and is not the same gets another one", arguments: cases)
  func collisions(_ sample: Case) {
    compare(sample) { fixture in
      for token in 1...5 { fixture.deliver(FilledTests.ordinary(token), day: token) }
      fixture.deliver(FilledTests.ordinary(20), on: [.left], day: 6)
      fixture.deliver(FilledTests.ordinary(21), on: [.right], day: 7)
      for token in 6...8 { fixture.deliver(FilledTests.ordinary(token), day: token) }
      fixture.deliver(FilledTests.ordinary(9), on: [.left], day: 9)
      fixture.deliver(FilledTests.ordinary(10), day: 10)
      fixture.deliver(FilledTests.ordinary(9), on: [.right], day: 9)
    }
  }

  @Test("a UID that the other side has given away is given to none", arguments: cases)
  func burned(_ sample: Case) {
    compare(sample) { fixture in
      fixture.deliver(FilledTests.ordinary(1))
      _ = fixture.run(parts: 1000)
      let left = fixture.world.servers.left
      for token in 20...22 { fixture.deliver(FilledTests.ordinary(token), on: [.left]) }
      left.numberAll(.inbox)
      for handle in (left[.inbox]?.messages ?? []).suffix(3).map(\.handle) { left.expunge(handle) }
      for token in 2...8 { fixture.deliver(FilledTests.ordinary(token)) }
    }
  }

  @Test("equal messages are as many as before", arguments: cases)
  func twins(_ sample: Case) {
    compare(sample) { fixture in
      for token in 1...12 {
        let content = SimulatedContent.message(.sameSize, token: token % 3)
        let sides: [Side] = token % 5 == 0 ? [.left] : token % 7 == 0 ? [.right] : Side.allCases
        fixture.deliver(content, on: sides, day: token % 4)
      }
      for token in 1...4 {
        fixture.deliver(SimulatedContent.message(.sameSizeDraft, token: token / 2))
      }
    }
  }

  @Test("flags that differ are united", arguments: cases)
  func flags(_ sample: Case) {
    compare(sample) { fixture in
      for token in 1...8 {
        fixture.deliver(
          FilledTests.ordinary(token), on: [.left], flags: token % 2 == 0 ? FlagSet(.seen) : .empty)
        fixture.deliver(
          FilledTests.ordinary(token), on: [.right],
          flags: token % 3 == 0 ? FlagSet(.flagged) : .empty)
      }
    }
  }

  @Test("ids that both sides share tell more than contents", arguments: cases)
  func ids(_ sample: Case) {
    compare(sample) { fixture in
      for token in 1...6 {
        let content = SimulatedContent.message(.sameSize, token: token % 2)
        fixture.deliver(content, on: [.left], id: guid(UInt64(900 + token)))
        fixture.deliver(content, on: [.right], id: guid(UInt64(907 - token)))
      }
    }
  }

  @Test("where a server can't be brought level, each side keeps its own UIDs", arguments: cases)
  func fallsBack(_ sample: Case) {
    compare(sample) {
      $0.maxUIDPadding = 0
    } _: { fixture in
      for token in 1...6 { fixture.deliver(FilledTests.ordinary(token)) }
      for side in Side.allCases {
        for token in 1...4 {
          let content = FilledTests.ordinary(20 + token)
          let handle = fixture.world.servers[side].deliver(content)
          if let handle, side == .left { fixture.world.servers[side].expunge(handle) }
        }
      }
    }
  }

  @Test("a dry run tells the same", arguments: cases)
  func dryRun(_ sample: Case) {
    let reports = [1000, 3].map { parts in
      let fixture = Fixture(sample)
      for token in 1...9 {
        fixture.deliver(FilledTests.ordinary(token), on: token == 4 ? [.left] : Side.allCases)
      }
      fixture.deliver(FilledTests.ordinary(20), on: [.left], flags: FlagSet(.seen))
      fixture.deliver(FilledTests.ordinary(20), on: [.right])
      fixture.number()
      return fixture.run(parts: parts) { $0.isDryRun = true }
    }
    #expect(reports[0].counts == reports[1].counts && reports[0].result == reports[1].result)
    #expect(reports[0].counts.right.saved == 1)
  }

  @Test("cut short at any commit, it is carried on", arguments: cases)
  func cutShort(_ sample: Case) {
    for last in 1...12 {
      let fixture = Fixture(sample)
      for token in 1...8 {
        fixture.deliver(
          FilledTests.ordinary(token),
          on: token == 3 ? [.left] : token == 6 ? [.right] : Side.allCases)
      }
      fixture.number()
      var commits = 0
      fixture.world.onStep = { step in
        guard step.moment == .before, step.call == .commit else { return nil }
        commits += 1
        return commits == last ? .crash(.none) : nil
      }
      let small: (inout Policy) -> Void = { policy in
        policy.batches = .smallest
        policy.batches.arrivals = 2
      }
      _ = fixture.run(parts: 2, small)
      fixture.world.onStep = nil
      fixture.world.restart()
      #expect(fixture.run(parts: 2, small).result == .ok)
      #expect(fixture.world.servers.left.contentCounts == fixture.world.servers.right.contentCounts)
      #expect(fixture.messages(.left).count == 8)
      let again = fixture.run(parts: 2, small)
      #expect(again.counts.left.isEmpty && again.counts.right.isEmpty)
    }
  }

  @Test("what goes while it is compared is gone", arguments: cases)
  func gone(_ sample: Case) {
    for side in Side.allCases {
      let results = [1000, 3].map { parts in
        let fixture = Fixture(sample)
        for token in 1...8 { fixture.deliver(FilledTests.ordinary(token)) }
        fixture.number()
        var isDone = false
        fixture.world.onStep = { step in
          guard !isDone, step.side == side, step.moment == .before, step.call == .contents else {
            return nil
          }
          isDone = true
          let server = fixture.world.servers[side]
          if let handle = server[.inbox]?.messages[4].handle { server.expunge(handle) }
          return nil
        }
        let report = fixture.run(parts: parts)
        #expect(report.result == .ok && report.rounds <= 2)
        #expect(
          fixture.world.servers.left.contentCounts == fixture.world.servers.right.contentCounts)
        return fixture
      }
      for side in Side.allCases {
        #expect(
          results[0].messages(side).map(\.content) == results[1].messages(side).map(\.content))
      }
    }
  }

  /// Taken for one, the other half of either would be expunged where it still lies.
  @Test("equal messages of which each side has moved another one are two")
  func movedTwins() {
    let archive = name("archive")
    let counts = [1000, 1].map { parts in
      let fixture = Fixture(Case(left: .imap(), right: .imap(), uids: .map))
      let content = SimulatedContent.message(.ordinary, token: 5)
      for _ in 1...2 { fixture.deliver(content) }
      for side in Side.allCases { fixture.world.servers[side].createMailbox(archive) }
      #expect(fixture.run(parts: 1000).result == .ok)
      for (side, number) in [(Side.left, 0), (.right, 1)] {
        let server = fixture.world.servers[side]
        if let handle = server[.inbox]?.messages[number].handle {
          server.move(handle, from: .inbox, to: archive)
        }
      }
      #expect(fixture.run(parts: parts).result == .ok)
      return Both { fixture.world.servers[$0][archive]?.messages.count ?? 0 }
    }
    #expect(counts == [Both(left: 2, right: 2), Both(left: 2, right: 2)])
  }

  /// Its twin is the other half of what it was compared with: nothing is compared with it once more.
  @Test("nor does a dry run tell of it, where a twin is left", arguments: cases)
  func goneTwin(_ sample: Case) {
    for side in Side.allCases {
      let saved = [1000, 3].map { parts in
        let fixture = Fixture(sample)
        for token in 1...8 { fixture.deliver(FilledTests.ordinary(token)) }
        fixture.deliver(FilledTests.ordinary(8), on: [side])
        fixture.number()
        fixture.world.onStep = { step in
          if step.side == side, step.moment == .before, step.call == .contents {
            let server = fixture.world.servers[side]
            let twins = server[.inbox]?.messages.filter { $0.content == FilledTests.ordinary(8) }
            if let twins, twins.count == 2 { server.expunge(twins[1].handle) }
          }
          return nil
        }
        let report = fixture.run(parts: parts) { $0.isDryRun = true }
        #expect(fixture.messages(side).count == 8)
        return report.counts[side.other].saved
      }
      #expect(saved == [0, 0])
    }
  }

  @Test("a filler is nobody's mail, though both sides have one") func fillers() {
    let fixture = Fixture(Case(left: .imap(), right: .imap()))
    for token in 1...6 { fixture.deliver(FilledTests.ordinary(token)) }
    fixture.deliver(Filler.text, flags: Filler.flags)
    #expect(fixture.run(parts: 3).result == .ok)
    for side in Side.allCases { #expect(fixture.messages(side).count == 6) }
  }
}
