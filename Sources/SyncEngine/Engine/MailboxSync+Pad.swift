import IMAPClient

/// UIDs that are used up, and servers that have no room for it at the moment.
extension MailboxSync {
  func pad(
    _ side: Side, to uid: UID, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    changed[side] = true
    do {
      anchors[side].uidNext = try on(side) { () throws(EndpointError) in
        try select(side, endpoints[side])
        return try endpoints[side].pad(to: uid)
      }
    } catch {
      try noteRenumberingRefused(error)
      return
    }
    origins[side].reopenedFrom = nil
  }

  /// What a server refuses for now, as one does that is over quota, keeps the mailbox from nothing else: what needs other UIDs gets
  /// them in a later run.
  func noteRenumberingRefused(_ failure: SideFailure) throws(SideFailure) {
    guard failure.error.isForNow else { throw failure }
    guard !isRenumberingRefused else { return }
    isRenumberingRefused = true
    noteFailure(
      EndpointError(
        .message, failure.error.code,
        "messages do not have the same UIDs on both sides yet: \(failure.error.message)",
        advice: "\(failure.error.advice); it is tried again at every run"),
      on: failure.side)
  }
}
