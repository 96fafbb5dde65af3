/// What the program is asked to do; `sync` may be left out.
enum Verb: String, CaseIterable, Hashable, Sendable {
  case sync
  case status
  case check
  case `init`
  case verify
  case fetch
  case forget

  /// How its words stand in the usage.
  var synopsis: [String] {
    switch self {
    case .sync:
      [
        "mboxsync [sync] [OPTION]... [PAIR]...",
        "mboxsync [sync] [OPTION]... ENDPOINT ENDPOINT",
      ]
    case .status: ["mboxsync status [OPTION]... [PAIR]..."]
    case .check: ["mboxsync check [OPTION]... [PAIR]..."]
    case .`init`: ["mboxsync init [OPTION]... [NAME] [ENDPOINT ENDPOINT]"]
    case .verify: ["mboxsync verify [OPTION]... [PAIR]..."]
    case .fetch: ["mboxsync fetch [OPTION]... PAIR MAILBOX UID..."]
    case .forget: ["mboxsync forget [OPTION]... PAIR [MAILBOX]..."]
    }
  }

  var help: String {
    switch self {
    case .sync: "make both sides of the named pairs, or of every pair, equal"
    case .status: "show what is known and what is pending; change nothing"
    case .check: "try configuration, logins, locks and capabilities; sync nothing"
    case .`init`: "write a first configuration file"
    case .verify: "compare both sides message by message, every octet; change nothing"
    case .fetch: "replace stubs (max-size) by the whole messages"
    case .forget: "drop what is recorded of a pair or its mailboxes; mail is untouched"
    }
  }
}
