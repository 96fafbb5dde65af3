import IMAPClient

/// Step 3 for arrivals that wait for their turn (``MailboxSync/later``): by then nobody looks for their sources any more.
extension CopySources {
  /// Lets all arrivals of a mailbox be looked at now, if one of them may be something that the base knows.
  func admitLater(of mailbox: MailboxSync) throws(SideFailure) {
    guard let later = mailbox.later else { return }
    let isKnown = try stateAccess { () throws(StateError) in
      try mayBeKnown(later.messages, of: mailbox, on: later.side)
    }
    if isKnown { mailbox.takeAllParts() }
  }

  private func mayBeKnown(
    _ messages: MessageList, of mailbox: MailboxSync, on side: Side
  ) throws(StateError) -> Bool {
    if hasVanished(on: side) { return true }
    if try hasNothingToCopy(on: side.other) { return false }
    // By their contents, which nobody has read yet.
    if mailbox.traits[side].hasCheapContents { return true }
    for message in messages {
      guard let id = message.details?.id else { continue }
      if try !store.messages(withID: id, on: side).isEmpty { return true }
    }
    return false
  }

  /// On the other side there may be a mailbox yet that is gone from this one.
  private func hasNothingToCopy(on side: Side) throws(StateError) -> Bool {
    for id in records[side].keys where try store.messageCount(in: id) > 0 { return false }
    return true
  }
}
