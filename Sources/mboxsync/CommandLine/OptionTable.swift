/// An option of the command line. The table below is the only list of them: the parser, the usage and the
/// check of the man page are made from it.
struct OptionSpec: Sendable {
  enum Argument: Sendable {
    case none
    case required(String)
    /// Only attached, as `--color=never`; `implied` is what the option alone means.
    case optional(String, implied: String)
  }

  let option: Option
  let long: String
  let short: Character?
  let argument: Argument
  let verbs: Set<Verb>
  let help: String

  private init(
    _ option: Option, _ long: String, _ short: Character? = nil, _ argument: Argument = .none,
    verbs: Set<Verb>, _ help: String
  ) {
    self.option = option
    self.long = long
    self.short = short
    self.argument = argument
    self.verbs = verbs
    self.help = help
  }

  private static let every = Set(Verb.allCases)
  private static let reading: Set<Verb> = [.sync, .status]
  private static let comparing: Set<Verb> = [.sync, .status, .verify]
  private static let reporting: Set<Verb> = [.sync, .status, .check, .verify]
  private static let connecting: Set<Verb> = [.sync, .status, .check, .verify, .fetch]

  static let all: [OptionSpec] = [
    OptionSpec(
      .config, "config", "c", .required("FILE"), verbs: every,
      "configuration file (~/.config/mboxsync/config)"),
    OptionSpec(
      .state, "state", nil, .required("DIR"), verbs: every,
      "state directory (~/.local/state/mboxsync)"),
    OptionSpec(
      .dryRun, "dry-run", "n", verbs: [.sync], "print the plan; change no mailbox and no state"),
    OptionSpec(
      .mailbox, "mailbox", "m", .required("PATTERN"), verbs: comparing,
      "only matching mailboxes (repeatable; *, %, leading ! excludes)"),
    OptionSpec(.pull, "pull", verbs: comparing, "one way this time: change only the left"),
    OptionSpec(.push, "push", verbs: comparing, "one way this time: change only the right"),
    OptionSpec(
      .only, "only", nil, .required("LIST"), verbs: reading,
      "only these kinds of change: new,expunge,flags,mailboxes"),
    OptionSpec(
      .full, "full", verbs: reading, "trust no recorded modseqs and mtimes: compare everything"),
    OptionSpec(.force, "force", verbs: [.sync], "carry on past a guard this once"),
    OptionSpec(
      .set, "set", "o", .required("KEY=VALUE"), verbs: every,
      "set a pair or endpoint key for this run"),
    OptionSpec(
      .jobs, "jobs", "j", .required("N"), verbs: comparing, "mailboxes synced at the same time (4)"),
    OptionSpec(
      .fromMbsyncrc, "from-mbsyncrc", nil, .required("FILE"), verbs: [.`init`],
      "translate the configuration of isync's mbsync"),
    OptionSpec(
      .fromOfflineimaprc, "from-offlineimaprc", nil, .required("FILE"), verbs: [.`init`],
      "translate the configuration of OfflineIMAP"),
    OptionSpec(.json, "json", verbs: reporting, "print one JSON object on stdout, nothing else"),
    OptionSpec(.quiet, "quiet", "q", verbs: every, "errors only"),
    OptionSpec(
      .verbose, "verbose", "v", verbs: every, "each change; -vv adds the protocol, secrets removed"),
    OptionSpec(
      .progress, "progress", nil, .optional("WHEN", implied: "always"), verbs: connecting,
      "progress bar: auto, always, never"),
    OptionSpec(
      .color, "color", nil, .optional("WHEN", implied: "always"), verbs: connecting,
      "colours: auto, always, never; honours NO_COLOR"),
    OptionSpec(.help, "help", "h", verbs: every, "print this help"),
    OptionSpec(.version, "version", "V", verbs: every, "print the version"),
  ]
}

enum Option: Hashable, Sendable {
  case config
  case state
  case dryRun
  case mailbox
  case pull
  case push
  case only
  case full
  case force
  case set
  case jobs
  case fromMbsyncrc
  case fromOfflineimaprc
  case json
  case quiet
  case verbose
  case progress
  case color
  case help
  case version
}
