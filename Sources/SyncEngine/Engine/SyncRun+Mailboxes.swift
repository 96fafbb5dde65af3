import IMAPClient

/// Which mailboxes there are on the two sides, and bringing those in line: names, creations, deletions,
/// renames, subscriptions.
///
/// Endpoints are spoken to in full names; everything else here is in names without the side's prefix.
extension SyncRun {
  func full(_ name: MailboxName, _ side: Side) -> MailboxName {
    policy.fullName(name, on: side)
  }

  /// Compares both sides' mailboxes and follows renames.
  ///
  /// - Parameter early: the sides' listings, if they have been listed.
  func settleMailboxes(
    _ endpoints: Both<any Endpoint>, _ known: [MailboxRecord],
    _ early: Both<Result<MailboxListing, SideFailure>>?
  ) throws(SideFailure) -> MailboxTree {
    var records = known
    var (listings, tree) = try list(endpoints, records, early)
    guard checkListing(listings, records), try checkAnythingIsThere(listings, endpoints) else {
      return MailboxTree(entries: [])
    }
    if tree.entries.isEmpty { noteNothingSelected(listings) }
    guard policy.followsRenames, policy.kinds.contains(.mailboxes) else { return tree }
    if policy.isDryRun {
      try foreseeRenames(&tree, endpoints)
      try leaveAloneHalfSelected(listings, records, in: &tree, endpoints)
      return tree
    }
    var refused = Set<MailboxID>()
    // Each rename may take children along, so the sides are listed anew after each.
    for _ in 0...2 * records.count {
      let renames = try self.renames(tree, endpoints)
      let next = renames.first {
        mayFollow($0, tree) && ($0.side == nil || !refused.contains($0.record.id))
      }
      guard let rename = next else {
        try leaveAlone(renames, in: &tree, endpoints)
        break
      }
      if try !follow(rename, endpoints) { refused.insert(rename.record.id) }
      records = try stateAccess { () throws(StateError) in try store.mailboxes() }
      (listings, tree) = try list(endpoints, records)
    }
    try leaveAloneHalfSelected(listings, records, in: &tree, endpoints)
    return tree
  }

  // MARK: Renames

  private func mayFollow(_ rename: MailboxTree.Rename, _ tree: MailboxTree) -> Bool {
    guard let side = rename.side else { return true }
    return policy.changes.includes(side) && unselectedChild(of: rename, tree) == nil
  }

  /// What a run would rename, and what it would find then.
  private func foreseeRenames(
    _ tree: inout MailboxTree, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    let found = tree
    let renames = try self.renames(found, endpoints)
    var foreseen: [MailboxTree.Rename] = []
    for rename in renames where mayFollow(rename, found) {
      // A run does not even see those below: with their parents they have got their new names.
      if let side = rename.side, !foreseen.contains(where: { $0.takesAlong(rename) }) {
        foreseen.append(rename)
        let new = rename.newNames[side]
        observer?.handle(.change(side, rename.oldName, .mailboxRenamed(to: new)))
      }
      tree.assume(rename)
    }
    try leaveAlone(renames.filter { !mayFollow($0, found) }, in: &tree, endpoints)
  }

  /// Renames that this run may not or can't follow wait for another one, or their messages would be saved again under
  /// the old name.
  func leaveAlone(
    _ renames: [MailboxTree.Rename], in tree: inout MailboxTree, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    for rename in renames {
      guard let side = rename.side else { continue }
      tellUnselectedChild(of: rename, tree)
      try leaveOut(rename, side, in: &tree, endpoints)
    }
  }

  /// - Parameter side: that which is to follow.
  func leaveOut(
    _ rename: MailboxTree.Rename, _ side: Side, in tree: inout MailboxTree,
    _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    let names = (there: rename.newNames[side.other], here: rename.oldName)
    let isConcerned = { (entry: MailboxTree.Entry) in
      entry.record?.id == rename.record.id
        || entry.record == nil && entry.listed[side.other]?.name == names.there
        || entry.record == nil && entry.listed[side]?.name == names.here
    }
    for entry in tree.entries where isConcerned(entry) { try leaveOut(entry, endpoints) }
    tree.entries.removeAll(where: isConcerned)
  }

  func renames(
    _ tree: MailboxTree, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) -> [MailboxTree.Rename] {
    let ids = idsOfNew(tree, on: Side.allCases, endpoints)
    return tree.renames(ids: ids, found: try renamedByMessages(tree, endpoints, ids: ids))
  }

  /// The ids of mailboxes that the base does not know, where one that it knows is missing and listing them did not tell.
  func idsOfNew(
    _ tree: MailboxTree, on sides: [Side], _ endpoints: Both<any Endpoint>
  ) -> Both<[MailboxName: GlobalUID]> {
    var ids = Both<[MailboxName: GlobalUID]>(left: [:], right: [:])
    for side in sides {
      let isMissing = tree.entries.contains {
        $0.record?.mailboxIDs[side] != nil && !$0.exists(on: side)
      }
      guard isMissing else { continue }
      for entry in tree.entries where entry.record == nil {
        guard let listed = entry.listed[side], listed.id == nil else { continue }
        // A mailbox that can't be opened can't have been renamed for us either.
        let observation = try? endpoints[side].open(
          full(listed.name, side), OpenRequest(detailsFrom: .last, isOnlyToRead: true))
        if let id = observation?.mailboxID { ids[side][listed.name] = id }
      }
    }
    return ids
  }

  /// - Returns: false if a side refused it.
  private func follow(
    _ rename: MailboxTree.Rename, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) -> Bool {
    do {
      try carryOut(rename, endpoints)
      return true
    } catch  where error.error.scope == .side {
      throw error
    } catch {
      note(error.error, side: error.side, mailbox: rename.oldName)
      return false
    }
  }

  private func carryOut(
    _ rename: MailboxTree.Rename, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    var record = rename.record
    if rename.isApart {
      try stateAccess { () throws(StateError) in try store.commit([.removeMailbox(record.id)]) }
      return
    }
    if let side = rename.side {
      let old = rename.oldName
      let new = rename.newNames[side]
      try attempt(on: side) { () throws(EndpointError) in
        try endpoints[side].rename(full(old, side), to: full(new, side))
      }
      observer?.handle(.change(side, old, .mailboxRenamed(to: new)))
      // A rename leaves both sides' subscriptions under the old name.
      if record.isSubscribed == true {
        for side in Side.allCases {
          try attempt(on: side) { () throws(EndpointError) in
            try endpoints[side].setSubscribed(false, full(record.names[side], side))
            try endpoints[side].setSubscribed(true, full(rename.newNames[side], side))
          }
        }
      }
    }
    record.names = rename.newNames
    try stateAccess { () throws(StateError) in try store.commit([.putMailbox(record)]) }
  }

  // MARK: What each mailbox needs

  /// Creates what is missing and makes a ``MailboxSync`` of every mailbox that has to be looked into.
  func prepare(
    _ tree: inout MailboxTree, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    let pending = try stateAccess { () throws(StateError) in try store.pending() }
    let intents = try stateAccess { () throws(StateError) in try store.intents() }
    made = nil
    var lefts = Set<MailboxName>()
    var rights = Set<MailboxName>()
    for index in tree.entries.indices {
      let entry = tree.entries[index]
      guard !entry.isContested, lefts.insert(entry.names.left).inserted,
        rights.insert(entry.names.right).inserted
      else {
        note(
          EndpointError(
            .mailbox, .nameNotPossible, "two mailboxes would be synced with this one",
            advice: "give them different names with 'map'"), side: .right,
          mailbox: entry.names.right)
        try noteUnprepared(entry, endpoints)
        continue
      }
      do {
        if made == nil, !policy.isDryRun, entry.exists(on: .left) != entry.exists(on: .right) {
          made = try createMissing(tree, endpoints)
        }
        try prepare(
          &tree.entries[index], endpoints,
          pending: pending.filter { $0.mailbox == entry.record?.id },
          intents: intents.filter { $0.mailbox == entry.record?.id })
      } catch  where error.error.scope == .side {
        throw error
      } catch {
        note(error.error, side: error.side, mailbox: entry.names[error.side ?? .left])
        try noteUnprepared(entry, endpoints)
      }
    }
    for mailbox in mailboxes + quiet {
      mailbox.followsUncleanEnd = Both { side in intents.contains { $0.side == side } }
    }
  }

  private func prepare(
    _ entry: inout MailboxTree.Entry, _ endpoints: Both<any Endpoint>, pending: [PendingMessage],
    intents: [Intent]
  ) throws(SideFailure) {
    var exists = Both { entry.exists(on: $0) }
    guard exists.left || exists.right else {
      // A run that does not follow renames can't tell: both sides may have renamed it.
      if let record = entry.record, !policy.isDryRun, policy.kinds.contains(.mailboxes) {
        try stateAccess { () throws(StateError) in
          try store.commit([.removeMailbox(record.id)], .soon)
        }
      }
      return
    }
    for side in Side.allCases where !exists[side] {
      if let record = entry.record, try isToBeDeleted(entry, gone: side, endpoints[side.other]) {
        // At the end of the run, when what was moved out of it is safe; by one that may do it.
        if policy.allows(.mailboxes, on: side.other) { entry.isDoomed = side.other }
        doomed.append((record, side.other))
        return
      }
      guard policy.create.includes(side) else { return }
      guard policy.allows(.mailboxes, on: side) else {
        try leaveOut(entry, endpoints)
        return
      }
      try create(entry, on: side, endpoints[side])
      observer?.handle(.change(side, entry.names[side], .mailboxCreated))
      guard !policy.isDryRun else { continue }
      exists[side] = true
      createdMailboxes.insert(side)
      knownAtStart[side].insert(full(entry.names[side], side))
    }
    try syncSubscription(&entry, exists: exists, endpoints)
    let mailbox = try makeMailbox(entry, exists: exists, endpoints)
    for message in pending { mailbox.pending[message.side][message.uid] = message }
    for intent in intents { mailbox.unsettled[intent.side].append(intent) }
    for side in Side.allCases {
      let isAskedFor = policy.wholeMessages[mailbox.record.names.left] != nil
      if !mailbox.pending[side].isEmpty || !mailbox.unsettled[side].isEmpty || isAskedFor {
        mailbox.needsLook[side] = true
      }
    }
    if mailbox.needsLook.left || mailbox.needsLook.right || isUneven(mailbox.record) {
      mailboxes.append(mailbox)
    } else {
      quiet.append(mailbox)
    }
  }

  /// Makes a mailbox, unless it was made together with the others.
  private func create(
    _ entry: MailboxTree.Entry, on side: Side, _ endpoint: any Endpoint
  ) throws(SideFailure) {
    guard !policy.isDryRun else { return }
    try attempt(on: side) { () throws(EndpointError) in
      guard let outcome = made?[side][entry.names[side]] else {
        return try endpoint.create(
          full(entry.names[side], side), specialUse: entry.listed[side.other]?.specialUse)
      }
      if let outcome { throw outcome }
    }
  }

  /// A run ended before both sides were brought level.
  private func isUneven(_ record: MailboxRecord) -> Bool {
    guard record.mode == .mirror, policy.changes == .both, policy.kinds.contains(.new) else {
      return false
    }
    return record.anchors.left?.uidNext != record.agreedNext
      || record.anchors.right?.uidNext != record.agreedNext
      || record.anchors.left?.uidValidity != record.anchors.right?.uidValidity
  }

  private func makeMailbox(
    _ entry: MailboxTree.Entry, exists: Both<Bool>, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) -> MailboxSync {
    let mailbox = try newMailbox(entry, exists: exists, endpoints)
    var record = mailbox.record
    if entry.record == nil, !policy.isDryRun {
      record.isSubscribed = entry.subscription
      mailbox.record = record
      try stateAccess { () throws(StateError) in try store.commit([.putMailbox(record)], .soon) }
    } else if let subscription = entry.subscription, subscription != record.isSubscribed {
      mailbox.record.isSubscribed = subscription
      record = mailbox.record
      if !policy.isDryRun {
        try stateAccess { () throws(StateError) in try store.commit([.putMailbox(record)], .soon) }
      }
    }
    mailbox.storedRecord = entry.record == nil ? nil : record
    return mailbox
  }

  func newMailbox(
    _ entry: MailboxTree.Entry, exists: Both<Bool>, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) -> MailboxSync {
    let traits = endpoints.map(\.traits)
    var record: MailboxRecord
    if let known = entry.record {
      record = known
    } else {
      let id = try stateAccess { () throws(StateError) in try store.newMailboxID() }
      record = MailboxRecord(id: id, names: entry.names)
    }
    for side in Side.allCases {
      // That another id stands in a Maildir's list than before, says something when the mailbox is looked at.
      guard let id = entry.listed[side]?.id,
        !traits[side].choosesUIDs || record.mailboxIDs[side] == nil
      else { continue }
      record.mailboxIDs[side] = id
    }
    let mailbox = MailboxSync(
      record: record, fullNames: Both { full(record.names[$0], $0) }, exists: exists,
      needsLook: Both { side in
        needsLook(record, side: side, listed: entry.listed[side], traits: traits[side])
      }, policy: policy, store: store, observer: observer, traits: traits,
      pause: pause)
    mailbox.cancellation = cancellation
    mailbox.announced = Both { side in
      // What this run has just made was not listed.
      guard let listed = entry.listed[side] else { return exists[side] ? 0 : nil }
      return listed.anchor?.messages
    }
    return mailbox
  }

  func needsLook(
    _ record: MailboxRecord, side: Side, listed: ListedMailbox?, traits: EndpointTraits
  ) -> Bool {
    guard let listed, let now = listed.anchor, let then = record.anchors[side] else { return true }
    guard !policy.comparesEverything,
      record.isSelected(as: policy),
      record.unproven[side].isEmpty
    else { return true }
    if traits.choosesUIDs {
      // Whose UIDVALIDITY is to stand, depends on what it had before.
      let isUnlike = record.anchors.left?.uidValidity != record.anchors.right?.uidValidity
      return then.stamp == nil || now.stamp != then.stamp || record.mode == .mirror && isUnlike
    }
    return now.highestModSeq == nil || now.highestModSeq != then.highestModSeq
      || now.uidNext != then.uidNext || now.uidValidity != then.uidValidity
      || now.messages != then.messages
  }

  // MARK: Subscriptions

  private func syncSubscription(
    _ entry: inout MailboxTree.Entry, exists: Both<Bool>, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) {
    guard policy.syncsSubscriptions, policy.kinds.contains(.mailboxes) else { return }
    let now = entry.listed.map { $0?.isSubscribed ?? false }
    let base = entry.record?.isSubscribed
    let wanted: Bool
    if let left = entry.listed.left, let right = entry.listed.right {
      wanted = MailboxTree.subscription(
        base: base, left: left.isSubscribed, right: right.isSubscribed)
    } else {
      wanted = now.left || now.right
    }
    for side in Side.allCases {
      // A mailbox that is made again may have kept the subscription from before it was deleted or renamed.
      guard now[side] != wanted || entry.listed[side] == nil else { continue }
      guard policy.changes.includes(side) else { return }
      if now[side] != wanted {
        observer?.handle(.change(side, entry.names[side], wanted ? .subscribed : .unsubscribed))
      }
      guard !policy.isDryRun, exists[side], made?[side][entry.names[side]] == nil else { continue }
      try attempt(on: side) { () throws(EndpointError) in
        try endpoints[side].setSubscribed(wanted, full(entry.names[side], side))
      }
    }
    entry.subscription = wanted
  }
}
