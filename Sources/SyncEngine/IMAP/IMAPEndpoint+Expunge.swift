import IMAPClient

extension IMAPEndpoint {
  func expunge(_ uids: UIDSet) throws(EndpointError) -> UIDSet {
    guard !uids.isEmpty else { return UIDSet() }
    _ = try selectToChange()
    observer.begin()
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

  /// Those that are certainly not there any more; to be asked in a flight of its own.
  private func confirmGone(_ uids: UIDSet) throws(EndpointError) -> UIDSet {
    if uids.subtracting(observer.gathered.vanished).isEmpty { return uids }
    return uids.subtracting(try search(uids))
  }

  /// EXPUNGE takes everything that is flagged `\Deleted`: what somebody else flagged gets the flag back
  /// afterwards (design.md §4).
  private func expungeWithoutUIDPlus(_ uids: UIDSet) throws(EndpointError) -> UIDSet {
    let deleted = FlagSet(.deleted)
    var others = UIDSet()
    var isClear = false
    try pipeline(uids.pieces().map { .store($0, adding: true, deleted) }, to: "flag messages")
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
      throw EndpointError(
        .mailbox, .refused,
        "others are deleting messages at this moment, and without UIDPLUS"
          + " theirs would be expunged too", advice: "run it again")
    }
    try pipeline([.expungeAll] + restoring, to: "expunge messages")
    return try confirmGone(uids)
  }
}
