import IMAPClient

/// Reads one mailbox on both sides, and has what it read compared. Changes nothing.
///
/// Belongs to one lane at a time.
final class MailboxVerifier: LaneTask {
  let entry: MailboxTree.Entry
  var lane: Int?
  private(set) var verdict: MailboxVerdict
  private let policy: Policy
  private let store: any StateStore
  private let pending: [PendingMessage]
  private let observer: (any SyncObserver)?
  private let cancellation: Cancellation

  init(
    _ entry: MailboxTree.Entry, policy: Policy, store: any StateStore, pending: [PendingMessage],
    observer: (any SyncObserver)?, cancellation: Cancellation
  ) {
    self.entry = entry
    self.policy = policy
    self.store = store
    self.pending = pending
    self.observer = observer
    self.cancellation = cancellation
    verdict = MailboxVerdict(names: entry.names)
  }

  func noteFailure(_ failure: SideFailure) {
    let error = failure.error
    verdict.failures.append(
      SyncFailure(
        side: failure.side, mailbox: entry.names[failure.side ?? .left], code: error.code,
        scope: error.scope, message: error.message, advice: error.advice))
  }

  func verify(_ endpoints: Both<any Endpoint>) throws(SideFailure) {
    for side in Side.allCases where !entry.exists(on: side) {
      let observation = try open(side.other, endpoints[side.other])
      find(.noMailbox(on: side, messages: observation.messages.count))
      verdict.isComplete = true
      return
    }
    compareSubscriptions()
    try compareMessages(endpoints)
  }

  private func find(_ finding: Difference.Finding) {
    verdict.differences.append(Difference(names: entry.names, finding: finding))
  }

  private func compareSubscriptions() {
    guard policy.syncsSubscriptions, let left = entry.listed.left, let right = entry.listed.right,
      left.isSubscribed != right.isSubscribed
    else { return }
    let side: Side = left.isSubscribed ? .right : .left
    let wanted = MailboxTree.subscription(
      base: entry.record?.isSubscribed, left: left.isSubscribed, right: right.isSubscribed)
    // One way, what this side changed itself waits for another run.
    if policy.changes.includes(wanted ? side : side.other) { find(.noSubscription(on: side)) }
  }

  private func compareMessages(_ endpoints: Both<any Endpoint>) throws(SideFailure) {
    var observations = Both(
      left: try open(.left, endpoints.left), right: try open(.right, endpoints.right))
    var circumstances = MailboxComparison.Circumstances(
      names: entry.names, record: entry.record, anchors: observations.map(\.anchor),
      policy: policy)
    for message in pending { circumstances.pending[message.side][message.uid] = message }
    let known = try knownMessages()
    let sinks = Both { side in
      DigestSink(
        take(&observations[side].messages, known, isKnown: circumstances.isTrusted(side), on: side),
        cancellation: cancellation
      ) { [observer] messages, octets in
        observer?.handle(.transferred(messages: messages, octets: octets))
      }
    }
    try read(sinks, endpoints)
    let comparison = MailboxComparison(
      circumstances, known: known, messages: sinks.map(\.messages))
    let masked = try mask(comparison.suspects, endpoints)
    complete(try comparison.verdict(masked: masked, rows: rows))
  }

  /// Adds what was found out before.
  private func complete(_ found: MailboxVerdict) {
    let earlier = verdict
    verdict = found
    verdict.differences = earlier.differences + found.differences
    verdict.failures = earlier.failures
    verdict.unselected = earlier.unselected
    verdict.isComplete = true
  }

  // MARK: The base

  private func knownMessages() throws(SideFailure) -> KnownList {
    guard let record = entry.record else { return [] }
    return try stateAccess { () throws(StateError) in try store.knownMessages(in: record.id) }
  }

  private func rows(_ uids: UIDSet) throws(SideFailure) -> [MessageRecord] {
    guard let record = entry.record else { return [] }
    return try stateAccess { () throws(StateError) in
      try store.messages(in: record.id, uids: Both(left: uids, right: UIDSet()))
    }
  }

  // MARK: Reading

  private func open(_ side: Side, _ endpoint: any Endpoint) throws(SideFailure) -> Observation {
    let observation = try attempt(on: side) { () throws(EndpointError) in
      let name = policy.fullName(entry.names[side], on: side)
      return try endpoint.open(name, OpenRequest(isOnlyToRead: true))
    }
    if let leftOut = observation.leftOut {
      let error = leftOut.error(advice: "it could not be compared")
      noteFailure(SideFailure(side: side, error: error))
    }
    return observation
  }

  /// Takes the messages that are to be read, and leaves out what a sync would leave where it is.
  private func take(
    _ messages: inout MessageList, _ known: KnownList, isKnown: Bool, on side: Side
  ) -> VerifiedList {
    if let since = policy.since {
      let count = messages.count
      let synced = UIDSet(isKnown ? known.indices.map { known.uid(at: $0, on: side) } : [])
      messages.removeAll { message in
        guard let date = message.details?.date, date < since else { return false }
        return !(message.handle.uid.map(synced.contains) ?? false)
      }
      verdict.unselected += count - messages.count
    }
    let octets = messages.reduce(0) { $0 &+ ($1.details?.size ?? 0) }
    observer?.handle(.transfersPlanned(messages: messages.count, octets: octets))
    return VerifiedList(taking: &messages)
  }

  /// Both sides at the same time: one is as likely to be slow as the other.
  private func read(
    _ sinks: Both<DigestSink>, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    try fetch(sinks.map(\.messages.handles), endpoints, into: sinks.map { $0 })
    for side in Side.allCases {
      for (handle, why) in sinks[side].unreadable { noteUnreadable(handle, why, on: side) }
    }
  }

  private func noteUnreadable(_ handle: MessageHandle, _ why: String, on side: Side) {
    let name = handle.uid.map { "message with UID \($0)" } ?? "new message"
    noteFailure(
      SideFailure(
        side: side,
        error: EndpointError(
          .message, .unreadable, "\(name) can't be read: \(why)",
          advice: "it could not be compared")))
  }

  private func mask(
    _ suspects: Both<[MessageHandle]>, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) -> Both<[MessageHandle: MessageDigest]> {
    guard !suspects.left.isEmpty else { return Both(left: [:], right: [:]) }
    let sinks = Both { _ in MaskedDigestSink() }
    try fetch(suspects, endpoints, into: sinks.map { $0 })
    return sinks.map(\.digests)
  }

  private func fetch(
    _ handles: Both<[MessageHandle]>, _ endpoints: Both<any Endpoint>,
    into sinks: Both<any MessageSink>
  ) throws(SideFailure) {
    let fetches = Both { side in
      SideFetch(side, endpoints[side], handles[side], sinks[side])
    }
    let thread = Thread { fetches.left.run() }
    fetches.right.run()
    if let thread { thread.join() } else { fetches.left.run() }
    for side in Side.allCases {
      if let failure = fetches[side].failure { throw failure }
    }
  }
}

/// One side's messages on their way to a sink, in whichever thread.
private final class SideFetch {
  private let side: Side
  private let endpoint: any Endpoint
  private let handles: [MessageHandle]
  private let sink: any MessageSink
  private(set) var failure: SideFailure?

  init(
    _ side: Side, _ endpoint: any Endpoint, _ handles: [MessageHandle], _ sink: any MessageSink
  ) {
    self.side = side
    self.endpoint = endpoint
    self.handles = handles
    self.sink = sink
  }

  func run() {
    guard !handles.isEmpty else { return }
    do {
      try endpoint.fetch(handles, into: sink)
    } catch {
      failure = SideFailure(side: side, error: error)
    }
  }
}
