import IMAPClient
import SyncEngine

/// What users did, and so which messages have to exist, how often at most, and with which dates.
///
/// A sync neither makes nor removes messages, it only carries over what users did; equal messages born on
/// several sides may be found to be one. So, with the births of each side and all removals counted:
/// at any time one side or another holds at least `max(births) - removals`, and when the sides are equal
/// each holds that many at least, and at most the sum of the births. A move is neither birth nor removal; but one that was
/// moved on two sides may come to lie in both places.
public final class SimulatedLedger: @unchecked Sendable {
  /// What was done to all messages of one content.
  struct Account {
    /// By server.
    var births: [Int: Int] = [:]
    var removals = 0
    /// By server.
    var moves: [Int: Int] = [:]
    /// Births on a server where one like it was missing: there is no telling whether it is another one, or
    /// the missing one that a user put back.
    var returns: [Int: Int] = [:]
    /// Copies that users made of stubs.
    var stubCopies = 0
    /// Messages that lie under two UIDs, because a renumbering without MOVE was cut short.
    var spares = 0
    /// Stubs that users moved, away from what they are known by.
    var stubMoves = 0
    /// Those of them after which there may be one in the old place and one in the new, as there may be where a message
    /// was moved itself.
    var splitMoves = 0
    /// Expunges of what was flagged `\Deleted`, by server.
    var sweeps: [Int: Int] = [:]
    /// Births before any run, by mailbox and server.
    var early: [MailboxName: [Int: Int]] = [:]

    /// How many more there may be.
    var most: Int {
      births.values.reduce(0, +) + moves.values.reduce(0, +) + stubCopies + splitMoves
    }

    /// How many of them a run finds to be one with another, born in the same mailbox on another side: it sees both before
    /// it does anything.
    var met: Int {
      early.values.reduce(0) { sum, births in
        sum + births.values.reduce(0, +) - (births.values.max() ?? 0)
      }
    }

    /// How many were taken away at most.
    var gone: Int { removals + (sweeps.values.max() ?? 0) }

    /// How many were put elsewhere, and so may be found to be one with an equal message there.
    var moved: Int { moves.values.reduce(stubMoves, +) }

    /// Of equal messages one may have been moved here and one there: then the two may be taken for one.
    var movedApart: Int { moves.values.reduce(0, +) - (moves.values.max() ?? 0) }
  }

  struct Entry {
    /// From the beginning.
    var all = Account()
    /// Since ``settle(_:)``.
    var late = Account()
    /// How many each server had then, stubs left out.
    var settled: [Int: Int] = [:]
    /// And the most that any had, stubs and all.
    var settledMost = 0
    /// What a restored backup did not bring back and another replica still has, by server, since ``settle(_:)``.
    var missing: [Int: Int] = [:]
    var dates: Set<InternalDate> = []
    /// Removals by users since ``settle(_:)``.
    var lateRemovals = 0
    /// Someone has written it, or over it, in place: on one side it is there, and on the other the one that it was.
    var isEdited = false
    /// What users did to its flags since ``settle(_:)``.
    var added = FlagSet.empty
    var removed = FlagSet.empty
    /// Set on a stub at the moment in which it goes, or after a run died that had put the message in its place.
    var fleeting = FlagSet.empty
    /// A run that died has left a stub of it that the base does not know.
    var hasLeftStub = false

    /// So many lie at least on one server or another, at any time.
    var least: Int {
      if isEdited { return 0 }
      let servers = Set(settled.keys).union(late.births.keys)
      let certain = servers.map { server in
        (settled[server] ?? 0) + (late.births[server] ?? 0) - (late.returns[server] ?? 0)
      }
      let most = certain.max() ?? 0
      return max(0, most - late.gone - (most > 1 ? late.moved : 0))
    }
    var most: Int { settledMost + late.most }

    /// There is only one, though it may lie elsewhere than it did.
    var isSingle: Bool {
      let moves = late.moves.values.reduce(0, +)
      // What was moved here and expunged there stays.
      return settledMost + late.most - moves == 1 && late.movedApart == 0 && late.stubMoves == 0
        && (moves == 0 || late.removals == 0)
    }

    /// So many of those that a server had may not leave it, whatever else comes or does not come.
    func floor(_ server: Int) -> Int {
      isEdited ? 0 : max(0, (settled[server] ?? 0) - late.gone - late.movedApart)
    }

    mutating func note(_ change: (inout Account) -> Void) {
      change(&all)
      change(&late)
    }
  }

  private(set) var entries: [SimulatedMail: Entry] = [:]
  private var contentOfID: [ContentID: SimulatedMail] = [:]
  /// What a server made of messages.
  private var originals: [[UInt8]: SimulatedMail] = [:]
  /// How often messages were altered that nothing tells once they are.
  private(set) var repeatable: [SimulatedMail: Int] = [:]
  /// What was changed on one side and is gone from the other is placed there anew: even if it was moved, where a run
  /// carries over the new place alone.
  var keepsChanged = false
  /// Since ``settle(_:)``.
  private var hasRun = false
  /// Users act just before a run expunges something that it has looked at.
  var isAtExpunge = false
  private var edits: [Edit] = []
  /// Since ``settle(_:)``, by the mailbox that they were moved from.
  private var stubsMoved: [GlobalUID: [SimulatedMail]] = [:]
  /// What restored backups lack since ``settle(_:)``, by the mailbox in which it lay.
  private var lost: [GlobalUID: [SimulatedMail]] = [:]

  private struct Edit {
    var contents: Set<SimulatedMail>
    /// How often users had removed any of them when all were last level.
    var removals: Int
  }

  public init() {}

  /// - Parameter mailbox: `nil`: in the place of another message.
  public func noteBirth(
    _ content: SimulatedMail, of date: InternalDate, in mailbox: MailboxName? = nil, on server: Int
  ) {
    entries[content, default: Entry()].dates.insert(date)
    entries[content]?.note { $0.births[server, default: 0] += 1 }
    if let mailbox, !hasRun {
      entries[content]?.late.early[mailbox, default: [:]][server, default: 0] += 1
    }
    guard let missing = entries[content]?.missing[server], missing > 0 else { return }
    entries[content]?.missing[server] = missing - 1
    entries[content]?.note { $0.returns[server, default: 0] += 1 }
  }

  /// To be told before any run.
  func noteRun() { hasRun = true }

  /// To another mailbox.
  func noteMove(_ content: SimulatedMail, of date: InternalDate, on server: Int) {
    entries[content, default: Entry()].dates.insert(date)
    entries[content]?.note { $0.moves[server, default: 0] += 1 }
    entries[content]?.lateRemovals += 1
  }

  /// Restored from a backup: as if it had never been removed.
  func noteReturn(_ content: SimulatedMail, count: Int, on server: Int) {
    entries[content, default: Entry()].note { account in
      account.births[server, default: 0] += count
      // Whoever had it still, has it no more often for that.
      account.removals += count
    }
  }

  /// Not brought back by a backup of a mailbox.
  func noteLoss(
    _ content: SimulatedMail, from mailbox: GlobalUID, count: Int, of before: Int, on server: Int
  ) {
    // What was moved or expunged here meanwhile goes elsewhere too.
    let entry = entries[content, default: Entry()]
    if before > entry.settledMost - entry.lateRemovals {
      entries[content, default: Entry()].note { $0.removals += count }
    } else {
      entries[content]?.missing[server, default: 0] += count
      lost[mailbox, default: []] += Array(repeating: content, count: count)
    }
  }

  /// What both sides' backups did not bring back is nowhere any more, and nobody can help it.
  func concede(_ servers: [SimulatedServer]) {
    let counts = servers.map(\.wholeContentCounts)
    for (content, entry) in entries {
      let found = counts.map { $0[content] ?? 0 }.max() ?? 0
      guard found < entry.least else { continue }
      entries[content]?.note { $0.removals += entry.least - found }
    }
  }

  func noteDate(_ date: InternalDate, of content: SimulatedMail) {
    entries[content, default: Entry()].dates.insert(date)
  }

  /// Between the COPY and the EXPUNGE of a server without MOVE.
  func noteSpare(_ content: SimulatedMail, _ change: Int) {
    entries[content, default: Entry()].note { $0.spares += change }
  }

  /// Of a message that a run which died was to give another UID without MOVE.
  func noteTakenCopy(_ content: SimulatedMail) {
    entries[content, default: Entry()].note { $0.removals += 1 }
  }

  /// Another pair comes across them: to that they are messages like any other.
  func concedeSpares() {
    for (content, entry) in entries where entry.late.spares > 0 {
      repeatable[content, default: 0] += entry.late.spares
      entries[content]?.note { $0.spares -= entry.late.spares }
    }
  }

  var hasSpares: Bool { entries.contains { $0.value.late.spares > 0 } }

  /// A copy of a stub asks for a copy of the message, but is none.
  func noteStubCopy(_ content: SimulatedMail) {
    entries[content, default: Entry()].note { $0.stubCopies += 1 }
  }

  /// - Parameter isUnseen: nobody can tell it from an expunge, if that is under way.
  func noteStubMove(_ content: SimulatedMail, from mailbox: GlobalUID, isUnseen: Bool) {
    let isSplit = keepsChanged || isUnseen && isAtExpunge
    entries[content, default: Entry()].note { account in
      account.stubMoves += 1
      if isSplit { account.splitMoves += 1 }
    }
    if !isSplit { stubsMoved[mailbox, default: []].append(content) }
  }

  /// Of a stub that is moved before the run has recorded it, and that dies, nobody knows that it was another's: as with a whole
  /// message there may be one in the old place and one in the new.
  func noteUnrecordedStub(_ content: SimulatedMail) {
    entries[content]?.note { $0.splitMoves = max($0.splitMoves, $0.stubMoves) }
    entries[content]?.hasLeftStub = true
  }

  /// With a mailbox that comes back, the messages come back whose stubs were moved out of it. And who deletes one that was
  /// restored deletes, on the other side, what the backup lacks as well.
  func noteDeletion(of mailbox: GlobalUID) {
    for content in lost.removeValue(forKey: mailbox) ?? [] {
      entries[content, default: Entry()].note { $0.removals += 1 }
    }
    for content in stubsMoved.removeValue(forKey: mailbox) ?? [] {
      entries[content, default: Entry()].note { $0.splitMoves += 1 }
    }
  }

  public func noteRemoval(_ content: SimulatedMail) {
    entries[content, default: Entry()].note { $0.removals += 1 }
    entries[content]?.lateRemovals += 1
  }

  /// Two messages share a place from now on.
  func noteEdit(
    _ content: SimulatedMail, to new: SimulatedMail, of date: InternalDate, on server: Int
  ) {
    // Of one that was edited twice, each side has any of three.
    let before = edits.firstIndex { $0.contents.contains(content) }.map { edits.remove(at: $0) }
    let contents = (before?.contents ?? []).union([content, new])
    // What was expunged on the other side since all were level goes, whatever has been written over it.
    edits.append(Edit(contents: contents, removals: removals(contents) - lateRemovals(contents)))
    noteBirth(new, of: date, on: server)
    for content in [content, new] { entries[content, default: Entry()].isEdited = true }
  }

  /// The tool was asked to expunge what is flagged `\Deleted`.
  func noteSweep(_ content: SimulatedMail, on server: Int) {
    entries[content, default: Entry()].note { $0.sweeps[server, default: 0] += 1 }
  }

  public func noteFlags(_ content: SimulatedMail, added: FlagSet, removed: FlagSet) {
    guard var entry = entries[content] else { return }
    entry.added = entry.added.union(added)
    entry.removed = entry.removed.union(removed)
    entries[content] = entry
  }

  /// - Parameter isUnseen: nobody is told of a change that comes just before an expunge.
  func noteStubFlags(_ content: SimulatedMail, added: FlagSet, isUnseen: Bool) {
    guard let entry = entries[content], entry.hasLeftStub || isUnseen && isAtExpunge else { return }
    entries[content]?.fleeting = entry.fleeting.union(added)
  }

  /// All servers have all messages: begins a new account of what users do.
  public func settle(_ servers: [SimulatedServer]) {
    let all = servers.map(\.contentCounts)
    let whole = servers.map(\.wholeContentCounts)
    stubsMoved = [:]
    lost = [:]
    hasRun = false
    for content in entries.keys {
      for (server, counts) in zip(servers, whole) {
        entries[content]?.settled[server.number] = counts[content] ?? 0
      }
      entries[content]?.settledMost = all.map { $0[content] ?? 0 }.max() ?? 0
      entries[content]?.late = Account()
      entries[content]?.added = .empty
      entries[content]?.fleeting = .empty
      entries[content]?.hasLeftStub = false
      entries[content]?.removed = .empty
      entries[content]?.lateRemovals = 0
      entries[content]?.missing = [:]
    }
  }

  /// Equal messages that were born apart may have different dates for good.
  public func isBornOnSeveralSides(_ content: SimulatedMail) -> Bool {
    guard let all = entries[content]?.all else { return false }
    return Set(all.births.keys).union(all.moves.keys).count > 1
  }

  /// Whether there was ever more than one.
  func wasBornTwice(_ content: SimulatedMail) -> Bool { (entries[content]?.all.most ?? 0) > 1 }

  /// Whether one was ever taken from where it lay.
  func wasTaken(_ content: SimulatedMail) -> Bool {
    entries[content].map { $0.all.gone + $0.all.moved > 0 } ?? false
  }

  /// Whether one may have been placed anew where it was expunged.
  func mayBeKept(_ content: SimulatedMail) -> Bool {
    keepsChanged && entries[content]?.all.removals ?? 0 > 0
  }

  /// How often it was made, or put elsewhere, from the beginning.
  func comings(_ content: SimulatedMail) -> Int { entries[content]?.all.most ?? 0 }

  func isSingle(_ content: SimulatedMail) -> Bool { entries[content]?.isSingle ?? false }

  public func isBornTwice(_ content: SimulatedMail) -> Bool { (entries[content]?.most ?? 0) > 1 }

  /// The message that a stub stands for, if users know it.
  func message(_ id: ContentID) -> SimulatedMail? {
    if contentOfID.count < entries.count {
      for content in entries.keys {
        contentOfID[SimulatedContent.contentID(of: content.bytes)] = content
      }
    }
    return contentOfID[id]
  }

  /// Whether users copied or moved stubs of it.
  func hasPlacedStubs(of content: SimulatedMail) -> Bool {
    entries[content].map { $0.all.stubCopies + $0.all.stubMoves > 0 } ?? false
  }

  /// Whether users have moved stubs of it since all were level.
  func hasMovedStubs(of content: SimulatedMail) -> Bool {
    entries[content].map { $0.late.stubMoves > 0 } ?? false
  }

  public func isEdited(_ content: SimulatedMail) -> Bool { entries[content]?.isEdited ?? false }

  private func removals(_ contents: Set<SimulatedMail>) -> Int {
    contents.reduce(0) { $0 + (entries[$1]?.all.removals ?? 0) }
  }

  private func lateRemovals(_ contents: Set<SimulatedMail>) -> Int {
    contents.reduce(0) { $0 + (entries[$1]?.late.removals ?? 0) }
  }

  /// - Returns: places in which neither the message is that was written there nor one that it was before, though nobody
  ///   removed any of them.
  func lostEdits(_ servers: [SimulatedServer]) -> [String] {
    let counts = servers.map(\.contentCounts)
    return edits.flatMap { edit -> [String] in
      guard removals(edit.contents) == edit.removals else { return [] }
      return zip(servers, counts).compactMap { server, counts in
        guard edit.contents.allSatisfy({ counts[$0] == nil }) else { return nil }
        let label = edit.contents.first.map { SimulatedContent.label($0) } ?? ""
        return "\(server.name): \(label) was edited and is gone"
      }
    }
  }

  /// What users know a message by that a server has altered on its way in.
  /// (One without a Message-ID can't be known again if the run dies before it has recorded it, and may come a second time.)
  func noteAltered(_ content: [UInt8], of original: SimulatedMail) {
    originals[content] = original
    if !SimulatedContent.hasMessageID(content) { repeatable[original, default: 0] += 1 }
  }

  func mayBeRepeated(_ content: SimulatedMail) -> Bool { repeatable[content] != nil }

  func original(ofAltered content: [UInt8]) -> SimulatedMail? { originals[content] }
}
