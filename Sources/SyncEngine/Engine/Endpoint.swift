import IMAPClient

/// One side of a pair, as one lane drives it: a Maildir tree, an IMAP account over one connection, or
/// the simulation's memory.
///
/// Synchronous and batched: pipelining is the endpoint's affair, inside each call. An endpoint never
/// decides what should be; it observes, and does what it is told. Every call may throw an
/// ``EndpointError``, whose `scope` says how much of the run it ends. Calls that work on messages
/// refer to the mailbox opened last. An endpoint belongs to one thread at a time.
public protocol Endpoint: AnyObject {
  var traits: EndpointTraits { get }
  var traffic: Traffic { get }

  /// What a person may want to know of it.
  func facts() throws(EndpointError) -> EndpointFacts

  // MARK: The account

  /// All mailboxes with what can be told of them at no cost: one round trip.
  ///
  /// - Parameter withIDs: also the mailboxes' own ids, which are only needed for what was made or renamed.
  func list(withIDs: Bool) throws(EndpointError) -> MailboxListing
  /// Creates a mailbox and the levels above it, if they are missing. No error if it is there already.
  func create(_ mailbox: MailboxName, specialUse: SpecialUse?) throws(EndpointError)
  /// Several at once, each with its subscription.
  /// - Returns: of each why it could not be made; those are not subscribed to either.
  func create(_ mailboxes: [NewMailbox]) throws(EndpointError) -> [EndpointError?]
  func delete(_ mailbox: MailboxName) throws(EndpointError)
  func rename(_ mailbox: MailboxName, to name: MailboxName) throws(EndpointError)
  func setSubscribed(_ isSubscribed: Bool, _ mailbox: MailboxName) throws(EndpointError)

  /// Whether the mark that ``leaveMark(_:)`` left is there.
  func hasMark(_ mark: String) throws(EndpointError) -> MarkState
  /// Marks the store as the one that this pair syncs; nothing where ``hasMark(_:)`` is `unsupported`.
  func leaveMark(_ mark: String) throws(EndpointError)

  // MARK: A mailbox

  /// Opens the mailbox and tells what it holds. Nothing is changed (`\Recent` aside).
  func open(_ mailbox: MailboxName, _ request: OpenRequest) throws(EndpointError) -> Observation
  /// These are going to be opened next, in this order and by these requests, and nothing is written in between: an endpoint that has
  /// to wait for each answer may ask for all together with the first, and one that has to read may begin with that. What was told
  /// before does not count any more.
  func foresee(_ openings: [ForeseenOpening])
  /// The same for messages that are going to be fetched from one mailbox after the other.
  func foresee(fetches: [ForeseenFetch])
  /// Makes the mailbox the open one without looking into it, if it is not already.
  func select(_ mailbox: MailboxName) throws(EndpointError)
  /// Tells what the UIDs that will be named belong to: should the mailbox have another UIDVALIDITY when it
  /// is next selected, the call fails with ``FailureCode/mailboxGone`` before anything is done to other
  /// messages than those meant.
  func expect(_ uidValidity: UIDValidity, of mailbox: MailboxName)
  /// The mailbox need not be opened in this round: the list showed that it stands where it stood, and all that there is in it is
  /// known. If that is so still when it is next selected, what the caller puts there is not to be read again, either
  /// (``OpenRequest/isContinued``).
  func expect(standingAt anchor: Anchor, _ mailbox: MailboxName)
  /// Whether the mailbox is likely to tell only what has changed since then, and not all that there is.
  func mayTellChanges(_ mailbox: MailboxName, since anchor: Anchor) -> Bool
  /// Leaves the open mailbox.
  func close() throws(EndpointError)

  /// Details of messages whose observation came without. Those that are gone are left out.
  func describe(_ uids: UIDSet) throws(EndpointError) -> [ObservedMessage]
  /// Identities by content; costs the headers (some bodies) of these messages. Those that are gone are
  /// left out.
  func contents(of handles: [MessageHandle]) throws(EndpointError) -> [MessageHandle: ContentID]

  /// The headers of messages in CRLF form, each with the empty line after it if it has one, cut off after
  /// ``StubMessage/headerLimit`` octets. Those that are gone or can't be read are left out.
  func headers(of handles: [MessageHandle]) throws(EndpointError) -> [MessageHandle: [UInt8]]

  /// The parts of messages, with the text of those that are to be read. Those that are gone, or whose
  /// parts are not known, are left out.
  ///
  /// - Parameter textLimit: most octets of text of one message.
  func parts(
    of handles: [MessageHandle], textLimit: Int
  ) throws(EndpointError) -> [MessageHandle: [MessagePart]]

  /// Reads whole messages, in the order of `handles`, and gives each to `sink` in pieces. Those that are
  /// gone are given to ``MessageSink/missing(_:)``.
  func fetch(_ handles: [MessageHandle], into sink: any MessageSink) throws(EndpointError)
  /// Begins to save messages to the open mailbox.
  func saver() throws(EndpointError) -> any MessageSaver

  /// Copies messages of the mailbox `source` to the open one, in the order of `uids`.
  ///
  /// - Parameter moving: take them from `source` at the same time, if that can be done at one go; where
  ///   it can't, the outcome's `movedAway` is false and the caller expunges them later.
  /// - Parameter targets: the UIDs that the copies are to get, where the endpoint chooses them; else empty.
  func copy(
    _ uids: [UID], from source: MailboxName, moving: Bool, targets: [UID]
  ) throws(EndpointError) -> [PlacementOutcome]

  /// Adds and removes flags; each order for a set of messages.
  func store(_ orders: [StoreOrder]) throws(EndpointError) -> StoreOutcome

  /// Expunges exactly these messages, whatever other messages are flagged `\Deleted`.
  ///
  /// - Parameter onlyDeleted: those from which somebody has taken `\Deleted` meanwhile stay.
  /// - Returns: those that are certainly gone.
  func expunge(_ uids: UIDSet, onlyDeleted: Bool) throws(EndpointError) -> UIDSet
  /// Expunges a few messages, each only if nobody has changed its flags meanwhile and it is still there to be expunged: as
  /// far as the store lets that be one step.
  ///
  /// - Parameter known: the flags that each is supposed to have.
  func remove(_ known: [UID: FlagSet]) throws(EndpointError) -> [UID: RemovalOutcome]

  /// Gives messages of the open mailbox new UIDs, in this order; flags, keywords and dates are kept.
  ///
  /// - Parameter targets: one for each handle, ascending, where the endpoint chooses UIDs; else empty.
  /// - Throws: an error with the code ``FailureCode/cannotRenumber`` where the server can't do it.
  func renumber(
    _ handles: [MessageHandle], targets: [UID]
  ) throws(EndpointError) -> [PlacementOutcome]

  /// Sees to it that no UID below `uidNext` is given to a message any more.
  /// - Returns: the UIDNEXT that came of it.
  func pad(to uidNext: UID) throws(EndpointError) -> UID

  /// Gives the mailbox this UIDVALIDITY. Its messages lose their UIDs: they are `unnumbered` when it is
  /// opened again. Only where ``EndpointTraits/choosesUIDs``.
  ///
  /// Should the mailbox have had it before, no UID that it handed out then is given again.
  ///
  /// - Parameter uidNext: below it UIDs may have been given to messages, here or elsewhere. To new ones none of them
  ///   is given; but until UIDNEXT is passed or ``pad(to:)`` called, those that this mailbox does not know to have
  ///   been given are taken as targets (``ValidityOrigin/reopenedFrom``).
  /// - Parameter isServers: it is a server's; see ``ValidityOrigin``.
  func adopt(_ uidValidity: UIDValidity, uidNext: UID, isServers: Bool) throws(EndpointError)
  /// Gives the open mailbox this id of its own, or another than it has: by that others know that UIDs which it had given were
  /// lost. Only where ``EndpointTraits/choosesUIDs``.
  ///
  /// - Returns: the id.
  func setID(_ id: GlobalUID?) throws(EndpointError) -> GlobalUID?
  /// A UIDVALIDITY for a mailbox that has none, larger than any that was given here before. Only where
  /// ``EndpointTraits/choosesUIDs``.
  func freshUIDValidity() throws(EndpointError) -> UIDValidity

  /// The lane that this belongs to has nothing to do at the moment: it may help others of its side until ``resume()``.
  func rest()
  func resume()

  /// Says good-bye, without waiting for an answer.
  func disconnect()
}

extension Endpoint {
  public func list() throws(EndpointError) -> MailboxListing { try list(withIDs: true) }

  public func expunge(_ uids: UIDSet) throws(EndpointError) -> UIDSet {
    try expunge(uids, onlyDeleted: false)
  }

  public func create(_ mailboxes: [NewMailbox]) throws(EndpointError) -> [EndpointError?] {
    var failures: [EndpointError?] = []
    for mailbox in mailboxes {
      do {
        try create(mailbox.name, specialUse: mailbox.specialUse)
        if let isSubscribed = mailbox.isSubscribed { try setSubscribed(isSubscribed, mailbox.name) }
        failures.append(nil)
      } catch {
        guard error.scope != .side else { throw error }
        failures.append(error)
      }
    }
    return failures
  }

  public func mayTellChanges(_ mailbox: MailboxName, since anchor: Anchor) -> Bool {
    anchor.highestModSeq != nil
  }

  public func foresee(_ openings: [ForeseenOpening]) {}
  public func foresee(fetches: [ForeseenFetch]) {}
  public func rest() {}
  public func resume() {}

  /// Nothing to do where a mailbox can't become another one.
  public func expect(_ uidValidity: UIDValidity, of mailbox: MailboxName) {}
  public func expect(standingAt anchor: Anchor, _ mailbox: MailboxName) {}

  /// Nothing where parts are not looked at.
  public func parts(
    of handles: [MessageHandle], textLimit: Int
  ) throws(EndpointError) -> [MessageHandle: [MessagePart]] { [:] }
}

/// A mailbox that is to be made.
public struct NewMailbox: Hashable, Sendable {
  public var name: MailboxName
  public var specialUse: SpecialUse?
  /// `nil`: it is left as it comes.
  public var isSubscribed: Bool?

  public init(_ name: MailboxName, specialUse: SpecialUse?, isSubscribed: Bool?) {
    self.name = name
    self.specialUse = specialUse
    self.isSubscribed = isSubscribed
  }
}

/// What an endpoint can do; the engine asks no more of it.
public struct EndpointTraits: Hashable, Sendable {
  /// The endpoint gives a message the UID it is told (a Maildir); otherwise the server numbers.
  public var choosesUIDs: Bool
  /// Observations carry the side's own ids for contents.
  public var hasIDs: Bool
  /// A message's identity by content costs no round trip.
  public var hasCheapContents: Bool
  /// Messages can be stored as they lie in a file, with whatever line ends they have.
  public var takesStoredForm: Bool
  /// Keeps mod-sequences, so that changes made by us can be told from those of others.
  public var hasModSequences: Bool
  /// What a dying connection had sent may still be carried out after it is gone.
  public var settlesSlowly: Bool
  /// At most so many octets can still be on their way then.
  public var octetsOnTheirWay: UInt64
  /// A message gets a new UID by being copied and then expunged: for a moment there are two of it.
  public var renumbersByCopy: Bool
  /// What is told by ``Endpoint/foresee(_:)`` saves it time.
  public var asksAhead: Bool

  public init(
    choosesUIDs: Bool, hasIDs: Bool, hasCheapContents: Bool, takesStoredForm: Bool,
    hasModSequences: Bool, settlesSlowly: Bool, octetsOnTheirWay: UInt64 = 0, renumbersByCopy: Bool,
    asksAhead: Bool = false
  ) {
    self.choosesUIDs = choosesUIDs
    self.hasIDs = hasIDs
    self.hasCheapContents = hasCheapContents
    self.takesStoredForm = takesStoredForm
    self.hasModSequences = hasModSequences
    self.settlesSlowly = settlesSlowly
    self.octetsOnTheirWay = octetsOnTheirWay
    self.renumbersByCopy = renumbersByCopy
    self.asksAhead = asksAhead
  }
}

/// What went over an endpoint's connection; zero for a Maildir.
public struct Traffic: Hashable, Sendable {
  public var bytesIn: UInt64 = 0
  public var bytesOut: UInt64 = 0
  /// Times the client waited for an answer after it had sent something.
  public var roundTrips: UInt64 = 0

  public init() {}

  public static func + (left: Traffic, right: Traffic) -> Traffic {
    var sum = left
    sum.bytesIn += right.bytesIn
    sum.bytesOut += right.bytesOut
    sum.roundTrips += right.roundTrips
    return sum
  }
}

public enum MarkState: Hashable, Sendable {
  case present
  /// The store is there, without this mark.
  case absent
  /// There is no store at all: the root directory does not exist.
  case noStore
  /// The store can't be marked.
  case unsupported
}

/// The form in which a message's bytes are given.
public enum MessageForm: Hashable, Sendable {
  /// As IMAP sends it: every line ends in CRLF.
  case wire
  /// As it lies in a file.
  case stored
}

/// Takes messages from ``Endpoint/fetch(_:into:)``.
public protocol MessageSink: AnyObject {
  /// Which form is wanted; a source that has no other than `wire` ignores it.
  var wantedForm: MessageForm { get }
  /// - Parameter size: exactly the number of bytes that follow, in the given form.
  func begin(_ handle: MessageHandle, size: UInt64, form: MessageForm) throws(EndpointError)
  func write(_ bytes: UnsafeRawBufferPointer) throws(EndpointError)
  func end() throws(EndpointError)
  /// The message is not there any more, or can't be read (`why`).
  func missing(_ handle: MessageHandle, why: String?) throws(EndpointError)
  /// The message that was begun breaks off here; it may begin anew later.
  func abandon() throws(EndpointError)
}

extension MessageSink {
  public func abandon() throws(EndpointError) {}
}

/// Saves messages to the mailbox that was open when it was made.
///
/// Errors that concern one message are outcomes; what is thrown ends the batch: nothing is known then of
/// the messages not yet committed.
public protocol MessageSaver: AnyObject {
  /// - Parameter size: exactly the number of bytes that follow, in the given form.
  func begin(_ item: SaveItem, size: UInt64, form: MessageForm) throws(EndpointError)
  func write(_ bytes: UnsafeRawBufferPointer) throws(EndpointError)
  func end() throws(EndpointError)
  /// The message begun can't be completed; nothing of it stays.
  func abandon() throws(EndpointError)
  /// What is known already of the messages ended since the last commit, in order, as ``commit()`` will tell it once more;
  /// `nil` for one of which something is not known yet. Nothing is waited for.
  func answered() throws(EndpointError) -> [PlacementOutcome?]
  /// Makes everything since the last commit durable.
  /// - Returns: an outcome for each message ended, in order.
  func commit() throws(EndpointError) -> [PlacementOutcome]
  /// As ``commit()``, where the message under way, if there is one, breaks off, and nothing follows.
  /// - Parameter withdrawn: the places of messages that are not to stay, of those with a target.
  /// - Returns: also `retryAlone` for those of which it is not certain what became of them.
  func commitArrived(without withdrawn: Set<Int>) throws(EndpointError) -> [PlacementOutcome]
  /// Messages of the last commit that the side keeps in another form than they were given.
  var altered: [UID] { get }
  /// Flags that messages of the last commit did not get, because the mailbox has no room for them; a server says
  /// nothing of these.
  var lacking: [UID: FlagSet] { get }
  /// It computes what messages are while it saves them, so that nobody else need do it.
  var identifies: Bool { get }
  /// What the message ended last is.
  var identity: ContentID? { get }
}

extension MessageSaver {
  public func answered() throws(EndpointError) -> [PlacementOutcome?] { [] }

  public func commitArrived(
    without withdrawn: Set<Int>
  ) throws(EndpointError) -> [PlacementOutcome] {
    try abandon()
    return try commit()
  }

  public var altered: [UID] { [] }
  public var lacking: [UID: FlagSet] { [:] }
  public var identifies: Bool { false }
  public var identity: ContentID? { nil }

  /// What a message that was to have `flags` has of them.
  func kept(_ flags: FlagSet, _ outcome: PlacementOutcome) -> FlagSet {
    guard case .placed(let uid, _, _) = outcome, let lacking = lacking[uid] else { return flags }
    return flags.subtracting(lacking)
  }
}

/// A message to be saved.
public struct SaveItem: Hashable, Sendable {
  public var flags: FlagSet
  public var date: InternalDate
  /// For the endpoint to record, where it can, as the message's own id.
  public var guid: GlobalUID?
  /// The UID that it is to get, where the endpoint chooses them; `nil`: the next.
  public var target: UID?
  /// It was refused by an earlier run: before much is sent once more, it is asked whether it is wanted.
  public var wasRefused = false

  public init(flags: FlagSet, date: InternalDate, guid: GlobalUID? = nil, target: UID? = nil) {
    self.flags = flags
    self.date = date
    self.guid = guid
    self.target = target
  }
}

/// What became of a message that was to be saved, copied, moved or renumbered.
public enum PlacementOutcome: Hashable, Sendable {
  /// It lies there under this UID. `id`: the side's own id for it, if it is known without asking.
  case placed(UID, id: GlobalUID?, movedAway: Bool)
  /// The message that was to be copied, moved or renumbered is not there any more.
  case gone
  /// The UID it was to get has been given to another message, or lies below UIDNEXT: observe again.
  case targetTaken
  /// Refused together with others, to be tried again on its own; or refused alone and perhaps for its
  /// keywords, to be tried again without them.
  case retryAlone
  case refused(FailureCode, String)
}

/// What became of a message that was to be expunged as it was known.
public enum RemovalOutcome: Hashable, Sendable {
  /// It is gone, and was there until now.
  case removed
  /// Somebody else had taken it away.
  case missing
  /// It is there still, and has these flags.
  case changed(FlagSet)
  /// It is there still; why, is not known.
  case kept
}

/// Flags to be added to and removed from messages.
public struct StoreOrder: Hashable, Sendable {
  public var uids: UIDSet
  public var added: FlagSet
  public var removed: FlagSet
  /// The order holds only for messages that did not change since this mod-sequence.
  public var unchangedSince: ModSequence?
  /// What the flags are supposed to be before; the precondition where there are no mod-sequences.
  public var expected: FlagSet?

  public init(
    uids: UIDSet, added: FlagSet, removed: FlagSet, unchangedSince: ModSequence? = nil,
    expected: FlagSet? = nil
  ) {
    self.uids = uids
    self.added = added
    self.removed = removed
    self.unchangedSince = unchangedSince
    self.expected = expected
  }
}

public struct StoreOutcome: Hashable, Sendable {
  /// Changed by someone else in between: to be read and merged again.
  public var rejected: UIDSet
  /// Not there any more.
  public var gone: UIDSet
  /// Keywords that the mailbox has no room for or does not keep, with the messages they were meant for.
  public var unstorable: [Keyword: UIDSet]

  public init(
    rejected: UIDSet = UIDSet(), gone: UIDSet = UIDSet(), unstorable: [Keyword: UIDSet] = [:]
  ) {
    self.rejected = rejected
    self.gone = gone
    self.unstorable = unstorable
  }
}
