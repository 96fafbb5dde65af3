import IMAPClient

/// Before the other side is listed: a large Maildir folder that has changed takes longest of all, and what is to be asked of it
/// the base alone knows.
extension SyncRun {
  /// Lets a side that was just listed begin to look at its largest mailbox, if that has changed and will tell no more than that.
  ///
  /// - Parameter listing: with full names.
  func lookAhead(
    _ side: Side, _ endpoint: any Endpoint, _ listing: MailboxListing, _ records: [MailboxRecord]
  ) {
    guard endpoint.traits.choosesUIDs else { return }
    let large = records.filter {
      ($0.anchors[side]?.messages ?? 0) > MailboxSync.fewMessages && policy.selects($0.names.left)
    }.sorted { ($0.anchors[side]?.messages ?? 0) > ($1.anchors[side]?.messages ?? 0) }
    // Each is looked for in the whole list.
    guard
      let largest = large.prefix(3).first(where: { isToBeRead($0, side, endpoint, listing) }),
      let request = try? firstRequest(largest, side, endpoint)
    else { return }
    endpoint.foresee([ForeseenOpening(full(largest.names[side], side), request)])
  }

  private func isToBeRead(
    _ record: MailboxRecord, _ side: Side, _ endpoint: any Endpoint, _ listing: MailboxListing
  ) -> Bool {
    let name = full(record.names[side], side)
    guard let anchor = record.anchors[side],
      let listed = listing.mailboxes.first(where: { $0.name == name })
    else { return false }
    return needsLook(record, side: side, listed: listed, traits: endpoint.traits)
      && endpoint.mayTellChanges(name, since: anchor)
  }

  private func firstRequest(
    _ record: MailboxRecord, _ side: Side, _ endpoint: any Endpoint
  ) throws(SideFailure) -> OpenRequest? {
    let mailbox = MailboxSync(
      record: record, fullNames: Both { full(record.names[$0], $0) },
      exists: Both(left: true, right: true), needsLook: Both(left: true, right: true),
      policy: policy, store: store, observer: nil,
      traits: Both(left: endpoint.traits, right: endpoint.traits), pause: pause)
    let pending = try stateAccess { () throws(StateError) in try store.pending() }
    for message in pending where message.mailbox == record.id {
      mailbox.pending[message.side][message.uid] = message
    }
    let request = try mailbox.foreseenRequest(side)
    return request?.since == nil ? nil : request
  }
}
