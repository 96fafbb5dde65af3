import IMAPClient

extension IMAPEndpoint {
  func copy(
    _ uids: [UID], from source: MailboxName, moving: Bool, targets: [UID]
  ) throws(EndpointError) -> [PlacementOutcome] {
    guard let target = openMailbox, !uids.isEmpty else { return [] }
    forgetForeseen()
    let moves = moving && connection.has(.move)
    let wire = try wireName(of: target)
    var lookup: PlacementLookup?
    if !connection.has(.uidPlus) {
      // Before anything is moved away: how else would the copies be known again?
      let first = try askUIDNext(of: target)
      _ = try selectOnServer(source)
      let contents = try selectedContents(of: uids.map { .uid($0) })
      lookup = PlacementLookup(first: first, contents: contents)
    }
    _ = try selectOnServer(source)
    observer.begin()
    let (statuses, runs) = try transfer(uids, to: wire, moving: moves)
    if let refusal = statuses.first(where: { $0.code == .tryCreate || $0.code == .nonExistent }),
      let error = IMAPError(refusal, to: "copy to the mailbox \(target)")
    {
      throw EndpointError(error)
    }
    let placed = try placements(
      uids, runs: runs, statuses: statuses, in: target, source: source, lookup: lookup)
    return outcomes(uids, runs, statuses, placed.uids, present: placed.present, moves: moves)
  }

  /// What it takes to find copies whose UIDs the server does not tell.
  struct PlacementLookup {
    var first: UID
    var contents: [MessageHandle: ContentID]
  }

  /// COPY or MOVE in the given order. An ascending run is copied by one command; but a message is moved by one
  /// of its own: Dovecot 2.3 expunges the whole set of a MOVE, and copies none of it, when another session
  /// expunges one message of the set in between (`NO [EXPUNGEISSUED]`).
  func transfer(
    _ uids: [UID], to wire: [UInt8], moving: Bool
  ) throws(EndpointError) -> (statuses: [StatusResponse], runs: [[UID]]) {
    // A run of 300 scattered UIDs of ten digits fits into a line.
    let runs = uids.ascendingRuns(limit: moving ? 1 : 300)
    let statuses = try pipeline(runs.map { .copy(UIDSet($0), to: wire, moving: moving) })
    return (statuses, runs)
  }

  /// New UIDs by old ones, from COPYUID; else found by content. `present`: those that were not placed and
  /// are still in the source.
  private func placements(
    _ uids: [UID], runs: [[UID]], statuses: [StatusResponse], in target: MailboxName,
    source: MailboxName, lookup: PlacementLookup?
  ) throws(EndpointError) -> (uids: [UID: UID], present: UIDSet) {
    if let lookup {
      let copied = zip(runs, statuses).filter { $1.condition == .ok }.flatMap(\.0)
      let present = try search(UIDSet(uids))
      let found = try messages(
        from: lookup.first, with: copied.map { lookup.contents[.uid($0)] })
      var placed: [UID: UID] = [:]
      for (old, new) in zip(copied, found) { if let new { placed[old] = new } }
      return (placed, present)
    }
    let placed = try copiedUIDs(of: uids, in: target)
    let missing = uids.filter { placed[$0] == nil }
    guard !missing.isEmpty else { return (placed, UIDSet()) }
    return (placed, try search(UIDSet(missing)))
  }

  /// The mapping that COPYUID gave, of these messages.
  func copiedUIDs(
    of uids: [UID], in target: MailboxName
  ) throws(EndpointError) -> [UID: UID] {
    var placed: [UID: UID] = [:]
    let asked = Set(uids)
    for mapping in observer.gathered.copies {
      guard let pairs = mapping.pairs(limit: uids.count),
        validities[target].map({ $0 == mapping.uidValidity }) ?? true
      else {
        throw EndpointError.contradiction("the server tells impossible UIDs for copied messages")
      }
      for (old, new) in pairs where asked.contains(old) { placed[old] = new }
    }
    guard Set(placed.values).count == placed.count else {
      throw EndpointError.contradiction("the server tells the same UID for two copied messages")
    }
    return placed
  }

  /// Which of these are in the selected mailbox.
  func search(_ uids: UIDSet) throws(EndpointError) -> UIDSet {
    observer.forgetFound()
    try pipeline(
      uids.pieces().map { .search("UID \($0)", compact: hasCompactSearch) },
      to: "search the mailbox")
    return observer.gathered.found.intersection(uids)
  }

  func outcomes(
    _ uids: [UID], _ runs: [[UID]], _ statuses: [StatusResponse], _ placed: [UID: UID],
    present: UIDSet, moves: Bool
  ) -> [PlacementOutcome] {
    var outcomes: [PlacementOutcome] = []
    for (run, status) in zip(runs, statuses) {
      let error = IMAPError(status, to: "copy the message")
      for uid in run {
        if let new = placed[uid] {
          outcomes.append(.placed(new, id: nil, movedAway: moves))
        } else if !present.contains(uid) {
          outcomes.append(.gone)
        } else if let error, run.count == 1, status.code != .expungeIssued {
          outcomes.append(.refused(status.code.failureCode, error.message))
        } else if error != nil {
          outcomes.append(.retryAlone)
        } else {
          outcomes.append(.refused(.other, "the server does not tell the copy's UID"))
        }
      }
    }
    return outcomes
  }
}
