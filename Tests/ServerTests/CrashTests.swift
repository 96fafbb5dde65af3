import Foundation
import Synchronization
import TestSupport
import Testing

/// A run is killed at each of the system calls by which it writes, or one of them fails, and the next run puts everything
/// right.
@Suite("Crash at every step") struct CrashTests {
  @Test("killed", arguments: Sweep.scenarios, [CrashPoint.Happening.killBefore, .killAfter])
  func killed(scenario: CrashScenario, happening: CrashPoint.Happening) throws {
    try Sweep.run(scenario, happening)
  }

  @Test(
    "killed at every single call of small runs",
    arguments: [
      (CrashScenario.smallest, CrashPoint.Happening.killBefore), (.smallest, .killAfter),
      (.pull, .killAfter),
    ])
  func killedEverywhere(scenario: CrashScenario, happening: CrashPoint.Happening) throws {
    try Sweep.run(scenario, happening) { Array(1...$0.count) }
  }

  /// While messages get new UIDs by COPY there are two of each for a moment; while UIDs are used up there are messages
  /// that are nobody's mail.
  @Test(
    "killed after everything that is sent",
    arguments: [CrashScenario.collisionsWithoutMove, .padding])
  func killedAfterSending(scenario: CrashScenario) throws {
    try Sweep.run(scenario, .killAfter) { calls in
      calls.indices.filter { calls[$0].contains("pipe:") }.map { $0 + 1 }
    }
  }

  @Test("the power fails", arguments: Sweep.fewScenarios)
  func powerFails(scenario: CrashScenario) throws {
    try Sweep.run(scenario, .losePower)
  }

  @Test(
    "a disk is full, or broken, from some call on or for one", arguments: Sweep.fewScenarios,
    [CrashPoint.Happening.noSpace, .noSpaceFromHere, .overQuotaFromHere, .brokenDisk])
  func diskFails(scenario: CrashScenario, happening: CrashPoint.Happening) throws {
    try Sweep.run(scenario, happening)
  }

  @Test(
    "calls are interrupted, or write less than all", arguments: Sweep.fewScenarios,
    [CrashPoint.Happening.interrupted, .half])
  func partial(scenario: CrashScenario, happening: CrashPoint.Happening) throws {
    try Sweep.run(scenario, happening)
  }
}

/// How much of it is done: some calls of each scenario; with MBOXSYNC_SWEEP in the environment every call.
///
/// MBOXSYNC_SWEEP=1 means all scenarios; any other value those whose names contain it.
/// MBOXSYNC_SWEEP_STRIDE=7 takes each seventh call, from the one MBOXSYNC_SWEEP_FROM=3 on;
/// MBOXSYNC_SWEEP_CALL=7 the seventh alone.
private enum Sweep {
  private static let environment = ProcessInfo.processInfo.environment
  private static let wish = environment["MBOXSYNC_SWEEP"]
  private static let stride = number("STRIDE") ?? 1
  private static let first = number("FROM") ?? 1
  private static let call = number("CALL")
  /// So many of them, of each scenario and each kind of crash, where not all are wanted.
  private static let samples = 4
  /// So many calls of a scenario are tried at the same time, each in a copy of it: a run that follows a killed one
  /// waits more than it works, until locks of the dead are old and its server has settled.
  private static let atOnce = 4

  static let scenarios = CrashScenario.all.filter { scenario in
    guard let wish, wish != "1" else { return true }
    return scenario.name.contains(wish)
  }

  static let fewScenarios = wish == nil ? CrashScenario.few : scenarios

  private static func number(_ name: String) -> Int? {
    environment["MBOXSYNC_SWEEP_\(name)"].flatMap { Int($0) }
  }

  /// - Parameter choose: takes the numbers of calls out of all of them.
  static func run(
    _ scenario: CrashScenario, _ happening: CrashPoint.Happening,
    _ choose: (@Sendable ([String]) -> [Int])? = nil
  ) throws {
    let choose: @Sendable ([String]) -> [Int] = { calls in
      if let call { return [call] }
      if let choose { return choose(calls) }
      guard wish == nil else {
        return Array(Swift.stride(from: first, through: calls.count, by: stride))
      }
      return sample(of: calls.count, scenario, happening)
    }
    let found = try sweep(scenario, happening, choose)
    #expect(found.problems.isEmpty)
    #expect(found.hits > 0)
    guard wish != nil else { return }
    let text =
      "\(scenario.testDescription), \(happening.rawValue): \(found.hits) times, of \(found.calls) calls"
    FileHandle.standardError.write(
      Data((([text] + found.problems).joined(separator: "\n") + "\n").utf8))
  }

  private struct Found {
    var calls = 0
    var hits = 0
    var problems: [String] = []
    var error: (any Error)?
  }

  /// Tries the calls, some at the same time.
  private static func sweep(
    _ scenario: CrashScenario, _ happening: CrashPoint.Happening,
    _ choose: @escaping @Sendable ([String]) -> [Int]
  ) throws -> Found {
    let found = Mutex(Found())
    let group = DispatchGroup()
    for part in 0..<atOnce {
      group.enter()
      Thread.detachNewThread {
        defer { group.leave() }
        do {
          try scenario.withPair { pair in
            let sweep = try CrashSweep(scenario, happening, pair)
            try sweep.run { calls in
              found.withLock { $0.calls = calls.count }
              return choose(calls).enumerated().filter { $0.offset % atOnce == part }.map(\.element)
            }
            found.withLock {
              $0.hits += sweep.hits
              $0.problems += sweep.problems
            }
          }
        } catch {
          found.withLock { $0.error = error }
        }
      }
    }
    group.wait()
    return try found.withLock { found in
      if let error = found.error { throw error }
      return found
    }
  }

  /// Calls at equal distances, beginning at another one in each scenario and for each happening.
  private static func sample(
    of count: Int, _ scenario: CrashScenario, _ happening: CrashPoint.Happening
  ) -> [Int] {
    let stride = max(1, count / samples)
    let phases = [0, 3, 8, 5, 11, 2, 7, 13, 1, 9, 4]
    let place = CrashScenario.all.firstIndex { $0.name == scenario.name } ?? 0
    let kind = CrashPoint.Happening.allCases.firstIndex(of: happening) ?? 0
    let first = 1 + (phases[(place + kind) % phases.count] * stride / 14) % stride
    return Array(Swift.stride(from: first, through: count, by: stride))
  }
}
