import IMAPClient
import SyncEngine

/// Steps and incidents as lines of text.
extension History.Step {
  var lines: [String] {
    switch self {
    case .deed(let replica, let deed, let number):
      ["\(History.letters[replica]) \(deed.rawValue) \(number)"]
    case .everywhere(let number): ["everywhere \(number)"]
    case .lose(let pair): ["lose \(pair + 1)"]
    case .select(let pair, let patterns): ["select \(pair + 1) \(patterns.joined(separator: " "))"]
    case .run(let run): run.lines
    case .rest: ["rest"]
    }
  }

  init?(words: [String], _ history: History) {
    let number = words.dropFirst().first.flatMap { Int($0) }
    switch (words[0], words.count) {
    case ("rest", 1): self = .rest
    case ("everywhere", 2):
      guard let number else { return nil }
      self = .everywhere(number)
    case ("lose", 2):
      guard let number, history.pairs.indices.contains(number - 1) else { return nil }
      self = .lose(number - 1)
    case ("select", 3...):
      guard let number, history.pairs.indices.contains(number - 1) else { return nil }
      self = .select(number - 1, Array(words.dropFirst(2)))
    case ("run", 2...):
      guard let number, history.pairs.indices.contains(number - 1),
        let run = History.Run(pair: number - 1, words: Array(words.dropFirst(2)))
      else { return nil }
      self = .run(run)
    default:
      guard let (replica, deed, number) = History.deed(words, history.replicas.count) else {
        return nil
      }
      self = .deed(replica, deed, number)
    }
  }
}

extension History {
  fileprivate static func deed(_ words: [String], _ count: Int) -> (Int, Deed, Int)? {
    guard words.count == 3, let replica = letters.prefix(count).firstIndex(of: words[0]),
      let deed = Deed(rawValue: words[1]), let number = Int(words[2]), number >= 0
    else { return nil }
    return (replica, deed, number)
  }
}

extension History.Run {
  private static let kindWords: [(Policy.Kinds, String)] = [
    (.new, "new"), (.expunge, "expunge"), (.flags, "flags"), (.mailboxes, "mailboxes"),
  ]

  fileprivate var lines: [String] {
    var words = ["run", String(pair + 1)]
    switch changes {
    case .left: words.append("pull")
    case .right: words.append("push")
    case .both, .none: break
    }
    if kinds != .all {
      let named = History.Run.kindWords.filter { kinds.contains($0.0) }.map(\.1)
      words.append("only=\(named.joined(separator: ","))")
    }
    if isDry { words.append("dry") }
    if isForced { words.append("forced") }
    if comparesEverything { words.append("full") }
    if !mailboxes.isEmpty { words.append("mailboxes=\(mailboxes.joined(separator: ","))") }
    return [words.joined(separator: " ")] + incidents.map { "  \($0.line)" }
  }

  fileprivate init?(pair: Int, words: [String]) {
    self.init(pair: pair)
    for word in words {
      switch word {
      case "pull": changes = .left
      case "push": changes = .right
      case "dry": isDry = true
      case "forced": isForced = true
      case "full": comparesEverything = true
      case _ where word.hasPrefix("mailboxes="):
        mailboxes = word.dropFirst(10).split(separator: ",").map(String.init)
      default:
        guard word.hasPrefix("only=") else { return nil }
        kinds = []
        for name in word.dropFirst(5).split(separator: ",") {
          guard let kind = History.Run.kindWords.first(where: { $0.1 == name }) else { return nil }
          kinds.insert(kind.0)
        }
      }
    }
  }
}

extension History.Incident {
  fileprivate var line: String {
    "\(moment.rawValue) \(call?.rawValue ?? "any") \(number) \(event.words)"
  }

  init?(words: [String], _ count: Int) {
    guard words.count > 3, let moment = SimulatedStep.Moment(rawValue: words[0]),
      let number = Int(words[2]), let event = History.Event(words: Array(words[3...]), count)
    else { return nil }
    let call = SimulatedCall.Kind(rawValue: words[1])
    guard call != nil || words[1] == "any" else { return nil }
    self.init(moment: moment, call: call, number: number, event: event)
  }
}

extension History.Event {
  fileprivate var words: String {
    switch self {
    case .deed(let replica, let deed, let number):
      "\(History.letters[replica]) \(deed.rawValue) \(number)"
    case .fault(let fault): fault.words
    }
  }

  fileprivate init?(words: [String], _ count: Int) {
    if let fault = SimulatedFault(words: words) {
      self = .fault(fault)
    } else if let (replica, deed, number) = History.deed(words, count) {
      self = .deed(replica, deed, number)
    } else {
      return nil
    }
  }
}

extension SimulatedFault {
  var words: String {
    switch self {
    case .connectionLost(let effect): "lost \(effect.words)"
    case .crash(let effect): "crash \(effect.words)"
    case .refused(_, .overQuota): "over-quota"
    case .refused: "refused"
    }
  }

  /// The kind of fault, for counts.
  var name: String { words.split { $0 == " " }.prefix(2).joined(separator: " ") }

  init?(words: [String]) {
    switch (words.first, words.count) {
    case ("refused", 1): self = .refused(.mailbox, .refused)
    case ("over-quota", 1): self = .refused(.mailbox, .overQuota)
    case ("lost", _):
      guard let effect = Effect(words: words.dropFirst()) else { return nil }
      self = .connectionLost(effect)
    case ("crash", _):
      guard let effect = Effect(words: words.dropFirst()) else { return nil }
      self = .crash(effect)
    default: return nil
    }
  }
}

extension SimulatedFault.Effect {
  fileprivate var words: String {
    switch self {
    case .none: "none"
    case .all: "all"
    case .partial(let count): "partial \(count)"
    case .late(let steps): "late \(steps)"
    }
  }

  fileprivate init?(words: ArraySlice<String>) {
    let number = words.dropFirst().first.flatMap { Int($0) }
    switch (words.first, number, words.count) {
    case ("none", nil, 1): self = .none
    case ("all", nil, 1): self = .all
    case ("partial", let count?, 2): self = .partial(count)
    case ("late", let steps?, 2): self = .late(steps)
    default: return nil
    }
  }
}
