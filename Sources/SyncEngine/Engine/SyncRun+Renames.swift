import IMAPClient

/// Renames of mailboxes that have no ids of their own, or may have lost them: told by the messages.
extension SyncRun {
  /// Under which name a side has the messages of a mailbox that is gone from it.
  ///
  /// Only mailboxes that appeared while others vanished are read, and only where nothing else tells.
  ///
  /// - Parameter ids: the mailboxes' own ids, for those whose listing has none.
  func renamedByMessages(
    _ tree: MailboxTree, _ endpoints: Both<any Endpoint>, ids: Both<[MailboxName: GlobalUID]>
  ) throws(SideFailure) -> Both<[MailboxID: MailboxName]> {
    var found = Both<[MailboxID: MailboxName]>(left: [:], right: [:])
    for side in Side.allCases {
      var gone = tree.entries.compactMap { entry in
        entry.exists(on: side) || !entry.exists(on: side.other) || entry.names[side].isInbox
          ? nil : entry.record
      }.filter { $0.anchors[side] != nil }
      guard !gone.isEmpty else { continue }
      let newcomers = tree.entries.compactMap { entry in
        entry.record == nil && !entry.exists(on: side.other) ? entry.listed[side] : nil
      }
      // A Maildir's stands in a file that is lost with a folder's numbers.
      let known = Set(newcomers.compactMap { $0.id ?? ids[side][$0.name] })
      let canLoseIDs = endpoints[side].traits.choosesUIDs
      gone.removeAll { record in
        record.mailboxIDs[side].map { !canLoseIDs || known.contains($0) } ?? false
      }
      var rest = gone
      for newcomer in newcomers where !rest.isEmpty {
        guard let index = try origin(of: newcomer, rest, side, endpoints[side]) else { continue }
        found[side][rest.remove(at: index).id] = newcomer.name
      }
    }
    return found
  }

  /// Which of the mailboxes that are gone it is.
  private func origin(
    of newcomer: ListedMailbox, _ gone: [MailboxRecord], _ side: Side, _ endpoint: any Endpoint
  ) throws(SideFailure) -> Int? {
    // One that can't be opened can't be followed either.
    let opened = try? endpoint.open(full(newcomer.name, side), OpenRequest(isOnlyToRead: true))
    guard let observation = opened, !observation.messages.isEmpty else { return nil }
    var best: (index: Int, count: Int)?
    for (index, record) in gone.enumerated() {
      let rows = try stateAccess { () throws(StateError) in try store.messages(in: record.id) }
      let count = Kinship.count(observation, rows, record, on: side)
      guard Kinship.isEnough(count, of: rows.count), count > best?.count ?? 0 else { continue }
      best = (index, count)
    }
    return best?.index
  }
}

/// How much of a mailbox that is gone another one holds. Pure.
private enum Kinship {
  /// What tells a message in either: the side's own id, else when it came, how large it is, and its UID as
  /// long as that means the same.
  private struct Key: Hashable {
    var id: GlobalUID?
    var date: InternalDate?
    var size: UInt64?
    var uid: UID?
  }

  /// Of what was expunged since then, or hidden from us, there may be some.
  static func isEnough(_ count: Int, of rows: Int) -> Bool { count > 0 && count * 5 >= rows * 4 }

  static func count(
    _ observation: Observation, _ rows: [MessageRecord], _ record: MailboxRecord, on side: Side
  ) -> Int {
    let keepsUIDs = observation.anchor.uidValidity == record.anchors[side]?.uidValidity
    var known: [Key: Int] = [:]
    for row in rows { known[key(row, on: side, keepsUIDs), default: 0] += 1 }
    return observation.messages.count { message in
      guard let details = message.details else { return false }
      // A row knows the id, the size, or neither.
      let uid = keepsUIDs ? message.handle.uid : nil
      let keys = [
        Key(id: details.id), Key(date: details.date, size: details.size, uid: uid),
        Key(date: details.date, uid: uid),
      ]
      guard let key = keys.first(where: { known[$0] ?? 0 > 0 }) else { return false }
      known[key, default: 0] -= 1
      return true
    }
  }

  private static func key(_ row: MessageRecord, on side: Side, _ keepsUIDs: Bool) -> Key {
    if let id = row.ids[side] { return Key(id: id) }
    return Key(
      date: row.date, size: row.contents[side]?.size, uid: keepsUIDs ? row.uids[side] : nil)
  }
}
