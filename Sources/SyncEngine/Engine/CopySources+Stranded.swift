import IMAPClient

/// Arrivals that are not to be synced as such, but may be what vanished elsewhere.
extension CopySources {
  /// An old message of the base that was moved goes on being synced, however new other mail has to be.
  func admit(in m: Int, side: Side, endpoint: any Endpoint) throws(SideFailure) {
    let mailbox = mailboxes[m]
    guard !mailbox.unselected[side].isEmpty, hasVanished(on: side) else { return }
    let contents = try self.contents(
      of: mailbox.unselected[side], mailbox: mailbox, side: side, endpoint: endpoint)
    for seen in mailbox.unselected[side]
    where try vanished(like: seen, contents, mailbox, side) != nil {
      var item = Item(base: nil, left: .absent, right: .absent)
      item.sides[side] = .present(seen)
      mailbox.work.append(ItemWork(item: item))
    }
    mailbox.unselected[side] = []
  }

  /// Whether anything vanished from a side of which the other side still has its half.
  func hasVanished(on side: Side) -> Bool {
    places.values.contains { place in
      mailboxes[place.mailbox].work[place.work].isVanished(on: side)
    }
  }

  /// Holds back the expunges of what arrived on `side` in a mailbox that takes no part in this round.
  ///
  /// - Parameter mailbox: where it arrived; it need not be one of this round's.
  func holdBack(
    _ arrivals: [Seen], in mailbox: MailboxSync, side: Side, endpoint: any Endpoint
  ) throws(SideFailure) {
    let contents = try self.contents(
      of: arrivals, mailbox: mailbox, side: side, endpoint: endpoint)
    for seen in arrivals {
      if let vanished = try vanished(like: seen, contents, mailbox, side) {
        holdBack(vanished, side: side)
      }
    }
  }

  /// Nothing that vanished from `side` is known to be expunged: nobody knows where it went.
  func holdBackAll(vanishedOn side: Side) {
    for place in places.values {
      let work = mailboxes[place.mailbox].work[place.work]
      if work.isVanished(on: side), work.claim == nil { holdBack(place, side: side) }
    }
  }

  /// A message that vanished from `side` and may be this one.
  private func vanished(
    like seen: Seen, _ contents: [MessageHandle: ContentID], _ mailbox: MailboxSync, _ side: Side
  ) throws(SideFailure) -> Place? {
    let rows = try stateAccess { () throws(StateError) in
      try self.rows(like: seen, content: seen.content ?? contents[seen.handle], side: side)
    }
    return rows.lazy.compactMap { places[$0.id] }.first { place in
      let work = mailboxes[place.mailbox].work[place.work]
      return work.isVanished(on: side) && work.claim == nil
    }
  }

  private func holdBack(_ place: Place, side: Side) {
    let claim = MoveClaim(side: side.other)
    claim.outcome = .failed
    mailboxes[place.mailbox].work[place.work].claim = claim
  }
}
