import IMAPClient

/// Flags to be added to a message and removed from it.
public struct FlagChange: Hashable, Sendable {
  public var added: FlagSet
  public var removed: FlagSet

  public init(added: FlagSet = .empty, removed: FlagSet = .empty) {
    self.added = added
    self.removed = removed
  }

  /// What leads from `old` to `new`.
  public init(from old: FlagSet, to new: FlagSet) {
    added = new.subtracting(old)
    removed = old.subtracting(new)
  }

  public var isEmpty: Bool { added.isEmpty && removed.isEmpty }

  public func applied(to flags: FlagSet) -> FlagSet {
    flags.subtracting(removed).union(added)
  }
}

/// How flags and keywords are merged: design.md §4. Each flag is merged by itself, so no two changes of
/// different flags are ever in conflict, and two changes of one flag are the same change.
public enum FlagMerge {
  /// Both sides' changes against the base, applied to the base.
  public static func merge(base: FlagSet, left: FlagSet, right: FlagSet) -> FlagSet {
    let changes = [FlagChange(from: base, to: left), FlagChange(from: base, to: right)]
    return changes.reduce(base) { flags, change in change.applied(to: flags) }
  }

  /// Without a base: everything that either side has, but `\Deleted` only if both have it.
  public static func unite(left: FlagSet, right: FlagSet) -> FlagSet {
    var flags = left.union(right)
    if !(left.system.contains(.deleted) && right.system.contains(.deleted)) {
      flags.system.remove(.deleted)
    }
    return flags
  }

  /// The base from which the flags that the sides have now would be merged to `wanted`: recorded before
  /// the sides are changed, it makes a run that is cut short be carried on by the next.
  public static func base(leadingTo wanted: FlagSet, left: FlagSet, right: FlagSet) -> FlagSet {
    left.intersection(right).union(left.union(right).subtracting(wanted))
  }

  /// What may be called agreed on: where the sides differ still, what was agreed before.
  public static func agreed(old: FlagSet, left: FlagSet, right: FlagSet) -> FlagSet {
    let same = left.intersection(right)
    let differing = left.union(right).subtracting(same)
    return same.union(old.intersection(differing))
  }
}
