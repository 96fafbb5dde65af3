import IMAPClient

/// Equal messages of which each side has moved another one.
extension CopySources {
  /// What arrived on both sides was found to be the same by its content. But where the sides' own ids (or, on one that has none,
  /// what is gone from there) say that each of the two was moved here, and that they are two messages of the base, both were:
  /// taken for one, the other half of either would be expunged where it still lies.
  mutating func partTwins(in m: Int) throws(SideFailure) {
    let mailbox = mailboxes[m]
    var parted: [ItemWork] = []
    for index in mailbox.work.indices where !mailbox.work[index].item.isKnown {
      let seen = mailbox.work[index].item.sides.map(\.seen)
      guard let left = seen.left, let right = seen.right else { continue }
      let moved = Both(
        left: try self.moved(left, in: mailbox, on: .left),
        right: try self.moved(right, in: mailbox, on: .right))
      guard !moved.left.isEmpty, !moved.right.isEmpty, moved.left.isDisjoint(with: moved.right)
      else { continue }
      parted.append(mailbox.work[index].part(.right))
    }
    mailbox.work += parted
  }

  /// The messages of the base that this may be, and that are gone from where they lay.
  private func moved(
    _ seen: Seen, in mailbox: MailboxSync, on side: Side
  ) throws(SideFailure) -> Set<MessageID> {
    guard let details = seen.details else { return [] }
    let rows = try stateAccess { () throws(StateError) in
      if let id = details.id { return try store.messages(withID: id, on: side) }
      return try seen.content.map { content throws(StateError) in
        try store.messages(withContent: content, on: side)
      } ?? []
    }
    return Set(
      rows.filter { row in
        guard let place = places[row.id], row.date(on: side) == details.date else { return false }
        let work = mailboxes[place.mailbox].work[place.work]
        return work.isVanished(on: side) && work.claim == nil
      }.map(\.id))
  }
}

extension ItemWork {
  /// Takes away what lies on a side.
  ///
  /// - Returns: that.
  fileprivate mutating func part(_ side: Side) -> ItemWork {
    var item = Item(base: nil, left: .absent, right: .absent)
    item.sides[side] = self.item.sides[side]
    self.item.sides[side] = .absent
    var other = ItemWork(item: item)
    guard stub == side else { return other }
    other.stub = side
    other.stubDetails = stubDetails
    stub = nil
    stubDetails = nil
    return other
  }
}
