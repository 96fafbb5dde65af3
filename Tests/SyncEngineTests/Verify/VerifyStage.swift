import IMAPClient
import SyncEngine
import TestSupport

@testable import Simulation

/// Two simulated stores that are synced, changed by hand and compared.
final class VerifyStage {
  let world: SimulatedWorld
  var store: MemoryStateStore
  var policy = Policy()
  /// Calls made while it was compared, other than those that only read.
  private(set) var changingCalls: [SimulatedCall] = []

  init(_ left: SimulatedTraits, _ right: SimulatedTraits) {
    world = SimulatedWorld(left, right)
    store = world.stateStore()
    policy.jobs = 1
    policy.maxExpunge = .percent(100)
  }

  /// With a few messages on both sides.
  convenience init(_ traits: Both<SimulatedTraits>) {
    self.init(traits.left, traits.right)
    for token in 1...4 { world.servers.left.deliver(VerifyStage.message(token)) }
    for token in 5...6 { world.servers.right.deliver(VerifyStage.message(token)) }
    sync()
  }

  static func message(_ token: Int) -> [UInt8] {
    SimulatedContent.message(.ordinary, token: token)
  }

  static let pairs = [
    Both(left: SimulatedTraits.maildir, right: .imap()),
    Both(left: SimulatedTraits.maildir, right: .maildir),
    Both(left: SimulatedTraits.imap(), right: .maildir),
    Both(left: SimulatedTraits.imap(), right: .imap(tier: .none, hasIDs: false)),
  ]

  /// Those in which both sides share a UID space.
  static let mirroring = Array(pairs.prefix(3))

  @discardableResult func sync() -> SyncReport {
    world.run(policy, store)
  }

  func verify(_ cancellation: Cancellation = Cancellation()) -> VerifyReport {
    let before = world.onStep
    defer { world.onStep = before }
    world.onStep = { [unowned self] step in
      if step.changes > 0 || step.side == nil { changingCalls.append(step.call) }
      return before?(step)
    }
    return VerifyRun(
      policy: policy, factories: world.factories, store: store, cancellation: cancellation
    ).run()
  }

  // MARK: What the hand does that no user can

  func index(of token: Int, on side: Side) -> Int? {
    world.servers[side][.inbox]?.messages.firstIndex {
      SimulatedContent.label($0.content) == "message \(token)"
    }
  }

  func handle(of token: Int, on side: Side) -> MessageHandle? {
    index(of: token, on: side).flatMap { world.servers[side][.inbox]?.messages[$0].handle }
  }

  /// As a user does.
  func flag(_ token: Int, on side: Side) {
    guard let handle = handle(of: token, on: side) else { return }
    world.servers[side].setFlags(handle, adding: FlagSet([.seen]))
  }

  func alter(_ token: Int, on side: Side, _ change: (inout SimulatedMessage) -> Void) {
    guard let index = index(of: token, on: side),
      var message = world.servers[side].mailboxes[.inbox]?.messages[index]
    else { return }
    change(&message)
    world.servers[side].mailboxes[.inbox]?.messages[index] = message
    world.servers[side].mailboxes[.inbox]?.changes += 1
  }
}

extension VerifyReport {
  /// Every finding in a word, and the side that lacks something.
  var kinds: [String] { mailboxes.flatMap(\.differences).map(\.finding.kind).sorted() }

  var counted: Int { mailboxes.reduce(0) { $0 + $1.messages } }
}

extension Difference.Finding {
  var kind: String {
    switch self {
    case .noMailbox(let side, let messages): "no mailbox \(side) (\(messages))"
    case .noSubscription(let side): "no subscription \(side)"
    case .uidValidity: "uidvalidity"
    case .uidNext: "uidnext"
    case .noMessage(let side, _, let absence): "no message \(side) (\(absence))"
    case .content: "content"
    case .flags(_, let missing):
      Side.allCases.filter { !missing[$0].isEmpty }
        .map { "flags \(missing[$0]) \($0)" }.joined(separator: ", ")
    case .date: "date"
    case .uid: "uid"
    }
  }
}
