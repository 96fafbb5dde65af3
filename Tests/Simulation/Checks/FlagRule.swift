import IMAPClient
import SyncEngine

/// What the three-way rule makes of messages that occur once only: their flags, and whether they are there.
///
/// Where nobody disturbed the runs, that can be told exactly from what the replicas held when they were
/// last level and what they hold before the run. In any case no flag may come or go that nobody set or
/// took away, and what was expunged and not touched otherwise is gone.
struct FlagRule {
  /// What the message has to be, by content; `nil`: gone.
  private var exact: [SimulatedMail: FlagSet?] = [:]
  /// By content, when all were level.
  private let level: [SimulatedMail: FlagSet]
  private let ignoresKeywords: Bool
  /// No side has room for all keywords.
  private let isReferenceLimited: Bool
  /// Nor has one that lies between two that have.
  private let isChainLimited: Bool
  /// Nothing was lost or forgotten that would tell a message.
  private let isJudged: Bool
  /// What a user moved while a run was under way may have been expunged and saved anew, as the one side had it.
  private let moved: Set<SimulatedMail>

  init(_ replay: Replay) {
    ignoresKeywords = replay.hasKeywordLimit
    isReferenceLimited = replay.reference?.originalTraits.keywordLimit != .max
    isChainLimited = replay.hasKeywordLimit && replay.history.pairs.count > 1
    moved = replay.phase.movedInRun
    isJudged =
      !replay.phase.hasForgotten && !replay.hasMultiplied && !replay.phase.hasDeletedMailbox
      && replay.history.wishes.since == nil
    guard let views = replay.phase.level, isJudged else {
      level = [:]
      return
    }
    level = FlagRule.single(views, replay.ledger)
    guard !replay.phase.hasRun, replay.history.pairs.count == 1, !replay.history.wishes.hasMaxSize,
      !replay.phase.hasChangedMailboxes, replay.history.wishes.expunge == .none
    else { return }
    let now = replay.servers.map { FlagRule.single(SimulatedView.all($0), replay.ledger) }
    guard now.count == 2 else { return }
    for (content, flags) in level {
      exact[content] = merged(flags, now[0][content], now[1][content], replay.history.wishes)
    }
  }

  /// Messages that were born once and never moved.
  private static func single(
    _ views: [SimulatedView], _ ledger: SimulatedLedger
  ) -> [SimulatedMail: FlagSet] {
    var single: [SimulatedMail: FlagSet] = [:]
    for view in views where ledger.isSingle(view.content) && !ledger.isEdited(view.content) {
      single[view.content] = view.flags
    }
    return single
  }

  /// A deliberately naive second opinion.
  private func merged(
    _ base: FlagSet, _ left: FlagSet?, _ right: FlagSet?, _ wishes: History.Wishes
  ) -> FlagSet? {
    switch (left, right) {
    case (nil, nil): return nil
    case (let rest?, nil), (nil, let rest?):
      return rest != base && wishes.conflict == .keep ? rest : nil
    case (let left?, let right?):
      let everything = base.union(left).union(right)
      let removed = base.subtracting(left.intersection(right))
      return everything.subtracting(removed)
    }
  }

  /// To be asked when all are level.
  func violations(_ replay: Replay) -> [String] {
    guard isJudged, let reference = replay.reference else { return [] }
    if !exact.isEmpty { replay.coverage.note("rest: three-way rule of flags") }
    let now = FlagRule.single(SimulatedView.all(reference), replay.ledger)
    let wrong = level.compactMap { content, base -> String? in
      guard let entry = replay.ledger.entries[content], entry.isSingle else { return nil }
      return violation(content, base, now[content], entry)
    }
    let lost = now.compactMap { content, flags -> String? in
      guard let entry = replay.ledger.entries[content], !moved.contains(content) else { return nil }
      // What goes with a message that is expunged (also as flagged `\Deleted`, and then kept where it was changed), or moved to
      // where no run looks, is no loss.
      let isInPlace = entry.late.gone == 0 && entry.late.moved == 0
      return isInPlace ? loss(content, flags, entry) : nil
    }
    return (wrong + lost).sorted()
  }

  /// Also of a message that is new: what was set and not taken away is there.
  private func loss(
    _ content: SimulatedMail, _ flags: FlagSet, _ entry: SimulatedLedger.Entry
  ) -> String? {
    var lost = entry.added.subtracting(entry.removed).subtracting(flags)
    // Of messages that are found to be one again both must have it.
    lost.system.remove(.deleted)
    lost = lost.subtracting(entry.fleeting)
    let ignoresKeywords = isReferenceLimited || isChainLimited
    guard !(ignoresKeywords ? simplified(lost) : lost).isEmpty else { return nil }
    return "\(SimulatedContent.label(content)): (\(lost)) was set and is gone"
  }

  private func violation(
    _ content: SimulatedMail, _ base: FlagSet, _ flags: FlagSet?, _ entry: SimulatedLedger.Entry
  ) -> String? {
    let label = SimulatedContent.label(content)
    if let wanted = exact[content], simplified(wanted) != simplified(flags) {
      return "\(label): (\(text(flags))), by the three-way rule it is (\(text(wanted)))"
    }
    guard let flags else { return nil }
    if entry.late.removals > 0, entry.added.isEmpty, entry.removed.isEmpty {
      return "\(label): it was expunged and has come back"
    }
    let odd = flags.subtracting(base).subtracting(entry.added)
    let lost = base.subtracting(flags).subtracting(entry.removed)
    // What a side has no room for stays on the other, and goes with the other's message: should a copy that a run which died had
    // not recorded come back from there, it comes without.
    let isRoomLacking = isReferenceLimited || entry.late.removals > 0
    let isLost = !(isRoomLacking ? simplified(lost) : lost).isEmpty
    guard !simplified(odd).isEmpty || isLost else { return nil }
    return "\(label): (\(flags)) of (\(base)), which nobody did"
  }

  private func simplified(_ flags: FlagSet) -> FlagSet {
    ignoresKeywords ? FlagSet(flags.system) : flags
  }

  private func simplified(_ flags: FlagSet?) -> FlagSet? { flags.map { simplified($0) } }

  private func text(_ flags: FlagSet?) -> String { flags.map { "\($0)" } ?? "gone" }
}
