import IMAPClient

/// Keeps one UID space on both sides of a mailbox: design.md §5.
///
/// Pure. Given what each side has handed out, it says which messages may keep their UIDs, which get new
/// ones, and in which order the sides have to hand them out so that both come to the same numbers.
public struct UIDSpace: Sendable {
  /// A message that will lie on both sides: those at or above the agreed UIDNEXT.
  public struct Member: Hashable, Sendable {
    /// The caller's index of it.
    public var index: Int
    /// Its UIDs now; `nil` where it is not yet, or is a Maildir file without a number.
    public var uids: Both<UID?>
    /// Those that it had, as far as the base knows.
    public var formerUIDs: Both<UID?>
    /// Where it lies now.
    public var lies: Both<Bool>
    public var date: InternalDate

    public init(
      index: Int, uids: Both<UID?>, formerUIDs: Both<UID?> = Both(left: nil, right: nil),
      lies: Both<Bool>, date: InternalDate
    ) {
      self.index = index
      self.uids = uids
      self.formerUIDs = formerUIDs
      self.lies = lies
      self.date = date
    }
  }

  /// What a side has handed out, under the UIDVALIDITY that both have.
  public struct Reach: Hashable, Sendable {
    /// The UID that it gives next by itself.
    public var next: UID
    /// The lowest that it can be made to give: ``ValidityOrigin/reopenedFrom``.
    public var lowest: UID
    /// Its UIDNEXT as the base knows it: a mailbox that went back, or lost its numbers, has given more than it
    /// knows of.
    public var known: UID

    public init(next: UID, lowest: UID? = nil, known: UID = .first) {
      self.next = next
      self.lowest = lowest ?? next
      self.known = known
    }

    /// Below it nothing is given to a message that never had it.
    var burned: UID { max(next, known) }
  }

  /// A message that keeps a UID it has on one side and gets the same on the other.
  public struct Keeper: Hashable, Sendable {
    public var index: Int
    public var uid: UID
    /// The side that has to give it this UID.
    public var side: Side
  }

  public struct Layout: Hashable, Sendable {
    /// Ascending by UID.
    public var keepers: [Keeper] = []
    /// Messages that get new UIDs on both sides, in this order, from ``freshStart`` on.
    public var fresh: [Int] = []
    public var freshStart: UID
    /// UIDs to be used up on a side so that it comes level, if it numbers by itself.
    public var padding: Both<Int> = Both(left: 0, right: 0)

    public var isEmpty: Bool { keepers.isEmpty && fresh.isEmpty }
  }

  /// - Parameters:
  ///   - members: every message that will lie on both sides and is not below the agreed UIDNEXT on both.
  ///   - reach: of either side; L and R of design.md §5 are the `next` of it.
  public static func layout(members: [Member], reach: Both<Reach>) -> Layout {
    var layout = Layout(freshStart: max(reach.left.burned, reach.right.burned))
    var fresh: [Member] = []
    for member in members {
      switch (member.uids.left, member.uids.right) {
      case (let left?, let right?) where left == right:
        break
      case (_?, let uid?) where isUsable(uid, for: member, on: .left, reach):
        layout.keepers.append(Keeper(index: member.index, uid: uid, side: .left))
      case (let uid?, _?) where isUsable(uid, for: member, on: .right, reach):
        layout.keepers.append(Keeper(index: member.index, uid: uid, side: .right))
      case (let uid?, nil) where isUsable(uid, for: member, on: .right, reach):
        layout.keepers.append(Keeper(index: member.index, uid: uid, side: .right))
      case (nil, let uid?) where isUsable(uid, for: member, on: .left, reach):
        layout.keepers.append(Keeper(index: member.index, uid: uid, side: .left))
      default:
        fresh.append(member)
      }
    }
    layout.keepers.sort { ($0.uid, $0.index) < ($1.uid, $1.index) }
    layout.fresh = fresh.sorted(by: comesFirst).map(\.index)
    for side in Side.allCases {
      let gap = Int(layout.freshStart.rawValue) - Int(reach[side].next.rawValue)
      layout.padding[side] = max(0, gap - layout.keepers.count { $0.side == side })
    }
    return layout
  }

  /// A UID that `side` has handed out is burned there, whether or not its message is still there: a
  /// client may have it cached. A side that has forgotten it can give it back, to the message that had it.
  private static func isUsable(
    _ uid: UID, for member: Member, on side: Side, _ reach: Both<Reach>
  ) -> Bool {
    let reach = reach[side]
    return uid >= reach.lowest && (uid >= reach.known || member.formerUIDs[side] == uid)
  }

  /// One order on both sides: received date, then side, then old UID.
  private static func comesFirst(_ a: Member, _ b: Member) -> Bool {
    if a.date != b.date { return a.date < b.date }
    if a.lies.left != b.lies.left { return a.lies.left }
    let old = (a.uids.left ?? a.uids.right, b.uids.left ?? b.uids.right)
    switch old {
    case (let x?, let y?) where x != y: return x < y
    case (.some, nil): return true
    case (nil, .some): return false
    default: return a.index < b.index
    }
  }
}
