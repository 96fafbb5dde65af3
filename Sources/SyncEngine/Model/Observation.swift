import IMAPClient

/// Where a side's mailbox stood when it was last looked at, and from where to look on.
public struct Anchor: Hashable, Sendable {
  /// `nil`: a Maildir in which nobody has numbered anything yet.
  public var uidValidity: UIDValidity?
  /// The UID that the next message gets, at least.
  public var uidNext: UID
  /// `nil` where the mailbox keeps no mod-sequences.
  public var highestModSeq: ModSequence?
  /// Messages in the mailbox.
  public var messages: UInt32
  /// A Maildir's directory and file times; `nil` on IMAP, and where they are too recent to trust.
  public var stamp: MaildirStamp?

  public init(
    uidValidity: UIDValidity?, uidNext: UID, highestModSeq: ModSequence? = nil, messages: UInt32,
    stamp: MaildirStamp? = nil
  ) {
    self.uidValidity = uidValidity
    self.uidNext = uidNext
    self.highestModSeq = highestModSeq
    self.messages = messages
    self.stamp = stamp
  }
}

/// Where the UIDVALIDITY of a mailbox that takes any comes from: what ``Endpoint/adopt(_:uidNext:isServers:)``
/// left of it.
public struct ValidityOrigin: Hashable, Sendable {
  /// It is a server's, from there or by way of another Maildir.
  public var isServers: Bool
  /// Those that the mailbox had before, and gave up for another.
  public var former: Set<UIDValidity>
  /// The messages have not all got their numbers yet: from this UID on those below UIDNEXT may be given as well, to
  /// the messages that they stand for.
  public var reopenedFrom: UID?

  public init(
    isServers: Bool = false, former: Set<UIDValidity> = [], reopenedFrom: UID? = nil
  ) {
    self.isServers = isServers
    self.former = former
    self.reopenedFrom = reopenedFrom
  }
}

/// Modification times in nanoseconds since 1970 of what a Maildir folder's state lies in.
public struct MaildirStamp: Hashable, Sendable {
  public var cur: Int64
  public var new: Int64
  public var uidList: Int64
  public var keywords: Int64

  public init(cur: Int64, new: Int64, uidList: Int64, keywords: Int64) {
    self.cur = cur
    self.new = new
    self.uidList = uidList
    self.keywords = keywords
  }
}

/// What is known of a message before its header or body is read.
public struct MessageDetails: Hashable, Sendable {
  /// Octets in CRLF form (RFC822.SIZE).
  public var size: UInt64
  public var date: InternalDate
  /// The side's own id for the message's content, where it has such ids (design.md §3, 1).
  public var id: GlobalUID?
  /// The file's name has a UID in it: another program has synchronised it, and may have changed it.
  public var isHandled: Bool

  public init(size: UInt64, date: InternalDate, id: GlobalUID?, isHandled: Bool = false) {
    self.size = size
    self.date = date
    self.id = id
    self.isHandled = isHandled
  }
}

/// One message as a side shows it now.
public struct ObservedMessage: Hashable, Sendable {
  public var handle: MessageHandle
  public var flags: FlagSet
  /// Always there for messages at or above ``OpenRequest/detailsFrom`` and unnumbered ones.
  public var details: MessageDetails?

  public init(
    handle: MessageHandle, flags: FlagSet, details: MessageDetails? = nil
  ) {
    self.handle = handle
    self.flags = flags
    self.details = details
  }
}

/// What one side's mailbox holds, or what changed in it since an anchor.
public struct Observation: Sendable {
  public enum Coverage: Hashable, Sendable {
    /// `messages` holds every message of the mailbox.
    case full
    /// `messages` holds those that changed or arrived since the anchor, and those asked for by
    /// ``OpenRequest/recheck``; `vanished` are gone (it may name UIDs that never existed).
    case changes(vanished: UIDSet)
    /// As `changes`, but instead of what vanished, what is there now.
    case present(UIDSet)
  }

  public var anchor: Anchor
  public var coverage: Coverage
  /// Ascending by UID, then those without one in the order in which the endpoint would number them.
  public var messages: MessageList
  public var isReadOnly: Bool
  /// The mailbox's own id, which survives a rename (MAILBOXID of RFC 8474, Dovecot's X-GUID, the
  /// `G` of a dovecot-uidlist).
  public var mailboxID: GlobalUID?
  /// The keywords that the mailbox keeps for good; `nil`: any. Others are not to be stored there, and
  /// their absence there means nothing. RFC 9051 §7.1 (PERMANENTFLAGS).
  public var permanentKeywords: Set<Keyword>?
  /// Flags that are no keywords and that the mailbox is known to keep for good: one that is not there, somebody took
  /// away.
  public var permanentFlags: SystemFlags?
  /// Of the anchor's UIDVALIDITY.
  public var origin: ValidityOrigin
  /// What lies there and can't be synced; told whenever all was read.
  public var leftOut: LeftOutFiles?

  public init(
    anchor: Anchor, coverage: Coverage, messages: MessageList, isReadOnly: Bool = false,
    mailboxID: GlobalUID? = nil, permanentKeywords: Set<Keyword>? = nil,
    permanentFlags: SystemFlags? = nil,
    origin: ValidityOrigin = ValidityOrigin(), leftOut: LeftOutFiles? = nil
  ) {
    self.anchor = anchor
    self.coverage = coverage
    self.messages = messages
    self.isReadOnly = isReadOnly
    self.mailboxID = mailboxID
    self.permanentKeywords = permanentKeywords
    self.permanentFlags = permanentFlags
    self.origin = origin
    self.leftOut = leftOut
  }
}

/// How a mailbox is to be looked at.
public struct OpenRequest: Hashable, Sendable {
  /// Only changes since then are wanted; `nil`: everything. An endpoint that can't tell the changes,
  /// or finds the anchor not to fit (UIDVALIDITY, a mod-sequence that went back), answers `full`.
  public var since: Anchor?
  /// Messages with these UIDs are reported whether they changed or not; one that is not there any
  /// more is reported as vanished.
  public var recheck: UIDSet
  /// Messages from this UID on are reported with their details.
  public var detailsFrom: UID
  /// These are reported with their details too, if they are there: what the base knows well, so that other
  /// messages under their UIDs are noticed.
  public var probe: UIDSet
  /// The mailbox is only read until the next one is opened, and not even touched: EXAMINE instead of
  /// SELECT, no lock file in a Maildir.
  public var isOnlyToRead: Bool
  /// All that this endpoint told when it last opened the mailbox, and the flags that it has stored, the messages that it has put there
  /// and those that it has expunged since, are known and dealt with. One that is certain that nothing else has changed need
  /// tell no more than that.
  public var isContinued = false

  public init(
    since: Anchor? = nil, recheck: UIDSet = UIDSet(), detailsFrom: UID = .first,
    probe: UIDSet = UIDSet(), isOnlyToRead: Bool = false
  ) {
    self.since = since
    self.recheck = recheck
    self.detailsFrom = detailsFrom
    self.probe = probe
    self.isOnlyToRead = isOnlyToRead
  }
}

/// A mailbox that is going to be opened.
public struct ForeseenOpening: Hashable, Sendable {
  public var mailbox: MailboxName
  public var request: OpenRequest

  public init(_ mailbox: MailboxName, _ request: OpenRequest) {
    self.mailbox = mailbox
    self.request = request
  }
}

/// Messages that are going to be fetched, in this order.
public struct ForeseenFetch: Hashable, Sendable {
  public var mailbox: MailboxName
  public var uids: [UID]

  public init(_ mailbox: MailboxName, _ uids: [UID]) {
    self.mailbox = mailbox
    self.uids = uids
  }
}
