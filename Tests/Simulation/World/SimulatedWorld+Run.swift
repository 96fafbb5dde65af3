import SyncEngine

/// Runs of a pair over the two stores.
extension SimulatedWorld {
  /// In which no time passes.
  public func run(
    _ policy: Policy, _ store: any StateStore, pair: String = "simulated",
    observer: (any SyncObserver)? = nil, cancellation: Cancellation = Cancellation()
  ) -> SyncReport {
    SyncRun(
      pair: pair, policy: policy, factories: factories, store: store, observer: observer,
      cancellation: cancellation, pause: { _ in }
    ).run()
  }

  /// Of one lane, and else as nobody wished it otherwise.
  public func run(
    _ store: any StateStore, observer: (any SyncObserver)? = nil,
    cancellation: Cancellation = Cancellation(), _ change: (inout Policy) -> Void = { _ in }
  ) -> SyncReport {
    var policy = Policy()
    policy.jobs = 1
    change(&policy)
    return run(policy, store, observer: observer, cancellation: cancellation)
  }
}
