import IMAPClient

/// Messages changed on one side.
public struct ChangeCounts: Hashable, Sendable {
  public var saved = 0
  public var copied = 0
  public var expunged = 0
  public var flagged = 0
  public var renumbered = 0

  public init() {}

  public var isEmpty: Bool { self == ChangeCounts() }

  public static func + (left: ChangeCounts, right: ChangeCounts) -> ChangeCounts {
    var sum = left
    sum.saved += right.saved
    sum.copied += right.copied
    sum.expunged += right.expunged
    sum.flagged += right.flagged
    sum.renumbered += right.renumbered
    return sum
  }
}

public enum SyncResult: String, Hashable, Sendable {
  case ok
  /// Some mailboxes or messages could not be synced.
  case partial
  /// A guard refused.
  case refused
  case failed
}

/// One thing that went wrong, as it is shown: `mboxsync: PAIR: SIDE: MAILBOX: MESSAGE: ADVICE`.
public struct SyncFailure: Hashable, Sendable {
  public var side: Side?
  /// As the user knows it: the name on that side.
  public var mailbox: MailboxName?
  public var code: FailureCode
  public var scope: FailureScope
  public var message: String
  public var advice: String

  public init(
    side: Side?, mailbox: MailboxName?, code: FailureCode, scope: FailureScope, message: String,
    advice: String
  ) {
    self.side = side
    self.mailbox = mailbox
    self.code = code
    self.scope = scope
    self.message = message
    self.advice = advice
  }
}

public struct MailboxReport: Hashable, Sendable {
  /// The name on the left side.
  public var name: MailboxName
  public var result: SyncResult
  public var mode: UIDMode?
  /// Messages that lie on both sides now.
  public var messages: Int
  public var counts: Both<ChangeCounts>

  public init(
    name: MailboxName, result: SyncResult, mode: UIDMode?, messages: Int,
    counts: Both<ChangeCounts>
  ) {
    self.name = name
    self.result = result
    self.mode = mode
    self.messages = messages
    self.counts = counts
  }
}

/// What a run of one pair did (or, for a dry run, would do).
public struct SyncReport: Sendable {
  public var result: SyncResult = .ok
  public var rounds = 0
  public var counts = Both(left: ChangeCounts(), right: ChangeCounts())
  public var traffic = Both(left: Traffic(), right: Traffic())
  /// Those with something to do or to report.
  public var mailboxes: [MailboxReport] = []
  public var failures: [SyncFailure] = []
  /// Things to be said that are no failures (a Maildir renumbered under a new UIDVALIDITY).
  public var notices: [SyncFailure] = []

  /// The mailboxes were found and settled: what is not in the report has nothing to be done.
  public var hasLooked = false
  /// How often messages were placed that had waited because they were too many to be held in memory as items.
  public var laterParts = 0
  /// How many such messages were found to be on the other side already, where a run that died had not recorded them.
  public var laterHalves = 0
  /// How often messages were recorded that lay on both sides and were too many to be held in memory as items.
  public var settledParts = 0

  public init() {}
}

/// What happens, as it happens. Called from any lane; must not block for long.
public protocol SyncObserver: AnyObject, Sendable {
  func handle(_ event: SyncEvent)
}

public enum SyncEvent: Sendable {
  /// So many mailboxes have to be looked into.
  case mailboxesToSync(Int)
  /// What is in this one is being found out; told once, however often it is.
  case mailboxBegun(MailboxName)
  case mailboxDone(MailboxName)
  /// So many messages with so many octets are to be transferred, in addition to those announced before.
  case transfersPlanned(messages: Int, octets: UInt64)
  case transferred(messages: Int, octets: UInt64)
  /// One change, done or (dry run) planned: a line of `-v`.
  case change(Side, MailboxName, ChangeKind)
  case notice(SyncFailure)
}

/// One change of one side, for people.
public enum ChangeKind: Hashable, Sendable {
  case saved(UID?)
  case copied(UID?, from: MailboxName)
  case moved(UID?, from: MailboxName)
  case expunged(UID)
  case flagged(UID, added: FlagSet, removed: FlagSet)
  case renumbered(from: UID?, to: UID?)
  case mailboxCreated
  case mailboxDeleted
  case mailboxRenamed(to: MailboxName)
  case subscribed
  case unsubscribed
}
