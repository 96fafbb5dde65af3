import IMAPClient
import Testing

@testable import SyncEngine

/// What is left of an observation when everything that is as the base has it is taken out.
@Suite("Observations against the base") struct ObservationReduceTests {
  private static let seen = FlagSet([.seen])

  private func uid(_ number: UInt32) -> UID { UID(number) ?? .first }

  private func known(
    _ left: UInt32, _ right: UInt32, _ flags: FlagSet = .empty, hasID: Bool = true
  ) -> KnownMessage {
    KnownMessage(
      uids: Both(left: uid(left), right: uid(right)), flags: Both(left: flags, right: flags),
      hasID: Both(left: hasID, right: hasID), isStub: false)
  }

  private func message(
    _ number: UInt32, _ flags: FlagSet = .empty, hasID: Bool = false
  ) -> ObservedMessage {
    let details = MessageDetails(
      size: 9, date: InternalDate(seconds: 1), id: GlobalUID(high: 1, low: UInt64(number)))
    return ObservedMessage(
      handle: .uid(uid(number)), flags: flags, details: hasID ? details : nil)
  }

  private func reduced(
    _ coverage: Observation.Coverage, _ messages: [ObservedMessage], _ known: [KnownMessage],
    _ side: Side = .left
  ) -> (left: [MessageHandle], coverage: Observation.Coverage, newIDs: [UID]) {
    var observation = Observation(
      anchor: Anchor(uidValidity: nil, uidNext: .first, messages: 0), coverage: coverage,
      messages: MessageList(messages))
    let newIDs = observation.reduce(to: KnownList(known), side: side)
    return (observation.messages.map(\.handle), observation.coverage, newIDs.map(\.uid))
  }

  @Test("a whole listing becomes one of changes", arguments: Side.allCases)
  func full(_ side: Side) {
    // The right side's UIDs run the other way, as they may in `map`.
    let known = (1...6).map { number in
      side == .left ? self.known(number, 7 - number) : self.known(7 - number, number)
    }
    let result = reduced(
      .full, [message(1), message(3, Self.seen), message(4), message(6), message(8)], known, side)
    #expect(result.left == [.uid(uid(3)), .uid(uid(8))])
    #expect(result.coverage == .changes(vanished: UIDSet([uid(2), uid(5)])))
  }

  @Test("what was taken out takes no room") func room() {
    let numbers = 1...5_000 as ClosedRange<UInt32>
    var observation = Observation(
      anchor: Anchor(uidValidity: nil, uidNext: .first, messages: 0), coverage: .full,
      messages: MessageList(numbers.map { message($0, $0 == 7 ? Self.seen : .empty) }))
    _ = observation.reduce(to: KnownList(numbers.map { known($0, $0) }), side: .left)
    #expect(observation.messages.count == 1 && observation.messages.capacity < 100)
  }

  @Test("what is not listed in full loses nothing")
  func changes() {
    let coverage = Observation.Coverage.changes(vanished: UIDSet(uid(2)))
    let result = reduced(
      coverage, [message(1), message(3, Self.seen)], [known(1, 1), known(2, 2), known(3, 3)])
    #expect(result.left == [.uid(uid(3))] && result.coverage == coverage)
  }

  @Test("an id that the base lacks is told")
  func ids() {
    let result = reduced(
      .full, [message(1, hasID: true), message(2, hasID: true), message(3)],
      [known(1, 1), known(2, 2, hasID: false), known(3, 3, hasID: false)])
    #expect(result.left == [] && result.newIDs == [uid(2)])
  }

  @Test("two records under one UID are left to be looked at")
  func twins() {
    let result = reduced(.full, [message(1), message(2)], [known(1, 1), known(1, 5), known(2, 2)])
    #expect(result.left == [.uid(uid(1))])
  }

  @Test("files without a UID stay, in an empty mailbox too")
  func unnumbered() {
    let file = ObservedMessage(handle: .unnumbered(77), flags: .empty)
    #expect(reduced(.full, [message(1), file], [known(1, 1)]).left == [.unnumbered(77)])
    let alone = reduced(.full, [file], [])
    #expect(alone.left == [.unnumbered(77)])
    #expect(alone.coverage == .changes(vanished: UIDSet()))
    #expect(
      reduced(.full, [], [known(1, 1)]).coverage == .changes(vanished: UIDSet(uid(1))))
  }
}
