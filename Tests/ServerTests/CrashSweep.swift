import Foundation
import SyncEngine
import TestSupport
import Testing

/// Runs one scenario again and again, and stops the run at another of its system calls each time.
final class CrashSweep {
  private let scenario: CrashScenario
  private let pair: Pair
  private let happening: CrashPoint.Happening
  /// What a run that nothing happens to comes to, and so every other must.
  private var expected = Both { _ in [String: [String]]() }
  /// What mail programs saw before the run.
  private var ledger = Ledger()
  /// What was wrong, and where the run had been stopped.
  private(set) var problems: [String] = []
  /// How often something happened.
  private(set) var hits = 0

  init(_ scenario: CrashScenario, _ happening: CrashPoint.Happening, _ pair: Pair) throws {
    self.scenario = scenario
    self.pair = pair
    self.happening = happening
    if let before = scenario.before {
      try before(pair)
      try pair.sync()
    }
    try scenario.change(pair)
    try store()
    if scenario.mirrors {
      // A Maildir's files are looked at as such: to be served is to be numbered.
      for side in pair.sides { ledger.record(try side.store.view()) }
    }
  }

  /// Tries those of the calls that are chosen, given all of them.
  func run(_ choose: ([String]) -> [Int]) throws {
    let calls = try runUnharmed()
    let count = calls.count
    for number in choose(calls) {
      guard problems.count < 5 else { return }
      try restore()
      let point = try CrashPoint(happening, at: number, of: pair.mboxsync)
      do {
        try runOnce(point)
      } catch {
        let call = try point.hit() ?? "\(number), not reached"
        problems.append("\(happening.rawValue) at \(call) of \(count): \(error)")
      }
    }
  }

  /// The calls of a run that nothing happens to.
  func calls() throws -> [String] {
    let point = try CrashPoint(happening, at: nil, of: pair.mboxsync)
    try pair.sync(environment: point.environment)
    return try point.calls()
  }

  /// - Returns: the calls to stop at.
  private func runUnharmed() throws -> [String] {
    let calls = try calls()
    let (left, right) = try views()
    expected = Both(left: contents(left), right: contents(right))
    return calls
  }

  /// Stops a run, and sees whether the next one puts everything right.
  private func runOnce(_ point: CrashPoint) throws {
    // Kept to the end: with it its server ends, which may still be at work for the dead.
    let running = try pair.start(environment: point.environment)
    defer { running.child.end() }
    let result = try running.finish(seconds: 120)
    guard try point.hit() != nil else { return }
    hits += 1
    var seen = ledger
    try checkEnd(result, &seen)
    if happening == .killBefore, scenario.mirrors, scenario.isVisited {
      for side in pair.sides { seen.record(try side.served.view()) }
    }
    let next = try pair.runUnchecked()
    guard next.code == 0 else { throw TestFailure("\(next.status) \(next.errorText)") }
    try check(&seen)
    let last = try pair.reportUnchecked()
    guard last.left == PairReport.Counts(), last.right == PairReport.Counts(), last.errors.isEmpty
    else { throw TestFailure("not quiet afterwards: \(last)") }
  }

  /// A killed run says nothing. Another says that it failed, or nothing is wrong.
  private func checkEnd(_ result: ProgramResult, _ seen: inout Ledger) throws {
    switch result.status {
    case .signalled(SIGKILL) where happening.kills: return
    case .exited(0) where !happening.kills: try check(&seen)
    case .exited where !happening.kills && !happening.isHarmless:
      guard !result.errorText.isEmpty else { throw TestFailure("no word of it, \(result.status)") }
    default: throw TestFailure("\(result.status) \(result.errorText)")
    }
  }

  private func check(_ seen: inout Ledger) throws {
    let (left, right) = try views()
    for (found, wanted) in [(left, expected.left), (right, expected.right)] {
      let found = contents(found)
      for mailbox in Set(found.keys).union(wanted.keys).sorted()
      where found[mailbox] != wanted[mailbox] {
        throw TestFailure(
          "\(mailbox): \(found[mailbox] ?? ["missing"]), not \(wanted[mailbox] ?? ["missing"])")
      }
    }
    guard scenario.mirrors else { return }
    for (mailbox, here) in left {
      guard let there = right[mailbox],
        here.isEqualForClients(to: there, ignoringContents: scenario.hasStubs)
      else {
        throw TestFailure("\(mailbox): \(here), but \(String(describing: right[mailbox]))")
      }
    }
    for view in [left, right] where !scenario.hasStubs {
      if let conflict = seen.record(view).first {
        throw TestFailure("one UID for two messages: \(conflict)")
      }
    }
  }

  private func views() throws -> (StoreView, StoreView) {
    (try pair.left.store.view(), try pair.right.store.view())
  }

  /// Everything but the numbers.
  private func contents(_ view: StoreView) -> [String: [String]] {
    view.mapValues { mailbox in
      mailbox.messages.map {
        "\($0.token) \($0.flags.sorted()) \($0.date) \($0.bytes.count) \($0.bytes.hashValue)"
      }.sorted()
    }
  }

  // MARK: The state before the run

  private var backup: String { pair.directory.path("backup") }

  private var places: [String] {
    ["left", "left-home", "right", "right-home", "served-left-home", "state", "home"].filter {
      FileManager.default.fileExists(atPath: pair.directory.path($0))
        || FileManager.default.fileExists(atPath: "\(backup)/\($0)")
    }
  }

  private func store() throws {
    try FileManager.default.createDirectory(atPath: backup, withIntermediateDirectories: true)
    try copy(places.map(pair.directory.path), to: backup)
  }

  private func restore() throws {
    let names = places
    for name in names { try? FileManager.default.removeItem(atPath: pair.directory.path(name)) }
    let stored = names.map { "\(backup)/\($0)" }.filter(FileManager.default.fileExists)
    try copy(stored, to: pair.directory.path)
  }

  private func copy(_ paths: [String], to target: String) throws {
    let result = try runProgram(["/bin/cp", "-a"] + paths + [target], scratch: pair.directory)
    guard result.code == 0 else { throw TestFailure("cp: \(result.errorText)") }
  }
}
