import IMAPClient

/// What is to be done about one message.
public enum Decision: Hashable, Sendable {
  /// Both sides have it: their flags become `flags` by these changes.
  indirect case agree(flags: FlagSet, changes: Both<FlagChange>)
  /// The other side has it, this one does not: it is to be placed here, by SAVE, COPY or MOVE.
  case place(on: Side)
  /// The other side expunged it: it is to be expunged here.
  case expunge(on: Side)
  /// Neither side has it any more.
  case forget
}

/// The merge rules of design.md §4: what one message's history on both sides leads to.
///
/// Pure: no I/O, no clock, no randomness. What is decided here for each message by itself is put in order
/// by ``UIDSpace`` (where UIDs have to be equal), held back by ``Guard``s and carried out by the engine.
///
///     left \ right   absent/lost        vanished            unchanged    flags changed
///     absent/lost    -                  forget              place left   place left
///     vanished       forget             forget              expunge      conflict decides
///     unchanged      place right        expunge             agree        agree (three-way)
///     flags changed  place right        conflict decides    agree        agree (three-way)
public enum Merge {
  public static func decide(_ item: Item, conflict: Policy.Conflict) -> Decision {
    switch (item.sides.left, item.sides.right) {
    case (.present(let left), .present(let right)):
      agree(item, left: left, right: right)
    case (.present(let seen), let other):
      decide(item, seen, on: .left, other: other, conflict: conflict)
    case (let other, .present(let seen)):
      decide(item, seen, on: .right, other: other, conflict: conflict)
    default:
      .forget
    }
  }

  /// Both sides have the message.
  private static func agree(_ item: Item, left: Seen, right: Seen) -> Decision {
    guard let base = item.base else {
      let flags = FlagMerge.unite(left: left.flags, right: right.flags)
      return .agree(
        flags: flags,
        changes: Both(
          left: FlagChange(from: left.flags, to: flags),
          right: FlagChange(from: right.flags, to: flags)))
    }
    // Each side's change is taken against what that side was known to hold: what a side has no room for
    // was not removed there.
    let changes = Both(
      left: FlagChange(from: base.flags(on: .left), to: left.flags),
      right: FlagChange(from: base.flags(on: .right), to: right.flags))
    let flags = changes.right.applied(to: changes.left.applied(to: base.flags))
    return .agree(
      flags: flags,
      changes: Both(
        left: FlagChange(from: left.flags, to: changes.right.applied(to: left.flags)),
        right: FlagChange(from: right.flags, to: changes.left.applied(to: right.flags))))
  }

  /// Only `side` has the message.
  private static func decide(
    _ item: Item, _ seen: Seen, on side: Side, other: Presence, conflict: Policy.Conflict
  ) -> Decision {
    switch other {
    case .vanished:
      let isChanged = item.baseFlags(on: side).map { $0 != seen.flags } ?? true
      return isChanged && conflict == .keep ? .place(on: side.other) : .expunge(on: side)
    case .absent, .lost, .present:
      return .place(on: side.other)
    }
  }
}
