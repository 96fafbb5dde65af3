import IMAPClient

/// Copy before delete, for what arrived in a mailbox that takes no part in this round (it can't be created
/// or opened on the other side, or its message was refused there): it may be what vanished from another
/// mailbox, and then stays where it was on the other side. design.md §4
extension SyncRun {
  func holdBackStranded(
    _ sources: inout CopySources, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    for side in Side.allCases where sources.hasVanished(on: side) {
      for mailbox in mailboxes + unprepared where mailbox.exists[side] {
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

extension MailboxSync {
  /// What is new to the base on one side of a mailbox that can't be synced; changes nothing.
  fileprivate func salvage(
    _ side: Side, _ endpoint: any Endpoint
  ) throws(SideFailure) -> [Seen] {
    let known = try stateAccess { () throws(StateError) in
      try store.uids(in: record.id, side: side)
    }
    let anchor = record.anchors[side]
    var observation = try on(side) { () throws(EndpointError) in
      try endpoint.open(
        fullNames[side],
        OpenRequest(since: anchor, detailsFrom: anchor?.uidNext ?? .first))
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
      arrivals += try on(side) { () throws(EndpointError) in try endpoint.describe(bare) }
    }
    return arrivals.map { Seen($0) }
  }
}
