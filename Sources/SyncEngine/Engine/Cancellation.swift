import Synchronization

/// Asks a run to stop after the operations under way: SIGINT, SIGTERM.
public final class Cancellation: Sendable {
  private let requested = Atomic<Bool>(false)

  public init() {}

  /// Safe in a signal handler.
  public func request() { requested.store(true, ordering: .relaxed) }

  public var isRequested: Bool { requested.load(ordering: .relaxed) }
}
