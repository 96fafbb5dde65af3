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

  @Test("holds now", arguments: names)
  func regression(_ name: String) throws {
    let file = RegressionTests.directory.appending(path: name)
    let replay = Replay(try History(text: String(contentsOf: file, encoding: .utf8)))
    replay.tellsStory = true
    #expect(replay.play(), "\(replay.story)")
  }
}
