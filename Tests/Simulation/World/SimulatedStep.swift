import IMAPClient
import SyncEngine

/// One call of an endpoint, or one commit.
public enum SimulatedCall: Hashable, Sendable {
  case connect
  case list
  case create(MailboxName)
  case delete(MailboxName)
  case rename(MailboxName)
  case setSubscribed(MailboxName)
  case hasMark
  case leaveMark
  case open(MailboxName)
  case select(MailboxName)
  case close
  case describe
  case contents
  case headers
  case fetch
  case save
  case copy
  case store
  case expunge
  case renumber
  case pad
  case adopt
  case freshUIDValidity
  case commit

  /// The call without what it is about.
  public enum Kind: String, CaseIterable, Hashable, Sendable {
    case connect
    case list
    case create
    case delete
    case rename
    case subscribe
    case hasMark = "has-mark"
    case leaveMark = "leave-mark"
    case open
    case select
    case close
    case describe
    case contents
    case headers
    case fetch
    case save
    case copy
    case store
    case expunge
    case renumber
    case pad
    case adopt
    case freshUIDValidity = "fresh-uidvalidity"
    case commit
  }

  public var kind: Kind {
    switch self {
    case .connect: .connect
    case .list: .list
    case .create: .create
    case .delete: .delete
    case .rename: .rename
    case .setSubscribed: .subscribe
    case .hasMark: .hasMark
    case .leaveMark: .leaveMark
    case .open: .open
    case .select: .select
    case .close: .close
    case .describe: .describe
    case .contents: .contents
    case .headers: .headers
    case .fetch: .fetch
    case .save: .save
    case .copy: .copy
    case .store: .store
    case .expunge: .expunge
    case .renumber: .renumber
    case .pad: .pad
    case .adopt: .adopt
    case .freshUIDValidity: .freshUIDValidity
    case .commit: .commit
    }
  }
}

/// The instant before or after a call.
public struct SimulatedStep: Hashable, Sendable {
  public enum Moment: String, Hashable, Sendable {
    case before
    case after
  }

  /// From 1, over all sides and commits.
  public var number: Int
  public var moment: Moment
  /// `nil` for commits.
  public var side: Side?
  public var call: SimulatedCall
  /// How many single changes the call is made of; 0 where it only reads.
  public var changes: Int
}

/// What goes wrong with a call.
public enum SimulatedFault: Hashable, Sendable {
  /// How much of what the call asked for is done.
  public enum Effect: Hashable, Sendable {
    case none
    case all
    /// The first so many changes.
    case partial(Int)
    /// What the dead connection had sent is carried out after so many more steps. As `all` where
    /// nothing outlives its connection.
    case late(Int)
  }

  /// The connection is gone, and every later call over it fails. After the call: as `all`.
  case connectionLost(Effect)
  /// The process is killed: every later call and commit fails until ``SimulatedWorld/restart()``.
  case crash(Effect)
  /// The server says NO: nothing is done, the connection stays.
  case refused(FailureScope, FailureCode)
}
