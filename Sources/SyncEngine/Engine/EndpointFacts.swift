import IMAPClient

/// What a person may want to know of an endpoint that was reached: how, and what it can do. For `check`.
public struct EndpointFacts: Sendable {
  /// How changes are found on a server.
  public enum Tier: String, Hashable, Sendable {
    /// The server tells what changed and what vanished. RFC 7162 §3.2
    case qresync
    /// It tells what changed; what vanished is found by comparing UIDs. RFC 7162 §3.1
    case condstore
    /// UID and flags of every message are read.
    case plain
  }

  /// A mailbox that can't be read or written, and why not.
  public struct Closed: Sendable {
    public var name: MailboxName
    public var error: EndpointError
  }

  /// A Maildir's, if it is one.
  public var layout: MaildirLayout?
  /// What the server calls itself, with its version.
  public var server: String?
  public var tls: TLSInfo?
  /// The certificates up to a trusted authority's; only the server's own where it is pinned.
  public var chain: [CertificateInfo] = []
  public var login: String?
  public var tier: Tier?
  /// Extensions that are made use of, and those that would help.
  public var extensions: [String] = []
  public var missing: [String] = []
  public var isCompressed = false
  /// As far as that is known without opening them.
  public var closed: [Closed] = []

  public init() {}
}

extension Endpoint {
  /// Nothing is known of an endpoint that does not say.
  public func facts() throws(EndpointError) -> EndpointFacts { EndpointFacts() }
}
