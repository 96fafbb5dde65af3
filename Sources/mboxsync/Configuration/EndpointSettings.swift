import IMAPClient
import SyncEngine

/// One side of a pair as it is configured.
struct EndpointSettings: Sendable {
  enum TLS: String, CaseIterable, Sendable {
    case implicit
    case starttls
    case none
  }

  /// Where the password comes from; the key set last decides.
  enum PasswordKey: Hashable, Sendable {
    case command(String)
    case file(String)
  }

  var url: EndpointURL?
  var user: String?
  var password: PasswordKey?
  var mechanisms: [IMAPConfiguration.Mechanism] = []
  var tls: TLS?
  var tlsOptions = IMAPConfiguration.TLSOptions()
  /// `nil`: found from what is there.
  var layout: MaildirLayout?
  var connections = 4
  var timeoutSeconds = 60
  var compresses = true
  var disabledCapabilities: Set<Capability> = []
  var prefix: MailboxName?

  init() {}
}

extension EndpointSettings {
  /// `tls`, else what the URL's scheme says.
  var tlsMode: IMAPConfiguration.TLSMode {
    switch (tls, url) {
    case (.implicit, _): .implicit
    case (.starttls, _): .startTLS
    case (.some(.none), _): .none
    case (nil, .imap(let mode, _, _, _)): mode
    // A command's pipes need no TLS.
    case (nil, _): .none
    }
  }

  /// The port in the URL, else the one that belongs to the kind of TLS.
  var port: UInt16 {
    if case .imap(_, _, _, let port?) = url { return port }
    return tlsMode == .implicit ? 993 : 143
  }

  /// `user`, else the URL's, else that of the environment.
  func userName(_ environment: Environment) -> String? {
    if let user { return user }
    if case .imap(_, let user?, _, _) = url { return user }
    return environment.user
  }

  /// Names the store, without secrets; the same however it was configured.
  func name(_ environment: Environment) -> String {
    switch url {
    case nil: return ""
    case .maildir(let path): return "maildir:\(path)"
    case .exec(let command): return "exec:\(command)"
    case .imap(_, _, let host, _):
      let scheme = tlsMode == .implicit ? "imaps" : "imap"
      let standardPort: UInt16 = tlsMode == .implicit ? 993 : 143
      let user = userName(environment).map { "\($0)@" } ?? ""
      let shownHost = host.contains(":") ? "[\(host)]" : host
      return "\(scheme)://\(user)\(shownHost)" + (port == standardPort ? "" : ":\(port)")
    }
  }
}
