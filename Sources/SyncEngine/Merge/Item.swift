import IMAPClient

/// A message as one side has it now.
public struct Seen: Hashable, Sendable {
  public var handle: MessageHandle
  public var flags: FlagSet
  /// `nil` for a message of the base whose details nobody had to ask for.
  public var details: MessageDetails?
  public var content: ContentID?

  public init(
    handle: MessageHandle, flags: FlagSet,
    details: MessageDetails? = nil, content: ContentID? = nil
  ) {
    self.handle = handle
    self.flags = flags
    self.details = details
    self.content = content
  }
}

/// What became of a message on one side since the base.
public enum Presence: Hashable, Sendable {
  /// It was never there.
  case absent
  /// It was there, and can't be found under the mailbox's new UIDVALIDITY, or in an older state that was
  /// restored: it was not expunged.
  case lost
  /// It was expunged.
  case vanished
  /// It is there, changed or not. Kept apart, because most messages are there on one side only.
  indirect case present(Seen)

  public var isVanished: Bool { if case .vanished = self { true } else { false } }

  @inline(__always) public var seen: Seen? {
    if case .present(let seen) = self { seen } else { nil }
  }
}

/// One message of a mailbox, as the base and both sides know it: what the merge decides about.
public struct Item: Hashable, Sendable {
  /// `nil`: not in the base; it has arrived on one side, or on both.
  public var base: MessageRecord? {
    @inline(__always) get { if case .known(let record) = storedBase { record } else { nil } }
    set { storedBase = newValue.map { .known($0) } ?? .unknown }
  }
  public var sides: Both<Presence>
  private var storedBase: StoredBase

  /// Whether the base has it.
  public var isKnown: Bool { if case .known = storedBase { true } else { false } }

  /// A record is large, and at a first sync no message has one: it is kept apart.
  private enum StoredBase: Hashable, Sendable {
    case unknown
    indirect case known(MessageRecord)
  }

  public init(base: MessageRecord?, sides: Both<Presence>) {
    self.sides = sides
    storedBase = base.map { .known($0) } ?? .unknown
  }

  public init(base: MessageRecord?, left: Presence, right: Presence) {
    self.init(base: base, sides: Both(left: left, right: right))
  }

  /// What the base says of a side's flags: what was agreed, less what that side can't hold.
  public func baseFlags(on side: Side) -> FlagSet? { base?.flags(on: side) }

  /// The received date, as far as it is known.
  public var date: InternalDate? {
    base?.date ?? sides.left.seen?.details?.date ?? sides.right.seen?.details?.date
  }

  /// That which it has on a side, or had when it was recorded.
  public func date(on side: Side) -> InternalDate? {
    base?.date(on: side) ?? sides[side].seen?.details?.date
  }
}

extension MessageRecord {
  public func flags(on side: Side) -> FlagSet { flags.subtracting(lacking[side]) }
}
