import IMAPClient

/// What the user wants of a pair: the pair keys of the configuration and the options of the run.
public struct Policy: Sendable {
  /// Where something is done.
  public enum Where: String, CaseIterable, Hashable, Sendable {
    case both
    case left
    case right
    case none

    public func includes(_ side: Side) -> Bool { self == .both || rawValue == side.rawValue }
  }

  /// A message expunged on one side and changed on the other.
  public enum Conflict: String, CaseIterable, Hashable, Sendable {
    case expunge
    case keep
  }

  public enum UIDs: String, CaseIterable, Hashable, Sendable {
    case auto
    case mirror
    case map
  }

  public enum ExpungeLimit: Hashable, Sendable {
    case percent(Int)
    case messages(Int)
  }

  /// Kinds of change that `--only` names.
  public struct Kinds: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let new = Kinds(rawValue: 1)
    public static let expunge = Kinds(rawValue: 2)
    public static let flags = Kinds(rawValue: 4)
    public static let mailboxes = Kinds(rawValue: 8)
    public static let all: Kinds = [.new, .expunge, .flags, .mailboxes]
  }

  /// `mailboxes` of the configuration: the last match wins.
  public var mailboxes = MailboxPatterns.everything
  /// `--mailbox`: only those that match these too.
  public var onlyMailboxes = MailboxPatterns.everything
  /// Left name to right name.
  public var map: [(left: MailboxName, right: MailboxName)] = []
  /// Put before every mailbox name on a side.
  public var prefixes: Both<MailboxName?> = Both(left: nil, right: nil)
  public var create = Where.both
  public var delete = Where.none
  public var followsRenames = true
  public var syncsSubscriptions = true
  public var expunge = Where.none
  public var conflict = Conflict.expunge
  public var uids = UIDs.auto
  public var maxUIDPadding = 10_000
  /// Octets in CRLF form.
  public var maxSize: UInt64?
  /// Stubs in whose place the whole messages are wanted, by the mailbox's left name: UIDs on the side of the
  /// stub.
  public var wholeMessages: [MailboxName: UIDSet] = [:]
  /// Only messages received at this instant or later.
  public var since: InternalDate?
  public var maxExpunge = ExpungeLimit.percent(50)

  /// The sides that may be changed: both, or one for `--pull` (left) and `--push` (right).
  public var changes = Where.both
  public var kinds = Kinds.all
  /// Do not trust recorded anchors.
  public var comparesEverything = false
  /// Carry on past a guard.
  public var isForced = false
  public var isDryRun = false
  /// Mailboxes at a time.
  public var jobs = 4
  /// Others than these are for tests.
  public var batches = Batches.standard

  public init() {}
}

/// An ordered list of mailbox patterns; the last one that matches decides.
public struct MailboxPatterns: Sendable, Hashable {
  public struct Pattern: Sendable, Hashable {
    /// `*` stands for any characters, `%` for any but `/`.
    public var text: String
    public var isExclusion: Bool

    public init(text: String, isExclusion: Bool) {
      self.text = text
      self.isExclusion = isExclusion
    }
  }

  public var patterns: [Pattern]

  public init(_ patterns: [Pattern]) { self.patterns = patterns }

  /// - Parameter words: as the user writes them, a leading `!` excludes.
  public init(words: [String]) {
    patterns = words.map { word in
      word.hasPrefix("!")
        ? Pattern(text: String(word.dropFirst()), isExclusion: true)
        : Pattern(text: word, isExclusion: false)
    }
  }

  /// One mailbox, whose name may have wildcards in it: each stands for itself among the characters it
  /// matches.
  public static func exactly(_ name: MailboxName) -> MailboxPatterns {
    MailboxPatterns([Pattern(text: name.path, isExclusion: false)])
  }

  public static let everything = MailboxPatterns(words: ["*"])

  /// Names are matched by their path with `/`; `INBOX` in any case. A list that only excludes means
  /// everything else.
  public func matches(_ name: MailboxName) -> Bool {
    var result = patterns.allSatisfy(\.isExclusion)
    for pattern in patterns where MailboxPatterns.matches(pattern.text, name) {
      result = !pattern.isExclusion
    }
    return result
  }

  private static func matches(_ pattern: String, _ name: MailboxName) -> Bool {
    if pattern == "*" { return true }
    if name.isInbox, pattern.uppercased() == "INBOX" { return true }
    return matches(Array(pattern.unicodeScalars)[...], Array(name.path.unicodeScalars)[...])
  }

  /// Greedy with one point to go back to for each kind of wildcard: no exponential patterns.
  private static func matches(
    _ pattern: ArraySlice<Unicode.Scalar>, _ text: ArraySlice<Unicode.Scalar>
  ) -> Bool {
    // reachable[i]: the pattern so far matches the first i characters.
    var reachable = [Bool](repeating: false, count: text.count + 1)
    reachable[0] = true
    for element in pattern {
      var next = [Bool](repeating: false, count: text.count + 1)
      if element == "*" || element == "%" {
        next[0] = reachable[0]
        for (i, character) in text.enumerated() {
          next[i + 1] = reachable[i + 1] || (next[i] && (element == "*" || character != "/"))
        }
      } else {
        for (i, character) in text.enumerated() where reachable[i] && character == element {
          next[i + 1] = true
        }
      }
      reachable = next
    }
    return reachable[text.count]
  }
}
