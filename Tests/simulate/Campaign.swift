import Glibc
import Simulation
import Synchronization

/// Many histories, played by several threads.
final class Campaign: @unchecked Sendable {
  private struct State {
    var next: UInt64
    var played: UInt64 = 0
    var failing: [UInt64] = []
    var digest: UInt64 = 0
    var lastWord: Double
  }

  private let seeds: ClosedRange<UInt64>
  private let profile: Profile?
  private let threads: Int
  private let showsCoverage: Bool
  private let state: Mutex<State>
  private let coverage = Mutex<[String: Int]>([:])
  private let start = Output.seconds

  /// From so many histories on a rule or a fault that was never met is a failure.
  private static let tellingCount: UInt64 = 20_000
  private static let chunk: UInt64 = 20

  /// - Parameter showsCoverage: also of fewer histories than are asked to meet everything.
  init(
    seeds: ClosedRange<UInt64>, about profile: Profile? = nil, threads: Int,
    showsCoverage: Bool = false
  ) {
    self.seeds = seeds
    self.profile = profile
    self.threads = threads
    self.showsCoverage = showsCoverage
    state = Mutex(State(next: seeds.lowerBound, lastWord: start))
  }

  /// - Returns: whether everything held.
  func run() -> Bool {
    var ids: [pthread_t] = []
    for _ in 0..<threads {
      var id = pthread_t()
      let body = Unmanaged.passRetained(self)
      let status = pthread_create(
        &id, nil,
        { argument in
          if let argument { Unmanaged<Campaign>.fromOpaque(argument).takeRetainedValue().work() }
          return nil
        }, body.toOpaque())
      guard status == 0 else {
        body.release()
        break
      }
      ids.append(id)
    }
    if ids.isEmpty { work() }
    for id in ids { pthread_join(id, nil) }
    return conclude()
  }

  private func work() {
    let coverage = Coverage()
    while let chunk = nextChunk() {
      for seed in chunk {
        let replay = Replay(HistoryMaker.history(seed: seed, about: profile))
        let isRight = replay.play()
        coverage.add(replay.coverage)
        note(seed, isRight: isRight, replay.digest)
      }
    }
    self.coverage.withLock { $0.merge(coverage.counts) { $0 + $1 } }
  }

  private func nextChunk() -> ClosedRange<UInt64>? {
    state.withLock { state in
      guard state.next <= seeds.upperBound else { return nil }
      let last = min(seeds.upperBound, state.next + Campaign.chunk - 1)
      defer { state.next = last + 1 }
      return state.next...last
    }
  }

  private func note(_ seed: UInt64, isRight: Bool, _ digest: UInt64) {
    let word = state.withLock { state -> String? in
      state.played += 1
      // In whatever order they are played.
      state.digest ^= digest &* (seed | 1)
      if !isRight {
        state.failing.append(seed)
        return "seed \(seed) failed\n"
      }
      let now = Output.seconds
      guard now - state.lastWord > 15 else { return nil }
      state.lastWord = now
      return "\(state.played) of \(seeds.count), \(Int(Double(state.played) / (now - start)))/s\n"
    }
    if let word { Output.error(word) }
  }

  // MARK: The end

  private func conclude() -> Bool {
    let all = Coverage()
    for (what, count) in coverage.withLock({ $0 }) { all.note(what, count) }
    let end = state.withLock { $0 }
    let failing = end.failing.sorted()
    if let first = failing.first { explain(first) }
    // Of a few histories nobody can expect that they meet everything.
    let isTelling = profile == nil && end.played >= Campaign.tellingCount
    if isTelling || showsCoverage {
      Output.print("\nHow often what was met:\n\n\(all.table(withMissing: isTelling))\n")
    }
    if isTelling, !all.missing.isEmpty {
      Output.print("Never met: \(all.missing.joined(separator: "; "))\n")
    }
    let digest = String(end.digest, radix: 16)
    let time = Int(Output.seconds - start)
    Output.print(
      "\(end.played) histories in \(time) s, digest \(digest), \(failing.count) failed\n")
    if !failing.isEmpty {
      let some = failing.prefix(50).map { String($0) }.joined(separator: " ")
      Output.print("failing seeds: \(some)\(failing.count > 50 ? " …" : "")\n")
    }
    return failing.isEmpty && (all.missing.isEmpty || !isTelling)
  }

  private func explain(_ seed: UInt64) {
    let short = Shrinking.shorten(HistoryMaker.history(seed: seed, about: profile))
    let replay = Replay(short)
    replay.tellsStory = true
    replay.play()
    Output.print(
      "Seed \(seed), shortened (to be kept in Tests/SimulationTests/Regressions, once it is put right):\n\n"
        + short.text + "\n" + replay.story)
  }
}
