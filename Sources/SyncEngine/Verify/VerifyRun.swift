import IMAPClient

/// Compares the two sides of a pair message by message, and changes neither them nor the base.
///
/// What is read is digested as it passes; of each message of the mailboxes at hand a hundred octets are
/// kept (``VerifiedList``).
public final class VerifyRun {
  private let policy: Policy
  private let store: any StateStore
  private let observer: (any SyncObserver)?
  private let cancellation: Cancellation
  private let storeNames: Both<String>
  private let lanes: Lanes
  private var mailboxes: [MailboxVerifier] = []
  private var failures: [SyncFailure] = []

  /// - Parameters:
  ///   - store: must not change meanwhile.
  ///   - observer: told of progress.
  public init(
    policy: Policy, factories: Both<any EndpointFactory>, store: any StateStore,
    observer: (any SyncObserver)? = nil, cancellation: Cancellation = Cancellation()
  ) {
    self.policy = policy
    self.store = store
    self.observer = observer
    self.cancellation = cancellation
    storeNames = factories.map(\.name)
    lanes = Lanes(factories: factories, jobs: policy.jobs, cancellation: cancellation)
  }

  /// Never throws: what went wrong is in the report.
  public func run() -> VerifyReport {
    do {
      try compare()
    } catch  where cancellation.isRequested || error.error.code == .interrupted {
      // The signal of a terminal reaches the command of an `exec:` endpoint, too, which then hangs up.
      note(.stopped, side: nil)
    } catch {
      note(error.error, side: error.side)
    }
    lanes.disconnect()
    return report()
  }

  private func compare() throws(SideFailure) {
    let endpoints = try lanes.first()
    let records = try stateAccess { () throws(StateError) in try store.mailboxes() }
    for side in Side.allCases where !records.isEmpty {
      guard
        try attempt(on: side, { () throws(EndpointError) in try endpoints[side].hasMark("") })
          != .noStore
      else {
        let error = EndpointError(
          .side, .guarded, "there is no mail store at \(storeNames[side]) any more",
          advice: "is its disk mounted?")
        throw SideFailure(side: side, error: error)
      }
    }
    let listings = Both(
      left: try list(.left, endpoints.left), right: try list(.right, endpoints.right))
    // Mailboxes without the side's prefix.
    let usable = Both { listings[$0].selectable(below: policy.prefixes[$0], records, on: $0) }
    let tree = MailboxTree(
      listings: usable, records: records, policy: policy
    ) { [policy] name, side in
      listings[side].isOtherName(policy.fullName(name, on: side))
    }
    for one in tree.leftAlone { note(.nameOfAnother, side: one.side, mailbox: one.name) }
    try choose(from: tree)
    observer?.handle(.mailboxesToSync(mailboxes.count))
    try lanes.run(mailboxes, perLane: 1) { [observer] mailbox, endpoints throws(SideFailure) in
      observer?.handle(.mailboxBegun(mailbox.entry.names.left))
      try mailbox.verify(endpoints)
      observer?.handle(.mailboxDone(mailbox.entry.names.left))
    }
  }

  private func list(
    _ side: Side, _ endpoint: any Endpoint
  ) throws(SideFailure) -> MailboxListing {
    try attempt(on: side) { () throws(EndpointError) in try endpoint.list() }
  }

  // MARK: What belongs to the pair

  private func choose(from tree: MailboxTree) throws(SideFailure) {
    let pending = try stateAccess { () throws(StateError) in try store.pending() }
    var rights = Set<MailboxName>()
    for entry in tree.entries where isOfPair(entry) {
      guard !entry.isContested, rights.insert(entry.names.right).inserted else {
        note(
          EndpointError(
            .mailbox, .nameNotPossible, "two mailboxes would be synced with this one",
            advice: "give them different names with 'map'"), side: .right,
          mailbox: entry.names.right)
        continue
      }
      mailboxes.append(
        MailboxVerifier(
          entry, policy: policy, store: store,
          pending: pending.filter { $0.mailbox == entry.record?.id }, observer: observer,
          cancellation: cancellation))
    }
  }

  /// A mailbox of one side is nothing to the other where a sync would neither create it there nor delete it
  /// here.
  private func isOfPair(_ entry: MailboxTree.Entry) -> Bool {
    switch (entry.exists(on: .left), entry.exists(on: .right)) {
    case (true, true): true
    case (false, false): false
    case (true, false): isOfPair(entry, missingOn: .right)
    case (false, true): isOfPair(entry, missingOn: .left)
    }
  }

  private func isOfPair(_ entry: MailboxTree.Entry, missingOn side: Side) -> Bool {
    if policy.create.includes(side), policy.changes.includes(side) { return true }
    return entry.record?.anchors[side] != nil && policy.delete.includes(side.other)
      && policy.changes.includes(side.other)
  }

  // MARK: The report

  private func report() -> VerifyReport {
    var report = VerifyReport()
    report.traffic = lanes.traffic
    report.mailboxes = mailboxes.map(\.verdict)
    report.failures = failures + report.mailboxes.flatMap(\.failures)
    report.result = SyncResult(of: report.failures)
    return report
  }

  private func note(_ error: EndpointError, side: Side?, mailbox: MailboxName? = nil) {
    failures.append(
      SyncFailure(
        side: side, mailbox: mailbox, code: error.code, scope: error.scope,
        message: error.message, advice: error.advice))
  }
}

extension SyncResult {
  /// What comes of a run with these failures.
  fileprivate init(of failures: [SyncFailure]) {
    if failures.contains(where: { $0.code == .guarded }) {
      self = .refused
    } else if failures.contains(where: { $0.scope == .side }) {
      self = .failed
    } else {
      self = failures.isEmpty ? .ok : .partial
    }
  }
}
