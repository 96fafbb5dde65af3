import Foundation
import Simulation
import Testing

/// Histories that once went wrong, in `Regressions`: what `simulate` prints of a failing seed goes there, with
/// a comment that says what it is about.
@Suite("Histories that went wrong once") struct RegressionTests {
  private static let directory = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Regressions")

  private static var names: [String] {
    let files = try? FileManager.default.contentsOfDirectory(atPath: directory.path)
    return (files ?? []).filter { $0.hasSuffix(".txt") }.sorted()
  }

  @Test("all are there") func count() { #expect(RegressionTests.names.count >= 9) }

  /// - Parameter partSize: `nil`: as it went wrong. Else no more arrivals are held in memory at a time, as where there are many.
  @Test("holds now", arguments: names, [nil, 1, 2])
  func regression(_ name: String, partSize: Int?) throws {
    let file = RegressionTests.directory.appending(path: name)
    var history = try History(text: String(contentsOf: file, encoding: .utf8))
    if let partSize { history.wishes.partSize = partSize }
    let replay = Replay(history)
    replay.tellsStory = true
    #expect(replay.play(), "\(replay.story)")
  }
}
