import Glibc
import IMAPClient
import Synchronization

/// A mailbox that is taken through a step.
protocol LaneTask: AnyObject {
  /// Of the mailbox alone; the others go on.
  func noteFailure(_ failure: SideFailure)
}

extension MailboxSync: LaneTask {}

/// Workers that take mailboxes through a step, each with endpoints of its own.
///
/// The first lane is the calling thread. The others connect when there is enough to do for them; one that
/// can't (a server that allows no more connections) leaves its work to the rest.
final class Lanes {
  private final class Lane {
    var endpoints: Both<(any Endpoint)?> = Both(left: nil, right: nil)
    var isUsable = true
  }

  private let factories: Both<any EndpointFactory>
  private let limit: Int
  private var lanes: [Lane] = [Lane()]
  private let cancellation: Cancellation
  /// Below so many mailboxes a lane, logging in again costs more than it saves.
  static let mailboxesPerLane = 4

  init(
    factories: Both<any EndpointFactory>, jobs: Int, cancellation: Cancellation
  ) {
    self.factories = factories
    self.cancellation = cancellation
    limit = max(1, min(jobs, factories.left.connectionLimit, factories.right.connectionLimit))
  }

  /// The first lane's endpoints, connected.
  func first() throws(SideFailure) -> Both<any Endpoint> { try endpoints(of: lanes[0]) }

  var traffic: Both<Traffic> {
    Both { side in
      lanes.reduce(Traffic()) { $0 + ($1.endpoints[side]?.traffic ?? Traffic()) }
    }
  }

  func disconnect() {
    for lane in lanes {
      lane.endpoints.left?.disconnect()
      lane.endpoints.right?.disconnect()
    }
  }

  /// Takes every mailbox through `step`; an error of the mailbox is noted there and ends nothing else.
  ///
  /// - Parameter perLane: how many mailboxes make another lane worth its log-in.
  /// - Throws: the first error that ends a side.
  func run<Task: LaneTask>(
    _ mailboxes: [Task], perLane: Int = mailboxesPerLane,
    _ step: @escaping (Task, Both<any Endpoint>) throws(SideFailure) -> Void
  ) throws(SideFailure) {
    let count = max(1, min(limit, mailboxes.count / perLane))
    while lanes.count < count { lanes.append(Lane()) }
    let batch = Batch(mailboxes: mailboxes, step: step)
    let used = Array(lanes.prefix(count).filter(\.isUsable))
    let threads = used.dropFirst().compactMap { lane in
      Thread { [self] in work(batch, lane: lane, isFirst: false) }
    }
    work(batch, lane: lanes[0], isFirst: true)
    for thread in threads { thread.join() }
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
    while let mailbox = batch.next() {
      if cancellation.isRequested {
        batch.stop(SideFailure(side: .left, error: .interrupted))
        return
      }
      do {
        try batch.step(mailbox, endpoints)
      } catch  where error.error.scope == .side {
        batch.stop(error)
        return
      } catch {
        mailbox.noteFailure(error)
      }
    }
  }

  private func endpoints(of lane: Lane) throws(SideFailure) -> Both<any Endpoint> {
    Both(left: try endpoint(.left, of: lane), right: try endpoint(.right, of: lane))
  }

  private func endpoint(_ side: Side, of lane: Lane) throws(SideFailure) -> any Endpoint {
    if let endpoint = lane.endpoints[side] { return endpoint }
    do {
      let endpoint = try factories[side].connect()
      lane.endpoints[side] = endpoint
      return endpoint
    } catch {
      throw SideFailure(side: side, error: error)
    }
  }
}

/// The mailboxes that a step still has to be made for; the state that lanes share.
private final class Batch<Task: LaneTask>: @unchecked Sendable {
  private struct State {
    var next = 0
    var failure: SideFailure?
  }

  private let mailboxes: [Task]
  let step: (Task, Both<any Endpoint>) throws(SideFailure) -> Void
  private let state = Mutex(State())

  init(
    mailboxes: [Task],
    step: @escaping (Task, Both<any Endpoint>) throws(SideFailure) -> Void
  ) {
    self.mailboxes = mailboxes
    self.step = step
  }

  /// Each mailbox is given to one lane only.
  func next() -> Task? {
    let index = state.withLock { state -> Int? in
      guard state.failure == nil, state.next < mailboxes.count else { return nil }
      state.next += 1
      return state.next - 1
    }
    return index.map { mailboxes[$0] }
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
}

extension EndpointError {
  static let interrupted = EndpointError(
    .side, .interrupted, "stopped as asked", advice: "the next run carries on")
}
