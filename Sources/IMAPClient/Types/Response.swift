/// One response of a server, parsed. Text that a server supplies is bytes until someone needs a name.
public enum Response: Hashable, Sendable {
  /// `tag OK/NO/BAD …`
  case tagged(Tag, StatusResponse)
  /// `* OK/NO/BAD/PREAUTH/BYE …`
  case status(StatusResponse)
  /// `+ …`
  case continuation([UInt8])
  case capability([Capability])
  case enabled([Capability])
  case list(ListResponse)
  case mailboxStatus(mailbox: [UInt8], MailboxStatus)
  /// What the user may do in a mailbox: a letter for each right. RFC 4314 §3.8
  case myRights(mailbox: [UInt8], [UInt8])
  /// `* FLAGS (…)`
  case flags([[UInt8]])
  case exists(UInt32)
  case recent(UInt32)
  case expunge(UInt32)
  /// RFC 7162 §3.2.10
  case vanished(earlier: Bool, UIDSet)
  /// RFC 9051 §7.3.4 (ESEARCH), RFC 4731
  case esearch(ESearchResponse)
  /// RFC 3501 §7.2.5; numbers are UIDs for UID SEARCH. In the order given, zero left out.
  case search([UInt32], modSeq: ModSequence?)
  case fetch(FetchResponse)
  case namespace(NamespaceResponse)
  /// RFC 2971; nil for NIL.
  case id([IDField])
  /// Anything else that is well formed (QUOTA, THREAD, …): skipped.
  case unknown
}

/// One field of the ID response.
public struct IDField: Hashable, Sendable {
  public var key: [UInt8]
  public var value: [UInt8]?

  public init(key: [UInt8], value: [UInt8]?) {
    self.key = key
    self.value = value
  }
}

/// A command's tag: this client's are `m` and a number.
public struct Tag: Hashable, Sendable, CustomStringConvertible {
  public let number: UInt32

  public init(_ number: UInt32) { self.number = number }

  public var description: String { "m\(number)" }
}

public struct StatusResponse: Hashable, Sendable {
  public enum Condition: Hashable, Sendable {
    case ok
    case no
    case bad
    case preauth
    case bye
  }

  public var condition: Condition
  public var code: ResponseCode?
  /// What the server says to people, as sent.
  public var text: [UInt8]

  public init(_ condition: Condition, code: ResponseCode? = nil, text: [UInt8] = []) {
    self.condition = condition
    self.code = code
    self.text = text
  }
}

/// What stands in brackets. RFC 9051 §7.1, and the extensions named.
public enum ResponseCode: Hashable, Sendable {
  case alert
  case capability([Capability])
  case permanentFlags([[UInt8]])
  case readOnly
  case readWrite
  case tryCreate
  case uidNext(UID)
  case uidValidity(UIDValidity)
  case uidNotSticky
  case unseen(UInt32)
  case highestModSeq(ModSequence)
  case noModSeq
  case modified(UIDSet)
  case closed
  case appendUID(UIDValidity, UIDSet)
  /// Both sets in the order sent: element n of the first became element n of the second.
  case copyUID(UIDValidity, from: [ClosedRange<UID>], to: [ClosedRange<UID>])
  case mailboxID([UInt8])
  case overQuota
  case tooBig
  case limit
  case alreadyExists
  case nonExistent
  case noPermission
  case authenticationFailed
  case authorizationFailed
  case expired
  case privacyRequired
  case unavailable
  case serverBug
  case clientBug
  case contactAdmin
  case inUse
  case expungeIssued
  case cannot
  case compressionActive
  case badCharset
  case unknownCTE
  case messageLimit(UInt32, UID?)
  /// Any other, by name in upper case.
  case other(String)
}

/// A capability, in upper case.
public struct Capability: Hashable, Sendable, CustomStringConvertible {
  public let name: String

  public init(_ name: String) { self.name = name.uppercased() }

  public var description: String { name }
}

/// RFC 9051 §7.3.1 (LIST), §7.2.3 of RFC 3501 (LSUB).
public struct ListResponse: Hashable, Sendable {
  /// In lower case, with the backslash: `\noselect`.
  public var attributes: [String]
  /// `nil` for a flat namespace.
  public var separator: UInt8?
  /// As sent, quoting removed.
  public var mailbox: [UInt8]
  /// An answer to LSUB.
  public var isSubscription: Bool

  public init(attributes: [String], separator: UInt8?, mailbox: [UInt8], isSubscription: Bool) {
    self.attributes = attributes
    self.separator = separator
    self.mailbox = mailbox
    self.isSubscription = isSubscription
  }
}

/// RFC 9051 §7.3.2 and the extensions' items.
public struct MailboxStatus: Hashable, Sendable {
  public var messages: UInt32?
  public var uidNext: UID?
  public var uidValidity: UIDValidity?
  public var highestModSeq: ModSequence?
  public var unseen: UInt32?
  public var size: UInt64?
  public var appendLimit: UInt64?
  /// MAILBOXID (RFC 8474) or Dovecot's X-GUID.
  public var mailboxID: [UInt8]?

  public init() {}
}

public struct ESearchResponse: Hashable, Sendable {
  public var tag: Tag?
  public var isUID: Bool
  public var all: UIDSet?
  public var min: UInt32?
  public var max: UInt32?
  public var count: UInt32?
  public var modSeq: ModSequence?

  public init(tag: Tag? = nil, isUID: Bool = false) {
    self.tag = tag
    self.isUID = isUID
  }
}

public struct NamespaceResponse: Hashable, Sendable {
  public struct Entry: Hashable, Sendable {
    public var prefix: [UInt8]
    public var separator: UInt8?

    public init(prefix: [UInt8], separator: UInt8?) {
      self.prefix = prefix
      self.separator = separator
    }
  }

  public var personal: [Entry]
  public var others: [Entry]
  public var shared: [Entry]

  public init(personal: [Entry] = [], others: [Entry] = [], shared: [Entry] = []) {
    self.personal = personal
    self.others = others
    self.shared = shared
  }
}

/// The items of one FETCH response that this client asks for. RFC 9051 §7.5.2.
public struct FetchResponse: Hashable, Sendable {
  public var sequenceNumber: UInt32
  public var uid: UID?
  /// Every flag as sent, `\Recent` too; `nil` if FLAGS was not in the response.
  public var flags: FlagSet?
  public var modSeq: ModSequence?
  public var size: UInt64?
  public var internalDate: InternalDate?
  /// EMAILID, X-GUID or X-GM-MSGID, whichever was sent.
  public var emailID: [UInt8]?
  /// A section that is small enough to be gathered: `BODY[HEADER]` and the like.
  public var header: [UInt8]?
  /// The parts of the message (BODYSTRUCTURE), if they could be read.
  public var structure: [BodyPart]?
  /// Parts by their section: `1.2`, `1.2.MIME`.
  public var sections: [String: [UInt8]] = [:]
  /// The whole message (`BODY[]`) came with this response, streamed as ``WireEvent``s.
  public var hadBody: Bool = false

  public init(sequenceNumber: UInt32) { self.sequenceNumber = sequenceNumber }
}
