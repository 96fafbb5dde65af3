import Foundation
import IMAPClient
import Simulation
import SyncEngine
import TestSupport
import Testing

/// Random histories through whole runs.
///
/// `MBOXSYNC_SEED=…` plays one of them and tells it; `MBOXSYNC_HISTORIES=…` plays so many.
@Suite("Histories") struct HistoryTests {
  private static let environment = ProcessInfo.processInfo.environment
  private static let chunk: UInt64 = 100

  private static var chunks: [UInt64] {
    let count = environment["MBOXSYNC_HISTORIES"].flatMap { UInt64($0) } ?? 1500
    return Array(stride(from: 0, to: count, by: Int(chunk)))
  }

  @Test(
    "everything is level after a run in quiet", .enabled(if: environment["MBOXSYNC_SEED"] == nil),
    arguments: chunks)
  func histories(from first: UInt64) {
    var failed = 0
    for seed in first..<first + HistoryTests.chunk where failed < 8 {
      let history = SimulatedHistory(seed: seed)
      if !history.play() {
        failed += 1
        Issue.record("\(history.story)")
      }
    }
  }

  @Test("one history again", .enabled(if: environment["MBOXSYNC_SEED"] != nil))
  func replay() throws {
    let seed = try #require(HistoryTests.environment["MBOXSYNC_SEED"].flatMap { UInt64($0) })
    let history = SimulatedHistory(seed: seed)
    history.tellsCalls = HistoryTests.environment["MBOXSYNC_CALLS"] != nil
    let isRight = history.play()
    print(history.story)
    #expect(isRight)
  }
}
