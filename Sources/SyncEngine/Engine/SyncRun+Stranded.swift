import IMAPClient

/// Copy before delete, for what arrived in a mailbox that takes no part in this round (it can't be created
/// or opened on the other side, or its message was refused there): it may be what vanished from another
/// mailbox, and then stays where it was on the other side. design.md §4
extension SyncRun {
  /// What arrived there can't be synced in this run; it may have come from a mailbox that is.
  func noteUnprepared(
    _ entry: MailboxTree.Entry, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    unprepared.append(try outsider(entry, endpoints))
  }

  /// The same where the run is asked to leave mailboxes as they are.
  func leaveOut(
    _ entry: MailboxTree.Entry, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    leftOut.append(try outsider(entry, endpoints))
  }

  private func outsider(
    _ entry: MailboxTree.Entry, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) -> MailboxSync {
    let mailbox = try newMailbox(entry, exists: Both { entry.exists(on: $0) }, endpoints)
    mailbox.isBroken = true
    return mailbox
  }

  func holdBackStranded(
    _ sources: inout CopySources, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    for side in Side.allCases where sources.hasVanished(on: side) {
      for mailbox in mailboxes + unprepared + leftOut where mailbox.exists[side] {
        do {
          let stranded =
            mailbox.isBroken ? try mailbox.salvage(side, endpoints[side]) : mailbox.stranded[side]
          guard !stranded.isEmpty else { continue }
          try sources.holdBack(
            stranded, in: mailbox, side: side, endpoint: endpoints[side])
        } catch  where error.error.scope == .side {
          throw error
        } catch  where error.error.code == .permission {
          // A mailbox that nobody may look into is as good as one that is not synced.
        } catch {
          sources.holdBackAll(vanishedOn: side)
        }
      }
    }
  }
}

/// Copy before delete, for what may have been moved behind a look: stubs, for where one is gone its message is the only
/// one there is, and what went while the run worked.
extension SyncRun {
  /// On sides where a round missed messages, all mailboxes that have changed since they were looked at take part in
  /// the next one: they may have been moved there.
  func addingChanged(
    _ again: [MailboxSync], after active: [MailboxSync]
  ) throws(SideFailure) -> [MailboxSync] {
    var again = again
    for side in Side.allCases where active.contains(where: { $0.hasRemovedStubs[side] }) {
      for mailbox in mailboxes + quiet { mailbox.mayHaveStrayed[side] = true }
    }
    for side in Side.allCases where active.contains(where: { $0.misses[side] }) {
      let endpoint = try lanes.first()[side]
      let listing = try attempt(on: side) { () throws(EndpointError) in
        try endpoint.list(withIDs: false)
      }
      var listed: [MailboxName: ListedMailbox] = [:]
      for mailbox in listing.mailboxes where mailbox.isSelectable { listed[mailbox.name] = mailbox }
      for mailbox in mailboxes + quiet where !mailbox.isBroken && mailbox.exists[side] {
        guard let now = listed.removeValue(forKey: mailbox.fullNames[side]),
          needsLook(mailbox.record, side: side, listed: now, traits: endpoint.traits)
        else { continue }
        mailbox.needsLook[side] = true
        if !again.contains(where: { $0 === mailbox }) { again.append(mailbox) }
      }
      // A new mailbox may hold it as well: the next run looks there.
      let isNew = !listed.keys.allSatisfy { knownAtStart[side].contains($0) }
      if isNew { for mailbox in mailboxes + quiet { mailbox.leavesMissed[side] = true } }
    }
    quiet.removeAll { mailbox in again.contains { $0 === mailbox } }
    mailboxes += again.filter { mailbox in !mailboxes.contains { $0 === mailbox } }
    return again
  }
}

extension MailboxSync {
  /// What is new to the base on one side of a mailbox that can't be synced; changes nothing.
  fileprivate func salvage(
    _ side: Side, _ endpoint: any Endpoint
  ) throws(SideFailure) -> [Seen] {
    let known = try stateAccess { () throws(StateError) in
      try store.uids(in: record.id, side: side)
    }
    // What was held back by an earlier run, the anchor has passed.
    let held = try stateAccess { () throws(StateError) in try store.pending() }
      .filter { $0.mailbox == record.id && $0.side == side }.map(\.uid)
    let anchor = record.anchors[side]
    var request = OpenRequest(since: anchor, detailsFrom: anchor?.uidNext ?? .first)
    request.recheck = UIDSet(held.sorted())
    var observation = try attempt(on: side) { [request] () throws(EndpointError) in
      try endpoint.open(fullNames[side], request)
    }
    anchors[side] = observation.anchor
    // Under another UIDVALIDITY nothing is known.
    let isKnown = anchor?.uidValidity == observation.anchor.uidValidity
    observation.messages.removeAll { message in
      isKnown && (message.handle.uid.map(known.contains) ?? false)
    }
    let bare = UIDSet(observation.messages.compactMap { $0.details == nil ? $0.handle.uid : nil })
    var arrivals = observation.messages.filter { $0.details != nil }
    if !bare.isEmpty {
      arrivals += try attempt(on: side) { () throws(EndpointError) in try endpoint.describe(bare) }
    }
    return arrivals.map { Seen($0) }
  }
}
