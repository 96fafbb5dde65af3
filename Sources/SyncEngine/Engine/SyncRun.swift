import IMAPClient

/// One run of one pair.
public final class SyncRun {
  /// - Parameter pair: its name, for the marks left in stores.
  public init(
    pair: String, policy: Policy, factories: Both<any EndpointFactory>, store: any StateStore,
    observer: (any SyncObserver)? = nil, cancellation: Cancellation = Cancellation()
  ) {}

  /// Never throws: what went wrong is in the report.
  public func run() -> SyncReport { SyncReport() }
}
