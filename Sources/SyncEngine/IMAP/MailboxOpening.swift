import IMAPClient

/// Opens one mailbox and looks at it, as far as possible in one round trip.
///
/// - With QRESYNC: SELECT tells what changed and what vanished.
/// - With CONDSTORE: FETCH tells what changed, SEARCH what is there.
/// - With neither: FETCH tells all flags.
///
/// What a server leaves out is never taken for expunged without a second look: EXISTS and what was
/// reported must agree.
final class MailboxOpening {
  let endpoint: IMAPEndpoint
  let mailbox: MailboxName
  let request: OpenRequest
  private var usesModSeq: Bool
  private var since: Since?
  /// What was sent.
  var flight: Flight?
  /// What the server says to it, if it was sent early.
  var answers: EarlyAnswers?
  /// More has to be asked, and the mailbox is not the selected one any more.
  private var hasToBeginAnew = false

  /// SELECT and what went out with it.
  struct Flight {
    var select: Tag
    var rest: [Tag]
    var usesQResync: Bool
  }

  /// An anchor that this connection can make use of.
  private struct Since {
    var anchor: Anchor
    var uidValidity: UIDValidity
    var modSeq: ModSequence
  }

  init(_ endpoint: IMAPEndpoint, _ mailbox: MailboxName, _ request: OpenRequest) {
    self.endpoint = endpoint
    self.mailbox = mailbox
    self.request = request
    usesModSeq =
      endpoint.hasModSequences && !request.isOnlyToRead
      && !endpoint.withoutModSeq.contains(mailbox)
    if usesModSeq, let anchor = request.since, let validity = anchor.uidValidity,
      let modSeq = anchor.highestModSeq
    {
      since = Since(anchor: anchor, uidValidity: validity, modSeq: modSeq)
    }
  }

  var observer: MailboxObserver { endpoint.observer }

  func run() throws(EndpointError) -> Observation {
    do {
      return try look()
    } catch {
      guard hasToBeginAnew else { throw error }
      return try MailboxOpening(endpoint, mailbox, request).run()
    }
  }

  private func look() throws(EndpointError) -> Observation {
    guard try firstFlight() else {
      flight = nil
      return try look()
    }
    let selected = try selectedMailbox()
    let isReplaced = request.since?.uidValidity.map { $0 != selected.uidValidity } ?? false
    if let since, !fits(since, selected) {
      self.since = nil
      try fetchRest(withDetails: isReplaced)
    } else if isReplaced {
      try fetchRest(withDetails: true)
    }
    try askUIDNext()
    try completeDetails()
    if since == nil { return try full() }
    return usesQResync ? try changes() : try present()
  }

  // MARK: Asking

  var usesQResync: Bool { since != nil && (flight?.usesQResync ?? endpoint.hasQResync) }

  private var selectMode: Command.SelectMode {
    if let since, usesQResync { return .qResync(since.uidValidity, since.modSeq) }
    return usesModSeq ? .condStore : .plain
  }

  private func items(details: Bool) -> [String] { endpoint.fetchItems(details: details) }

  /// SELECT and everything that is likely to be wanted, pipelined.
  func send(isEarly: Bool) throws(EndpointError) -> EarlyAnswers {
    let usesQResync = self.usesQResync
    let select =
      try isEarly
      ? endpoint.sendSelectEarly(mailbox, selectMode) : endpoint.sendSelect(mailbox, selectMode)
    var tags: [Tag] = []
    if endpoint.selectOmitsUIDNext {
      tags.append(try endpoint.send(.status(try endpoint.wireName(of: mailbox), ["UIDNEXT"])))
    }
    for command in firstCommands { tags.append(try endpoint.send(command)) }
    flight = Flight(select: select, rest: tags, usesQResync: usesQResync)
    return EarlyAnswers(
      of: mailbox, first: select, last: tags.last ?? select, isAtWork: !isEarly)
  }

  // MARK: The first flight

  /// Takes the answers to the first flight, which is sent now if it was not.
  /// - Returns: false if it has to be done again, by other means.
  private func firstFlight() throws(EndpointError) -> Bool {
    if flight == nil { _ = try send(isEarly: false) }
    guard let sent = flight else { return false }
    let refusal: EndpointError?
    do {
      _ = try endpoint.finishSelect(sent.select)
      refusal = nil
    } catch {
      guard error.scope == .mailbox else { throw error }
      refusal = error
    }
    var problem: IMAPError?
    for tag in sent.rest {
      let status = try endpoint.wait(tag)
      problem = problem ?? endpoint.refusal(status, to: "tell what the mailbox holds")
    }
    guard try endpoint.isToBeBelieved(), isWhole(refusal) else { return false }
    if let refusal {
      guard refusal.code == .protocolViolation, usesQResync else { throw refusal }
      endpoint.isQResyncBroken = true  // it offers what it does not take
      endpoint.forgetForeseen()
      return false
    }
    if usesModSeq, observer.mailbox?.highestModSeq == nil {
      // [NOMODSEQ], or a server that forgot to say so. RFC 7162 §3.1.2.2
      endpoint.withoutModSeq.insert(mailbox)
      usesModSeq = false
      since = nil
      return false
    }
    if let problem { throw EndpointError(problem) }
    return true
  }

  private var firstCommands: [Command] {
    // Messages of before that are asked for with all that is told of the new ones.
    let probed = request.detailsFrom.previous.map {
      request.probe.intersection(UIDSet(UID.first...$0))
    }
    let end = Command.fetch(
      UIDSet(request.detailsFrom...UID.last).union(probed ?? UIDSet()), items(details: true))
    guard let since else { return beginning(details: false) + [end] }
    // Messages that get their details anyway need no check of their own.
    let recheck = request.detailsFrom.previous.map {
      request.recheck.intersection(UIDSet(UID.first...$0))
    }
    var commands = [end]
    if !usesQResync {
      let everything = UIDSet(UID.first...UID.last)
      commands.insert(
        .fetch(everything, items(details: false), changedSince: since.modSeq), at: 0)
    }
    commands += (recheck ?? UIDSet()).pieces().map { .fetch($0, items(details: false)) }
    // Last, so that what arrives in between is beyond what was fetched.
    if !usesQResync { commands.append(.search("ALL", compact: endpoint.hasCompactSearch)) }
    return commands
  }

  /// The messages below those that get details.
  private func beginning(details: Bool) -> [Command] {
    guard let last = request.detailsFrom.previous else { return [] }
    return [.fetch(UIDSet(UID.first...last), items(details: details))]
  }

  private func fits(_ since: Since, _ selected: SelectedMailbox) -> Bool {
    guard selected.uidValidity == since.uidValidity, let modSeq = selected.highestModSeq,
      modSeq >= since.modSeq
    else { return false }
    // A UIDNEXT that went back: an old state was restored.
    return selected.uidNext.map { $0 >= since.anchor.uidNext } ?? true
  }

  /// Everything else, when the anchor turned out to be of no use.
  private func fetchRest(withDetails: Bool) throws(EndpointError) {
    try ask(beginning(details: withDetails), to: "tell what the mailbox holds")
  }

  /// For servers whose SELECT does not tell it (Courier).
  private func askUIDNext() throws(EndpointError) {
    guard observer.mailbox?.uidNext == nil else { return }
    if !endpoint.selectOmitsUIDNext {
      endpoint.selectOmitsUIDNext = true
      let wire = try endpoint.wireName(of: mailbox)
      try ask([.status(wire, ["UIDNEXT"])], to: "tell the next UID")
    }
    observer.mailbox?.uidNext = observer.gathered.statuses.last?.status.uidNext
  }

  /// What the first flight did not tell. Where others have been selected behind it, everything has to be asked anew: what
  /// was told, and the mailbox as another SELECT would show it, would not be of one moment.
  private func ask(_ commands: [Command], to action: String) throws(EndpointError) {
    if isPassed {
      hasToBeginAnew = true
      throw EndpointError.contradiction("the mailbox is not the selected one any more")
    }
    try endpoint.pipeline(commands, to: action)
  }

  // MARK: Checking

  private func selectedMailbox() throws(EndpointError) -> SelectedMailbox {
    guard let selected = observer.mailbox else {
      throw EndpointError.contradiction("the mailbox is not open any more")
    }
    return selected
  }

  /// Messages that arrived between two answers may have come without details.
  private func completeDetails() throws(EndpointError) {
    let lacking = lackingDetails()
    guard !lacking.isEmpty else { return }
    try fetchAgain(lacking)
    if let uid = lackingDetails().intersection(lacking).min {
      throw EndpointError.contradiction("the server does not tell size and date of message \(uid)")
    }
  }

  private func lackingDetails() -> UIDSet {
    let vanished = observer.gathered.vanished
    return UIDSet(
      observer.gathered.fetched.messages().lazy.filter { [request] in
        $0.uid >= request.detailsFrom && $0.flags != nil && $0.details == nil
          && !vanished.contains($0.uid)
      }.map(\.uid))
  }

  private func fetchAgain(_ uids: UIDSet) throws(EndpointError) {
    try ask(
      uids.pieces().map { .fetch($0, items(details: true)) }, to: "tell what the mailbox holds")
  }

  private func search(_ criteria: [String]) throws(EndpointError) -> UIDSet {
    observer.forgetFound()
    try ask(
      criteria.map { .search($0, compact: endpoint.hasCompactSearch) }, to: "search the mailbox")
    return observer.gathered.found
  }

  /// Above every UID that was seen or announced.
  private func uidNext(_ messages: MessageList) -> UID {
    let announced = observer.mailbox?.uidNext ?? recordedUIDNext
    let seen = messages.last?.handle.uid.map { $0.next ?? .last } ?? .first
    return max(announced, seen)
  }

  /// What is left to go by where the server announces none: it does not go back.
  private var recordedUIDNext: UID {
    guard let anchor = request.since, anchor.uidValidity == observer.mailbox?.uidValidity else {
      return .first
    }
    return anchor.uidNext
  }

  private func full() throws(EndpointError) -> Observation {
    let messages =
      observer.observedUIDs.count == Int(try selectedMailbox().exists)
      ? observer.takeObserved() : try fetchedMissing()
    let next = uidNext(messages)
    return try observation(.full, messages, uidNext: next, count: messages.count)
  }

  /// All messages, where some were not shown at first.
  private func fetchedMissing() throws(EndpointError) -> MessageList {
    let present = try searchAll()
    let missing = present.subtracting(observer.observedUIDs)
    try fetchAgain(missing)
    let messages = observer.observed(where: present.contains)
    guard messages.count == present.subtracting(observer.gathered.vanished).count else {
      throw EndpointError.contradiction("the server does not show all messages of this mailbox")
    }
    return messages
  }

  private func present() throws(EndpointError) -> Observation {
    var found = observer.gathered.found
    if found.count != Int(try selectedMailbox().exists) { found = try searchAll() }
    return try presentObservation(found)
  }

  private func presentObservation(_ found: UIDSet) throws(EndpointError) -> Observation {
    let messages = observer.observed(where: found.contains)
    let next = uidNext(messages)
    let below = next.previous.map { found.intersection(UIDSet(UID.first...$0)) } ?? UIDSet()
    try checkRecheck(gone: request.recheck.subtracting(below))
    return try observation(.present(below), messages, uidNext: next, count: below.count)
  }

  private func changes() throws(EndpointError) -> Observation {
    guard let since else { return try full() }
    let exists = Int(try selectedMailbox().exists)
    let shown = observer.observedUIDs
    let arrived = shown.intersection(UIDSet(since.anchor.uidNext...UID.last)).count
    let known = since.anchor.uidNext.previous.map { UIDSet(UID.first...$0) } ?? UIDSet()
    var vanished = observer.gathered.vanishedEarlier.union(observer.gathered.vanished)
    let lost = Int(since.anchor.messages) + arrived - exists
    let named = vanished.intersection(known).count
    if lost < 0 || lost > named {
      // More or fewer are gone than the server names: count them ourselves.
      return try presentObservation(try searchAll())
    }
    if lost < named {
      // It names more than are gone: some never were, or are still there.
      let claimed = vanished.intersection(known)
      vanished = vanished.subtracting(try search(claimed.pieces().map { "UID \($0)" }))
    }
    vanished = vanished.union(try confirmedGone(shown, vanished))
    let messages = observer.takeObserved { !vanished.contains($0) }
    let next = uidNext(messages)
    return try observation(.changes(vanished: vanished), messages, uidNext: next, count: exists)
  }

  /// Messages to be rechecked that no answer showed: gone only if a search does not find them either.
  private func confirmedGone(
    _ shown: UIDSet, _ vanished: UIDSet
  ) throws(EndpointError) -> UIDSet {
    let unseen = request.recheck.subtracting(shown).subtracting(vanished)
    guard !unseen.isEmpty else { return UIDSet() }
    let found = try search(unseen.pieces().map { "UID \($0)" }).intersection(unseen)
    if !found.isEmpty {
      try fetchAgain(found)
      try checkRecheck(gone: unseen.subtracting(found).union(vanished))
    }
    return unseen.subtracting(found)
  }

  private func checkRecheck(gone: UIDSet) throws(EndpointError) {
    let unseen = request.recheck.subtracting(observer.observedUIDs).subtracting(gone)
      .subtracting(observer.gathered.vanished)
    if !unseen.isEmpty {
      throw EndpointError.contradiction("the server does not show the messages \(unseen)")
    }
  }

  /// All UIDs. A search must find as many messages as there are; if it doesn't, somebody may just be at
  /// work: then it is repeated.
  private func searchAll() throws(EndpointError) -> UIDSet {
    var found = UIDSet()
    for _ in 1...3 {
      found = try search(["ALL"])
      if found.count == Int(try selectedMailbox().exists) { return found }
      try ask([.noop], to: "wait for a moment")
    }
    throw EndpointError.contradiction(
      "the server says that there are \(try selectedMailbox().exists) messages"
        + " and shows \(found.count)")
  }

  private func observation(
    _ coverage: Observation.Coverage, _ messages: MessageList,
    uidNext: UID, count: Int
  ) throws(EndpointError) -> Observation {
    let selected = try selectedMailbox()
    // All that matters of it is in `messages` now.
    observer.gathered.fetched = FetchLog()
    let anchor = Anchor(
      uidValidity: selected.uidValidity, uidNext: uidNext,
      highestModSeq: usesModSeq ? selected.highestModSeq : nil,
      messages: UInt32(clamping: count))
    return Observation(
      anchor: anchor, coverage: coverage, messages: messages,
      isReadOnly: selected.isReadOnly, mailboxID: selected.mailboxID.flatMap(endpoint.objectID),
      permanentKeywords: selected.permanentKeywords,
      permanentFlags: selected.permanentSystemFlags)
  }
}
