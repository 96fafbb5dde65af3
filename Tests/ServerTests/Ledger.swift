import TestSupport
import Testing

/// What a client that switches between the sides has ever seen under a UID.
struct Ledger {
  private var seen: [String: Set<[UInt8]>] = [:]

  /// Notes what a side shows.
  ///
  /// - Returns: where something else was ever seen under a UID. That may be while the sides are apart.
  @discardableResult
  mutating func record(_ view: StoreView) -> [String] {
    var conflicts: [String] = []
    for (mailbox, content) in view {
      for message in content.messages {
        guard let uid = message.uid, let numbers = content.numbers else { continue }
        let place = "\(mailbox), UIDVALIDITY \(numbers.uidValidity), UID \(uid)"
        if !seen[place, default: []].subtracting([message.bytes]).isEmpty {
          conflicts.append("\(place): \(message.token)")
        }
        seen[place, default: []].insert(message.bytes)
      }
    }
    return conflicts.sorted()
  }

  mutating func record(_ pair: Pair) throws {
    for side in pair.sides { record(try side.served.view()) }
  }

  /// After a run no UID stands for anything else than it ever did.
  mutating func check(_ pair: Pair, sourceLocation: SourceLocation = #_sourceLocation) throws {
    for side in pair.sides {
      let conflicts = record(try side.served.view())
      #expect(conflicts.isEmpty, "\(side.name)", sourceLocation: sourceLocation)
    }
  }
}
