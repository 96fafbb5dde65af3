import SyncEngine

/// A command line, understood.
struct Invocation: Sendable {
  enum When: String, CaseIterable, Sendable {
    case auto
    case always
    case never
  }

  var verb = Verb.sync
  /// It was not left out.
  var isVerbGiven = false
  /// What stands beside the options, without the verb.
  var words: [String] = []
  var configurationFile: String?
  var stateDirectory: String?
  var isDryRun = false
  var mailboxPatterns: [String] = []
  /// `--pull`: the left; `--push`: the right.
  var changes = Policy.Where.both
  var kinds = Policy.Kinds.all
  var comparesEverything = false
  var isForced = false
  /// `--set`, in order.
  var settings: [(key: String, value: String)] = []
  var jobs: Int?
  /// `--from-…`: the other program's configuration.
  var movesFrom: (program: ForeignProgram, file: String)?
  var printsJSON = false
  /// -1 quiet, 1 changes, 2 changes and protocol.
  var verbosity = 0
  var progress = When.auto
  var color = When.auto
  var asksHelp = false
  var asksVersion = false
  /// `mboxsync help`, and `help` with a verb after it: help is meant, unless a pair is called so.
  var mayAskHelp = false

  /// - Parameter arguments: without the program's name.
  init(_ arguments: [String]) throws(UsageError) {
    let parsed = try OptionParser.parse(arguments)
    words = parsed.words
    if parsed.wordsBeforeDashes > 0, let verb = Verb(rawValue: words[0]) {
      self.verb = verb
      isVerbGiven = true
      words.removeFirst()
    } else if parsed.wordsBeforeDashes == words.count, words.first == "help" {
      mayAskHelp = words.dropFirst().allSatisfy { Verb(rawValue: $0) != nil }
    }
    for (spec, value) in parsed.options {
      guard spec.verbs.contains(verb) else {
        throw UsageError("'\(verb.rawValue)' takes no option '--\(spec.long)'")
      }
      try apply(spec.option, value)
    }
    if !asksHelp && !asksVersion { try checkWords() }
  }

  private mutating func apply(_ option: Option, _ value: String) throws(UsageError) {
    switch option {
    case .config: configurationFile = try nonEmpty("config", value)
    case .state: stateDirectory = try nonEmpty("state", value)
    case .dryRun: isDryRun = true
    case .mailbox: mailboxPatterns.append(try nonEmpty("mailbox", value))
    case .pull: try setDirection(.left)
    case .push: try setDirection(.right)
    case .only: kinds = try Invocation.kinds(value)
    case .full: comparesEverything = true
    case .force: isForced = true
    case .set: settings.append(try Invocation.setting(value))
    case .jobs:
      guard let jobs = Int(value), (1...100).contains(jobs) else {
        throw UsageError("bad value '\(value)' for '--jobs', a number from 1 to 100 is needed")
      }
      self.jobs = jobs
    case .fromMbsyncrc: try setOrigin(.mbsync, nonEmpty("from-mbsyncrc", value))
    case .fromOfflineimaprc: try setOrigin(.offlineIMAP, nonEmpty("from-offlineimaprc", value))
    case .json: printsJSON = true
    case .quiet: verbosity = -1
    case .verbose: verbosity = max(verbosity, 0) + 1
    case .progress: progress = try Invocation.when("progress", value)
    case .color: color = try Invocation.when("color", value)
    case .help: asksHelp = true
    case .version: asksVersion = true
    }
  }

  private mutating func setDirection(_ side: Policy.Where) throws(UsageError) {
    guard changes == .both || changes == side else {
      throw UsageError("'--pull' and '--push' exclude each other")
    }
    changes = side
  }

  private mutating func setOrigin(_ program: ForeignProgram, _ file: String) throws(UsageError) {
    guard movesFrom == nil else { throw UsageError("only one file can be translated at a time") }
    movesFrom = (program, file)
  }

  private func nonEmpty(_ option: String, _ value: String) throws(UsageError) -> String {
    if value.isEmpty {
      throw UsageError("option '--\(option)' needs an argument that is not empty")
    }
    return value
  }

  private static func when(_ option: String, _ value: String) throws(UsageError) -> When {
    guard let when = When(rawValue: value) else {
      throw UsageError(
        "bad value '\(value)' for '--\(option)', one of auto, always, never is needed")
    }
    return when
  }

  private static func kinds(_ value: String) throws(UsageError) -> Policy.Kinds {
    let names: [(String, Policy.Kinds)] = [
      ("new", .new), ("expunge", .expunge), ("flags", .flags), ("mailboxes", .mailboxes),
    ]
    var kinds: Policy.Kinds = []
    for word in value.split(whereSeparator: { $0 == "," || $0 == " " }) {
      guard let kind = names.first(where: { $0.0 == word })?.1 else {
        throw UsageError(
          "bad value '\(word)' for '--only', a list of new, expunge, flags, mailboxes is needed")
      }
      kinds.insert(kind)
    }
    if kinds.isEmpty { throw UsageError("option '--only' needs a list that is not empty") }
    return kinds
  }

  private static func setting(_ text: String) throws(UsageError) -> (key: String, value: String) {
    guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
      throw UsageError("bad value '\(text)' for '--set', KEY=VALUE is needed")
    }
    let key = text[..<equals].filter { $0 != " " }
    return (key, String(text[text.index(after: equals)...]))
  }
}
