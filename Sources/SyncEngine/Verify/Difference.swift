import IMAPClient

/// One thing in which the two sides of a mailbox differ.
public struct Difference: Hashable, Sendable {
  /// The mailbox's name on each side.
  public var names: Both<MailboxName>
  public var finding: Finding

  public init(names: Both<MailboxName>, finding: Finding) {
    self.names = names
    self.finding = finding
  }

  public enum Finding: Hashable, Sendable {
    /// The mailbox is not on this side; on the other it has so many messages.
    case noMailbox(on: Side, messages: Int)
    /// This side is not subscribed to the mailbox, the other is.
    case noSubscription(on: Side)
    case uidValidity(Both<UIDValidity?>)
    case uidNext(Both<UID>)
    /// The message is not on this side.
    indirect case noMessage(on: Side, VerifiedMessage, Absence)
    indirect case content(Both<VerifiedMessage>)
    /// `missing`: what each side lacks of what the other has.
    indirect case flags(Both<VerifiedMessage>, missing: Both<FlagSet>)
    indirect case date(Both<VerifiedMessage>)
    /// The message has another UID on each side (or none yet).
    indirect case uid(Both<VerifiedMessage>)
  }

  /// Why a message is not on a side, as far as the base tells.
  public enum Absence: Hashable, Sendable {
    /// The base knows nothing of it.
    case unknown
    /// It came to the other side since the last sync.
    case isNew
    /// It was expunged from this side since the last sync.
    case expunged
    /// It was there, under a UIDVALIDITY or in a state that is no more.
    case lost
    /// An earlier run could not bring it here.
    case refused(String)
    /// It is a stub, and what it stands for is not to be found.
    case orphan
  }
}

/// A message that has become another on its way, but says the same still.
public struct AlteredMessage: Hashable, Sendable {
  public var handles: Both<MessageHandle>
  /// Another program added something; else octets were replaced.
  public var isLonger: Bool

  public init(handles: Both<MessageHandle>, isLonger: Bool) {
    self.handles = handles
    self.isLonger = isLonger
  }
}

/// What the comparison of a mailbox came to.
public struct MailboxVerdict: Sendable {
  public var names: Both<MailboxName>
  /// `nil` where it was not compared.
  public var mode: UIDMode?
  /// Messages that lie on both sides and were compared.
  public var messages = 0
  /// Messages read on each side.
  public var read = Both(left: 0, right: 0)
  /// Octets read on each side.
  public var octets = Both<UInt64>(left: 0, right: 0)
  /// Among `messages`: those of which one side has a stub.
  public var stubs = 0
  /// Among `messages`: those that differ only in octets that a server replaced, or in what another program that
  /// copies mail added.
  public var altered: [AlteredMessage] = []
  /// Among `messages`: those whose received dates differ as they did when they were found to be the same, at the first
  /// sync: nobody can change them.
  public var ownDates: [Both<MessageHandle>] = []
  /// Messages of one side that the pair leaves out (`since`).
  public var unselected = 0
  public var differences: [Difference] = []
  public var failures: [SyncFailure] = []
  /// False if something came in between.
  public var isComplete = false

  public init(names: Both<MailboxName>) { self.names = names }

  public var isEqual: Bool { differences.isEmpty && failures.isEmpty }
}

/// What the comparison of a pair came to.
public struct VerifyReport: Sendable {
  /// Whether everything could be compared.
  public var result: SyncResult = .ok
  /// By name.
  public var mailboxes: [MailboxVerdict] = []
  public var traffic = Both(left: Traffic(), right: Traffic())
  /// Those of mailboxes included.
  public var failures: [SyncFailure] = []

  public init() {}

  public var isEqual: Bool { failures.isEmpty && mailboxes.allSatisfy(\.isEqual) }

  public var differenceCount: Int { mailboxes.reduce(0) { $0 + $1.differences.count } }
}
