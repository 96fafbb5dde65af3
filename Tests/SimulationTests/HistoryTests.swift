import Foundation
import Simulation
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
    "everything is level at rest", .enabled(if: environment["MBOXSYNC_SEED"] == nil),
    arguments: chunks)
  func histories(from first: UInt64) {
    for seed in first..<first + HistoryTests.chunk {
      let history = HistoryMaker.history(seed: seed)
      if Replay(history).play() { continue }
      Issue.record(
        "seed \(seed) failed; shortened:\n\(HistoryTests.told(Shrinking.shorten(history)))")
      return
    }
  }

  private static func told(_ history: History) -> String {
    let replay = Replay(history)
    replay.tellsStory = true
    replay.play()
    return history.text + replay.story
  }

  @Test("one history again", .enabled(if: environment["MBOXSYNC_SEED"] != nil))
  func replay() throws {
    let seed = try #require(HistoryTests.environment["MBOXSYNC_SEED"].flatMap { UInt64($0) })
    let replay = Replay(HistoryMaker.history(seed: seed))
    replay.tellsStory = true
    replay.tellsCalls = HistoryTests.environment["MBOXSYNC_CALLS"] != nil
    let isRight = replay.play()
    print(replay.history.text + replay.story)
    #expect(isRight)
  }

  // MARK: The machinery

  @Test("a history is what its text says", arguments: 0..<300 as Range<UInt64>)
  func text(_ seed: UInt64) throws {
    let history = HistoryMaker.history(seed: seed)
    #expect(try History(text: history.text) == history)
  }

  @Test(
    "what is no history is not taken for one",
    arguments: [
      "replica mbox", "replica imap", "pair A", "A deliver 1", "run 1", "  before save 1 refused",
      "wish uids=other", "wish max-size=1", "rest now", "seed x",
    ])
  func misread(_ text: String) {
    #expect(throws: History.Misread.self) { _ = try History(text: text) }
  }

  @Test("a history is played the same way every time", arguments: 0..<20 as Range<UInt64>)
  func determinism(_ seed: UInt64) {
    let history = HistoryMaker.history(seed: seed)
    let replays = (0..<2).map { _ in Replay(history) }
    for replay in replays { replay.play() }
    #expect(replays[0].digest == replays[1].digest)
    #expect(replays[0].coverage.counts == replays[1].coverage.counts)
  }

  @Test("what a failure does not need is left out")
  func shrinking() throws {
    let history = HistoryMaker.history(seed: 3)
    let isFailing = { (history: History) in
      history.steps.contains { if case .deed(_, .expunge, _) = $0 { true } else { false } }
    }
    try #require(isFailing(history) && history.steps.count > 5)
    let short = Shrinking.shorten(history, isFailing: isFailing)
    #expect(short.steps.count == 1 && isFailing(short))
    #expect(short.wishes == History.Wishes())
  }
}
