import IMAPClient

/// Keeps the base of one pair. What is committed together is kept together or not at all, and nothing outlives
/// what was committed before it.
///
/// Used by several lanes at once; calls exclude each other.
public protocol StateStore: AnyObject, Sendable {
  /// All mailboxes, without reading anything per message.
  func mailboxes() throws(StateError) -> [MailboxRecord]
  /// Ids that no row has or ever had in this base.
  func newMailboxID() throws(StateError) -> MailboxID
  func newMessageID() throws(StateError) -> MessageID

  /// Every message of a mailbox, ascending by left UID.
  func messages(in mailbox: MailboxID) throws(StateError) -> [MessageRecord]
  /// Messages whose left UID is in `uids.left` or whose right UID is in `uids.right`, ascending by left
  /// UID, each once. The cost grows with what is found, not with the mailbox.
  func messages(in mailbox: MailboxID, uids: Both<UIDSet>) throws(StateError) -> [MessageRecord]
  /// The same messages as ``messages(in:)``, in short.
  func knownMessages(in mailbox: MailboxID) throws(StateError) -> KnownList
  /// The left UIDs of messages that have other ones on the right, and of flagged stubs.
  func unevenUIDs(in mailbox: MailboxID) throws(StateError) -> UIDSet
  func uids(in mailbox: MailboxID, side: Side) throws(StateError) -> UIDSet
  func messageCount(in mailbox: MailboxID) throws(StateError) -> Int
  /// The same, or `limit` where there are more; it takes no longer than to count so many.
  func messageCount(in mailbox: MailboxID, atMost limit: Int) throws(StateError) -> Int
  /// Those with the highest UIDs on a side, at most so many, descending.
  func lastMessages(
    in mailbox: MailboxID, side: Side, limit: Int
  ) throws(StateError) -> [MessageRecord]

  /// Messages in any mailbox whose own id on `side` is `id`.
  func messages(withID id: GlobalUID, on side: Side) throws(StateError) -> [MessageRecord]
  /// Messages in any mailbox with this content on `side`.
  func messages(withContent content: ContentID, on side: Side) throws(StateError) -> [MessageRecord]
  /// Whether any message in any mailbox has this size on `side` (a cheap test before a header is read).
  func hasMessage(ofSize size: UInt64, on side: Side) throws(StateError) -> Bool

  func pending() throws(StateError) -> [PendingMessage]
  func intents() throws(StateError) -> [Intent]
  /// A value of the pair as a whole; `nil` if it was never set.
  func value(_ key: StateKey) throws(StateError) -> String?

  /// - Parameter durability: `now`: these changes and all before them are durable when the call returns.
  func commit(_ changes: [StateChange], _ durability: Durability) throws(StateError)

  /// Many questions follow: nobody else's changes are looked for in between.
  func expectQuestions() throws(StateError)
}

extension StateStore {
  public func commit(_ changes: [StateChange]) throws(StateError) { try commit(changes, .now) }

  /// Makes durable what is to be so soon.
  public func flush() throws(StateError) { try commit([], .now) }

  public func expectQuestions() throws(StateError) {}
}

/// When a change of the base is safe. Waiting for the disk costs more than most of what a run does otherwise.
public enum Durability: Hashable, Sendable {
  /// When the call returns: for what must be known before anything else is done.
  case now
  /// Soon after the call has returned: it is carried out meanwhile, and every later call waits for it. For what need not be
  /// waited for while there is something else to be done; should it fail, the next call tells.
  case behind
  /// With the next change that is to be durable at once, or earlier; every question sees it already. For what the next
  /// run would find out again, had this one died before it wrote it down. (Ids alone, which it would just be told again,
  /// are never a reason to write earlier.)
  case soon
}

/// Values of the pair as a whole.
public enum StateKey: String, Hashable, Sendable {
  /// The mark left in each store that can be marked.
  case mark
  case leftMarked = "left-marked"
  case rightMarked = "right-marked"
  /// Seconds since 1970 of the end of the last run that changed something or ended otherwise than the one
  /// before, and its result as in the JSON output.
  case lastRun = "last-run"
  case lastResult = "last-result"
  /// What that run complained of, a line each.
  case lastErrors = "last-errors"
}

/// One change of the base.
public enum StateChange: Hashable, Sendable {
  /// Inserts or replaces, by id.
  case putMailbox(MailboxRecord)
  /// Drops the mailbox with its messages, pending messages and intents.
  case removeMailbox(MailboxID)
  /// Inserts or replaces, by id.
  case putMessage(MessageRecord)
  /// The side's own id of the message that has this UID, or of the messages: nothing else of their rows changes.
  case putID(MailboxID, Side, UID, GlobalUID)
  /// The flags that both sides agreed on, and those of them that each side lacks: nothing else of its row changes.
  case putFlags(MessageID, FlagSet, Both<FlagSet>)
  case removeMessage(MessageID)
  /// Inserts or replaces, by mailbox, side and UID.
  case putPending(PendingMessage)
  case removePending(MailboxID, Side, UID)
  case putIntent(Intent)
  case clearIntents(MailboxID, Side)
  case setValue(StateKey, String)
}

/// The base can't be read or written. Damage is repaired when the base is opened, not reported here.
public struct StateError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Kind: Hashable, Sendable {
    case locked
    case permission
    case noSpace
    /// Written by a newer version of this program.
    case newer
    case damaged
    case other
  }

  public var kind: Kind
  public var message: String
  public var advice: String

  public init(_ kind: Kind, _ message: String, advice: String) {
    self.kind = kind
    self.message = message
    self.advice = advice
  }

  public var description: String { "\(message): \(advice)" }
}
