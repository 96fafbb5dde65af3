import IMAPClient

/// A mailbox of the pair, in the base.
public struct MailboxID: Hashable, Comparable, Sendable {
  public let rawValue: Int64

  public init(_ rawValue: Int64) { self.rawValue = rawValue }

  public static func < (left: MailboxID, right: MailboxID) -> Bool {
    left.rawValue < right.rawValue
  }
}

/// A message of the pair, in the base.
public struct MessageID: Hashable, Comparable, Sendable {
  public let rawValue: Int64

  public init(_ rawValue: Int64) { self.rawValue = rawValue }

  public static func < (left: MessageID, right: MessageID) -> Bool {
    left.rawValue < right.rawValue
  }
}

/// How the two sides number one mailbox: design.md §5.
public enum UIDMode: String, Hashable, Sendable {
  /// A message has the same UID on both sides.
  case mirror
  /// Each side keeps its own UIDs.
  case map
}

/// What both sides agreed on for a mailbox when it was last synced.
public struct MailboxRecord: Hashable, Sendable {
  public var id: MailboxID
  public var names: Both<MailboxName>
  /// The sides' own ids for the mailbox, by which a rename is noticed.
  public var mailboxIDs: Both<GlobalUID?>
  /// `nil`: never seen, or no longer to be trusted; the side is then read as a whole.
  public var anchors: Both<Anchor?>
  public var mode: UIDMode?
  /// In `mirror`: N of design.md §5. Below it every UID means the same on both sides.
  public var agreedNext: UID
  /// `nil`: nothing agreed yet.
  public var isSubscribed: Bool?
  /// Which messages were selected (`since`, `max-size`) when the anchors were taken; another selection
  /// makes them unfit.
  public var selection: String
  /// Keywords that messages were given on a side since it was last looked at: whether it keeps them is not known.
  public var unproven: Both<FlagSet>

  public init(
    id: MailboxID, names: Both<MailboxName>,
    mailboxIDs: Both<GlobalUID?> = Both(left: nil, right: nil),
    anchors: Both<Anchor?> = Both(left: nil, right: nil), mode: UIDMode? = nil,
    agreedNext: UID = .first, isSubscribed: Bool? = nil, selection: String = "",
    unproven: Both<FlagSet> = Both(left: .empty, right: .empty)
  ) {
    self.id = id
    self.names = names
    self.mailboxIDs = mailboxIDs
    self.anchors = anchors
    self.mode = mode
    self.agreedNext = agreedNext
    self.isSubscribed = isSubscribed
    self.selection = selection
    self.unproven = unproven
  }
}

/// A message that lies on both sides.
public struct MessageRecord: Hashable, Sendable {
  public var id: MessageID
  public var mailbox: MailboxID
  public var uids: Both<UID>
  /// Never changes once recorded.
  public var guid: GlobalUID
  /// The sides' own ids for the content, where they have such ids.
  public var ids: Both<GlobalUID?>
  /// What each side's bytes are identified by; they differ where a server altered the message or one
  /// side holds a stub. `nil` where nobody had a reason to read the header.
  public var contents: Both<ContentID?>
  /// What both sides agreed on.
  public var flags: FlagSet
  /// Flags of ``flags`` that a side can't hold (a Maildir with 26 keywords, a server that keeps none):
  /// that they are missing there does not mean that someone removed them.
  public var lacking: Both<FlagSet>
  /// The received date.
  public var date: InternalDate
  /// That of the right side, where it was another when the two were found to be the same message: `date` is the left
  /// one's then. Nobody can change it.
  public var rightDate: InternalDate?
  /// The side that holds only a stub of the message (`max-size`).
  public var stub: Side?

  public init(
    id: MessageID, mailbox: MailboxID, uids: Both<UID>, guid: GlobalUID,
    ids: Both<GlobalUID?> = Both(left: nil, right: nil),
    contents: Both<ContentID?> = Both(left: nil, right: nil), flags: FlagSet,
    lacking: Both<FlagSet> = Both(left: .empty, right: .empty), date: InternalDate,
    rightDate: InternalDate? = nil, stub: Side? = nil
  ) {
    self.id = id
    self.mailbox = mailbox
    self.uids = uids
    self.guid = guid
    self.ids = ids
    self.contents = contents
    self.flags = flags
    self.lacking = lacking
    self.date = date
    self.rightDate = rightDate
    self.stub = stub
  }

  public func date(on side: Side) -> InternalDate {
    side == .right ? rightDate ?? date : date
  }
}

/// The least that has to be known of a message to see whether a side has changed it: of a large mailbox
/// this much is held in memory, and the whole record only of what changed.
public struct KnownMessage: Hashable, Sendable {
  public var uids: Both<UID>
  /// What each side is known to hold.
  public var flags: Both<FlagSet>
  /// Whether the side's own id for the content is recorded.
  public var hasID: Both<Bool>
  public var isStub: Bool

  public init(uids: Both<UID>, flags: Both<FlagSet>, hasID: Both<Bool>, isStub: Bool) {
    self.uids = uids
    self.flags = flags
    self.hasID = hasID
    self.isStub = isStub
  }

  public init(_ record: MessageRecord) {
    self.init(
      uids: record.uids, flags: Both { record.flags(on: $0) },
      hasID: record.ids.map { $0 != nil }, isStub: record.stub != nil)
  }
}

/// A change seen on a side but not carried out on the other (refused, not selected this time): it is
/// looked at again at every run, although the anchors have passed it.
public struct PendingMessage: Hashable, Sendable {
  public var mailbox: MailboxID
  public var side: Side
  public var uid: UID
  /// Why; `nil` if the user only asked for something else this time.
  public var code: FailureCode?
  public var text: String

  public init(
    mailbox: MailboxID, side: Side, uid: UID, code: FailureCode? = nil, text: String = ""
  ) {
    self.mailbox = mailbox
    self.side = side
    self.uid = uid
    self.code = code
    self.text = text
  }
}

/// A message that a run was about to save, copy or renumber on `side` when the base was last written: design.md §6.
public struct Intent: Hashable, Sendable {
  public var mailbox: MailboxID
  public var side: Side
  /// By size and received date it is told from what others deliver meanwhile.
  public var size: UInt64
  public var date: InternalDate
  /// The side's UIDNEXT before; what the run saved lies at or above it.
  public var uidNext: UID
  /// The message that was to be given another UID by COPY and EXPUNGE: between the two there are two of it.
  public var original: UID?

  public init(
    mailbox: MailboxID, side: Side, size: UInt64, date: InternalDate, uidNext: UID,
    original: UID? = nil
  ) {
    self.mailbox = mailbox
    self.side = side
    self.size = size
    self.date = date
    self.uidNext = uidNext
    self.original = original
  }
}
