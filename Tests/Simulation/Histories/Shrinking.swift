/// Makes a failing history short: leaves out whatever it fails without.
public struct Shrinking {
  /// Whether a history still fails.
  private let isFailing: (History) -> Bool
  private var playsLeft: Int
  public private(set) var history: History

  /// As long as it fails in the same way.
  public static func shorten(_ history: History) -> History {
    let failure = kind(of: history)
    return shorten(history) { kind(of: $0) == failure }
  }

  /// What went wrong first, without names and numbers.
  private static func kind(of history: History) -> String? {
    let replay = Replay(history)
    replay.play()
    return replay.failures.first.map { failure in
      failure.split(separator: " ").filter { $0.allSatisfy(\.isLowercase) }.joined(separator: " ")
    }
  }

  /// - Parameter plays: so many histories are tried at most.
  public static func shorten(
    _ history: History, plays: Int = 3000, isFailing: @escaping (History) -> Bool
  ) -> History {
    var shrinking = Shrinking(history, plays, isFailing)
    shrinking.run()
    return shrinking.history
  }

  private init(_ history: History, _ plays: Int, _ isFailing: @escaping (History) -> Bool) {
    self.history = history
    playsLeft = plays
    self.isFailing = isFailing
  }

  private mutating func run() {
    var size = -1
    while size != history.text.count, playsLeft > 0 {
      size = history.text.count
      dropSteps()
      dropIncidents()
      simplifyRuns()
      simplifyWishes()
      simplifyReplicas()
    }
  }

  /// - Returns: whether the candidate is taken.
  private mutating func attempt(_ change: (inout History) -> Void) -> Bool {
    guard playsLeft > 0 else { return false }
    var candidate = history
    change(&candidate)
    guard candidate != history else { return false }
    playsLeft -= 1
    guard isFailing(candidate) else { return false }
    history = candidate
    return true
  }

  /// Large pieces first, then smaller ones.
  private mutating func dropSteps() {
    var length = max(1, history.steps.count / 2)
    while true {
      var start = history.steps.count - length
      while start >= 0 {
        let range = start..<min(start + length, history.steps.count)
        _ = attempt { $0.steps.removeSubrange(range) }
        start -= length
      }
      if length == 1 { return }
      length /= 2
    }
  }

  private mutating func dropIncidents() {
    for step in history.steps.indices {
      guard case .run(let run) = history.steps[step] else { continue }
      for incident in run.incidents.indices.reversed() {
        _ = attempt { history in
          guard case .run(var run) = history.steps[step] else { return }
          run.incidents.remove(at: incident)
          history.steps[step] = .run(run)
        }
      }
    }
  }

  private mutating func simplifyRuns() {
    for step in history.steps.indices {
      guard case .run(let run) = history.steps[step] else { continue }
      var plain = History.Run(pair: run.pair)
      plain.incidents = run.incidents
      _ = attempt { $0.steps[step] = .run(plain) }
    }
  }

  private mutating func simplifyWishes() {
    let usual = History.Wishes()
    if attempt({ $0.wishes = usual }) { return }
    _ = attempt { $0.wishes.uids = usual.uids }
    _ = attempt { $0.wishes.conflict = usual.conflict }
    _ = attempt { $0.wishes.delete = usual.delete }
    _ = attempt { $0.wishes.expunge = usual.expunge }
    _ = attempt { $0.wishes.padding = nil }
    _ = attempt { $0.wishes.since = nil }
    _ = attempt { $0.wishes.hasMaxSize = false }
    _ = attempt { $0.wishes.isGuarded = false }
    _ = attempt { $0.wishes.comparesEverything = false }
    _ = attempt { $0.wishes.sharesValidity = false }
    _ = attempt { $0.wishes.hasPrefix = false }
    _ = attempt { $0.wishes.hasMap = false }
    _ = attempt { $0.wishes.hasSmallBatches = false }
    _ = attempt { $0.wishes.partSize = nil }
    _ = attempt { $0.wishes.keepsNames = false }
  }

  private mutating func simplifyReplicas() {
    for index in history.replicas.indices {
      let traits = history.replicas[index]
      if attempt({ $0.replicas[index] = traits.isMaildir ? .maildir : .imap() }) { continue }
      _ = attempt { $0.replicas[index].savesAtOnce = true }
      _ = attempt { $0.replicas[index].vanishesBroadly = false }
      _ = attempt { $0.replicas[index].hasIDs = true }
      _ = attempt { $0.replicas[index].hasUIDPlus = true }
      _ = attempt { $0.replicas[index].canMove = true }
      _ = attempt { $0.replicas[index].hasStamps = true }
      _ = attempt { $0.replicas[index].isAltering = false }
      _ = attempt { $0.replicas[index].keywordLimit = .max }
      if !traits.isMaildir { _ = attempt { $0.replicas[index].kind = .imap(.qresync) } }
    }
  }
}
