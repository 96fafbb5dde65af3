import IMAPClient
import SyncEngine
import TestSupport

/// One simulated store with its mailboxes: an IMAP account or a Maildir tree.
///
/// Guarded by its world's lock: endpoints take it, tests act while no run is under way or from inside
/// ``SimulatedWorld/onStep``.
public final class SimulatedServer: @unchecked Sendable {
  public let side: Side
  public var traits: SimulatedTraits
  public internal(set) var mailboxes: [MailboxName: SimulatedMailbox] = [:]
  public internal(set) var subscriptions: Set<MailboxName> = []
  public internal(set) var marks: Set<String> = []
  /// False: the root directory is missing.
  public var isThere = true
  /// Refuses a message for good (too large, malformed).
  public var refuses: (@Sendable ([UInt8]) -> (FailureCode, String)?)?
  /// Octets of all messages together.
  public var quota = Int.max
  /// What the server makes of a message on its way in.
  public var alters: (@Sendable ([UInt8]) -> [UInt8])?
  /// A message was altered, of which a run has to tell.
  var hasAltered = false
  public var ledger: SimulatedLedger?

  var backup: [MailboxName: SimulatedMailbox]?
  /// A Maildir as it was, and will be again, while its disk is not mounted.
  struct Mounted {
    var mailboxes: [MailboxName: SimulatedMailbox]
    var marks: Set<String>
    var subscriptions: Set<MailboxName>
  }
  var mounted: Mounted?
  var isUnmounted: Bool { mounted != nil }
  /// A backup was restored under the UIDVALIDITYs of then, and no run has seen it yet.
  public var isSetBack = false
  /// The same, for whoever remembers what lay under which UID here.
  var hasForgotten = false
  let originalTraits: SimulatedTraits

  /// How far mailboxes had come that were of these names before this tool renamed or deleted them, in a Maildir.
  private var former: [MailboxName: [UIDValidity: UID]] = [:]
  private var lastUIDValidity: UInt32
  private var lastNumber: UInt64 = 0

  /// Tells a third server from the other two.
  public let number: Int

  public init(_ side: Side, _ traits: SimulatedTraits, number: Int? = nil) {
    self.side = side
    let number = number ?? (side == .left ? 0 : 1)
    self.number = number
    self.traits = traits
    originalTraits = traits
    if traits.isAltering { alters = { SimulatedContent.altered($0) } }
    lastUIDValidity = [1000, 2001, 3002][number % 3]
    mailboxes[.inbox] = newMailbox()
  }

  public subscript(name: MailboxName) -> SimulatedMailbox? { mailboxes[name] }

  /// As it is called in histories: A, B, C.
  public var name: String { ["A", "B", "C"][number % 3] }

  public var octets: Int {
    mailboxes.values.reduce(0) { $0 + $1.messages.reduce(0) { $0 + $1.content.count } }
  }

  /// Every message's bytes as users know them, with how often they lie here.
  public var contentCounts: [SimulatedMail: Int] {
    var counts: [SimulatedMail: Int] = [:]
    for mailbox in mailboxes.values {
      for message in mailbox.messages { counts[message.origin, default: 0] += 1 }
    }
    return counts
  }

  /// The same without stubs, which can't replace the message they stand for.
  var wholeContentCounts: [SimulatedMail: Int] {
    var counts: [SimulatedMail: Int] = [:]
    for mailbox in (mounted?.mailboxes ?? mailboxes).values {
      for message in mailbox.messages where !message.isStub {
        counts[message.origin, default: 0] += 1
      }
    }
    return counts
  }

  // MARK: For users and endpoints alike

  func newUIDValidity() -> UIDValidity {
    lastUIDValidity += 3
    guard let validity = UIDValidity(lastUIDValidity) else {
      preconditionFailure("a test used up all UIDVALIDITYs")
    }
    return validity
  }

  /// Adopted validities count as given.
  func noteUIDValidity(_ validity: UIDValidity) {
    // Another remainder of division by three for each server: no two ever give the same.
    while lastUIDValidity < validity.rawValue { lastUIDValidity += 3 }
  }

  /// An id that nothing in the world has.
  func newID() -> GlobalUID {
    lastNumber += 1
    return GlobalUID(high: 0xa + UInt64(number), low: lastNumber)
  }

  func newMailbox() -> SimulatedMailbox {
    var mailbox = SimulatedMailbox(
      id: newID(), uidValidity: traits.isMaildir ? nil : newUIDValidity())
    // A directory made anew has other times than any before it.
    mailbox.changes = Int64(lastNumber) << 20
    return mailbox
  }

  /// Like a Maildir file's base name, of which the key is made: arbitrary, but always the same.
  static func key(_ id: GlobalUID, _ salt: UInt64 = 0) -> UInt64 {
    var mixed = SplitMix64(seed: id.low ^ id.high << 32 ^ salt << 48)
    return mixed.next()
  }

  /// The mailbox becomes what it once was, as after a restored backup.
  public func restore(_ older: SimulatedMailbox, to name: MailboxName) {
    var mailbox = older
    mailbox.changes = (mailboxes[name]?.changes ?? 0) + 1
    // A Maildir's id stands in the list of its UIDs. Where that is gone, the next one has another.
    if traits.isMaildir, older.uidValidity == nil, mailboxes[name]?.uidValidity != nil {
      mailbox.id = newID()
    }
    mailboxes[name] = mailbox
  }

  /// To be told before a run takes the name from a mailbox.
  func noteFormer(_ name: MailboxName) {
    guard traits.isMaildir, let mailbox = mailboxes[name], let validity = mailbox.uidValidity else {
      return
    }
    former[name, default: [:]][validity] = max(formerNext(of: name, validity), mailbox.uidNext)
  }

  func formerNext(of name: MailboxName, _ validity: UIDValidity) -> UID {
    former[name]?[validity] ?? .first
  }

  func rename(_ mailbox: MailboxName, to name: MailboxName) {
    for old in mailboxes.keys.sorted() {
      if old == mailbox {
        mailboxes[name] = mailboxes.removeValue(forKey: old)
      } else if let below = old.removingPrefix(mailbox) {
        mailboxes[name.appending(below)] = mailboxes.removeValue(forKey: old)
      }
    }
  }
}
