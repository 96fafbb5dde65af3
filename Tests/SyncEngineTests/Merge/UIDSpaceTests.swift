import IMAPClient
import SyncEngine
import TestSupport
import Testing

@Suite("One UID space") struct UIDSpaceTests {
  private func member(
    _ index: Int, _ left: UInt32?, _ right: UInt32?, at seconds: Int64 = 0,
    unnumbered: Side? = nil
  ) -> UIDSpace.Member {
    UIDSpace.Member(
      index: index, uids: Both(left: left.map { uid($0) }, right: right.map { uid($0) }),
      lies: Both(
        left: left != nil || unnumbered == .left, right: right != nil || unnumbered == .right),
      date: InternalDate(seconds: seconds))
  }

  private func layout(
    _ left: UInt32, _ right: UInt32, _ members: UIDSpace.Member...
  ) -> UIDSpace.Layout {
    UIDSpace.layout(members: members, reach: reach(Both(left: left, right: right)))
  }

  private func reach(_ next: Both<UInt32>) -> Both<UIDSpace.Reach> {
    next.map { UIDSpace.Reach(next: uid($0)) }
  }

  @Test("a UID that the other side has not handed out is kept there")
  func keeper() {
    let layout = layout(5, 8, member(0, nil, 6), member(1, nil, 5))
    #expect(layout.keepers.map(\.index) == [1, 0])
    #expect(layout.keepers.allSatisfy { $0.side == .left })
    #expect(layout.fresh.isEmpty && layout.padding.left == 1 && layout.padding.right == 0)
  }

  @Test("two messages under one UID both get new ones, by their dates")
  func collision() {
    let layout = layout(6, 6, member(0, 5, nil, at: 2), member(1, nil, 5, at: 1))
    #expect(layout.keepers.isEmpty && layout.fresh == [1, 0] && layout.freshStart == uid(6))
  }

  @Test("a UID whose message the other side has expunged already is burned all the same")
  func expunged() {
    #expect(layout(6, 6, member(0, 5, nil)).fresh == [0])
    #expect(layout(6, 6, member(0, nil, 5)).fresh == [0])
  }

  @Test("of one date: the left side first, then the old UID, then what has none")
  func order() {
    let layout = layout(
      9, 9, member(0, nil, nil, unnumbered: .right), member(1, nil, 7), member(2, 8, nil),
      member(3, 6, nil), member(4, nil, nil, unnumbered: .left))
    #expect(layout.fresh == [3, 2, 4, 1, 0])
  }

  @Test("paired under different UIDs: new ones; under one: left alone")
  func paired() {
    let layout = layout(9, 9, member(0, 3, 4), member(1, 5, 5))
    #expect(layout.fresh == [0] && layout.keepers.isEmpty)
  }

  @Test("paired under different UIDs: the one that the other side has not handed out is kept")
  func pairedUnderUnused() {
    let layout = layout(5, 9, member(0, 3, 7), member(1, 2, 3))
    #expect(layout.keepers.map(\.uid) == [uid(7)] && layout.keepers.map(\.side) == [.left])
    #expect(layout.fresh == [1])
  }

  @Test("a side that lost its numbers gives back those that the base knows, and no others")
  func lost() {
    var members = [member(0, nil, 3), member(1, nil, 4), member(2, nil, 6), member(3, nil, 8)]
    for index in 0...2 { members[index].formerUIDs.left = uid([3, 2, 6][index]) }
    let reach = Both(
      left: UIDSpace.Reach(next: uid(9), lowest: uid(4), known: uid(7)),
      right: UIDSpace.Reach(next: uid(9)))
    let layout = UIDSpace.layout(members: members, reach: reach)
    #expect(layout.keepers.map(\.index) == [2, 3])
    #expect(layout.fresh == [0, 1] && layout.freshStart == uid(9))
  }

  @Test("what the base knows to have been handed out is burned, though a side has gone back")
  func wentBack() {
    var members = [member(0, 5, nil), member(1, 4, nil), member(2, nil, 4)]
    members[0].formerUIDs = Both(left: uid(5), right: uid(5))
    let reach = Both(
      left: UIDSpace.Reach(next: uid(6), known: uid(8)),
      right: UIDSpace.Reach(next: uid(4), known: uid(8)))
    let layout = UIDSpace.layout(members: members, reach: reach)
    #expect(layout.keepers.map(\.uid) == [uid(5)] && layout.keepers.map(\.side) == [.right])
    #expect(layout.fresh == [1, 2] && layout.freshStart == uid(8) && layout.padding.left == 2)
  }

  /// Both sides carry the layout out, the right by itself in ascending order: do they come to one space?
  @Test("both sides come to the same numbers and burn nothing twice", arguments: 0..<300)
  func property(_ seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let agreed = UInt32.random(in: 1...5, using: &random)
    let next = Both { (_: Side) in agreed + UInt32.random(in: 0...6, using: &random) }
    var members: [UIDSpace.Member] = []
    for side in Side.allCases {
      for raw in agreed..<next[side] where !random.oneIn(3) {
        let date = Int64.random(in: 0...2, using: &random)
        members.append(
          side == .left
            ? member(members.count, raw, nil, at: date)
            : member(members.count, nil, raw, at: date))
      }
    }
    let layout = UIDSpace.layout(members: members, reach: reach(next))
    // Everything gets exactly one place.
    #expect(
      (layout.keepers.map(\.index) + layout.fresh).sorted() == members.map(\.index).sorted())
    for keeper in layout.keepers {
      #expect(keeper.uid >= uid(next[keeper.side]) && keeper.uid < layout.freshStart)
      #expect(members[keeper.index].uids[keeper.side.other] == keeper.uid)
    }
    #expect(Set(layout.keepers.map(\.uid)).count == layout.keepers.count)
    // New numbers begin where neither side has handed out any.
    #expect(layout.freshStart == uid(max(next.left, next.right)))
    // Whatever the order in which the members are given.
    var shuffled = members
    shuffled.shuffle(using: &random)
    #expect(UIDSpace.layout(members: shuffled, reach: reach(next)) == layout)
  }
}
