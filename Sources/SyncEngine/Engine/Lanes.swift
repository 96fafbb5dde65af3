import Glibc
import IMAPClient
import Synchronization

/// A mailbox that is taken through a step.
protocol LaneTask: AnyObject {
  /// The lane that had it last: its connection may still have it open.
  var lane: Int? { get set }
  /// Of the mailbox alone; the others go on.
  func noteFailure(_ failure: SideFailure)
}

/// Mailboxes that a lane takes several at a time, because what the step asks of them can be asked together.
struct LookAhead<Task> {
  /// What is kept of a mailbox until it has its turn, in messages; `nil` if it is more work than that nobody minds who has it.
  var weight: (Task) -> UInt64?
  /// Is told which of them a lane is about to take through the step, in this order.
  var begin: ([Task], Both<any Endpoint>) -> Void

  /// So many at most: what is asked for must fit into one flight.
  static var most: Int { 16 }
  /// All that is kept at a time.
  static var mostWeight: UInt64 { 4000 }
}

extension MailboxSync: LaneTask {}

/// Workers that take mailboxes through a step, each with endpoints of its own.
///
/// The first lane is the calling thread. The others connect when there is enough to do for them; one that
/// can't (a server that allows no more connections) leaves its work to the rest.
final class Lanes {
  private final class Lane {
    let index: Int
    var endpoints: Both<(any Endpoint)?> = Both(left: nil, right: nil)
    var isUsable = true

    init(_ index: Int) { self.index = index }
  }

  private let factories: Both<any EndpointFactory>
  private let limit: Int
  /// Whether the two sides may be worked on at the same time.
  private let actsAtOnce: Bool
  private var lanes: [Lane] = [Lane(0)]
  private let cancellation: Cancellation
  /// Below so many mailboxes a lane, logging in again costs more than it saves.
  static let mailboxesPerLane = 4

  init(
    factories: Both<any EndpointFactory>, jobs: Int, cancellation: Cancellation
  ) {
    self.factories = factories
    self.cancellation = cancellation
    actsAtOnce = jobs > 1
    limit = max(1, min(jobs, factories.left.connectionLimit, factories.right.connectionLimit))
    for side in Side.allCases {
      factories[side].allow(connections: max(1, min(jobs, factories[side].connectionLimit)))
    }
  }

  /// The first lane's endpoints, connected.
  func first() throws(SideFailure) -> Both<any Endpoint> { try endpoints(of: lanes[0]) }

  /// Connects the first lane, and makes a first call on either side as soon as that one is connected: so much of it is
  /// done while the other side is waited for.
  ///
  /// - Returns: what came of the calls; `nil` where only one job is allowed, and nothing is done yet.
  func connect<Value>(
    andThen call: @escaping (Side, any Endpoint) throws(EndpointError) -> Value
  ) throws(SideFailure) -> Both<Result<Value, SideFailure>>? {
    guard actsAtOnce else { return nil }
    let outcomes = outcomesOnBothSides { [factories] (side) throws(EndpointError) in
      let endpoint = try factories[side].connect()
      return (
        endpoint,
        Lanes.outcome(side) { (side) throws(EndpointError) in try call(side, endpoint) }
      )
    }
    for side in Side.allCases {
      if case .success((let endpoint, _)) = outcomes[side] { lanes[0].endpoints[side] = endpoint }
    }
    return Both(left: try outcomes.left.get().1, right: try outcomes.right.get().1)
  }

  /// Makes a call for either side, for both at the same time; one after the other where only one job is allowed.
  func onBothSides<Result>(
    _ call: @escaping (Side) throws(EndpointError) -> Result
  ) throws(SideFailure) -> Both<Result> {
    let outcomes = outcomesOnBothSides(call)
    return Both(left: try outcomes.left.get(), right: try outcomes.right.get())
  }

  private func outcomesOnBothSides<Value>(
    _ call: @escaping (Side) throws(EndpointError) -> Value
  ) -> Both<Result<Value, SideFailure>> {
    let left = Promise { Lanes.outcome(.left, call) }
    if actsAtOnce { left.start() } else { left.finish() }
    let right = Lanes.outcome(.right, call)
    return Both(left: left.take(), right: right)
  }

  private static func outcome<Value>(
    _ side: Side, _ call: (Side) throws(EndpointError) -> Value
  ) -> Result<Value, SideFailure> {
    do { return .success(try call(side)) } catch {
      return .failure(SideFailure(side: side, error: error))
    }
  }

  var traffic: Both<Traffic> {
    Both { side in
      lanes.reduce(factories[side].traffic) { $0 + ($1.endpoints[side]?.traffic ?? Traffic()) }
    }
  }

  func disconnect() {
    let left = Promise { self.disconnect(.left) }
    if actsAtOnce { left.start() }
    disconnect(.right)
    left.finish()
  }

  private func disconnect(_ side: Side) {
    for lane in lanes { lane.endpoints[side]?.disconnect() }
    factories[side].disconnect()
  }

  /// Takes every mailbox through `step`; an error of the mailbox is noted there and ends nothing else.
  ///
  /// - Parameter perLane: how many mailboxes make another lane worth its log-in.
  /// - Parameter ahead: what of the step may begin before a mailbox has its turn.
  /// - Throws: the first error that ends a side.
  func run<Task: LaneTask>(
    _ mailboxes: [Task], perLane: Int = mailboxesPerLane, ahead: LookAhead<Task>? = nil,
    _ step: @escaping (Task, Both<any Endpoint>) throws(SideFailure) -> Void
  ) throws(SideFailure) {
    let count = max(1, min(limit, mailboxes.count / perLane))
    while lanes.count < count { lanes.append(Lane(lanes.count)) }
    let batch = Batch(mailboxes: mailboxes, lanes: lanes.count, ahead: ahead, step: step)
    let used = lanes.filter { lane in
      lane.isUsable && (lane.index < count || batch.hasTasks(of: lane.index))
    }
    let threads = used.dropFirst().compactMap { lane in
      Thread { [self] in work(batch, lane: lane, isFirst: false) }
    }
    work(batch, lane: lanes[0], isFirst: true)
    for thread in threads { thread.join() }
    for lane in used { for side in Side.allCases { lane.endpoints[side]?.resume() } }
    if let failure = batch.failure { throw failure }
  }

  private func work<Task: LaneTask>(_ batch: Batch<Task>, lane: Lane, isFirst: Bool) {
    let endpoints: Both<any Endpoint>
    do {
      endpoints = try self.endpoints(of: lane)
    } catch {
      lane.isUsable = false
      if isFirst { batch.stop(error) }
      return
    }
    defer { for side in Side.allCases { endpoints[side].rest() } }
    while let mailboxes = batch.next(for: lane.index) {
      if mailboxes.count > 1 { batch.ahead?.begin(mailboxes, endpoints) }
      defer { for side in Side.allCases { endpoints[side].foresee([]) } }
      for mailbox in mailboxes {
        guard take(mailbox, through: batch, lane, endpoints) else { return }
      }
    }
  }

  /// - Returns: false if nothing more is to be done.
  private func take<Task: LaneTask>(
    _ mailbox: Task, through batch: Batch<Task>, _ lane: Lane, _ endpoints: Both<any Endpoint>
  ) -> Bool {
    guard batch.failure == nil else { return false }
    if cancellation.isRequested {
      batch.stop(SideFailure(side: nil, error: .interrupted))
      return false
    }
    mailbox.lane = lane.index
    do {
      try batch.step(mailbox, endpoints)
    } catch  where error.error.scope == .side {
      batch.stop(error)
      return false
    } catch {
      mailbox.noteFailure(error)
    }
    return true
  }

  private func endpoints(of lane: Lane) throws(SideFailure) -> Both<any Endpoint> {
    if let left = lane.endpoints.left, let right = lane.endpoints.right {
      return Both(left: left, right: right)
    }
    // Two servers are logged in to at the same time.
    let known = lane.endpoints
    let connected = outcomesOnBothSides { [factories] (side) throws(EndpointError) in
      if let endpoint = known[side] { return endpoint }
      return try factories[side].connect()
    }
    for side in Side.allCases {
      if case .success(let endpoint) = connected[side] { lane.endpoints[side] = endpoint }
    }
    return Both(left: try connected.left.get(), right: try connected.right.get())
  }
}

/// The mailboxes that a step still has to be made for; the state that lanes share.
private final class Batch<Task: LaneTask>: @unchecked Sendable {
  private struct State {
    /// Of each lane the mailboxes that it had before, the next one last; behind them those that none had.
    var queues: [[Int]]
    var failure: SideFailure?
  }

  private let mailboxes: [Task]
  let ahead: LookAhead<Task>?
  let step: (Task, Both<any Endpoint>) throws(SideFailure) -> Void
  /// What a lane may take at a time of those that none had: an equal share.
  private let share: Int
  private let state: Mutex<State>

  init(
    mailboxes: [Task], lanes: Int, ahead: LookAhead<Task>?,
    step: @escaping (Task, Both<any Endpoint>) throws(SideFailure) -> Void
  ) {
    self.mailboxes = mailboxes
    self.ahead = ahead
    share = (mailboxes.count + lanes - 1) / max(1, lanes)
    self.step = step
    var queues = [[Int]](repeating: [], count: lanes + 1)
    for (index, mailbox) in mailboxes.enumerated().reversed() {
      queues[mailbox.lane.map { min($0, lanes) } ?? lanes].append(index)
    }
    state = Mutex(State(queues: queues))
  }

  func hasTasks(of lane: Int) -> Bool { state.withLock { !$0.queues[lane].isEmpty } }

  /// Each mailbox is given to one lane only: if it can be, to the one that had it before.
  ///
  /// - Returns: one, or several that are little work and follow each other; `nil` if none is left.
  func next(for lane: Int) -> [Task]? {
    state.withLock { state in
      guard state.failure == nil else { return nil }
      let free = state.queues.count - 1
      let longest = state.queues.indices.max { state.queues[$0].count < state.queues[$1].count }
      for queue in [lane, free, longest ?? free] {
        guard let index = state.queues[queue].popLast() else { continue }
        var taken = [mailboxes[index]]
        guard let ahead, var weight = ahead.weight(taken[0]), queue == lane || queue == free
        else { return taken }
        let limit = min(LookAhead<Task>.most, queue == free ? share : .max)
        while taken.count < limit, let next = state.queues[queue].last.map({ mailboxes[$0] }),
          let more = ahead.weight(next), weight <= LookAhead<Task>.mostWeight,
          more <= LookAhead<Task>.mostWeight - weight
        {
          state.queues[queue].removeLast()
          taken.append(next)
          weight += more
        }
        return taken
      }
      return nil
    }
  }

  func stop(_ failure: SideFailure) {
    state.withLock { if $0.failure == nil { $0.failure = failure } }
  }

  var failure: SideFailure? { state.withLock(\.failure) }
}

/// One thread of the operating system.
final class Thread {
  private final class Body: @unchecked Sendable {
    let run: () -> Void

    init(_ run: @escaping () -> Void) { self.run = run }
  }

  private var id = pthread_t()

  /// - Returns: `nil` if the system has no more threads.
  init?(_ run: @escaping () -> Void) {
    let body = Unmanaged.passRetained(Body(run))
    let status = pthread_create(
      &id, nil,
      { argument in
        if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
        return nil
      }, body.toOpaque())
    guard status == 0 else {
      body.release()
      return nil
    }
  }

  func join() { pthread_join(id, nil) }

  /// Nobody waits for its end.
  func detach() { pthread_detach(id) }
}

extension EndpointError {
  static let interrupted = EndpointError(
    .side, .interrupted, "stopped by a signal", advice: "the next run goes on from here")
}
