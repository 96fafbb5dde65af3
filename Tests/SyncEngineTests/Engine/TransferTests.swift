import IMAPClient
import Testing

@testable import SyncEngine

@Suite("What has come of a transfer") struct TransferTests {
  /// Takes everything.
  private final class Taker: MessageSaver {
    func begin(_ item: SaveItem, size: UInt64, form: MessageForm) {}
    func write(_ bytes: UnsafeRawBufferPointer) {}
    func end() {}
    func abandon() {}
    func commit() -> [PlacementOutcome] { [] }
  }

  @Test(
    "beyond a gap lies what would use up the UID of one that has not come",
    arguments: [
      ([], [], []), ([1, 2, 3, 4], [], []), ([1, 2], [], []), ([1, 3, 4], [], [1, 2]),
      ([1, 3, 4], [2], []), ([4, 1, 2], [], [0]), ([2, 3], [], [0, 1]),
    ] as [([UInt32], [UInt32], Set<Int>)])
  func gap(_ completed: [UInt32], _ missing: [UInt32], _ beyond: Set<Int>) throws {
    func items(hasTargets: Bool) -> [MessageHandle: SaveItem] {
      var items: [MessageHandle: SaveItem] = [:]
      for uid in [1, 2, 3, 4].compactMap({ UID($0) }) {
        items[.uid(uid)] = SaveItem(
          flags: .empty, date: InternalDate(seconds: 0), target: hasTargets ? uid : nil)
      }
      return items
    }
    let transfer = Transfer(
      saver: Taker(), items: items(hasTargets: true), form: .wire, cancellation: Cancellation()
    ) { _ in }
    for uid in completed.compactMap({ UID($0) }) {
      try transfer.begin(.uid(uid), size: 0, form: .wire)
      try transfer.end()
    }
    for uid in missing.compactMap({ UID($0) }) { try transfer.missing(.uid(uid), why: nil) }
    #expect(transfer.beyondGap(of: items(hasTargets: true)) == beyond)
    // Where the side numbers, there is none.
    #expect(transfer.beyondGap(of: items(hasTargets: false)).isEmpty)
  }
}
