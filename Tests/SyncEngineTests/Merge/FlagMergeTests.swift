import IMAPClient
import SyncEngine
import Testing

@Suite("Merging flags") struct FlagMergeTests {
  private static let keyword = Keyword("$Junk").map { FlagSet([], keywords: [$0]) } ?? .empty
  static let singles: [FlagSet] = [FlagSet([.seen]), FlagSet([.deleted]), keyword]

  /// Every history of one flag: in the base or not, then on each side or not.
  @Test(
    "each flag by itself",
    arguments: [
      // base, left, right, merged
      (false, false, false, false), (false, true, false, true), (false, false, true, true),
      (false, true, true, true), (true, true, true, true), (true, false, true, false),
      (true, true, false, false), (true, false, false, false),
    ])
  func single(_ base: Bool, _ left: Bool, _ right: Bool, _ merged: Bool) {
    for flag in FlagMergeTests.singles {
      let pick = { (isSet: Bool) in isSet ? flag : FlagSet.empty }
      #expect(
        FlagMerge.merge(base: pick(base), left: pick(left), right: pick(right)) == pick(merged))
    }
  }

  @Test("different flags are never in conflict")
  func several() {
    let merged = FlagMerge.merge(
      base: FlagSet([.flagged]), left: FlagSet([.answered, .flagged]), right: FlagSet([.seen]))
    #expect(merged == FlagSet([.answered, .seen]))
  }

  @Test("without a base everything is kept but a lone \\Deleted")
  func united() {
    #expect(
      FlagMerge.unite(left: FlagSet([.seen, .deleted]), right: FlagMergeTests.keyword)
        == FlagSet([.seen]).union(FlagMergeTests.keyword))
    let deleted = FlagSet([.deleted])
    #expect(FlagMerge.unite(left: deleted, right: deleted) == deleted)
  }

  /// The same base, seen again after any part of the work was done, leads to the same flags.
  @Test("a base recorded beforehand leads to what was wanted")
  func resumable() {
    let all = FlagMergeTests.subsets
    for left in all {
      for right in all {
        for wanted in [FlagMerge.unite(left: left, right: right), left, right] {
          let base = FlagMerge.base(leadingTo: wanted, left: left, right: right)
          #expect(FlagMerge.merge(base: base, left: left, right: right) == wanted)
          #expect(FlagMerge.merge(base: base, left: wanted, right: right) == wanted)
          #expect(FlagMerge.merge(base: base, left: left, right: wanted) == wanted)
        }
      }
    }
  }

  @Test("what is agreed on is what both have, else what was agreed before")
  func agreed() {
    for old in FlagMergeTests.subsets {
      for left in FlagMergeTests.subsets {
        #expect(FlagMerge.agreed(old: old, left: left, right: left) == left)
        let agreed = FlagMerge.agreed(old: old, left: left, right: old)
        #expect(FlagMerge.merge(base: agreed, left: left, right: old) == left)
      }
    }
  }

  private static let subsets: [FlagSet] = (0..<8).map { bits in
    singles.indices.reduce(FlagSet.empty) { bits >> $1 & 1 == 1 ? $0.union(singles[$1]) : $0 }
  }
}
