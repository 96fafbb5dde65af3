import Glibc
import IMAPClient
import SyncEngine

/// One call of the program: what was asked for, and with what it is done.
struct Session: Sendable {
  let invocation: Invocation
  let environment: Environment
  let console: Console
  let cancellation: Cancellation
  /// Passwords of the environment, taken out of it so that no command that is run inherits them.
  let passwords: Both<String?>

  init(_ invocation: Invocation, _ environment: Environment, _ cancellation: Cancellation) {
    self.invocation = invocation
    self.environment = environment
    self.cancellation = cancellation
    console = Console(invocation, environment)
    passwords = Both { environment[PasswordSource.variable($0)] }
    for side in Side.allCases { unsetenv(PasswordSource.variable(side)) }
  }

  var stateDirectory: String {
    invocation.stateDirectory.map { Paths.absolute($0) } ?? environment.stateDirectory
      ?? Paths.absolute(".mboxsync-state")
  }

  func factories(_ pair: PairSettings) -> Both<any EndpointFactory> {
    var assembly = Assembly(
      environment: environment, cancellation: cancellation, passwords: passwords)
    // Others change nothing, in the state's directory neither; and `check` is to see the certificates.
    if invocation.verb == .sync, !invocation.isDryRun {
      assembly.sessionDirectory = stateDirectory
      assembly.keptNames = Both { side in
        SQLiteStateStore.namesDirectory(directory: stateDirectory, pair: pair.name, side: side)
      }
    }
    return Both { side in
      let trace =
        console.verbosity >= 2 ? Trace(console: console, pair: pair.name, side: side) : nil
      return assembly.factory(pair.endpoints[side], side, trace: trace)
    }
  }

  // MARK: Pairs

  /// The pairs asked for, with the command line's options applied.
  func pairs() throws(Complaint) -> [PairSettings] {
    var pairs: [PairSettings]
    if let (left, right) = invocation.endpoints {
      pairs = [try pairOnTheSpot(left, right)]
    } else {
      pairs = try configuredPairs()
    }
    for index in pairs.indices { apply(to: &pairs[index].policy) }
    return pairs
  }

  private var context: ValueContext { ValueContext(environment: environment, now: Clock.now()) }

  private func pairOnTheSpot(_ left: String, _ right: String) throws(Complaint) -> PairSettings {
    do {
      var context = context
      context.currentDirectory = Paths.absolute(".")
      var builder = PairBuilder(
        name: "", place: .commandLine("left and right"), endpoints: [:], context)
      try builder.set("left", INIValue(literal: left), at: .commandLine("left endpoint"))
      try builder.set("right", INIValue(literal: right), at: .commandLine("right endpoint"))
      try builder.apply(invocation.settings, currentDirectory: Paths.absolute("."))
      var pair = try builder.finish()
      // Made of what they are, not of how they were written: the next run finds the state again.
      pair.name = Side.allCases.map { pair.endpoints[$0].name(environment) }
        .joined(separator: " ")
      pair.isOnTheSpot = true
      return pair
    } catch {
      throw Complaint(error)
    }
  }

  private func configuredPairs() throws(Complaint) -> [PairSettings] {
    let configuration = try configuration()
    var names: [String] = []
    for name in invocation.pairNames where !names.contains(name) { names.append(name) }
    if names.isEmpty { names = configuration.pairNames }
    guard !names.isEmpty else {
      throw Complaint(
        .configuration, "\(configuration.path): there is no [pair NAME] section in it")
    }
    var pairs: [PairSettings] = []
    for name in names {
      do {
        let pair = try configuration.pair(
          name, settings: invocation.settings, currentDirectory: Paths.absolute("."))
        guard let pair else { throw unknown(name, configuration) }
        pairs.append(pair)
      } catch let error as ConfigurationError {
        throw Complaint(error)
      } catch let complaint as Complaint {
        throw complaint
      } catch {
        throw Complaint(.configuration, "\(error)")
      }
    }
    return pairs
  }

  private func unknown(_ name: String, _ configuration: Configuration) -> Complaint {
    let names = configuration.pairNames
    let mayBeVerb = !invocation.isVerbGiven && name == invocation.words.first
    let nearest =
      EditDistance.nearest(to: name, among: names)
      ?? EditDistance.nearest(to: name, among: mayBeVerb ? Verb.allCases.map(\.rawValue) : [])
    let known = "\(names.count == 1 ? "there is" : "there are") \(names.joined(separator: ", "))"
    let hint = nearest.map { "did you mean '\($0)'?" } ?? known
    return Complaint(.usage, "there is no pair '\(name)' in \(configuration.path): \(hint)")
  }

  /// Whether the word `help` asks for help, and names no pair.
  func asksHelp() throws(Complaint) -> Bool {
    guard invocation.mayAskHelp else { return false }
    // A file that was named and can't be read is a mistake; none yet is what a new user has.
    if invocation.configurationFile == nil {
      guard let path = environment.configurationFile, FileReader.exists(path) else { return true }
    }
    return try !configuration().pairNames.contains("help")
  }

  func configuration() throws(Complaint) -> Configuration {
    guard let path = invocation.configurationFile ?? environment.configurationFile else {
      throw Complaint(.configuration, "no home directory is known: name a file with '--config'")
    }
    let file: ReadFile
    do {
      file = try FileReader.read(path)
    } catch {
      let advice =
        switch error.errno.rawValue {
        case ENOENT: ": 'mboxsync init' writes a first one"
        case EACCES: ": check its owner and mode, and those of the directories above"
        default: ": name another with '--config'"
        }
      throw Complaint(.configuration, "\(error)\(advice)")
    }
    do {
      return try Configuration(path: path, bytes: file.bytes, context)
    } catch {
      throw Complaint(error)
    }
  }

  private func apply(to policy: inout Policy) {
    if !invocation.mailboxPatterns.isEmpty {
      policy.onlyMailboxes = MailboxPatterns(words: invocation.mailboxPatterns)
    }
    policy.changes = invocation.changes
    policy.kinds = invocation.kinds
    policy.comparesEverything = invocation.comparesEverything
    policy.isForced = invocation.isForced
    policy.isDryRun = invocation.isDryRun || invocation.verb == .status
    if let jobs = invocation.jobs { policy.jobs = jobs }
  }
}
