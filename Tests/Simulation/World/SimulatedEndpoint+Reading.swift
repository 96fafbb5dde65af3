import IMAPClient
import SyncEngine

/// Looking at mailboxes and reading messages.
extension SimulatedEndpoint {
  public func open(
    _ mailbox: MailboxName, _ request: OpenRequest
  ) throws(EndpointError) -> Observation {
    opened = nil
    try perform(.open(mailbox))
    let wanted = ForeseenOpening(mailbox, request)
    if let known = early[wanted] {
      early[wanted] = nil
      opened = mailbox
      knownValidities[mailbox] = .some(known.anchor.uidValidity)
      return known
    }
    try checkExists(mailbox)
    let observation = try look(into: mailbox, request)
    if let index = foreseen.firstIndex(of: wanted) {
      lookAhead(foreseen[(index + 1)...])
      opened = mailbox
    }
    return observation
  }

  public func foresee(_ openings: [ForeseenOpening]) {
    early = [:]
    foreseen = openings
    foreseenFetches = []
    earlyContents = [:]
  }

  public func foresee(fetches: [ForeseenFetch]) {
    foresee([])
    foreseenFetches = fetches
  }

  /// What is asked for together with the first is read at that moment.
  private func readAhead(behind wanted: ForeseenFetch) {
    guard let index = foreseenFetches.firstIndex(of: wanted) else { return }
    let next = foreseenFetches[(index + 1)...]
    foreseenFetches = []
    world.locked {
      for fetch in next {
        guard let mailbox = server.mailboxes[fetch.mailbox],
          knownValidities[fetch.mailbox].map({ $0 == mailbox.uidValidity }) ?? true
        else { continue }
        let contents = fetch.uids.compactMap { uid in
          mailbox.message(toRead: .uid(uid)).map { (MessageHandle.uid(uid), $0.content) }
        }
        earlyContents[fetch] = Dictionary(contents, uniquingKeysWith: { first, _ in first })
      }
    }
  }

  /// What is asked for together with the first one is as old as that when its turn comes.
  private func lookAhead(_ openings: ArraySlice<ForeseenOpening>) {
    foreseen = []
    for next in openings where !server.traits.isMaildir {
      let validity = knownValidities[next.mailbox]
      early[next] = try? look(into: next.mailbox, next.request)
      // Whoever works on it before its turn, knows nothing of what was told.
      knownValidities[next.mailbox] = validity
    }
  }

  private func look(
    into mailbox: MailboxName, _ request: OpenRequest
  ) throws(EndpointError) -> Observation {
    try enter(mailbox) { found in
      noteTold(found, mailbox)
      let now = ToldMailbox(found)
      let isAsTold = server.traits.isMaildir && request.isContinued && told[mailbox] == now
      if isAsTold {
        world.quietLooks.all += 1
        if told[mailbox]?.hasDeliveries == true { world.quietLooks.afterDeliveries += 1 }
      }
      told[mailbox] = now
      guard isAsTold else {
        let observation = observe(found, request, world.keptNames[side][mailbox])
        keepNames(of: found, mailbox)
        return observation
      }
      keepNames(of: found, mailbox)
      var observation = observe(found, OpenRequest())
      observation.coverage = .changes(vanished: UIDSet())
      observation.messages = []
      return observation
    }
  }

  private func keepNames(of mailbox: SimulatedMailbox, _ name: MailboxName) {
    guard world.keepsNames, let stamp = anchor(mailbox).stamp else { return }
    world.keptNames[side][name] = KeptNames(mailbox, stamp)
  }

  public func mayTellChanges(_ mailbox: MailboxName, since anchor: Anchor) -> Bool {
    world.locked { world.keptNames[side][mailbox]?.stamp == anchor.stamp && anchor.stamp != nil }
  }

  public func select(_ mailbox: MailboxName) throws(EndpointError) {
    defer { noteStanding(mailbox) }
    if opened == mailbox { return }
    opened = nil
    try perform(.select(mailbox))
    try checkExists(mailbox)
    if let known = knownValidities[mailbox] {
      let now = world.locked { server.mailboxes[mailbox]?.uidValidity }
      if now != known { throw changed(mailbox) }
    }
    try enter(mailbox) { _ in }
  }

  public func expect(_ uidValidity: UIDValidity, of mailbox: MailboxName) {
    knownValidities[mailbox] = .some(uidValidity)
  }

  public func expect(standingAt anchor: Anchor, _ mailbox: MailboxName) {
    standing[mailbox] = anchor
  }

  private func noteStanding(_ name: MailboxName) {
    guard let anchor = standing.removeValue(forKey: name), opened == name, told[name] == nil else {
      return
    }
    world.locked {
      guard let mailbox = server.mailboxes[name], self.anchor(mailbox) == anchor else { return }
      told[name] = ToldMailbox(mailbox)
    }
  }

  public func close() throws(EndpointError) {
    guard opened != nil else { return }
    try perform(.close)
    opened = nil
  }

  private func enter<Result>(
    _ name: MailboxName, _ body: (SimulatedMailbox) -> Result
  ) throws(EndpointError) -> Result {
    let result = world.locked { () -> Result? in
      guard let mailbox = server.mailboxes[name] else { return nil }
      opened = name
      knownValidities[name] = .some(mailbox.uidValidity)
      return body(mailbox)
    }
    guard let result else { throw gone(name) }
    return result
  }

  func changed(_ mailbox: MailboxName) -> EndpointError {
    EndpointError(
      .mailbox, .mailboxGone, "the UIDVALIDITY of \(mailbox) changed", advice: "run again")
  }

  /// The open mailbox's name, if its UIDs still mean what this endpoint was told.
  func current() throws(EndpointError) -> MailboxName {
    guard let opened else { throw misuse("no mailbox is open") }
    try check(opened)
    return opened
  }

  /// A server ends the connection when the mailbox open on it vanishes or gets another UIDVALIDITY.
  func check(_ name: MailboxName) throws(EndpointError) {
    try checkExists(name)
    guard let known = knownValidities[name] else { return }
    let now = world.locked { server.mailboxes[name]?.uidValidity }
    if now != known {
      opened = nil
      throw changed(name)
    }
  }

  // MARK: Observations

  func anchor(_ mailbox: SimulatedMailbox) -> Anchor {
    let traits = server.traits
    let stamp = MaildirStamp(
      cur: mailbox.changes, new: mailbox.changes, uidList: mailbox.changes,
      keywords: mailbox.changes)
    return Anchor(
      uidValidity: mailbox.uidValidity, uidNext: mailbox.uidNext,
      highestModSeq: traits.keepsModSequences ? ModSequence(mailbox.highestModSeq) : nil,
      messages: UInt32(clamping: mailbox.messages.count),
      stamp: traits.isMaildir && traits.hasStamps ? stamp : nil)
  }

  private func observe(
    _ mailbox: SimulatedMailbox, _ request: OpenRequest, _ kept: KeptNames? = nil
  ) -> Observation {
    let anchor = anchor(mailbox)
    var observation = Observation(
      anchor: anchor, coverage: .full,
      messages: MessageList(mailbox.messages.map { observed($0, request) }),
      isReadOnly: mailbox.isReadOnly, mailboxID: mailbox.id,
      permanentFlags: mailbox.isReadOnly ? [] : .all, origin: mailbox.origin)
    guard let since = request.since, since.uidValidity == anchor.uidValidity,
      since.uidNext <= anchor.uidNext
    else { return observation }
    let isNew: (SimulatedMessage) -> Bool
    if server.traits.isMaildir {
      if let stamp = since.stamp, since != anchor, let kept, kept.stamp == stamp,
        let (changed, vanished) = kept.changes(to: mailbox, request.recheck)
      {
        world.keptLooks += 1
        observation.messages = MessageList(changed.map { observed($0, request) })
        observation.coverage = .changes(vanished: vanished)
        return observation
      }
      guard since.stamp != nil, since == anchor else { return observation }
      isNew = { _ in false }
    } else {
      guard let old = since.highestModSeq, let now = anchor.highestModSeq, old <= now else {
        return observation
      }
      isNew = { $0.modSeq > old.rawValue }
    }
    let wanted = mailbox.messages.filter {
      isNew($0)
        || $0.handle.uid.map { request.recheck.contains($0) || request.probe.contains($0) } == true
    }
    observation.messages = MessageList(wanted.map { observed($0, request) })
    observation.coverage = coverage(mailbox, since: since, request.recheck, shown: wanted)
    return observation
  }

  private func coverage(
    _ mailbox: SimulatedMailbox, since: Anchor, _ recheck: UIDSet, shown: [SimulatedMessage]
  ) -> Observation.Coverage {
    let present = mailbox.uids
    if server.traits.kind == .imap(.condstore) { return .present(present) }
    var vanished = recheck.subtracting(present)
    if let old = since.highestModSeq {
      if server.traits.vanishesBroadly, let last = mailbox.uidNext.previous {
        vanished = UIDSet(UID.first...last).subtracting(present)
      } else {
        vanished = vanished.union(
          UIDSet(mailbox.tombstones.filter { $0.value > old.rawValue }.keys.sorted()))
      }
    }
    if server.traits.isMaildir { return .changes(vanished: vanished) }
    // As over IMAP: where EXISTS tells otherwise, everything is asked for.
    let arrived = shown.count { $0.handle >= .uid(since.uidNext) }
    let lost = Int(since.messages) + arrived - present.count
    let known = since.uidNext.previous.map { UIDSet(UID.first...$0) } ?? UIDSet()
    if lost < 0 || lost > vanished.intersection(known).count { return .present(present) }
    return .changes(vanished: vanished)
  }

  private func observed(_ message: SimulatedMessage, _ request: OpenRequest) -> ObservedMessage {
    let isDetailed =
      message.handle.uid.map { $0 >= request.detailsFrom || request.probe.contains($0) } ?? true
    return ObservedMessage(
      handle: message.handle, flags: message.flags,
      details: isDetailed
        ? MessageDetails(
          size: UInt64(message.content.count), date: message.date,
          id: traits.hasIDs ? message.id : nil) : nil)
  }

  public func describe(_ uids: UIDSet) throws(EndpointError) -> [ObservedMessage] {
    let name = try current()
    try perform(.describe)
    try check(name)
    return world.locked {
      (server.mailboxes[name]?.messages ?? [])
        .filter { $0.handle.uid.map { uids.contains($0) } == true }
        .map { observed($0, OpenRequest()) }
    }
  }

  // MARK: Messages

  public func contents(
    of handles: [MessageHandle]
  ) throws(EndpointError) -> [MessageHandle: ContentID] {
    let name = try current()
    try perform(.contents)
    try check(name)
    var result: [MessageHandle: ContentID] = [:]
    for handle in handles {
      let content = world.locked { server.mailboxes[name]?.message(toRead: handle)?.content }
      guard let content else { continue }
      traffic.bytesIn += server.traits.isMaildir ? 0 : UInt64(min(content.count, 200))
      result[handle] = SimulatedContent.contentID(of: content)
    }
    return result
  }

  public func headers(
    of handles: [MessageHandle]
  ) throws(EndpointError) -> [MessageHandle: [UInt8]] {
    let name = try current()
    try perform(.headers)
    try check(name)
    var result: [MessageHandle: [UInt8]] = [:]
    for handle in handles {
      let content = world.locked { server.mailboxes[name]?.message(toRead: handle)?.content }
      guard let content else { continue }
      let header = SimulatedContent.header(of: content).prefix(StubMessage.headerLimit)
      traffic.bytesIn += server.traits.isMaildir ? 0 : UInt64(header.count)
      result[handle] = Array(header)
    }
    return result
  }

  public func fetch(
    _ handles: [MessageHandle], into sink: any MessageSink
  ) throws(EndpointError) {
    let name = try current()
    // A connection may be lost in the middle: what came before has come.
    let answered = AnsweredCount()
    var end: EndpointError?
    do {
      _ = try perform(
        .fetch, changes: handles.map { _ in { answered.value += 1 } }, isReading: true)
    } catch {
      end = error
    }
    let wanted = ForeseenFetch(name, handles.compactMap(\.uid))
    if end == nil {
      try check(name)
      readAhead(behind: wanted)
    }
    let known = earlyContents.removeValue(forKey: wanted)
    try give(handles[..<answered.value], of: name, known, to: sink)
    if let end { throw end }
  }

  private func give(
    _ handles: ArraySlice<MessageHandle>, of name: MailboxName,
    _ known: [MessageHandle: [UInt8]]?, to sink: any MessageSink
  ) throws(EndpointError) {
    let form: MessageForm =
      server.traits.isMaildir && sink.wantedForm == .stored ? .stored : .wire
    for handle in handles {
      // Not under the lock: the sink may wait for another thread.
      let content =
        known.map { $0[handle] }
        ?? world.locked { server.mailboxes[name]?.message(toRead: handle)?.content }
      guard let content else {
        try sink.missing(handle, why: nil)
        continue
      }
      let bytes = form == .stored ? SimulatedForm.stored(content) : content
      traffic.bytesIn += server.traits.isMaildir ? 0 : UInt64(bytes.count)
      try sink.begin(handle, size: UInt64(bytes.count), form: form)
      // In two pieces, so that no sink can rely on one.
      for piece in [bytes[..<(bytes.count / 2)], bytes[(bytes.count / 2)...]] {
        try give(piece, to: sink)
      }
      try sink.end()
    }
  }

  private func give(
    _ bytes: ArraySlice<UInt8>, to sink: any MessageSink
  ) throws(EndpointError) {
    let result = bytes.withUnsafeBytes { buffer -> Result<Void, EndpointError> in
      do throws(EndpointError) {
        return .success(try sink.write(buffer))
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }
}

/// How many messages had come when a connection was lost.
private final class AnsweredCount {
  var value = 0
}
