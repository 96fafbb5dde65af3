import IMAPClient
import SyncEngine
import TestSupport

/// What happens to two or three stores and the runs between them: a value, so that it can be written down,
/// shortened, and played again.
public struct History: Hashable, Sendable {
  /// What the choices of users are made of.
  public var seed: UInt64
  public var replicas: [SimulatedTraits]
  public var pairs: [Pair]
  public var wishes = Wishes()
  public var steps: [Step] = []

  public init(seed: UInt64, replicas: [SimulatedTraits], pairs: [Pair]) {
    self.seed = seed
    self.replicas = replicas
    self.pairs = pairs
  }

  /// Two replicas that are synced, by their indices.
  public struct Pair: Hashable, Sendable {
    public var left: Int
    public var right: Int

    public init(left: Int, right: Int) {
      self.left = left
      self.right = right
    }
  }

  /// What the pairs' user wants, always.
  public struct Wishes: Hashable, Sendable {
    public var uids = Policy.UIDs.auto
    public var conflict = Policy.Conflict.expunge
    public var delete = Policy.Where.none
    public var expunge = Policy.Where.none
    public var padding: Int?
    public var hasMaxSize = false
    /// Only messages of this deed or later ones.
    public var since: Int?
    /// The guard against too many expunges is up.
    public var isGuarded = false
    public var comparesEverything = false
    /// The INBOXes have one UIDVALIDITY, as after a replication by other means.
    public var sharesValidity = false

    /// The right side's mailboxes are those below one of its own.
    public var hasPrefix = false
    /// Messages are placed a few at a time.
    public var hasSmallBatches = false
    /// No more arrivals than these are held in memory with all that may have to be known of them.
    public var partSize: Int?
    /// The names of Maildir folders are kept from run to run.
    public var keepsNames = false

    /// The name of that one.
    static let prefix = MailboxName(["top"]) ?? .inbox

    /// Some mailboxes have other names on the right: those that its user gives to mailboxes that he makes.
    public var hasMap = false

    /// What A's user calls by one number is called by the next on the right.
    static func map(of pair: History.Pair) -> [(left: MailboxName, right: MailboxName)] {
      (1...60).compactMap { number in
        let left = MailboxName(["m\(number)-\(History.letters[pair.left])"])
        let right = MailboxName(["m\(number + 1)-\(History.letters[pair.right])"])
        guard let left, let right else { return nil }
        return (left, right)
      }
    }

    /// So many may be expunged in a mailbox, where the guard is up.
    static let guardedLimit = 3

    public init() {}
  }

  public enum Step: Hashable, Sendable {
    case deed(Int, Deed, Int)
    /// One message comes to all replicas.
    case everywhere(Int)
    /// A pair's state is lost.
    case lose(Int)
    /// From now on only mailboxes that match one of these patterns are part of the pair.
    case select(Int, [String])
    case run(Run)
    /// Everything is healed, and the pairs are run until nothing is left to do. As long as not all mailboxes are selected,
    /// nothing need be level after it.
    case rest
  }

  /// A run of a pair, not left in peace.
  public struct Run: Hashable, Sendable {
    public var pair: Int
    public var changes = Policy.Where.both
    public var kinds = Policy.Kinds.all
    public var isDry = false
    public var isForced = false
    public var comparesEverything = false
    /// Only mailboxes that match one of these patterns; empty: all of the pair.
    public var mailboxes: [String] = []
    public var incidents: [Incident] = []

    public init(pair: Int) { self.pair = pair }
  }

  /// Something that happens during a run.
  public struct Incident: Hashable, Sendable {
    public var moment: SimulatedStep.Moment
    /// `nil`: any call.
    public var call: SimulatedCall.Kind?
    /// Which of the run's calls of this kind, from 1.
    public var number: Int
    public var event: Event

    public init(
      moment: SimulatedStep.Moment, call: SimulatedCall.Kind?, number: Int, event: Event
    ) {
      self.moment = moment
      self.call = call
      self.number = number
      self.event = event
    }
  }

  public enum Event: Hashable, Sendable {
    case deed(Int, Deed, Int)
    case fault(SimulatedFault)
  }
}

extension History.Wishes {
  public var policy: Policy {
    var policy = Policy()
    policy.uids = uids
    policy.conflict = conflict
    policy.delete = delete
    policy.expunge = expunge
    if let padding { policy.maxUIDPadding = padding }
    if hasMaxSize { policy.maxSize = UInt64(SimulatedContent.largeSize) }
    policy.since = since.map { RandomUser.date($0) }
    // A small mailbox is soon changed as a whole.
    policy.maxExpunge = isGuarded ? .messages(History.Wishes.guardedLimit) : .percent(100)
    policy.comparesEverything = comparesEverything
    if hasPrefix { policy.prefixes.right = History.Wishes.prefix }
    if hasSmallBatches { policy.batches = .smallest }
    if let partSize { policy.batches.arrivals = partSize }
    // With several lanes it would depend on the machine which comes first.
    policy.jobs = 1
    return policy
  }
}

extension History.Run {
  func policy(_ wishes: History.Wishes) -> Policy {
    var policy = wishes.policy
    policy.changes = changes
    policy.kinds = kinds
    if !mailboxes.isEmpty { policy.onlyMailboxes = MailboxPatterns(words: mailboxes) }
    policy.isDryRun = isDry
    policy.isForced = isForced
    policy.comparesEverything = policy.comparesEverything || comparesEverything
    return policy
  }
}
