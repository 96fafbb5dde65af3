import Foundation
import IMAPClient
import SyncEngine
import TestSupport

/// Two stores and everything that happens between them and a run.
///
/// Every endpoint call and every commit passes ``onStep``, which may let users act on either side and
/// may let the call fail. Calls exclude each other, so that a run with several lanes is safe, though
/// only one with a single lane is deterministic.
public final class SimulatedWorld: @unchecked Sendable {
  public let servers: Both<SimulatedServer>
  public let ledger: SimulatedLedger
  public let watch: UIDWatch
  /// Asked before and after each call and commit.
  public var onStep: ((SimulatedStep) -> SimulatedFault?)?
  public private(set) var steps = 0
  public private(set) var isCrashed = false
  /// Messages flagged `\Deleted` are expunged as the policy asks for it (the key `expunge`).
  public var sweepsDeleted = false
  /// Calls that no endpoint may be asked for: the engine broke the protocol.
  public internal(set) var misuses: [String] = []
  /// How often a Maildir had nothing to tell but what the run had done there itself, and whether messages were among that.
  public internal(set) var quietLooks = (all: 0, afterDeliveries: 0)
  /// Names of Maildir folders are kept from run to run.
  public var keepsNames = false
  var keptNames: Both<[MailboxName: KeptNames]> = Both(left: [:], right: [:])
  /// How often they told what had changed.
  public internal(set) var keptLooks = 0

  private let lock = NSRecursiveLock()
  private var late: [(due: Int, effect: () -> Void)] = []

  public convenience init(_ left: SimulatedTraits, _ right: SimulatedTraits) {
    self.init(Both(left: SimulatedServer(.left, left), right: SimulatedServer(.right, right)))
  }

  /// Servers that may be part of other worlds too.
  public init(
    _ servers: Both<SimulatedServer>, ledger: SimulatedLedger = SimulatedLedger(),
    watch: UIDWatch = UIDWatch()
  ) {
    self.servers = servers
    self.ledger = ledger
    self.watch = watch
    for side in Side.allCases { servers[side].ledger = ledger }
  }

  /// What a user of neither side can have done: a message that both sides have from the start.
  public func deliverToBoth(
    _ content: [UInt8], to mailbox: MailboxName = .inbox, flags: FlagSet = .empty,
    date: InternalDate = InternalDate(seconds: 1_700_000_000)
  ) {
    for side in Side.allCases {
      servers[side].deliver(content, to: mailbox, flags: flags, date: date)
    }
  }

  public func factory(_ side: Side) -> any EndpointFactory {
    SimulatedEndpointFactory(world: self, side: side)
  }

  public var factories: Both<any EndpointFactory> { Both { factory($0) } }

  /// A base whose commits are steps of this world.
  public func stateStore(_ snapshot: MemoryStateStore.Snapshot = .init()) -> MemoryStateStore {
    MemoryStateStore(snapshot) { (moment, changes) throws(StateError) in
      try self.commit(moment, changes)
    }
  }

  /// The process is started anew; what servers still do for dead connections goes on.
  public func restart() { lock.withLock { isCrashed = false } }

  /// Carries out at once what dead connections left behind.
  public func settle() {
    lock.withLock {
      for (_, effect) in late { effect() }
      late = []
    }
  }

  // MARK: Steps

  func locked<Result>(_ body: () throws -> Result) rethrows -> Result {
    lock.lock()
    defer { lock.unlock() }
    return try body()
  }

  func step(
    _ moment: SimulatedStep.Moment, _ side: Side?, _ call: SimulatedCall, changes: Int
  ) -> SimulatedFault? {
    if moment == .before {
      steps += 1
      let due = late.filter { $0.due <= steps }
      late.removeAll { $0.due <= steps }
      for (_, effect) in due { effect() }
    }
    return onStep?(
      SimulatedStep(number: steps, moment: moment, side: side, call: call, changes: changes))
  }

  func schedule(afterSteps count: Int, _ effect: @escaping () -> Void) {
    late.append((steps + max(1, count), effect))
  }

  func crash() { isCrashed = true }

  private func commit(
    _ moment: MemoryStateStore.Moment, _ changes: [StateChange]
  ) throws(StateError) {
    let crashed = StateError(.other, "crashed", advice: "")
    lock.lock()
    defer { lock.unlock() }
    if isCrashed { throw crashed }
    // What was committed before becomes durable: no step, since what may happen at one happened then.
    if changes.isEmpty { return }
    switch step(moment == .before ? .before : .after, nil, .commit, changes: changes.count) {
    case nil: return
    case .crash, .connectionLost:
      crash()
      throw crashed
    case .refused: throw StateError(.noSpace, "no space left for the base", advice: "make room")
    }
  }
}

/// Connects to one side of a world.
final class SimulatedEndpointFactory: EndpointFactory {
  let world: SimulatedWorld
  let side: Side

  init(world: SimulatedWorld, side: Side) {
    self.world = world
    self.side = side
  }

  var name: String { "simulated-\(side)" }
  var connectionLimit: Int { 4 }

  func connect() throws(EndpointError) -> any Endpoint {
    let endpoint = SimulatedEndpoint(world: world, side: side)
    try endpoint.perform(.connect)
    return endpoint
  }
}
