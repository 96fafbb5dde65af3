import IMAPClient

extension IMAPEndpoint {
  func expunge(_ uids: UIDSet, onlyDeleted: Bool) throws(EndpointError) -> UIDSet {
    guard !uids.isEmpty else { return UIDSet() }
    _ = try selectToChange()
    observer.begin()
    if onlyDeleted { return try expungeDeleted(uids) }
    if !connection.has(.uidPlus) { return try expungeWithoutUIDPlus(uids) }
    let flagging = uids.pieces().map { Command.store($0, adding: true, FlagSet(.deleted)) }
    let expunging = uids.pieces().map { Command.expunge($0) }
    try pipeline(flagging + expunging, to: "expunge messages")
    let gone = try confirmGone(uids)
    guard gone != uids else { return gone }
    // Commands that come together may see the mailbox as it was before them, so that EXPUNGE found no
    // message flagged (Dovecot without CONDSTORE): once more, one after the other.
    try pipeline(flagging, to: "expunge messages")
    try pipeline(expunging, to: "expunge messages")
    return try confirmGone(uids)
  }

  /// Nobody's flag is set for it, so that what has lost its own stays.
  private func expungeDeleted(_ uids: UIDSet) throws(EndpointError) -> UIDSet {
    // In a flight of its own, or the server may take the flags to be what they were before. RFC 2180 §4.1
    _ = try perform(.noop, to: "expunge messages")
    guard connection.has(.uidPlus) else {
      return try expungeWithoutUIDPlus(uids, isFlagging: false)
    }
    try pipeline(uids.pieces().map { .expunge($0) }, to: "expunge messages")
    return try confirmGone(uids)
  }

  func remove(_ known: [UID: FlagSet]) throws(EndpointError) -> [UID: RemovalOutcome] {
    guard !known.isEmpty else { return [:] }
    let hasModSeq = try selectToChange().highestModSeq != nil && hasModSequences
    observer.begin()
    let items = ["UID", "FLAGS"] + (hasModSeq ? ["MODSEQ"] : [])
    let uids = UIDSet(known.keys.sorted())
    // What others have expunged a server may show until it has said that it is gone; Dovecot does, also to a FETCH that is
    // sent together with this. RFC 2180 §4.1
    _ = try perform(.noop, to: "look at messages")
    try pipeline(uids.pieces().map { .fetch($0, items) }, to: "look at messages")
    let found = observer.gathered.fetched.byUID()
    var outcomes: [UID: RemovalOutcome] = [:]
    var due: [FetchedMessage] = []
    for (uid, flags) in known.sorted(by: { $0.key < $1.key }) {
      guard let message = found[uid], let now = message.flags,
        !observer.gathered.vanished.contains(uid)
      else {
        outcomes[uid] = .missing
        continue
      }
      if now == flags { due.append(message) } else { outcomes[uid] = .changed(now) }
    }
    let gone = try removeUnchanged(due)
    for message in due { outcomes[message.uid] = gone.contains(message.uid) ? .removed : .kept }
    return outcomes
  }

  /// - Returns: those that are gone.
  private func removeUnchanged(_ messages: [FetchedMessage]) throws(EndpointError) -> UIDSet {
    let uids = UIDSet(messages.map(\.uid).sorted())
    guard connection.has(.uidPlus), messages.allSatisfy({ $0.modSeq != nil }) else {
      return try expunge(uids)
    }
    // What is flagged by nobody can't be expunged: the condition of the one command holds for the other. RFC 7162 §3.1.3
    let flagging = messages.map { message in
      Command.store(
        UIDSet(message.uid), adding: true, FlagSet(.deleted), unchangedSince: message.modSeq)
    }
    let expunging = uids.pieces().map { Command.expunge($0) }
    for status in try pipeline(flagging + expunging) {
      if let error = storeRefusal(status, to: "expunge messages") { throw EndpointError(error) }
    }
    let gone = try confirmGone(uids)
    guard gone != uids else { return gone }
    // As above: commands that come together may see the mailbox as it was before them.
    try pipeline(expunging, to: "expunge messages")
    return try confirmGone(uids)
  }

  /// Those that are certainly not there any more; to be asked in a flight of its own.
  private func confirmGone(_ uids: UIDSet) throws(EndpointError) -> UIDSet {
    if uids.subtracting(observer.gathered.vanished).isEmpty { return uids }
    return uids.subtracting(try search(uids))
  }

  /// EXPUNGE takes everything that is flagged `\Deleted`: what somebody else flagged gets the flag back
  /// afterwards (design.md §4).
  private func expungeWithoutUIDPlus(
    _ uids: UIDSet, isFlagging: Bool = true
  ) throws(EndpointError) -> UIDSet {
    let deleted = FlagSet(.deleted)
    var others = UIDSet()
    var isClear = false
    if isFlagging {
      try pipeline(uids.pieces().map { .store($0, adding: true, deleted) }, to: "flag messages")
    }
    for _ in 1...3 where !isClear {
      observer.forgetFound()
      try pipeline([.search("DELETED", compact: hasCompactSearch)], to: "search the mailbox")
      let foreign = observer.gathered.found.subtracting(uids)
      isClear = foreign.isEmpty
      others.formUnion(foreign)
      try pipeline(foreign.pieces().map { .store($0, adding: false, deleted) }, to: "flag messages")
    }
    let restoring = others.pieces().map { Command.store($0, adding: true, deleted) }
    guard isClear else {
      try pipeline(restoring, to: "flag messages again")
      var error = EndpointError(
        .mailbox, .refused,
        "others are deleting messages at this moment, and without UIDPLUS"
          + " theirs would be expunged too", advice: "run it again")
      error.isForNow = true
      throw error
    }
    try pipeline([.expungeAll] + restoring, to: "expunge messages")
    return try confirmGone(uids)
  }
}
