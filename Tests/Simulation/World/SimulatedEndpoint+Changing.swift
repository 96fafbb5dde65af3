import IMAPClient
import SyncEngine

/// Changing messages of the open mailbox.
extension SimulatedEndpoint {
  /// As ``current()``, and the mailbox may be changed.
  func writable() throws(EndpointError) -> MailboxName {
    let name = try current()
    if world.locked({ server.mailboxes[name]?.isReadOnly == true }) {
      throw EndpointError(.mailbox, .readOnly, "\(name) is read-only", advice: "")
    }
    return name
  }

  /// The engine gives targets where, and only where, the endpoint chooses UIDs.
  private func check(targets: [UID], count: Int) throws(EndpointError) {
    guard targets.count == (traits.choosesUIDs ? count : 0) else {
      throw misuse("\(targets.count) targets for \(count) messages")
    }
    guard zip(targets, targets.dropFirst()).allSatisfy({ $0 < $1 }) else {
      throw misuse("targets that do not ascend")
    }
  }

  private func checkNumbered(_ name: MailboxName) throws(EndpointError) {
    if world.locked({ server.mailboxes[name]?.uidValidity == nil }) {
      throw misuse("numbers wanted in \(name), which has no UIDVALIDITY")
    }
  }

  public func saver() throws(EndpointError) -> any MessageSaver {
    let name = try writable()
    try checkNumbered(name)
    return SimulatedSaver(self, name)
  }

  public func copy(
    _ uids: [UID], from source: MailboxName, moving: Bool, targets: [UID]
  ) throws(EndpointError) -> [PlacementOutcome] {
    let name = try writable()
    try checkNumbered(name)
    try check(source)
    try check(targets: targets, count: uids.count)
    let moves = moving && server.traits.canMove
    let knowsID = server.traits.isMaildir
    return try perform(
      .copy,
      changes: uids.indices.map { [server] index in
        {
          guard let message = server.mailboxes[source]?.message(.uid(uids[index])) else {
            return .gone
          }
          if server.octets + (moves ? 0 : message.content.count) > server.quota {
            return .refused(.overQuota, "over quota")
          }
          let new = server.mailboxes[name]?.insert(
            message, uid: targets.isEmpty ? nil : targets[index])
          guard let new else { return .targetTaken }
          if moves { server.mailboxes[source]?.remove(message.handle) }
          return .placed(new, id: knowsID ? message.id : nil, movedAway: moves)
        }
      })
  }

  public func store(_ orders: [StoreOrder]) throws(EndpointError) -> StoreOutcome {
    let name = try writable()
    let single = orders.flatMap { order in order.uids.map { ($0, order) } }
    let outcomes = try perform(
      .store,
      changes: single.map { [server] uid, order in
        { SimulatedEndpoint.store(uid, order, server, name) }
      })
    noteStored(zip(single.map(\.0), outcomes), in: name)
    var outcome = StoreOutcome()
    for ((uid, order), result) in zip(single, outcomes) {
      switch result {
      case .stored(let unstorable, let before):
        let added = order.added.subtracting(FlagSet([], keywords: unstorable))
        told[name]?.store(before.union(added).subtracting(order.removed), uid)
        // A server says nothing of what it does not keep; that is seen at the next look only.
        guard server.traits.isMaildir else { continue }
        for keyword in unstorable { outcome.unstorable[keyword, default: UIDSet()].insert(uid) }
      case .rejected: outcome.rejected.insert(uid)
      case .gone: outcome.gone.insert(uid)
      }
    }
    return outcome
  }

  private enum StoreResult {
    case stored(unstorable: [Keyword], over: FlagSet)
    case rejected
    case gone
  }

  /// Flags that someone has changed behind the engine's back are only stored after another look.
  private func noteStored(
    _ results: Zip2Sequence<[UID], [StoreResult]>, in name: MailboxName
  ) {
    guard server.traits.keepsModSequences || server.traits.isMaildir else { return }
    for (uid, result) in results {
      guard case .stored(_, let flags) = result, let told = toldFlags[name]?[uid] else { continue }
      if flags != told { _ = misuse("flags of UID \(uid) stored over (\(flags)), not (\(told))") }
      toldFlags[name]?[uid] = nil
    }
  }

  private static func store(
    _ uid: UID, _ order: StoreOrder, _ server: SimulatedServer, _ name: MailboxName
  ) -> StoreResult {
    guard let mailbox = server.mailboxes[name], let index = mailbox.index(.uid(uid)) else {
      return .gone
    }
    let message = mailbox.messages[index]
    if server.traits.keepsModSequences {
      // RFC 7162 §3.1.3
      if let limit = order.unchangedSince, message.modSeq > limit.rawValue { return .rejected }
    } else if server.traits.isMaildir, let expected = order.expected, message.flags != expected {
      return .rejected
    }
    var roomier = mailbox
    roomier.setFlags(message.flags.subtracting(order.removed), at: index)
    let (added, unstorable) = storable(order.added, in: roomier, server)
    server.mailboxes[name]?.setFlags(
      message.flags.subtracting(order.removed).union(added), at: index)
    return .stored(unstorable: unstorable, over: message.flags)
  }

  /// Parts what the mailbox has room for from what it has not.
  static func storable(
    _ flags: FlagSet, in mailbox: SimulatedMailbox, _ server: SimulatedServer
  ) -> (FlagSet, unstorable: [Keyword]) {
    guard server.traits.keywordLimit < Int.max else { return (flags, []) }
    var known = mailbox.keywords
    var unstorable: [Keyword] = []
    for keyword in flags.keywords where !known.contains(keyword) {
      if known.count < server.traits.keywordLimit {
        known.insert(keyword)
      } else {
        unstorable.append(keyword)
      }
    }
    return (flags.subtracting(FlagSet([], keywords: unstorable)), unstorable)
  }

  public func expunge(_ uids: UIDSet, onlyDeleted: Bool) throws(EndpointError) -> UIDSet {
    let name = try writable()
    _ = try perform(
      .expunge,
      changes: uids.map { [server, sweeps = world.sweepsDeleted] uid in
        {
          let message = server.mailboxes[name]?.message(.uid(uid))
          let isDeleted = message?.flags.system.contains(.deleted) ?? false
          guard isDeleted || !onlyDeleted else { return }
          if sweeps, isDeleted, let message {
            server.ledger?.noteSweep(message.origin, on: server.number)
          }
          server.mailboxes[name]?.remove(.uid(uid))
        }
      })
    try check(name)
    let gone = world.locked { uids.subtracting(server.mailboxes[name]?.uids ?? UIDSet()) }
    for uid in gone { told[name]?.remove(uid) }
    return gone
  }

  public func remove(_ known: [UID: FlagSet]) throws(EndpointError) -> [UID: RemovalOutcome] {
    let name = try writable()
    var due = known.sorted { $0.key < $1.key }
    var outcomes: [UID: RemovalOutcome] = [:]
    let isAtOnce = server.traits.removesAtOnce
    if !isAtOnce {
      // Without a precondition there is a moment between the look and the expunge.
      try perform(.describe)
      for (uid, flags) in due {
        let now = world.locked { server.mailboxes[name]?.message(.uid(uid))?.flags }
        outcomes[uid] = now.map { $0 == flags ? nil : .changed($0) } ?? .missing
      }
      due.removeAll { outcomes[$0.key] != nil }
    }
    let removals = try perform(
      .expunge,
      changes: due.map { [server] uid, flags in
        { () -> RemovalOutcome in
          let now = server.mailboxes[name]?.message(.uid(uid))?.flags
          if isAtOnce {
            guard let now else { return .missing }
            guard now == flags else { return .changed(now) }
          }
          server.mailboxes[name]?.remove(.uid(uid))
          return .removed
        }
      })
    try check(name)
    for ((uid, _), outcome) in zip(due, removals) {
      outcomes[uid] = outcome
      if outcome == .removed { told[name]?.remove(uid) }
    }
    return outcomes
  }

  public func renumber(
    _ handles: [MessageHandle], targets: [UID]
  ) throws(EndpointError) -> [PlacementOutcome] {
    let name = try writable()
    try checkNumbered(name)
    try check(targets: targets, count: handles.count)
    guard server.traits.isMaildir || server.traits.hasUIDPlus else {
      throw EndpointError(
        .mailbox, .cannotRenumber, "the server can't renumber messages", advice: "use uids = map")
    }
    let isAtOnce = server.traits.isMaildir || server.traits.canMove
    let knowsID = server.traits.isMaildir
    // Without MOVE a lost connection may come between the copies and the expunge of the old ones.
    let placements = handles.indices.map { [server] index in
      { () -> PlacementOutcome in
        let handle = handles[index]
        let target = targets.isEmpty ? nil : targets[index]
        guard let message = server.mailboxes[name]?.message(handle) else { return .gone }
        let new =
          isAtOnce
          ? server.mailboxes[name]?.move(handle, to: target)
          : server.mailboxes[name]?.insert(message)
        guard let new else { return .targetTaken }
        if !isAtOnce { server.ledger?.noteSpare(message.origin, 1) }
        return .placed(new, id: knowsID ? message.id : nil, movedAway: true)
      }
    }
    let removals = (isAtOnce ? [] : handles).map { [server] handle in
      { () -> PlacementOutcome in
        if let message = server.mailboxes[name]?.message(handle) {
          server.ledger?.noteSpare(message.origin, -1)
        }
        server.mailboxes[name]?.remove(handle)
        return .gone
      }
    }
    return Array(try perform(.renumber, changes: placements + removals).prefix(handles.count))
  }

  public func pad(to uidNext: UID) throws(EndpointError) -> UID {
    let name = try writable()
    try checkNumbered(name)
    try perform(.pad) { [server] in
      guard let mailbox = server.mailboxes[name],
        mailbox.uidNext < uidNext || mailbox.origin.reopenedFrom != nil
      else { return }
      server.mailboxes[name]?.pad(to: uidNext)
    }
    try check(name)
    return world.locked { server.mailboxes[name]?.uidNext ?? uidNext }
  }

  public func adopt(
    _ uidValidity: UIDValidity, uidNext: UID, isServers: Bool
  ) throws(EndpointError) {
    let name = try writable()
    guard traits.choosesUIDs else { throw misuse("adopt where the server numbers") }
    try perform(.adopt) { [server] in
      server.noteUIDValidity(uidValidity)
      let next = max(uidNext, server.formerNext(of: name, uidValidity))
      server.mailboxes[name]?.adopt(uidValidity, uidNext: next, isServers: isServers) {
        SimulatedServer.key($0.id, UInt64($0.handle.uid?.rawValue ?? 0))
      }
    }
    knownValidities[name] = .some(uidValidity)
    toldFlags[name] = nil
  }

  public func setID(_ id: GlobalUID?) throws(EndpointError) -> GlobalUID? {
    let name = try writable()
    guard traits.choosesUIDs else { throw misuse("setID where the server has its ids") }
    try perform(.adopt) { [server] in server.mailboxes[name]?.id = id ?? server.newID() }
    try check(name)
    return world.locked { server.mailboxes[name]?.id }
  }

  public func freshUIDValidity() throws(EndpointError) -> UIDValidity {
    guard traits.choosesUIDs else { throw misuse("freshUIDValidity where the server numbers") }
    try perform(.freshUIDValidity)
    return world.locked { server.newUIDValidity() }
  }
}
