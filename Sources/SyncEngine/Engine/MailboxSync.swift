import IMAPClient

/// One mailbox of the pair, through one run.
///
/// A round goes one way: load both sides' changes → merge → place, store flags, expunge → record what
/// was done; the next round looks again and finds nothing left, or what others changed meanwhile. The
/// steps are in the files named after them (`MailboxSync+Load.swift` …); ``SyncRun`` takes all mailboxes
/// through each step together, so that every copy is made before the first expunge. Belongs to one
/// thread at a time.
final class MailboxSync {
  let policy: Policy
  let store: any StateStore
  let observer: (any SyncObserver)?
  let traits: Both<EndpointTraits>
  let pause: @Sendable (UInt32) -> Void
  var lane: Int?
  /// Between two messages that are carried over, too.
  var cancellation = Cancellation()
  /// The run was cut short while messages came, and what had come is in its place.
  var hasKeptArrived = false

  /// As in the base, brought up to date as work is done.
  var record: MailboxRecord
  /// The names by which the endpoints know it.
  let fullNames: Both<MailboxName>
  /// False in a dry run for a mailbox that would have to be created.
  var exists: Both<Bool>
  /// Sides that have to be looked at in this round; the others stand at their recorded anchors.
  var needsLook: Both<Bool>
  /// How many messages were there when the sides were listed, as far as they told.
  var announced: Both<UInt32?> = Both(left: nil, right: nil)
  var hasIntents = Both(left: false, right: false)
  /// The record as the base has it.
  var storedRecord: MailboxRecord?
  /// Sides on which a run that died was saving messages: to be watched until they settle.
  var unsettled: Both<[Intent]> = Both(left: [], right: [])
  /// Sides on which a run died while it was saving messages, in whatever mailbox.
  var followsUncleanEnd = Both(left: false, right: false)
  /// From this UID on there may be what a run that died has saved.
  var savedBefore: Both<UID?> = Both(left: nil, right: nil)
  /// What that run was about to save, copy or renumber, until its leftovers have been looked for.
  var leftIntents: Both<[Intent]> = Both(left: [], right: [])
  /// Those that this run leaves to another one, whatever else it does.
  var keptIntents: Both<[Intent]> = Both(left: [], right: [])
  /// Changes left over from earlier runs.
  var pending: Both<[UID: PendingMessage]> = Both(left: [:], right: [:])

  // MARK: This round

  /// Where the sides stand, the UIDs handed out in this round included.
  var anchors: Both<Anchor>
  /// Where they stood when they were looked at.
  var observed: Both<Anchor>
  /// Of their UIDVALIDITYs.
  var origins = Both(left: ValidityOrigin(), right: ValidityOrigin())
  /// The lowest UIDs that they could give then: less than UIDNEXT where a Maildir is getting its numbers back.
  var observedLowest = Both(left: UID.first, right: UID.first)
  /// The sides' UIDNEXTs as the base knew them before this round, under the UIDVALIDITYs of now.
  var knownNext = Both(left: UID.first, right: UID.first)
  /// Sides that were looked at in this round.
  var looked = Both(left: false, right: false)
  /// Sides where UIDs of the base were found to be other messages': an older state was restored, and so much has
  /// come since that its numbers do not tell.
  var isOvertaken = Both(left: false, right: false)
  /// Sides on which messages are there again: what else went back to what it was, the recorded anchor does not tell.
  var isAnchorStale = Both(left: false, right: false)
  /// The UIDs that the base knew when the sides were looked at, once they were needed.
  var uidsOfBase: Both<UIDSet?> = Both(left: nil, right: nil)
  var work: [ItemWork] = []
  /// What has arrived on one side and is to become work when this is done.
  var later: LaterArrivals?
  /// What has arrived on both sides and is to be compared before it becomes work.
  var filled: Both<MessageList>?
  /// What was found to lie on both sides, and is to become work when this is done.
  var settled: SettledPairs?
  /// Sides changed by this program in this round.
  var changed = Both(left: false, right: false)
  /// Messages that are new to the base and older than those asked for.
  var unselected: Both<[Seen]> = Both(left: [], right: [])
  /// Messages that are new to the base and that the other side refused in this run: their content is not
  /// to be taken for expunged where they came from.
  var stranded: Both<[Seen]> = Both(left: [], right: [])
  /// Stubs in whose place whole messages have come: to be expunged.
  var staleStubs: Both<Set<MessageHandle>> = Both(left: [], right: [])
  /// Messages were sent to a server and are not recorded yet: what it may have made of them, only their UIDs tell.
  var mayBeAltered = false
  /// Sides on which stubs made place for their messages: copies of them are known by nothing but their first lines.
  var hasRemovedStubs = Both(left: false, right: false)
  /// Sides of which nothing is to be looked at again but what others change.
  var isContinued = Both(left: false, right: false)
  /// It is not the first round of the run.
  var isLaterRound = false
  /// No other mailbox has anything to be done in this round.
  var isAlone = false
  /// What sides have shown already when they are to be looked at next.
  var earlyLooks: Both<EarlyLook?> = Both(left: nil, right: nil)
  /// What the last round stored and recorded, by the flags that the messages have there now.
  var storedFlags: Both<[FlagSet: UIDSet]> = Both(left: [:], right: [:])
  /// Sides on which messages are seen to be gone in this round that may have been moved where it did not look.
  var misses = Both(left: false, right: false)
  /// Stubs that are equal to one on the other side, and nothing more.
  var partedStubs: Both<Set<MessageHandle>> = Both(left: [], right: [])
  /// Stubs whose messages were not found.
  var orphans: Both<[Orphan]> = Both(left: [], right: [])
  /// Those that are pending only because the base has their messages.
  var waiting: Both<WaitingOrphans> = Both(left: WaitingOrphans(), right: WaitingOrphans())
  /// Messages were recorded that were new to the base.
  var hasLearned = false
  /// UIDs that are to be looked at again at the next run, with why.
  var deferred: Both<[UID: PendingMessage]> = Both(left: [:], right: [:])

  // MARK: This run

  /// Pending messages that this run made pending itself, until they are placed.
  var restored: Both<Set<UID>> = Both(left: [], right: [])
  /// Sides whose recorded stamp was dropped for the time until what was forgotten is placed.
  var hasDroppedStamp = Both(left: false, right: false)
  /// Those that are in the base still.
  var recordedStamps: Both<MaildirStamp?> = Both(left: nil, right: nil)
  /// Of sides that take back a UIDVALIDITY of which they have lost the numbers: the ids that they had.
  var idBefore: Both<GlobalUID?> = Both(left: nil, right: nil)
  /// Messages that were seen to be gone before every mailbox was looked at that has changed since.
  var missed: Set<MessageID> = []
  /// Sides on which what is missed may be in a mailbox that this run does not know.
  var leavesMissed = Both(left: false, right: false)
  /// Messages that were moved to where they could not be copied: they stay, though a later round does not look there again.
  var keptMoves: Set<MessageID> = []
  /// Stubs that this run saved: one whose message was gone before it could be recorded is nobody's.
  var savedStubs: Both<Set<UID>> = Both(left: [], right: [])
  /// Sides on which stubs of any mailbox made place for their messages in an earlier round.
  var mayHaveStrayed = Both(left: false, right: false)
  /// Copies that the last round made of messages that were gone then, by UID, as they are to be recorded.
  var strays: Both<[UID: MessageRecord]> = Both(left: [:], right: [:])
  /// Messages of the base, in any mailbox, that were to be copied here and are gone from this UID.
  var goneSources: [MessageID: UID] = [:]
  /// Messages that could not be synced in this run; not tried again before the next one.
  var givenUp: Both<Set<MessageHandle>> = Both(left: [], right: [])
  /// Sides that showed the mailbox as read-only: nothing is tried there.
  var readOnly = Both(left: false, right: false)
  /// Sides on which something that the other side changed may not be done in this run.
  var heldBack = Both(left: false, right: false)
  var saidReadOnly = Both(left: false, right: false)
  /// Sides of which it was told what lies there and can't be synced.
  var hasToldLeftOut = Both(left: false, right: false)
  /// The keywords that a side keeps for good; `nil`: any, as far as is known.
  var keptKeywords: Both<Set<Keyword>?> = Both(left: nil, right: nil)
  /// Flags that are no keywords and that each side is known to keep for good; `nil`: nothing is known.
  var keptFlags: Both<SystemFlags?> = Both(left: nil, right: nil)
  /// Flags that were set on a side and may turn out not to have been kept.
  var attempted: Both<[FlagSet: UIDSet]> = Both(left: [:], right: [:])
  /// Messages among them that the side shows no change of: it took nothing.
  var untouched = Both(left: UIDSet(), right: UIDSet())
  /// Keywords that a run which died has set on a side, and that nobody has looked for since.
  var doubted: Both<FlagSet>
  /// Messages that were found without them in this round, and that they have not been given again.
  var doubtful: Both<Set<MessageID>> = Both(left: [], right: [])
  /// Flags that other messages are seen to have on a side, so that it can hold them.
  var held = Both(left: FlagSet.empty, right: FlagSet.empty)
  var counts = Both(left: ChangeCounts(), right: ChangeCounts())
  var failures: [SyncFailure] = []
  /// The lines among `failures` that stand for several messages.
  var troubleLines: [Trouble: TroubleLine] = [:]
  /// Sides that ran out of room.
  var full = Both<Full?>(left: nil, right: nil)
  var notices: [SyncFailure] = []
  /// Ended by an error: nothing more is done about it in this run.
  var isBroken = false
  /// A server does not give messages new UIDs, or use UIDs up, in this run.
  var isRenumberingRefused = false
  /// Messages that were to be expunged in this run and were not.
  var expungesTried: Both<UIDSet> = Both(left: UIDSet(), right: UIDSet())
  /// Those of them that a side keeps: not tried again in this run.
  var expungesRefused: Both<UIDSet> = Both(left: UIDSet(), right: UIDSet())
  /// `mirror` could not be kept up in this run.
  var hasFallenBack = false
  /// Something of this mailbox was held back by a guard.
  var isGuarded = false
  var roundsWorked = 0
  /// How often messages that had waited were placed.
  var laterParts = 0
  /// How many of them were found on the other side already.
  var laterHalves = 0
  /// How often messages that lay on both sides were recorded without having been items all at once.
  var settledParts = 0
  /// The observer has been told that it is looked at.
  var isToldBegun = false
  /// The observer has been told that it has its messages.
  var isToldDone = false
  /// What the base knows; `nil`: to be counted.
  var messageCount: Int?

  init(
    record: MailboxRecord, fullNames: Both<MailboxName>, exists: Both<Bool>, needsLook: Both<Bool>,
    policy: Policy,
    store: any StateStore, observer: (any SyncObserver)?, traits: Both<EndpointTraits>,
    pause: @escaping @Sendable (UInt32) -> Void
  ) {
    self.record = record
    self.fullNames = fullNames
    self.exists = exists
    self.needsLook = needsLook
    self.policy = policy
    self.store = store
    self.observer = observer
    self.traits = traits
    self.pause = pause
    doubted = record.unproven
    mayHaveStrayed = record.mayHoldStubCopies
    anchors = record.anchors.map { $0 ?? MailboxSync.emptyAnchor }
    observed = anchors
  }

  static let emptyAnchor = Anchor(uidValidity: nil, uidNext: .first, messages: 0)

  var mode: UIDMode { record.mode ?? .map }

  /// Whether UIDs may be handed out anew on both sides in this run.
  var mayRenumber: Bool {
    policy.changes == .both && policy.kinds.contains(.new) && !readOnly.left && !readOnly.right
      && !isRenumberingRefused
  }

  /// Whether changes of this kind may be made on a side.
  func allows(_ kind: Policy.Kinds, on side: Side) -> Bool {
    policy.allows(kind, on: side) && !readOnly[side]
  }

  /// What the selection of messages and their numbering depend on; anchors taken under another one do not
  /// fit.
  static func selection(of policy: Policy) -> String {
    var parts: [String] = []
    if let since = policy.since { parts.append("since=\(since.seconds / 86400)") }
    if let maxSize = policy.maxSize { parts.append("max-size=\(maxSize)") }
    switch policy.uids {
    case .auto: break
    case .map: parts.append("uids=map")
    case .mirror: parts.append("uids=mirror up to \(policy.maxUIDPadding)")
    }
    if policy.expunge != .none { parts.append("expunge=\(policy.expunge.rawValue)") }
    return parts.joined(separator: " ")
  }
}

/// A message that something may have to be done about, and how far it has come.
///
/// A first sync has one for every message of the mailbox: what only a few need is kept apart.
struct ItemWork {
  /// Brought up to date as the message is placed.
  var item: Item
  var decision = Decision.forget
  /// What its flags are to be on each side.
  var wanted = Both(left: FlagSet.empty, right: FlagSet.empty)
  /// Placed by us in this round: mod-sequences of before say nothing of it.
  var isFresh = Both(left: false, right: false)
  /// The base has `item.base` as it is here.
  var isRecorded = true
  /// The base has been told that it is about to be saved.
  var isIntended = Both(left: false, right: false)
  /// Nothing can be done about it any more in this run.
  var isDropped = false
  /// The other side had expunged it, and so was it here.
  var isExpunged = false
  /// It was placed, and nothing is left to be done.
  private(set) var isReleased = false
  /// The side on which only a stub is to lie, or lies.
  var stub: Side?
  private var links: ItemLinks?

  init(item: Item) {
    self.item = item
    stub = item.base?.stub
  }

  /// Where the copy that this side lacks can be made from, without the body crossing the wire.
  var source: CopySource? {
    @inline(__always) get { links?.source }
    set { if newValue != nil || links != nil { madeLinks().source = newValue } }
  }
  /// To be told what became of this copy.
  var fulfils: MoveClaim? {
    @inline(__always) get { links?.fulfils }
    set { if newValue != nil || links != nil { madeLinks().fulfils = newValue } }
  }
  /// This message has vanished on one side because it was moved: what became of its copy decides whether
  /// it may be expunged on the other.
  var claim: MoveClaim? {
    @inline(__always) get { links?.claim }
    set { if newValue != nil || links != nil { madeLinks().claim = newValue } }
  }
  /// What is to be known of some stubs.
  var stubDetails: StubDetails? {
    @inline(__always) get { links?.stubDetails }
    set { if newValue != nil || links != nil { madeLinks().stubDetails = newValue } }
  }

  private mutating func madeLinks() -> ItemLinks {
    if let links { return links }
    let made = ItemLinks()
    links = made
    return made
  }

  /// The base knows it, and a side that did not expunge it has it no more.
  @inline(__always) var isLost: Bool {
    item.isKnown && Side.allCases.contains { item.sides[$0] == .lost }
  }

  /// Where it lies now.
  @inline(__always) var handles: Both<MessageHandle?> { item.sides.map { $0.seen?.handle } }

  /// Its flags on each side now, as far as they are known.
  @inline(__always) var flags: Both<FlagSet> { item.sides.map { $0.seen?.flags ?? .empty } }

  /// Gone from this side, and still there on the other.
  @inline(__always) func isVanished(on side: Side) -> Bool {
    item.sides[side] == .vanished && item.sides[side.other].seen != nil
  }

  /// Nothing is left to be done: what was known of the message is not needed any more.
  mutating func release() {
    item = Item(base: nil, left: .absent, right: .absent)
    isDropped = true
    isReleased = true
  }

  mutating func setFlags(_ flags: FlagSet, on side: Side) {
    guard case .present(var seen) = item.sides[side] else { return }
    seen.flags = flags
    item.sides[side] = .present(seen)
  }

  @inline(__always) var uids: Both<UID?> { handles.map { $0?.uid } }
}

/// What ties a message to others, and few have.
private final class ItemLinks {
  var source: CopySource?
  var fulfils: MoveClaim?
  var claim: MoveClaim?
  var stubDetails: StubDetails?
}

/// What became of a message that was moved to another mailbox on one side.
final class MoveClaim {
  enum Outcome {
    case open
    /// It was moved on the other side too: nothing is left to expunge.
    case moved
    /// Its content lies safely in the mailbox it was moved to.
    case copied
    case failed
  }

  var outcome = Outcome.open
  /// The side on which it is to be expunged.
  let side: Side

  init(side: Side) { self.side = side }
}

/// A message on the same side, in any mailbox, with the content that is wanted.
final class CopySource {
  var record: MessageRecord
  var mailbox: MailboxName
  /// What `uid` belongs to.
  var uidValidity: UIDValidity?
  var uid: UID
  /// It has vanished on the other side: moving it takes care of that too.
  var isMove: Bool
  /// Its flags there.
  var flags: FlagSet

  init(
    record: MessageRecord, mailbox: MailboxName, uidValidity: UIDValidity?, uid: UID, isMove: Bool,
    flags: FlagSet
  ) {
    self.record = record
    self.mailbox = mailbox
    self.uidValidity = uidValidity
    self.uid = uid
    self.isMove = isMove
    self.flags = flags
  }
}

extension MailboxSync {
  /// Makes the mailbox the open one, as long as its UIDs mean what was observed.
  func select(_ side: Side, _ endpoint: any Endpoint) throws(EndpointError) {
    if let uidValidity = anchors[side].uidValidity {
      endpoint.expect(uidValidity, of: fullNames[side])
    }
    if !looked[side], anchors[side].stamp != nil {
      endpoint.expect(standingAt: anchors[side], fullNames[side])
    }
    try endpoint.select(fullNames[side])
  }

  func on<Result>(
    _ side: Side, _ body: () throws(EndpointError) -> Result
  ) throws(SideFailure) -> Result {
    forgetEarlyLook(side)
    return try attempt(on: side, body)
  }

  func noteFailure(_ failure: SideFailure) {
    noteFailure(failure.error, on: failure.side)
  }

  func noteFailure(_ error: EndpointError, on side: Side?) {
    failures.append(
      SyncFailure(
        side: side, mailbox: side.map { record.names[$0] } ?? record.names.left, code: error.code,
        scope: error.scope, message: error.message, advice: error.advice))
    if error.scope != .message { isBroken = true }
  }

  func report(_ side: Side, _ change: ChangeKind) {
    observer?.handle(.change(side, record.names[side], change))
  }
}
