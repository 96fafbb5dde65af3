import IMAPClient
import TestSupport
import Testing

@testable import Simulation
@testable import SyncEngine

/// A server without MOVE renumbers by COPY and by expunging the old message, and a run may die between the two.
@Suite("Half renumbered") struct HalfRenumberedTests {
  /// In what the two sides differ of the message that is renumbered.
  enum Difference: CaseIterable, Sendable {
    case none
    case date
    /// The server keeps it as something shorter.
    case size
    /// The server has a stub.
    case stub
  }

  private static let usual = InternalDate(seconds: 1_700_000_000)
  private static let first = SimulatedContent.message(.ordinary, token: 1)

  /// One of which a server leaves out an octet.
  private static let shrinking =
    (2...40).lazy.map { SimulatedContent.message(.ordinary, token: $0) }
    .first { SimulatedContent.altered($0).count < $0.count } ?? first

  private let world: SimulatedWorld
  private let store: MemoryStateStore

  init() {
    world = SimulatedWorld(.imap(), .imap(canMove: false))
    world.servers.right.mailboxes[.inbox]?.uidValidity = world.servers.left[.inbox]?.uidValidity
    store = world.stateStore()
  }

  private func run(_ difference: Difference, uids: Policy.UIDs = .auto) -> SyncReport {
    world.run(store) { policy in
      policy.uids = uids
      if difference == .stub { policy.maxSize = UInt64(SimulatedContent.largeSize) }
    }
  }

  /// Both messages lie under unequal UIDs, and a run dies that was to give them equal ones, after the copies have been made.
  private func die(_ difference: Difference) {
    let right = world.servers.right
    let other =
      difference == .stub
      ? SimulatedContent.message(.large, token: 50) : HalfRenumberedTests.shrinking
    right.deliver(HalfRenumberedTests.first, date: HalfRenumberedTests.usual)
    world.servers.left.deliver(other, date: HalfRenumberedTests.usual)
    if difference == .date {
      right.deliver(other, date: InternalDate(seconds: HalfRenumberedTests.usual.seconds + 60))
    }
    if difference == .size { right.alters = { SimulatedContent.altered($0) } }
    #expect(run(difference, uids: .map).result == .ok)
    world.onStep = { step in
      step.moment == .before && step.call == .renumber && step.side == .right
        ? .crash(.partial(2)) : nil
    }
    #expect(run(difference).result == .failed)
    world.onStep = nil
    world.restart()
    #expect(world.servers.right[.inbox]?.messages.count == 4)
  }

  private func expectLevel(_ difference: Difference) {
    #expect(run(difference).result == .ok)
    for side in Side.allCases { #expect(world.servers[side][.inbox]?.messages.count == 2) }
    let again = run(difference)
    #expect(again.counts.left.isEmpty && again.counts.right.isEmpty)
    #expect(world.servers.left[.inbox]?.uids == world.servers.right[.inbox]?.uids)
  }

  @Test(
    "the copies are the messages, however the other side has them", arguments: Difference.allCases)
  func carriedOn(_ difference: Difference) {
    die(difference)
    var looks = 0
    world.onStep = { step in
      if step.moment == .before, step.side == .right, step.call == .open(.inbox) { looks += 1 }
      return nil
    }
    expectLevel(difference)
    // What was under way is seen to be there: there is nothing to wait for. (What a server has made of a message, the base
    // need not know.)
    #expect(looks < 10 || difference == .size)
  }

  @Test(
    "a flag that somebody sets meanwhile stays, on whichever of the two", arguments: [true, false])
  func flagged(_ isOriginal: Bool) throws {
    die(.none)
    let right = world.servers.right
    let two = right[.inbox]?.messages.filter { $0.content == HalfRenumberedTests.first } ?? []
    try #require(two.count == 2)
    right.setFlags(two[isOriginal ? 0 : 1].handle, adding: FlagSet(.flagged))
    right.setFlags(two[isOriginal ? 1 : 0].handle, adding: FlagSet(.seen))
    expectLevel(.none)
    for side in Side.allCases {
      let flags = world.servers[side][.inbox]?.messages.map(\.flags) ?? []
      #expect(Set(flags) == [.empty, FlagSet([.flagged, .seen])])
    }
  }

  @Test("the original does not go if its copy goes while it is to get what somebody has changed")
  func copyGone() throws {
    die(.none)
    let right = world.servers.right
    let two = right[.inbox]?.messages.filter { $0.content == HalfRenumberedTests.first } ?? []
    try #require(two.count == 2)
    var isFlagged = false
    var isGone = false
    world.onStep = { step in
      guard step.moment == .before, step.side == .right else { return nil }
      if step.call.kind == .expunge, !isFlagged {
        right.setFlags(two[0].handle, adding: FlagSet(.flagged))
        isFlagged = true
      } else if step.call.kind == .store, isFlagged, !isGone {
        right.expunge(two[1].handle)
        isGone = true
      }
      return nil
    }
    #expect(run(.none).result == .ok)
    world.onStep = nil
    #expect(isFlagged && isGone)
    expectLevel(.none)
    for side in Side.allCases {
      let kept = world.servers[side][.inbox]?.messages.first {
        $0.content == HalfRenumberedTests.first
      }
      #expect(kept?.flags == FlagSet(.flagged))
    }
  }

  @Test("who marks one of the two as deleted means that there is one too many")
  func deleted() throws {
    die(.none)
    let handles = world.servers.right[.inbox]?.messages.map(\.handle) ?? []
    try #require(handles.count == 4)
    world.servers.right.setFlags(handles[3], adding: FlagSet(.deleted))
    expectLevel(.none)
    #expect(world.servers.right[.inbox]?.messages.allSatisfy { $0.flags == .empty } == true)
  }

  @Test(
    "a run that may not renumber leaves both to another one, whatever else it does",
    arguments: Side.allCases)
  func oneWay(_ side: Side) {
    die(.none)
    world.servers[side.other].deliver(
      SimulatedContent.message(.ordinary, token: 60), date: HalfRenumberedTests.usual)
    let report = world.run(store) { $0.changes = side == .left ? .left : .right }
    #expect(report.result == .ok)
    #expect(run(.none).result == .ok)
    for side in Side.allCases { #expect(world.servers[side][.inbox]?.messages.count == 3) }
    let again = run(.none)
    #expect(again.counts.left.isEmpty && again.counts.right.isEmpty)
  }
}
