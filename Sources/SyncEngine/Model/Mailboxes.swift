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

  public init(mailboxes: [ListedMailbox], unusable: [(name: String, reason: String)] = []) {
    self.mailboxes = mailboxes
    self.unusable = unusable
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
