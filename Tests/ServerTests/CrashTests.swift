import Foundation
import TestSupport
import Testing

/// A run is killed at each of the system calls by which it writes, or one of them fails, and the next run puts everything
/// right.
@Suite("Crash at every step") struct CrashTests {
  @Test("killed", arguments: Sweep.scenarios, [CrashPoint.Happening.killBefore, .killAfter])
  func killed(scenario: CrashScenario, happening: CrashPoint.Happening) throws {
    try Sweep.run(scenario, happening)
  }

  @Test("the power fails", arguments: Sweep.scenarios)
  func powerFails(scenario: CrashScenario) throws {
    try Sweep.run(scenario, .losePower)
  }

  @Test(
    "a disk is full, or broken, from some call on or for one",
    arguments: Sweep.scenarios,
    [CrashPoint.Happening.noSpace, .noSpaceFromHere, .overQuotaFromHere, .brokenDisk])
  func diskFails(scenario: CrashScenario, happening: CrashPoint.Happening) throws {
    try Sweep.run(scenario, happening)
  }

  @Test(
    "calls are interrupted, or write less than all", arguments: Sweep.scenarios,
    [CrashPoint.Happening.interrupted, .half])
  func partial(scenario: CrashScenario, happening: CrashPoint.Happening) throws {
    try Sweep.run(scenario, happening)
  }
}

/// How much of it is done.
private enum Sweep {
  private static let environment = ProcessInfo.processInfo.environment
  /// With MBOXSYNC_SWEEP in the environment every call is tried, not only some: of all scenarios, or of those
  /// whose names contain its value.
  private static let wish = environment["MBOXSYNC_SWEEP"]
  /// One of so many calls.
  private static let stride = environment["MBOXSYNC_SWEEP_STRIDE"].flatMap { Int($0) } ?? 1

  static let scenarios = CrashScenario.all.filter { scenario in
    guard let wish, wish != "1" else { return true }
    return scenario.name.contains(wish)
  }

  static func run(_ scenario: CrashScenario, _ happening: CrashPoint.Happening) throws {
    try scenario.withPair { pair in
      let sweep = try CrashSweep(scenario, happening, pair)
      try sweep.run(stride: wish == nil ? scenario.stride : stride, offset: 0)
      #expect(sweep.problems.isEmpty)
      #expect(sweep.hits > 0)
      guard wish != nil else { return }
      let text = ["\(scenario.testDescription), \(happening.rawValue): \(sweep.hits) times"]
      FileHandle.standardError.write(
        Data(((text + sweep.problems).joined(separator: "\n") + "\n").utf8))
    }
  }
}
