import IMAPClient
import SyncEngine

/// What a run did, or would do, to a mailbox as a whole; ``SyncReport`` counts only messages.
struct MailboxChange: Hashable, Sendable {
  enum Kind: Hashable, Sendable {
    case created
    case deleted
    case renamed(to: MailboxName)
    case subscribed
    case unsubscribed

    init?(_ change: ChangeKind) {
      switch change {
      case .mailboxCreated: self = .created
      case .mailboxDeleted: self = .deleted
      case .mailboxRenamed(let name): self = .renamed(to: name)
      case .subscribed: self = .subscribed
      case .unsubscribed: self = .unsubscribed
      case .saved, .copied, .moved, .expunged, .flagged, .renumbered: return nil
      }
    }

    /// Not only a line in the list of subscriptions.
    var concernsFiles: Bool { self != .subscribed && self != .unsubscribed }

    /// What was done.
    var word: String {
      switch self {
      case .created: "created"
      case .deleted: "deleted"
      case .renamed: "renamed"
      case .subscribed: "subscribed"
      case .unsubscribed: "unsubscribed"
      }
    }

    /// What is to be done: `to rename to Work`.
    var plan: String {
      switch self {
      case .created: "to create"
      case .deleted: "to delete"
      case .renamed(let name): "to rename to \(name.path)"
      case .subscribed: "to subscribe"
      case .unsubscribed: "to unsubscribe"
      }
    }
  }

  var side: Side
  /// On that side, before the change.
  var mailbox: MailboxName
  var kind: Kind
}
