import IMAPClient

/// Mailboxes that one side deleted.
extension SyncRun {
  /// A mailbox that one side deleted is deleted on the other if that is wanted and nothing arrived there
  /// since; otherwise it is made again.
  func isToBeDeleted(
    _ entry: MailboxTree.Entry, gone: Side, _ endpoint: any Endpoint
  ) throws(SideFailure) -> Bool {
    let side = gone.other
    guard let record = entry.record, record.anchors[gone] != nil, policy.delete.includes(side),
      !entry.names[side].isInbox
    else { return false }
    // All of it: what was not selected, or refused, or has no message's name, has never been on the other side.
    let observation = try attempt(on: side) { () throws(EndpointError) in
      try endpoint.open(full(record.names[side], side), OpenRequest(detailsFrom: .last))
    }
    guard observation.anchor.uidValidity == record.anchors[side]?.uidValidity,
      observation.leftOut == nil
    else { return false }
    let known = try stateAccess { () throws(StateError) in try store.uids(in: record.id, side: side)
    }
    return observation.messages.allSatisfy { message in
      message.handle.uid.map(known.contains) ?? false
    }
  }

  func deleteMailboxes(
    _ tree: MailboxTree, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    // Children before their parents.
    for entry in tree.entries.reversed() {
      guard let side = entry.isDoomed, let record = entry.record else { continue }
      if try refusesDeletion(of: entry, record, on: side) { continue }
      if policy.isDryRun {
        observer?.handle(.change(side, entry.names[side], .mailboxDeleted))
        continue
      }
      if mailboxes.contains(where: \.mayLackMessages) || !unprepared.isEmpty || refusesExpunges {
        note(
          EndpointError(
            .mailbox, .conflict, "not deleted, because other mailboxes could not be synced",
            advice: "the next run tries again"), side: side, mailbox: entry.names[side])
        continue
      }
      do {
        // Something may have come while the others were synced.
        guard try isToBeDeleted(entry, gone: side.other, endpoints[side]) else {
          note(
            EndpointError(
              .mailbox, .conflict, "not deleted, because it was changed meanwhile",
              advice: "the next run looks at it again"), side: side, mailbox: entry.names[side])
          continue
        }
        try stateAccess { () throws(StateError) in try store.flush() }
        try attempt(on: side) { () throws(EndpointError) in
          try endpoints[side].close()
          try endpoints[side].delete(full(entry.names[side], side))
        }
      } catch  where error.error.scope == .side {
        throw error
      } catch {
        note(error.error, side: error.side, mailbox: entry.names[error.side ?? .left])
        continue
      }
      observer?.handle(.change(side, entry.names[side], .mailboxDeleted))
      try stateAccess { () throws(StateError) in try store.commit([.removeMailbox(record.id)]) }
      for mailbox in mailboxes { try mailbox.finishWaiting() }
    }
  }

  /// A mailbox takes its messages along: so many expunges that look like an accident need the same word as any others.
  private func refusesDeletion(
    of entry: MailboxTree.Entry, _ record: MailboxRecord, on side: Side
  ) throws(SideFailure) -> Bool {
    guard !policy.isForced else { return false }
    let copied = Set(mailboxes.flatMap { $0.work.compactMap { $0.source?.record.id } })
    let lost = try stateAccess { () throws(StateError) in
      var count = 0
      for row in try store.messages(in: record.id) where !copied.contains(row.id) {
        if try !isElsewhere(row) { count += 1 }
      }
      return count
    }
    guard Guard.refuses(expunges: lost, known: lost, limit: policy.maxExpunge) else { return false }
    note(
      EndpointError(
        .mailbox, .guarded,
        "the mailbox with its \(lost) messages is gone on the \(side.other) side; it was not deleted here",
        advice: "if that is right, run once with --force, or raise max-expunge"),
      side: side, mailbox: entry.names[side])
    return true
  }

  /// Whether another mailbox has the same message: it was moved, or copied, before its old mailbox was deleted.
  private func isElsewhere(_ row: MessageRecord) throws(StateError) -> Bool {
    for side in Side.allCases {
      var others: [MessageRecord] = []
      if let id = row.ids[side] { others += try store.messages(withID: id, on: side) }
      if let content = row.contents[side] {
        others += try store.messages(withContent: content, on: side)
      }
      if others.contains(where: { $0.mailbox != row.mailbox }) { return true }
    }
    return false
  }
}
