import Foundation
import TestSupport
import Testing

/// A disk has no room left, from the first call on that would take some.
@Suite("Disk full") struct DiskFullTests {
  private let tokens = (1...20).map { "m\($0)" }

  /// Lets a run find the disk full on which `folder` lies, and says what it came to.
  private func runOnFullDisk(
    _ folder: String, _ pair: Pair, _ happening: CrashPoint.Happening = .noSpaceFromHere
  ) throws -> ProgramResult {
    let point = try CrashPoint(
      happening, at: 1, under: pair.directory.path(folder), of: pair.mboxsync)
    let running = try pair.start(environment: point.environment)
    let result = try running.finish()
    #expect(try point.hit() != nil)
    return result
  }

  @Test(
    "of the Maildir: the other side gets its mail all the same, and the run after that brings the rest",
    arguments: [CrashPoint.Happening.noSpaceFromHere, .overQuotaFromHere])
  func maildir(happening: CrashPoint.Happening) throws {
    try withPair(.maildirAndExec) { pair in
      try pair.left.store.add(tokens: ["old"])
      try pair.sync()
      try pair.right.store.add(tokens: tokens)
      try pair.left.store.create("Box")
      let result = try runOnFullDisk("left", pair, happening)
      #expect(result.code == 1, "\(result.status) \(result.errorText)")
      #expect(result.errorText.contains("mboxsync: test: left: "), "\(result.errorText)")
      #expect(try pair.right.store.tokens() == (tokens + ["old"]).sorted())
      #expect(try pair.left.store.tokens() == ["old"])
      try pair.sync()
      try expectTokens(tokens + ["old"], pair)
      try expectMirror(pair)
      try expectQuiet(pair)
    }
  }

  @Test("of the state: nothing is done that could not be recorded")
  func state() throws {
    try withPair(.maildirAndExec) { pair in
      try pair.left.store.add(tokens: ["old"])
      try pair.sync()
      try pair.left.store.add(tokens: ["new"])
      try pair.right.store.add(tokens: tokens)
      let result = try runOnFullDisk("state", pair)
      #expect(result.code == 1, "\(result.status) \(result.errorText)")
      #expect(result.errorText.contains("make room"), "\(result.errorText)")
      try pair.sync()
      try expectTokens(tokens + ["old", "new"], pair)
      try expectMirror(pair)
      try expectQuiet(pair)
    }
  }

  @Test("of the state, at the first sync")
  func firstState() throws {
    try withPair(.maildirAndExec) { pair in
      try pair.right.store.add(tokens: tokens)
      let result = try runOnFullDisk("state", pair)
      #expect(result.code == 1, "\(result.status) \(result.errorText)")
      #expect(try pair.left.store.tokens().isEmpty)
      try pair.sync()
      try expectTokens(tokens, pair)
      try expectMirror(pair)
      try expectQuiet(pair)
    }
  }
}
