import IMAPClient
import SyncEngine
import TestSupport

/// What a run will have to decide, as it can be told from outside: from the base and the stores.
struct DecisionCount {
  private let world: SimulatedWorld
  private let store: MemoryStateStore
  private let policy: Policy

  init(_ world: SimulatedWorld, _ store: MemoryStateStore, _ policy: Policy) {
    self.world = world
    self.store = store
    self.policy = policy
  }

  func count(in coverage: Coverage) {
    for record in store.mailboxes() {
      guard let left = world.servers.left[record.names.left],
        let right = world.servers.right[record.names.right]
      else { continue }
      let mailboxes = Both(left: left, right: right)
      var known = Both<Set<MessageHandle>>(left: [], right: [])
      for row in store.messages(in: record.id) {
        let sides = Both { presence(of: row, record, mailboxes[$0], $0, coverage) }
        for side in Side.allCases {
          if let handle = sides[side].seen?.handle { known[side].insert(handle) }
        }
        note(Item(base: row, sides: sides), coverage)
      }
      countArrivals(mailboxes, known, coverage)
    }
  }

  // MARK: Messages of the base

  private func presence(
    of row: MessageRecord, _ record: MailboxRecord, _ mailbox: SimulatedMailbox, _ side: Side,
    _ coverage: Coverage
  ) -> Presence {
    if record.anchors[side]?.uidValidity != mailbox.uidValidity {
      guard let id = row.ids[side], let found = mailbox.messages.first(where: { $0.id == id })
      else {
        coverage.note("pair: lost under a new UIDVALIDITY")
        return .lost
      }
      coverage.note("pair: found again by id under a new UIDVALIDITY")
      return .present(Seen(handle: found.handle, flags: found.flags))
    }
    let uid = row.uids[side]
    if let message = mailbox.message(.uid(uid)) {
      return .present(Seen(handle: message.handle, flags: message.flags))
    }
    if uid >= mailbox.uidNext {
      coverage.note("pair: lost by a restored backup")
      return .lost
    }
    return .vanished
  }

  private func note(_ item: Item, _ coverage: Coverage) {
    let words = Both { word(item, $0) }
    if words.left == "unchanged", words.right == "unchanged" { return }
    let decision = Merge.decide(item, conflict: policy.conflict)
    coverage.note("decide: \(words.left), \(words.right): \(word(decision))")
    if let base = item.base, let left = item.sides.left.seen, let right = item.sides.right.seen {
      noteFlags(
        FlagChange(from: base.flags(on: .left), to: left.flags),
        FlagChange(from: base.flags(on: .right), to: right.flags), coverage)
    }
  }

  private func word(_ item: Item, _ side: Side) -> String {
    switch item.sides[side] {
    case .absent: "absent"
    case .lost: "lost"
    case .vanished: "vanished"
    case .present(let seen):
      item.base == nil
        ? "present" : item.baseFlags(on: side) == seen.flags ? "unchanged" : "changed"
    }
  }

  private func word(_ decision: Decision) -> String {
    switch decision {
    case .agree: "agree"
    case .place(let side): "place \(side)"
    case .expunge(let side): "expunge \(side)"
    case .forget: "forget"
    }
  }

  private func noteFlags(_ left: FlagChange, _ right: FlagChange, _ coverage: Coverage) {
    let added = left.added.union(right.added)
    let removed = left.removed.union(right.removed)
    if !added.isEmpty { coverage.note("flags: added") }
    if !removed.isEmpty { coverage.note("flags: removed") }
    if !added.keywords.isEmpty { coverage.note("flags: keyword added") }
    if !removed.keywords.isEmpty { coverage.note("flags: keyword removed") }
    if !left.added.isEmpty && !right.removed.isEmpty
      || !left.removed.isEmpty && !right.added.isEmpty
    {
      coverage.note("flags: added and removed on two sides")
    }
    if !left.isEmpty, left == right { coverage.note("flags: the same change on both sides") }
  }

  // MARK: Messages that are new

  private func countArrivals(
    _ mailboxes: Both<SimulatedMailbox>, _ known: Both<Set<MessageHandle>>, _ coverage: Coverage
  ) {
    let arrivals = Both { side in
      mailboxes[side].messages.filter { !known[side].contains($0.handle) }
    }
    let equal = arrivals.map { Dictionary(grouping: $0, by: \.origin) }
    for side in Side.allCases {
      for message in arrivals[side] where equal[side.other][message.origin] == nil {
        let presence = Presence.present(Seen(handle: message.handle, flags: message.flags))
        var sides = Both(left: Presence.absent, right: Presence.absent)
        sides[side] = presence
        note(Item(base: nil, sides: sides), coverage)
      }
    }
    for (content, lefts) in equal.left {
      guard let rights = equal.right[content] else { continue }
      coverage.note("pair: equal arrivals")
      if lefts.count > 1 || rights.count > 1 { coverage.note("pair: several equal arrivals") }
      guard let left = lefts.first, let right = rights.first else { continue }
      if left.date != right.date { coverage.note("pair: equal arrivals with other dates") }
      if left.flags != right.flags { coverage.note("flags: united") }
      if left.flags.system.contains(.deleted) != right.flags.system.contains(.deleted) {
        coverage.note("flags: \\Deleted on one side only, not united")
      }
    }
  }
}

/// What a run tells of its changes.
final class ChangeCount: SyncObserver, @unchecked Sendable {
  private let coverage: Coverage

  init(_ coverage: Coverage) { self.coverage = coverage }

  func handle(_ event: SyncEvent) {
    guard case .change(_, _, let change) = event else { return }
    let word =
      switch change {
      case .saved: "saved"
      case .copied: "copied"
      case .moved: "moved"
      case .expunged: "expunged"
      case .flagged: "flagged"
      case .renumbered: "renumbered"
      case .mailboxCreated: "mailbox created"
      case .mailboxDeleted: "mailbox deleted"
      case .mailboxRenamed: "mailbox renamed"
      case .subscribed: "subscribed"
      case .unsubscribed: "unsubscribed"
      }
    coverage.note("change: \(word)")
  }
}

/// The stubs of a world, and the whole messages that could come in their place.
struct StubCount {
  private var stubs: Both<[SimulatedMail: Int]> = Both(left: [:], right: [:])
  private var whole: Both<[SimulatedMail: Int]> = Both(left: [:], right: [:])

  init(_ world: SimulatedWorld) {
    for side in Side.allCases {
      for mailbox in world.servers[side].mailboxes.values {
        for message in mailbox.messages where message.content.count > 400 || message.isStub {
          if message.isStub {
            stubs[side][message.origin, default: 0] += 1
          } else {
            whole[side][message.origin, default: 0] += 1
          }
        }
      }
    }
  }

  func count(in coverage: Coverage, since later: StubCount) {
    for side in Side.allCases {
      for (content, count) in later.stubs[side] where count > stubs[side][content] ?? 0 {
        coverage.note("change: stub saved")
      }
      for (content, count) in stubs[side] where count > later.stubs[side][content] ?? 0 {
        if later.whole[side][content] ?? 0 > whole[side][content] ?? 0 {
          coverage.note("change: stub replaced")
        }
      }
    }
  }
}
