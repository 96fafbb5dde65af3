import Foundation
import TestSupport
import Testing

/// A run is killed at each of the system calls by which it writes, and the next one puts everything right.
@Suite("Crash at every step") struct CrashTests {
  /// With MBOXSYNC_SWEEP in the environment every call is tried, not only some: of all scenarios, or of those
  /// whose names contain its value.
  private static let sweep = ProcessInfo.processInfo.environment["MBOXSYNC_SWEEP"]

  private static let scenarios = CrashScenario.all.filter { scenario in
    guard let sweep, sweep != "1" else { return true }
    return scenario.name.contains(sweep)
  }

  @Test("killed", arguments: scenarios, [CrashPoint.Happening.killBefore, .killAfter])
  func killed(scenario: CrashScenario, happening: CrashPoint.Happening) throws {
    try scenario.withPair { pair in
      let sweep = try CrashSweep(scenario, happening, pair)
      try sweep.run(stride: Self.sweep == nil ? scenario.stride : 1, offset: 0)
      #expect(sweep.problems.isEmpty)
      FileHandle.standardError.write(
        Data("\(scenario.name): \(sweep.hits)\n\(sweep.problems.joined(separator: "\n"))\n".utf8))
      #expect(sweep.hits > 0)
    }
  }
}
