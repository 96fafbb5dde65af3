/// How to reach an IMAP server and log in.
public struct IMAPConfiguration: Sendable {
  public enum Target: Hashable, Sendable {
    case tcp(host: String, port: UInt16)
    /// Run by `/bin/sh -c`; IMAP over its standard input and output.
    case command(String)
  }

  public enum TLSMode: Hashable, Sendable {
    case implicit
    case startTLS
    case none
  }

  public enum TLSVersion: Hashable, Sendable {
    case v12
    case v13
  }

  /// What a certificate is pinned to: 32 bytes each.
  public enum Fingerprint: Hashable, Sendable {
    case certificate(sha256: [UInt8])
    case publicKey(sha256: [UInt8])
  }

  public struct TLSOptions: Hashable, Sendable {
    /// Instead of the system's store.
    public var caFile: String?
    public var fingerprint: Fingerprint?
    public var clientCertificate: String?
    public var clientKey: String?
    public var minimum: TLSVersion = .v12

    public init() {}
  }

  /// SASL mechanisms this client knows; `login` is also the LOGIN command.
  public enum Mechanism: String, CaseIterable, Hashable, Sendable {
    case scramSHA256 = "scram-sha-256"
    case scramSHA1 = "scram-sha-1"
    case plain
    case login
    case cramMD5 = "cram-md5"
    case xoauth2
    case oauthBearer = "oauthbearer"
    case external

    /// The password is an OAuth 2.0 access token.
    public var takesToken: Bool { self == .xoauth2 || self == .oauthBearer }

    /// A server can check a password by it only if it holds it in a form of this mechanism's own; many
    /// offer it all the same.
    var needsStoredForm: Bool { self == .scramSHA256 || self == .scramSHA1 || self == .cramMD5 }
  }

  public var target: Target
  public var tls: TLSMode
  public var tlsOptions = TLSOptions()
  /// Where a TLS session is kept for the next run; `nil`: nowhere.
  public var tlsSessions: TLSSessionFile?
  public var user: String?
  /// Gives the password or token when it is first needed; may run a command or ask on a terminal.
  public var password: (@Sendable () throws(PasswordError) -> [UInt8])?
  /// By preference; empty: the strongest that the server offers.
  public var mechanisms: [Mechanism] = []
  /// Seconds without progress after which the connection is given up.
  public var timeoutSeconds = 60
  /// Use COMPRESS=DEFLATE where the server offers it; never for commands and loopback addresses.
  public var compresses = true
  /// Capabilities to act as if the server did not offer them.
  public var disabledCapabilities: Set<Capability> = []
  /// Receives the protocol, secrets removed.
  public var trace: (any WireTrace)?

  public init(target: Target, tls: TLSMode) {
    self.target = target
    self.tls = tls
  }
}

/// Why there is no password: one line for people, without the secret.
public struct PasswordError: Error, Hashable, Sendable {
  public var message: String
  public var advice: String

  public init(message: String, advice: String) {
    self.message = message
    self.advice = advice
  }
}

/// Receives what goes over the wire, line by line; literals are shortened and secrets removed already.
public protocol WireTrace: AnyObject, Sendable {
  func sent(_ line: String)
  func received(_ line: String)
}
