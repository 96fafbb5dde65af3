import IMAPClient

/// One mailbox as a side lists it.
public struct ListedMailbox: Hashable, Sendable {
  public var name: MailboxName
  /// False for a name that only has mailboxes below it (`\Noselect`, `\NonExistent`).
  public var isSelectable: Bool
  public var isSubscribed: Bool
  public var specialUse: SpecialUse?
  /// `nil` where the side can't tell without opening the mailbox.
  public var anchor: Anchor?
  /// The mailbox's own id, which survives a rename.
  public var id: GlobalUID?

  public init(
    name: MailboxName, isSelectable: Bool = true, isSubscribed: Bool = false,
    specialUse: SpecialUse? = nil, anchor: Anchor? = nil, id: GlobalUID? = nil
  ) {
    self.name = name
    self.isSelectable = isSelectable
    self.isSubscribed = isSubscribed
    self.specialUse = specialUse
    self.anchor = anchor
    self.id = id
  }
}

/// Everything a side lists.
public struct MailboxListing: Sendable {
  public var mailboxes: [ListedMailbox]
  /// Names that are there but can't be mailboxes here (bad encoding, forbidden characters): each
  /// with the reason, to be reported and left alone.
  public var unusable: [(name: String, reason: String)]
  /// Names under which something lies that can't be looked into now. A mailbox that was known there, or below, is not
  /// gone.
  public var unreadable: [MailboxName] = []
  /// Names that mailboxes of the list have besides: no mailboxes here, on whichever side there is one of that name.
  public var otherNames: [OtherName] = []

  public struct OtherName: Hashable, Sendable {
    public var name: MailboxName
    /// What is below it is below the mailbox, too.
    public var takesThoseBelow: Bool
  }

  public init(mailboxes: [ListedMailbox], unusable: [(name: String, reason: String)] = []) {
    self.mailboxes = mailboxes
    self.unusable = unusable
  }

  /// The same, with those of the base that can't be looked into now: they are there, and can't be opened.
  public func selectable(
    below prefix: MailboxName?, _ known: [MailboxRecord], on side: Side
  ) -> [ListedMailbox] {
    let listed = selectable(below: prefix)
    guard !unreadable.isEmpty else { return listed }
    let names = Set(listed.map(\.name))
    return listed
      + known.compactMap { record in
        let name = record.names[side]
        let full = prefix?.appending(name) ?? name
        guard !names.contains(name),
          unreadable.contains(where: { $0 == full || full.removingPrefix($0) != nil })
        else { return nil }
        // Nothing is told of that, so it has not changed.
        return ListedMailbox(name: name, isSubscribed: record.isSubscribed ?? false)
      }
  }

  /// Whether this is another name of one of the mailboxes.
  public func isOtherName(_ name: MailboxName) -> Bool {
    otherNames.contains { other in
      other.name == name || other.takesThoseBelow && name.removingPrefix(other.name) != nil
    }
  }

  /// Those that hold messages, below `prefix` and named without it.
  public func selectable(below prefix: MailboxName?) -> [ListedMailbox] {
    mailboxes.compactMap { mailbox in
      guard mailbox.isSelectable else { return nil }
      guard let prefix else { return mailbox }
      var mailbox = mailbox
      guard let name = mailbox.name.removingPrefix(prefix) else { return nil }
      mailbox.name = name
      return mailbox
    }
  }
}
