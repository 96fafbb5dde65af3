import IMAPClient

/// What is to be done about the pair's mailboxes: creations, deletions, renames and subscriptions.
///
/// Pure: design.md §4 for whole mailboxes. Names here are each side's own, prefixes already stripped.
public struct MailboxTree: Sendable {
  /// One mailbox of the pair and where it is now.
  public struct Entry: Sendable {
    public var names: Both<MailboxName>
    public var record: MailboxRecord?
    public var listed: Both<ListedMailbox?>
    /// The side on which it is to be deleted at the end of the run.
    public var isDoomed: Side?
    /// Whether both sides are subscribed to it now; `nil` if that was not looked at.
    public var subscription: Bool?
    /// The name that it would have on the right is another mailbox's, by the base or by `map`: it is left alone, and
    /// said to be.
    public var isContested = false

    public func exists(on side: Side) -> Bool { listed[side] != nil }
  }

  public struct Rename: Sendable {
    public var record: MailboxRecord
    /// The side that follows; `nil` if both sides have it under its new name already.
    public var side: Side?
    /// The name that it has now on the side that follows.
    public var oldName: MailboxName
    /// The names it is to have, each side's own.
    public var newNames: Both<MailboxName>
    /// Both sides renamed it, and the one has another mailbox under the other's name: from now on they are two
    /// mailboxes, of which the base knows nothing.
    public var isApart = false

    /// Whether to carry out this one carries out the other, too: that of a mailbox below.
    func takesAlong(_ other: Rename) -> Bool {
      guard let side, other.side == side, let rest = other.oldName.removingPrefix(oldName) else {
        return false
      }
      return other.newNames[side] == newNames[side].appending(rest)
    }
  }

  /// A mailbox that is not synced because its name is another one's on a side.
  public struct LeftAlone: Hashable, Sendable {
    public var side: Side
    public var name: MailboxName
  }

  public var entries: [Entry] = []
  /// Those that are there on the other side.
  public private(set) var leftAlone: [LeftAlone] = []
  private var names = NameMap()

  public init(entries: [Entry]) { self.entries = entries }

  /// - Parameters:
  ///   - listings: selectable mailboxes of each side.
  ///   - records: the mailboxes of the base.
  ///   - isLeftAlone: whether nothing of that name is to be synced, though it may be known, or be there on the other side.
  public init(
    listings: Both<[ListedMailbox]>, records: [MailboxRecord], policy: Policy,
    isLeftAlone: (MailboxName, Side) -> Bool = { _, _ in false }
  ) {
    names = NameMap(listings: listings, records: records, policy: policy)
    let listed = listings.map { side in
      Dictionary(side.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }
    var recordsByLeft: [MailboxName: MailboxRecord] = [:]
    for record in records { recordsByLeft[record.names.left] = record }
    var leftNames = Set(records.map(\.names.left))
    leftNames.formUnion(listings.left.map(\.name))
    leftNames.formUnion(listings.right.map { names.left(of: $0.name) })
    let ownersInBase = Dictionary(
      records.map { ($0.names.right, $0.names.left) }, uniquingKeysWith: { first, _ in first })
    for left in leftNames.sorted() where policy.selects(left) {
      let right = recordsByLeft[left]?.names.right ?? names.right(of: left)
      let isAlone = Both(left: isLeftAlone(left, .left), right: isLeftAlone(right, .right))
      if let side = Side.allCases.first(where: { isAlone[$0] }) {
        let isThere = side == .left ? listed.right[right] != nil : listed.left[left] != nil
        if isThere {
          leftAlone.append(LeftAlone(side: side, name: side == .left ? left : right))
        }
        continue
      }
      var entry = Entry(
        names: Both(left: left, right: right), record: recordsByLeft[left],
        listed: Both(left: listed.left[left], right: listed.right[right]))
      if (ownersInBase[right] ?? names.left(of: right)) != left {
        guard entry.record != nil || entry.exists(on: .left) else { continue }
        entry.isContested = true
        entry.listed.right = nil
      }
      entries.append(entry)
    }
  }

  /// Mailboxes of the base that are gone on one side, where another one with the same id of its own has
  /// appeared: that one was renamed. If both sides renamed it, the left name stands. A name that another
  /// mailbox has already on the side that is to follow is not taken from it. Where a mailbox would have to be put
  /// below itself, because the other side's name for it is below that for another one, it gets its old name back.
  ///
  /// - Parameters:
  ///   - ids: the mailboxes' own ids on each side, for those whose listing has none.
  ///   - found: under which name a side has the messages of a mailbox that is gone, where mailboxes have no
  ///     ids of their own.
  public func renames(
    ids: Both<[MailboxName: GlobalUID]>,
    found: Both<[MailboxID: MailboxName]> = Both(left: [:], right: [:])
  ) -> [Rename] {
    let newcomers = Both { side in self.newcomers(on: side, ids: ids[side]) }
    var renames: [Rename] = []
    for entry in entries {
      guard let record = entry.record else { continue }
      let newName = Both<MailboxName?> { side in
        guard !entry.exists(on: side) else { return nil }
        return record.mailboxIDs[side].flatMap { newcomers[side][$0] } ?? found[side][record.id]
      }
      switch (newName.left, newName.right) {
      case (let left?, let right):
        guard let old = right ?? (entry.exists(on: .right) ? record.names.right : nil) else {
          continue
        }
        let new = names.right(of: left)
        var rename = rename(record, on: .right, from: old, to: Both(left: left, right: new))
        if let right {
          rename.isApart = right != new && exists(new, on: .right)
          if right == new || rename.isApart { rename.side = nil }
        }
        renames.append(rename)
      case (nil, let right?) where entry.exists(on: .left):
        let new = names.left(of: right)
        renames.append(
          rename(record, on: .left, from: record.names.left, to: Both(left: new, right: right)))
      default: break
      }
    }
    renames = renames.map(avoidingItself)
    // An INBOX stays what it is: it can't be renamed, or else only its messages go. RFC 9051 §6.3.6
    renames.removeAll { rename in
      rename.side.map { exists(rename.newNames[$0], on: $0) || rename.oldName.isInbox } ?? false
    }
    // Parents first: renaming one takes its children along.
    return renames.sorted {
      $0.record.names.left.components.count < $1.record.names.left.components.count
    }
  }

  /// As if a rename had been followed: what either side calls by a name of its own is one mailbox.
  public mutating func assume(_ rename: Rename) {
    let names = Both { $0 == rename.side ? rename.oldName : rename.newNames[$0] }
    var listed = Both { side in
      entries.lazy.compactMap { $0.listed[side] }.first { $0.name == names[side] }
    }
    entries.removeAll { entry in
      entry.record?.id == rename.record.id
        || !rename.isApart && entry.record == nil
          && Side.allCases.contains { entry.listed[$0]?.name == names[$0] }
    }
    guard !rename.isApart else { return }
    var record = rename.record
    record.names = names
    // It is subscribed to under its old name yet.
    for side in Side.allCases { listed[side]?.isSubscribed = record.isSubscribed ?? false }
    entries.append(Entry(names: names, record: record, listed: listed))
    entries.sort { $0.names.left < $1.names.left }
  }

  private func rename(
    _ record: MailboxRecord, on side: Side?, from old: MailboxName, to names: Both<MailboxName>
  ) -> Rename {
    Rename(record: record, side: side, oldName: old, newNames: names)
  }

  private func avoidingItself(_ rename: Rename) -> Rename {
    guard let side = rename.side, rename.newNames[side].removingPrefix(rename.oldName) != nil else {
      return rename
    }
    let old = rename.oldName
    return self.rename(
      rename.record, on: side.other, from: rename.newNames[side.other],
      to: side == .left
        ? Both(left: old, right: names.right(of: old))
        : Both(left: names.left(of: old), right: old))
  }

  /// The left name of a mailbox that need not be among the entries.
  func leftName(of name: MailboxName, on side: Side) -> MailboxName {
    side == .left ? name : names.left(of: name)
  }

  private func exists(_ name: MailboxName, on side: Side) -> Bool {
    entries.contains { $0.listed[side]?.name == name }
  }

  /// Mailboxes of one side that the base does not know, by their own ids.
  private func newcomers(
    on side: Side, ids: [MailboxName: GlobalUID]
  ) -> [GlobalUID: MailboxName] {
    var newcomers: [GlobalUID: MailboxName] = [:]
    for entry in entries where entry.record == nil {
      guard let listed = entry.listed[side], let id = listed.id ?? ids[listed.name] else {
        continue
      }
      newcomers[id] = listed.name
    }
    return newcomers
  }

  /// What both sides' subscription becomes; `nil` if nothing is known yet that would tell.
  public static func subscription(base: Bool?, left: Bool, right: Bool) -> Bool {
    guard let base else { return left || right }
    // One bit: whoever differs from the base has changed it.
    return left != base || right != base ? !base : base
  }
}

extension Policy {
  /// A side's name for a mailbox with the side's prefix before it: the name the endpoint knows.
  public func fullName(_ name: MailboxName, on side: Side) -> MailboxName {
    prefixes[side]?.appending(name) ?? name
  }

  /// Whether a mailbox, by its name on the left, takes part in this run.
  public func selects(_ left: MailboxName) -> Bool {
    mailboxes.matches(left) && onlyMailboxes.matches(left)
  }

  /// Whether `side` may be changed in this run by this kind of change.
  public func allows(_ kind: Kinds, on side: Side) -> Bool {
    kinds.contains(kind) && changes.includes(side)
  }
}

/// Translates names between the sides: what the configuration maps, what the base knows, and special
/// uses that each side calls by a name of its own.
struct NameMap {
  private var rightOfLeft: [MailboxName: MailboxName] = [:]
  private var leftOfRight: [MailboxName: MailboxName] = [:]

  init() {}

  init(listings: Both<[ListedMailbox]>, records: [MailboxRecord], policy: Policy) {
    for (left, right) in policy.map { add(left, right) }
    for record in records { add(record.names.left, record.names.right) }
    let names = listings.map { Set($0.map(\.name)) }
    for use in SpecialUse.allCases {
      guard let left = NameMap.only(use, in: listings.left),
        let right = NameMap.only(use, in: listings.right), left != right,
        !names.right.contains(left), !names.left.contains(right)
      else { continue }
      add(left, right)
    }
  }

  private static func only(_ use: SpecialUse, in listing: [ListedMailbox]) -> MailboxName? {
    let found = listing.filter { $0.specialUse == use }
    return found.count == 1 ? found.first?.name : nil
  }

  /// The first translation of a name stands.
  private mutating func add(_ left: MailboxName, _ right: MailboxName) {
    guard rightOfLeft[left] == nil, leftOfRight[right] == nil else { return }
    rightOfLeft[left] = right
    leftOfRight[right] = left
  }

  func right(of left: MailboxName) -> MailboxName { rightOfLeft[left] ?? left }

  func left(of right: MailboxName) -> MailboxName { leftOfRight[right] ?? right }
}
