import IMAPClient

/// Flags that a side can't hold: a Maildir with 26 keywords, a server that keeps none.
extension MailboxSync {
  /// What messages are seen to have, if it matters.
  func heldFlags(_ messages: MessageList, on side: Side) -> FlagSet {
    guard !attempted[side].isEmpty else { return .empty }
    return FlagSet.union(of: messages.lazy.map(\.flags))
  }

  func noteHeld(_ known: KnownList, _ observation: Observation, on side: Side) {
    guard !attempted[side].isEmpty else { return }
    let all = attempted[side].values.reduce(UIDSet()) { $0.union($1) }
    let leftOut = known.lazy.filter { message in
      !all.contains(message.uids[side]) && observation.leavesOut(message.uids[side])
    }
    held[side] = held[side].union(FlagSet.union(of: leftOut.map { $0.flags[side] }))
  }

  /// A server that drops a flag in silence may well not count that as a change: then it does not show the message
  /// among those that have changed since it was looked at, before the flag was set.
  ///
  /// To be told before what is as the base has it is left out.
  func noteUntouched(_ observation: Observation, on side: Side) {
    untouched[side] = UIDSet()
    guard !attempted[side].isEmpty, observation.anchor.highestModSeq != nil else { return }
    let all = attempted[side].values.reduce(UIDSet()) { $0.union($1) }
    let there: UIDSet
    switch observation.coverage {
    case .full: return
    case .changes(let vanished): there = all.subtracting(vanished)
    case .present(let present): there = all.intersection(present)
    }
    untouched[side] = there.subtracting(observation.messages.uids)
  }

  /// Flags that we set and that did not stay, on a side where no message has them, and keywords that the
  /// mailbox does not keep: the side can't hold them; nobody removed them. Those that are there after all
  /// can be held.
  func noteLacking(_ observation: Observation, side: Side, items: inout Items) {
    let attempted = self.attempted[side]
    self.attempted[side] = [:]
    guard !hasNewValidity(side) else { return }
    let hasLacking = items.rows.contains { !$0.lacking[side].isEmpty }
    let keepsAll = keptFlags[side]?.isSuperset(of: .all) ?? true
    guard !attempted.isEmpty || hasLacking || keptKeywords[side] != nil || !keepsAll
    else { return }
    let all = attempted.values.reduce(UIDSet()) { $0.union($1) }
    var seen: [UID: FlagSet] = [:]
    var held = self.held[side]
    for message in observation.messages {
      if let uid = message.handle.uid { seen[uid] = message.flags }
    }
    // What a message had that is gone by now may not have been there any more when another was to get it.
    let leftOut = items.rows.lazy.filter { row in
      !all.contains(row.uids[side]) && seen[row.uids[side]] == nil
        && observation.leavesOut(row.uids[side])
    }
    held = held.union(FlagSet.union(of: leftOut.map { $0.flags(on: side) }))
    var unstorable = FlagSet.empty
    for index in items.rows.indices {
      let row = items.rows[index]
      let isUntouched = untouched[side].contains(row.uids[side])
      var tried = flags(attempted, of: row.uids[side])
      guard
        let now = isUntouched
          ? row.flags(on: side).subtracting(tried) : seen[row.uids[side]]
      else { continue }
      // Where the message was changed, others may have taken away what the side can hold.
      if !isUntouched { tried = tried.subtracting(held) }
      tried.system.subtract(keptFlags[side] ?? [])
      tried = tried.union(unkept(row.flags, on: side))
      let missing = tried.subtracting(now).intersection(row.flags)
      let lacking = row.lacking[side].union(missing).subtracting(now)
      guard lacking != row.lacking[side] else { continue }
      unstorable = unstorable.union(missing.subtracting(row.lacking[side]))
      items.rows[index].lacking[side] = lacking
      items.amended.append(index)
    }
    if !unstorable.isEmpty { noteUnstorable(unstorable, on: side) }
  }

  private func flags(_ attempted: [FlagSet: UIDSet], of uid: UID) -> FlagSet {
    FlagSet.union(of: attempted.lazy.filter { $0.value.contains(uid) }.map(\.key))
  }

  /// Flags among these that the side is known not to keep, or not to let this user set. RFC 9051 §7.1 (PERMANENTFLAGS)
  func unkept(_ flags: FlagSet, on side: Side) -> FlagSet {
    let system = keptFlags[side].map { flags.system.subtracting($0) } ?? []
    let keywords = keptKeywords[side].map { kept in flags.keywords.filter { !kept.contains($0) } }
    return FlagSet(system, keywords: keywords ?? [])
  }

  func noteUnstorable(_ flags: FlagSet, on side: Side) {
    let most = 5
    let more = flags.names.count > most ? " and \(flags.names.count - most) more" : ""
    let names = flags.names.prefix(most).joined(separator: " ") + more
    noteFailure(
      EndpointError(
        .message, .keywords, "can't hold the flag \(names) on every message that has it",
        advice: "the flag stays where it is; nothing was lost"),
      on: side)
  }
}

extension Observation {
  /// Whether a message that is not among `messages` is there, unchanged.
  fileprivate func leavesOut(_ uid: UID) -> Bool {
    switch coverage {
    case .full: false
    case .changes(let vanished): !vanished.contains(uid)
    case .present(let present): present.contains(uid)
    }
  }
}
