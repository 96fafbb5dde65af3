import IMAPClient
import SyncEngine

/// What `check` found of a pair.
struct CheckedPair: Sendable {
  struct Endpoint: Sendable {
    var name = ""
    var isReached = false
    /// It was reached as far as the login, which failed.
    var isRefused = false
    /// There is no store yet: the first sync makes it.
    var isMissing = false
    var facts = EndpointFacts()
    var mailboxes = 0
    /// As far as the listing tells.
    var messages: Int?
    /// The certificate is taken because it is this one, whoever signed it and until when.
    var isPinned = false
  }

  /// How a mailbox of one side and one of the other belong together.
  struct Mailbox: Hashable, Sendable {
    enum State: Hashable, Sendable {
      case both
      /// Only there, and made on the other side by the next sync.
      case only(Side)
      /// Only there, and not made on the other side, as `create` says.
      case stays(Side)
      /// It was on both sides, and is gone from this one.
      case gone(Side)
      /// It has another name on this side since, which the next sync gives it on the other.
      case renamed(Side)
      /// Its name on the other side is another mailbox's.
      case contested
      /// The patterns leave it out.
      case leftOut
    }

    var left: MailboxName?
    var right: MailboxName?
    var state: State
  }

  var pair: String
  var endpoints = Both(left: Endpoint(), right: Endpoint())
  var mailboxes: [Mailbox] = []
  var stateDirectory = ""
  var isStateFree = false
  var failures: [SyncFailure] = []
  /// What works, but not for ever or not well.
  var warnings: [SyncFailure] = []

  var exitCode: ExitCode {
    ExitCode.highest(failures.map { ExitCode($0.code, scope: $0.scope) })
  }
}

/// Reaches for everything that a sync of a pair needs. No mailbox is changed.
struct PairCheck {
  let session: Session
  let pair: PairSettings
  /// Seconds since 1970.
  let now: Int64

  /// A certificate is to be replaced before its last days.
  static let daysToWarn: Int64 = 14

  func run() -> CheckedPair {
    var result = CheckedPair(pair: pair.name)
    let factories = session.factories(pair)
    var listings = Both<MailboxListing?>(left: nil, right: nil)
    for side in Side.allCases {
      result.endpoints[side].name = factories[side].name
      do {
        listings[side] = try look(factories[side], side, &result)
      } catch {
        result.endpoints[side].isRefused = error.code == .auth
        result.failures.append(SyncFailure(error, side: side))
      }
    }
    if result.endpoints.left.isMissing, result.endpoints.right.isMissing {
      result.failures.append(SyncFailure(EndpointError.noStores(factories.map(\.name)), side: nil))
    }
    let records = checkState(&result)
    if let left = listings.left, let right = listings.right {
      result.mailboxes = mailboxes(Both(left: left, right: right), records)
    }
    for side in Side.allCases { noteClosed(on: side, &result) }
    return result
  }

  private func look(
    _ factory: any EndpointFactory, _ side: Side, _ result: inout CheckedPair
  ) throws(EndpointError) -> MailboxListing {
    let endpoint = try factory.connect()
    defer { endpoint.disconnect() }
    let listing = try endpoint.list()
    result.endpoints[side].facts = try endpoint.facts()
    result.endpoints[side].isReached = true
    result.endpoints[side].isPinned = pair.endpoints[side].tlsOptions.fingerprint != nil
    result.endpoints[side].isMissing = try endpoint.hasMark("") == .noStore
    let mailboxes = listing.selectable(below: pair.policy.prefixes[side])
    result.endpoints[side].mailboxes = mailboxes.count
    // Where it is known without looking into each mailbox.
    let counts =
      result.endpoints[side].facts.tier == nil
      ? [] : mailboxes.map { $0.anchor.map { Int($0.messages) } }
    if !counts.contains(nil), !counts.isEmpty {
      result.endpoints[side].messages = counts.reduce(0) { $0 + ($1 ?? 0) }
    }
    if case .maildir(let path) = pair.endpoints[side].url { try checkWritable(path) }
    result.warnings += warnings(result.endpoints[side].facts, listing, side)
    return listing
  }

  private func checkWritable(_ path: String) throws(EndpointError) {
    var path = path
    while !FileReader.exists(path), let slash = path.lastIndex(of: "/"), slash > path.startIndex {
      path = String(path[..<slash])
    }
    guard !FileReader.isWritable(path) else { return }
    throw EndpointError(
      .side, .permission, "can't write to \(path): \(Errno.current)",
      advice: "look who owns it, and whether its file system is mounted read-only")
  }

  private func warnings(
    _ facts: EndpointFacts, _ listing: MailboxListing, _ side: Side
  ) -> [SyncFailure] {
    var warnings: [SyncFailure] = []
    func warn(_ code: FailureCode, _ message: String, _ advice: String) {
      warnings.append(
        SyncFailure(
          side: side, mailbox: nil, code: code, scope: .mailbox, message: message, advice: advice))
    }
    if let host = hostWithoutTLS(side) {
      warn(
        .tls, "nothing on the way to \(host) is encrypted: others may read the mail",
        "use an imaps: URL, or an imap: one without tls = none")
    }
    for certificate in facts.chain where pair.endpoints[side].tlsOptions.fingerprint == nil {
      guard let end = certificate.expiresAt else { continue }
      let days = (end - now) / 86_400
      guard days < PairCheck.daysToWarn else { continue }
      warn(
        .tls,
        "the certificate of \(certificate.subject) expires on \(certificate.expires), in "
          + Text.counted(Int(days), "day"), "it is for who runs the server to renew it")
    }
    if facts.tier != nil, facts.missing.contains(Capability.uidPlus.name) {
      warn(
        .other, "the server has no UIDPLUS",
        "a message that was sent has to be looked for to know its UID")
    }
    for name in listing.unusable {
      warn(.nameNotPossible, "\(name.name): \(name.reason)", "it is left alone; rename it")
    }
    return warnings
  }

  /// The host of a connection that others might listen to.
  private func hostWithoutTLS(_ side: Side) -> String? {
    let endpoint = pair.endpoints[side]
    guard endpoint.tlsMode == .none, case .imap(_, _, let host, _) = endpoint.url else {
      return nil
    }
    return SocketAddress.isThisMachine(host) ? nil : host
  }

  /// Shares the pair's lock for a moment, which shows that no run has it. Nothing is made.
  private func checkState(_ result: inout CheckedPair) -> [MailboxRecord] {
    let directory = session.stateDirectory
    result.stateDirectory = directory
    do {
      try checkWritable(directory)
    } catch {
      result.failures.append(SyncFailure(pair: error.code, error.message, advice: error.advice))
      return []
    }
    do {
      let opened = try SQLiteStateStore.open(
        directory: directory, pair: pair.name, access: .shared)
      result.isStateFree = true
      for notice in opened.notices {
        result.warnings.append(SyncFailure(pair: .state, notice, advice: ""))
      }
      return try opened.store.mailboxes()
    } catch {
      result.failures.append(SyncFailure(error))
      return []
    }
  }

  // MARK: Mailboxes

  /// What a sync could not read or write.
  private func noteClosed(on side: Side, _ result: inout CheckedPair) {
    let prefix = pair.policy.prefixes[side]
    for closed in result.endpoints[side].facts.closed {
      guard let name = prefix.map({ closed.name.removingPrefix($0) }) ?? closed.name else {
        continue
      }
      let row = result.mailboxes.first { (side == .left ? $0.left : $0.right) == name }
      let failure = SyncFailure(closed.error, side: side, mailbox: name)
      switch row?.state {
      case .leftOut: continue
      // Nothing is known of it: it may be no mailbox at all.
      case nil where !result.mailboxes.isEmpty: result.warnings.append(failure)
      default: result.failures.append(failure)
      }
    }
  }

  private func mailboxes(
    _ listings: Both<MailboxListing>, _ records: [MailboxRecord]
  ) -> [CheckedPair.Mailbox] {
    let listed = Both {
      listings[$0].selectable(below: pair.policy.prefixes[$0], records, on: $0)
    }
    var tree = MailboxTree(listings: listed, records: records, policy: pair.policy)
    let renamed = assumeRenames(in: &tree)
    var rows = tree.entries.compactMap { row($0, renamed) }
    let left = Set(rows.compactMap(\.left))
    let right = Set(rows.compactMap(\.right))
    let rest = Set(listed.right.map(\.name)).subtracting(right)
    for mailbox in listed.left where !left.contains(mailbox.name) {
      let other = rest.contains(mailbox.name) ? mailbox.name : nil
      rows.append(CheckedPair.Mailbox(left: mailbox.name, right: other, state: .leftOut))
    }
    let shown = Set(rows.compactMap(\.right))
    for mailbox in listed.right where !shown.contains(mailbox.name) {
      rows.append(CheckedPair.Mailbox(left: nil, right: mailbox.name, state: .leftOut))
    }
    return rows
  }

  /// Those that their own ids tell: for others messages would have to be read.
  ///
  /// - Returns: the sides on which they have another name.
  private func assumeRenames(in tree: inout MailboxTree) -> [MailboxID: Side] {
    guard pair.policy.followsRenames else { return [:] }
    var renamed: [MailboxID: Side] = [:]
    for rename in tree.renames(ids: Both(left: [:], right: [:])) where !rename.isApart {
      tree.assume(rename)
      if let side = rename.side { renamed[rename.record.id] = side.other }
    }
    return renamed
  }

  private func row(
    _ entry: MailboxTree.Entry, _ renamed: [MailboxID: Side]
  ) -> CheckedPair.Mailbox? {
    let state: CheckedPair.Mailbox.State
    if entry.isContested {
      return CheckedPair.Mailbox(left: entry.names.left, right: nil, state: .contested)
    }
    switch (entry.exists(on: .left), entry.exists(on: .right)) {
    case (true, true):
      state = entry.record.flatMap { renamed[$0.id] }.map { .renamed($0) } ?? .both
    case (false, false): return nil
    case (let isLeft, _):
      let side: Side = isLeft ? .left : .right
      if entry.record?.anchors[side.other] != nil {
        state = .gone(side.other)
      } else {
        state = pair.policy.create.includes(side.other) ? .only(side) : .stays(side)
      }
    }
    return CheckedPair.Mailbox(left: entry.names.left, right: entry.names.right, state: state)
  }
}
