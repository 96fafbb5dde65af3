import IMAPClient
import SyncEngine

/// What kind of store a simulated endpoint plays.
public struct SimulatedTraits: Hashable, Sendable {
  /// What the server tells of changes. RFC 7162.
  public enum Tier: String, CaseIterable, Hashable, Sendable {
    case qresync
    case condstore
    case none
  }

  public enum Kind: Hashable, Sendable {
    case maildir
    case imap(Tier)
  }

  public var kind: Kind
  /// EMAILID or X-GUID; a Maildir has its file names always.
  public var hasIDs = true
  /// COPYUID and UID EXPUNGE: without it nothing can be renumbered.
  public var hasUIDPlus = true
  /// Whether messages can be taken from their mailbox at the same time as copied.
  public var canMove = true
  /// A batch of saves succeeds or fails as one.
  public var savesAtOnce = true
  /// The server forgot what vanished when, and names every UID that is not there (RFC 7162 §3.2.5.1).
  public var vanishesBroadly = false
  /// Characters that a mailbox's level must not have here.
  public var forbidden = ""
  /// Keywords that a mailbox has room for.
  public var keywordLimit = Int.max
  /// Does not keep every octet of what it is given.
  public var isAltering = false
  /// A Maildir's directory times are told.
  public var hasStamps = true

  public init(_ kind: Kind) { self.kind = kind }

  public static func imap(
    tier: Tier = .qresync, hasIDs: Bool = true, hasUIDPlus: Bool = true, canMove: Bool = true
  ) -> SimulatedTraits {
    var traits = SimulatedTraits(.imap(tier))
    traits.hasIDs = hasIDs
    traits.hasUIDPlus = hasUIDPlus
    traits.canMove = canMove
    return traits
  }

  public static let maildir = SimulatedTraits(.maildir)

  public var isMaildir: Bool { kind == .maildir }

  var keepsModSequences: Bool {
    switch kind {
    case .maildir, .imap(.none): false
    case .imap: true
    }
  }

  /// A message can be expunged on the condition that nobody has changed it.
  var removesAtOnce: Bool { isMaildir || keepsModSequences }

  var endpointTraits: EndpointTraits {
    EndpointTraits(
      choosesUIDs: isMaildir, hasIDs: hasIDs || isMaildir, hasCheapContents: isMaildir,
      takesStoredForm: isMaildir, hasModSequences: keepsModSequences, settlesSlowly: !isMaildir,
      renumbersByCopy: !isMaildir && hasUIDPlus && !canMove, asksAhead: !isMaildir)
  }
}
