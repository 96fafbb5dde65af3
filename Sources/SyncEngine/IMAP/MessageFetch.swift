import IMAPClient

extension IMAPEndpoint {
  func fetch(_ handles: [MessageHandle], into sink: any MessageSink) throws(EndpointError) {
    guard let openMailbox else { throw noneOpen() }
    if try fetchShared(handles, of: openMailbox, into: sink) { return }
    let fetch = MessageFetch(self, sink)
    do {
      try carryOut(fetch, handles, of: openMailbox)
    } catch {
      throw fetch.cause(of: error)
    }
  }

  private func carryOut(
    _ fetch: MessageFetch, _ handles: [MessageHandle], of openMailbox: MailboxName
  ) throws(EndpointError) {
    fetch.mayConnectHelpers = handles.count >= IMAPEndpoint.messagesToConnect
    let uids = handles.compactMap(\.uid)
    let wanted = uids.count == handles.count ? ForeseenFetch(openMailbox, uids) : nil
    defer { fetch.leave() }
    if let wanted, let early = takeEarlyFetch(wanted) { return try fetch.run(early) }
    fetch.wanted = wanted
    let isSelected = openMailbox == observer.mailbox?.name
    if isSelected { _ = try selectOpen() }
    try fetch.run(handles, selecting: isSelected ? nil : openMailbox)
  }
}

/// Streams whole messages to a sink, in the order asked for, with a few commands under way.
final class MessageFetch: BodyReceiver {
  private let endpoint: IMAPEndpoint
  private let sink: any MessageSink
  /// Asked for and not yet delivered.
  private var pending: Set<UID> = []
  /// Answered with no bytes (`BODY[] NIL`): some servers do so for what they can't read.
  private var empty: Set<UID> = []
  private var current = Current.none
  /// Answered with OK, and not shown.
  private var silent: [UID] = []
  /// The sink's error, or the mailbox's: what still comes is dropped.
  private var failure: EndpointError?
  /// Others may be connected to fetch what is fetched after this.
  fileprivate var mayConnectHelpers = false
  private let startPace: ReadingPace
  /// What is fetched, if other mailboxes may be asked behind it.
  fileprivate var wanted: ForeseenFetch?
  private var lastSelect: Tag?
  /// Asked for before SELECT was answered: what comes may be of another mailbox of that name.
  private var selecting: Tag?

  private enum Current {
    case none
    case streaming
    case skipping
    /// The UID is not known before the body: kept until it is.
    case spooling(SpoolFile)
    case spooled(SpoolFile)
  }

  private static let window = 8
  private static let messagesPerCommand = 100
  static let items = ["UID", "BODY.PEEK[]"]

  init(_ endpoint: IMAPEndpoint, _ sink: any MessageSink) {
    self.endpoint = endpoint
    self.sink = sink
    startPace = endpoint.connection.pace
  }

  /// - Parameter mailbox: where they are, if it is to be selected in the same flight.
  func run(
    _ handles: [MessageHandle], selecting mailbox: MailboxName? = nil
  ) throws(EndpointError) {
    let observer = endpoint.observer
    observer.begin()
    if let mailbox { selecting = try endpoint.sendSelect(mailbox, .plain) }
    observer.bodies = self
    defer { observer.bodies = nil }
    var underWay: [(tag: Tag, uids: [UID])] = []
    for uids in handles.compactMap(\.uid).ascendingRuns(limit: MessageFetch.messagesPerCommand) {
      if underWay.count >= MessageFetch.window {
        finishSelect()
        for (tag, uids) in underWay.prefix(MessageFetch.window / 2) { try finish(tag, uids) }
        underWay.removeFirst(MessageFetch.window / 2)
      }
      if failure != nil { break }
      pending.formUnion(uids)
      let command = Command.fetch(UIDSet(uids), MessageFetch.items)
      underWay.append((try endpoint.send(command), uids))
    }
    lastSelect = endpoint.lastSelect
    if underWay.count == 1, failure == nil, let wanted, let tag = underWay.first?.tag,
      !endpoint.connection.hasAnswer(tag)
    {
      endpoint.sendForeseen(behind: wanted, first: selecting ?? tag, last: tag)
    }
    finishSelect()
    for (tag, uids) in underWay { try finish(tag, uids) }
    try conclude()
    for handle in handles where handle.uid == nil {
      try sink.missing(handle, why: "it has no UID")
    }
  }

  /// Takes what was asked for early.
  fileprivate func run(_ early: EarlyFetch) throws(EndpointError) {
    let observer = endpoint.observer
    selecting = early.select
    lastSelect = early.select
    pending = Set(early.wanted.uids)
    observer.take(over: early.answers, bodies: self)
    defer { observer.bodies = nil }
    finishSelect()
    try finish(early.fetch, early.wanted.uids)
    try conclude()
  }

  /// The connection may have ended because of something else, or before that was told.
  func cause(of error: EndpointError) -> EndpointError {
    endpoint.observer.isOutOfOrder ? .outOfOrder : failure ?? error
  }

  private func conclude() throws(EndpointError) {
    guard !endpoint.observer.isOutOfOrder else { throw EndpointError.outOfOrder }
    if let failure { throw failure }
    try tellSilent()
  }

  /// Others may have been selected behind it.
  fileprivate var isPassed: Bool { lastSelect != endpoint.lastSelect }

  fileprivate func leave() { if isPassed { endpoint.observer.mailbox = nil } }

  /// Where the mailbox can't be opened, the server refuses what was asked for; the answers are waited for all
  /// the same.
  private func finishSelect() {
    guard let tag = selecting else { return }
    do {
      let selected = try endpoint.finishSelect(tag)
      if !endpoint.isExpected(selected) { failure = failure ?? endpoint.replaced() }
    } catch {
      failure = failure ?? error
    }
    selecting = nil
  }

  private func finish(_ tag: Tag, _ uids: [UID]) throws(EndpointError) {
    let status = try endpoint.wait(tag)
    connectHelpersIfOfUse()
    for uid in uids where failure == nil {
      if empty.remove(uid) != nil {
        // Dovecot shows nothing of a message that somebody is just expunging.
        let isGone =
          status.code == .expungeIssued || endpoint.observer.gathered.vanished.contains(uid)
        try sink.missing(
          .uid(uid), why: isGone ? nil : "the server shows nothing of the message")
      } else if pending.remove(uid) != nil {
        if status.condition == .ok {
          silent.append(uid)
        } else {
          try sink.missing(.uid(uid), why: reason(status))
        }
      }
    }
  }

  private func connectHelpersIfOfUse() {
    guard mayConnectHelpers, endpoint.connection.pace.isWaitedFor(since: startPace) else { return }
    mayConnectHelpers = false
    endpoint.helpers.makeMore(endpoint.connectHelper)
  }

  private func reason(_ status: StatusResponse) -> String? {
    guard status.code != .expungeIssued else { return nil }
    return IMAPError(status, to: "show the message")?.message
  }

  /// Messages that are not shown, without a word, are gone (RFC 9051 §6.4.9); but not those that a search still
  /// finds: whoever takes those for gone looks for them for ever.
  private func tellSilent() throws(EndpointError) {
    guard !silent.isEmpty else { return }
    let uids = UIDSet(silent.sorted())
    if isPassed {
      leave()
      _ = try endpoint.selectOpen()
      lastSelect = endpoint.lastSelect
    }
    endpoint.observer.forgetFound()
    try endpoint.pipeline(
      uids.pieces().map { .search("UID \($0)", compact: endpoint.hasCompactSearch) },
      to: "search the mailbox")
    let found = endpoint.observer.gathered.found
    for uid in silent {
      let isThere = found.contains(uid)
      try sink.missing(.uid(uid), why: isThere ? "the server shows nothing of the message" : nil)
    }
  }

  // MARK: Bodies

  func begin(_ response: FetchResponse, size: UInt64) {
    if selecting != nil, !endpoint.isExpected(endpoint.observer.mailbox) {
      failure = failure ?? endpoint.replaced()
    }
    guard failure == nil else {
      current = .skipping
      return
    }
    if let uid = response.uid {
      begin(uid, size)
    } else {
      current = SpoolFile().map { .spooling($0) } ?? .skipping
    }
  }

  func write(_ bytes: UnsafeRawBufferPointer) {
    switch current {
    case .streaming: guardSink { () throws(EndpointError) in try sink.write(bytes) }
    case .spooling(let file): if !file.write(bytes) { current = .skipping }
    case .none, .skipping, .spooled: break
    }
  }

  func end() {
    switch current {
    case .streaming:
      guardSink { () throws(EndpointError) in try sink.end() }
      current = .none
    case .spooling(let file): current = .spooled(file)
    case .none, .skipping, .spooled: current = .none
    }
  }

  func completed(_ response: FetchResponse) {
    guard case .spooled(let file) = current else { return }
    current = .none
    guard let uid = response.uid, failure == nil else { return }
    begin(uid, file.size)
    guard case .streaming = current else {
      current = .none
      return
    }
    let isWhole = file.read { write($0) }
    if isWhole {
      end()
    } else {
      failure = EndpointError(
        .side, .noSpace, "a temporary file can't be read", advice: "look after TMPDIR")
    }
  }

  private func begin(_ uid: UID, _ size: UInt64) {
    // Neither what was not asked for nor the same message twice.
    guard pending.remove(uid) != nil else {
      current = .skipping
      return
    }
    if size == 0 {
      empty.insert(uid)
      current = .skipping
      return
    }
    current = .streaming
    guardSink { () throws(EndpointError) in try sink.begin(.uid(uid), size: size, form: .wire) }
  }

  private func guardSink(_ body: () throws(EndpointError) -> Void) {
    do {
      try body()
    } catch {
      failure = failure ?? error
      current = .skipping
      // The run ends: what the server is still sending would be waited for, and read for nothing.
      if error.scope == .side { endpoint.connection.abort() }
    }
  }
}

extension Array where Element: Comparable {
  /// This array in pieces that ascend strictly, each of at most `limit` elements.
  func ascendingRuns(limit: Int = .max) -> [[Element]] {
    var runs: [[Element]] = []
    for element in self {
      if let last = runs.last?.last, last < element, runs[runs.count - 1].count < limit {
        runs[runs.count - 1].append(element)
      } else {
        runs.append([element])
      }
    }
    return runs
  }
}
