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
  struct Entry {
    /// By server.
    var births: [Int: Int] = [:]
    var removals = 0
    /// By server.
    var moves: [Int: Int] = [:]
    /// What a restored backup did not bring back and another replica still has, by server, since ``settle(_:)``.
    var missing: [Int: Int] = [:]
    /// Births on a server where one like it was missing: there is no telling whether it is another one, or
    /// the missing one that a user put back.
    var returns: [Int: Int] = [:]
    /// Copies that users made of stubs.
    var stubCopies = 0
    /// Stubs that users moved, away from what they are known by.
    var stubMoves = 0
    /// Messages that lie under two UIDs, because a renumbering without MOVE was cut short.
    var spares = 0
    /// Expunges of what was flagged `\Deleted`, by server.
    var sweeps: [Int: Int] = [:]
    var dates: Set<InternalDate> = []
    /// Removals since ``settle(_:)``.
    var lateRemovals = 0
    /// What users did to its flags since ``settle(_:)``.
    var added = FlagSet.empty
    var removed = FlagSet.empty

    var least: Int {
      let certain = births.map { $0.value - (returns[$0.key] ?? 0) }.max() ?? 0
      // What is moved may be found to be one with its equal, where that lies on the other side.
      let merged = (births.values.max() ?? 0) > 1 ? moves.values.reduce(0, +) : 0
      return max(0, certain - removals - merged - (sweeps.values.max() ?? 0))
    }
    var most: Int {
      births.values.reduce(0, +) + moves.values.reduce(0, +) + stubCopies + spares
    }
    /// There has only ever been one, and nobody took it away.
    var isOneForGood: Bool {
      births.values.reduce(0, +) == 1 && removals == 0 && sweeps.isEmpty
    }
  }

  private(set) var entries: [SimulatedMail: Entry] = [:]
  /// Moved while a run is under way, which may have looked into the one mailbox before and into the other after that.
  private var movedInRun: Set<SimulatedMail> = []
  var isInRun = false { didSet { movedInRun = [] } }
  /// How many of each every server had when all were last level.
  private var settled: [SimulatedMail: Int] = [:]
  private var contentOfID: [ContentID: SimulatedMail] = [:]

  public init() {}

  public func noteBirth(_ content: SimulatedMail, of date: InternalDate, on server: Int) {
    entries[content, default: Entry()].births[server, default: 0] += 1
    entries[content]?.dates.insert(date)
    guard let missing = entries[content]?.missing[server], missing > 0 else { return }
    entries[content]?.missing[server] = missing - 1
    entries[content]?.returns[server, default: 0] += 1
  }

  /// To another mailbox.
  func noteMove(_ content: SimulatedMail, of date: InternalDate, on server: Int) {
    entries[content, default: Entry()].moves[server, default: 0] += 1
    entries[content]?.dates.insert(date)
    entries[content]?.lateRemovals += 1
    if isInRun { movedInRun.insert(content) }
  }

  /// Restored from a backup: as if it had never been removed.
  func noteReturn(_ content: SimulatedMail, count: Int, on server: Int) {
    entries[content, default: Entry()].births[server, default: 0] += count
    // Whoever had it still, has it no more often for that.
    entries[content]?.removals += count
  }

  /// Not brought back by a backup.
  func noteLoss(_ content: SimulatedMail, count: Int, of before: Int, on server: Int) {
    // What was moved or expunged here meanwhile goes elsewhere too.
    let elsewhere = (settled[content] ?? 0) - (entries[content]?.lateRemovals ?? 0)
    if before > elsewhere {
      entries[content]?.removals += count
    } else {
      entries[content]?.missing[server, default: 0] += count
    }
  }

  func noteDate(_ date: InternalDate, of content: SimulatedMail) {
    entries[content, default: Entry()].dates.insert(date)
  }

  /// Between the COPY and the EXPUNGE of a server without MOVE.
  func noteSpare(_ content: SimulatedMail, _ change: Int) {
    entries[content, default: Entry()].spares += change
  }

  var hasSpares: Bool { entries.contains { $0.value.spares > 0 } }

  /// A copy of a stub asks for a copy of the message, but is none.
  func noteStubCopy(_ content: SimulatedMail) { entries[content, default: Entry()].stubCopies += 1 }

  func noteStubMove(_ content: SimulatedMail) { entries[content, default: Entry()].stubMoves += 1 }

  public func noteRemoval(_ content: SimulatedMail) {
    entries[content, default: Entry()].removals += 1
    entries[content]?.lateRemovals += 1
  }

  /// The tool was asked to expunge what is flagged `\Deleted`.
  func noteSweep(_ content: SimulatedMail, on server: Int) {
    entries[content, default: Entry()].sweeps[server, default: 0] += 1
  }

  public func noteFlags(_ content: SimulatedMail, added: FlagSet, removed: FlagSet) {
    guard var entry = entries[content] else { return }
    entry.added = entry.added.union(added)
    entry.removed = entry.removed.union(removed)
    entries[content] = entry
  }

  /// All servers have all messages: begins a new account of what users do to flags.
  public func settle(_ counts: [SimulatedMail: Int]) {
    settled = counts
    for content in entries.keys {
      entries[content]?.added = .empty
      entries[content]?.removed = .empty
      entries[content]?.lateRemovals = 0
      entries[content]?.missing = [:]
    }
  }

  /// Equal messages that were born apart may have different dates for good.
  public func isBornOnSeveralSides(_ content: SimulatedMail) -> Bool {
    guard let entry = entries[content] else { return false }
    return Set(entry.births.keys).union(entry.moves.keys).count > 1
  }

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

  /// - Returns: messages that are nowhere any more, though nobody removed them.
  public func losses(_ servers: [SimulatedServer]) -> [String] {
    let counts = servers.map(\.wholeContentCounts)
    return entries.compactMap { content, entry in
      let found = counts.map { $0[content] ?? 0 }.max() ?? 0
      guard found < entry.least else { return nil }
      return "\(SimulatedContent.label(content)): \(found) left of \(entry.least)"
    }.sorted()
  }

  /// What an expunge took from a server though nobody had expunged it anywhere: a move of which the copy failed.
  ///
  /// - Parameter before: what the server had, by content.
  func takenAway(from server: SimulatedServer, _ before: [SimulatedMail: Int]) -> [String] {
    let now = server.contentCounts
    let gone = before.keys.filter { content in
      now[content] == nil && !movedInRun.contains(content)
        && entries[content]?.isOneForGood ?? false
    }
    return gone.map {
      "\(server.name): \(SimulatedContent.label($0)): taken away, though nobody expunged it"
    }.sorted()
  }

  public func losses(_ servers: Both<SimulatedServer>) -> [String] {
    losses([servers.left, servers.right])
  }

  /// To be asked when the sides are equal.
  ///
  /// - Parameters:
  ///   - allowsMore: without a base a mailbox renamed on one side can't be told from another one.
  ///   - isSynced: false for messages that a policy leaves where they are.
  /// - Returns: messages that are missing, multiplied, nobody's, or of another date than any had.
  public func violations(
    _ servers: [SimulatedServer], allowsMore: Bool = false,
    isSynced: (SimulatedMail) -> Bool = { _ in true }
  ) -> [String] {
    servers.flatMap { server -> [String] in
      let counts = server.contentCounts
      let contents = Set(counts.keys).union(entries.keys).filter(isSynced)
      let wrong = contents.compactMap { content -> String? in
        let count = counts[content] ?? 0
        let entry = entries[content] ?? Entry()
        guard count < entry.least || (count > entry.most && !allowsMore) else { return nil }
        return "\(server.name): \(SimulatedContent.label(content)): \(count) times, "
          + "should be \(entry.least) to \(entry.most)"
      }
      return wrong.sorted() + misdated(server)
    }
  }

  public func violations(
    _ servers: Both<SimulatedServer>, allowsMore: Bool = false
  ) -> [String] {
    violations([servers.left, servers.right], allowsMore: allowsMore)
  }

  private func misdated(_ server: SimulatedServer) -> [String] {
    server.mailboxes.sorted { $0.key < $1.key }.flatMap { name, mailbox in
      mailbox.messages.compactMap { message in
        guard let entry = entries[message.origin], !entry.dates.contains(message.date) else {
          return nil
        }
        let label = SimulatedContent.label(message.origin)
        return "\(server.name): \(name): \(label) of \(message.date.seconds), a date it never had"
      }
    }
  }
}
