import SyncEngine

/// What users did, and so which messages have to exist, and how often at most.
///
/// A sync neither makes nor removes messages, it only carries over what users did; equal messages born on
/// both sides may be found to be one. So, with the births of each side and all removals counted:
/// at any time one side or the other holds at least `max(births) - removals`, and when both sides are
/// equal each holds that many at least, and at most the sum of the births.
public final class SimulatedLedger: @unchecked Sendable {
  private struct Entry {
    var births = Both(left: 0, right: 0)
    var removals = 0

    var least: Int { max(0, max(births.left, births.right) - removals) }
    var most: Int { births.left + births.right }
  }

  private var entries: [[UInt8]: Entry] = [:]

  public init() {}

  public func noteBirth(_ content: [UInt8], _ side: Side) {
    entries[content, default: Entry()].births[side] += 1
  }

  public func noteRemoval(_ content: [UInt8]) { entries[content, default: Entry()].removals += 1 }

  /// Equal messages that were born apart may have different dates for good.
  public func isBornOnBothSides(_ content: [UInt8]) -> Bool {
    guard let births = entries[content]?.births else { return false }
    return births.left > 0 && births.right > 0
  }

  public func isBornTwice(_ content: [UInt8]) -> Bool { (entries[content]?.most ?? 0) > 1 }

  /// - Returns: messages that are nowhere any more, though nobody removed them.
  public func losses(_ servers: Both<SimulatedServer>) -> [String] {
    let counts = servers.map(\.contentCounts)
    return entries.compactMap { content, entry in
      let found = max(counts.left[content] ?? 0, counts.right[content] ?? 0)
      guard found < entry.least else { return nil }
      return "\(SimulatedContent.label(content)): \(found) left of \(entry.least)"
    }.sorted()
  }

  /// To be asked when both sides are equal.
  ///
  /// - Parameter allowsMore: without a base a mailbox renamed on one side can't be told from another one.
  /// - Returns: messages that are missing, multiplied, or nobody's.
  public func violations(
    _ servers: Both<SimulatedServer>, allowsMore: Bool = false
  ) -> [String] {
    Side.allCases.flatMap { side in
      let counts = servers[side].contentCounts
      let contents = Set(counts.keys).union(entries.keys)
      return contents.compactMap { content -> String? in
        let count = counts[content] ?? 0
        let entry = entries[content] ?? Entry()
        guard count < entry.least || (count > entry.most && !allowsMore) else { return nil }
        return "\(side): \(SimulatedContent.label(content)): \(count) times, "
          + "should be \(entry.least) to \(entry.most)"
      }.sorted()
    }
  }
}
