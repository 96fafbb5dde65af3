import IMAPClient

/// Finds the IMAP server of a mail address: by the domain's own records (RFC 6186), by who takes its mail,
/// and by the names that servers usually have.
struct ServerFinder {
  struct Found: Hashable {
    /// `imaps://mail.example.org`, without a user.
    var url: String
    var host: String
    /// How it was found, for people.
    var how: String
    var provider: MailProvider?
    /// The host belongs to the domain of the address, or is known to serve others. What else a name server
    /// says may be an attacker's: RFC 6186 §6 wants it to be confirmed.
    var isVouchedFor: Bool
  }

  let names: NameService

  /// - Returns: `nil` if nothing was found.
  func find(domain: String) -> Found? {
    let domain = domain.lowercased()
    if let provider = MailProvider.all.first(where: { $0.domains.contains(domain) }) {
      return found(provider, how: "known to be that of \(provider.name)")
    }
    return byService(domain) ?? byMailExchanger(domain) ?? byUsualName(domain)
  }

  // RFC 6186 §3.2
  private func byService(_ domain: String) -> Found? {
    for (service, scheme, standard) in [("_imaps", "imaps", 993), ("_imap", "imap", 143)] {
      let name = "\(service)._tcp.\(domain)"
      let services = DNSAnswer(names.ask(HostName.ascii(name), .service)).services
      // A target of "." says that there is no such service here: RFC 6186 §3.4.
      guard let first = services.first(where: { !$0.host.isEmpty && $0.port > 0 }) else { continue }
      let host = first.host.lowercased()
      let port = Int(first.port) == standard ? "" : ":\(first.port)"
      let provider = MailProvider.all.first { $0.host == host }
      return Found(
        url: "\(scheme)://\(host)\(port)", host: host, how: "DNS: SRV record of \(name)",
        provider: provider,
        isVouchedFor: provider != nil || isBelow(domain, host))
    }
    return nil
  }

  /// Records have names in ASCII, whatever was typed.
  private func isBelow(_ domain: String, _ host: String) -> Bool {
    let domain = HostName.ascii(domain)
    return host == domain || host.hasSuffix(".\(domain)")
  }

  /// Most domains of companies and schools lie at one of few providers, which have no records for them.
  private func byMailExchanger(_ domain: String) -> Found? {
    let exchangers = DNSAnswer(names.ask(HostName.ascii(domain), .mailExchanger)).mailExchangers
    for exchanger in exchangers.map({ $0.lowercased() }) {
      let provider = MailProvider.all.first { provider in
        provider.mailExchangers.contains { exchanger.hasSuffix(".\($0)") }
      }
      if let provider {
        return found(provider, how: "\(domain) has its mail at \(provider.name)")
      }
    }
    return nil
  }

  private func byUsualName(_ domain: String) -> Found? {
    for host in ["imap.\(domain)", "mail.\(domain)", domain] where names.listens(host, 993) {
      return Found(
        url: "imaps://\(host)", host: host, how: "it answers on port 993", provider: nil,
        isVouchedFor: true)
    }
    return nil
  }

  private func found(_ provider: MailProvider, how: String) -> Found {
    Found(
      url: "imaps://\(provider.host)", host: provider.host, how: how, provider: provider,
      isVouchedFor: true)
  }
}

/// Large providers whose servers nobody has to look for, and what they want of a login.
struct MailProvider: Hashable, Sendable {
  enum Login: Sendable {
    case password
    /// Not the account's own password, but one made for a program.
    case appPassword
    /// OAuth2 only.
    case token
  }

  var name: String
  var host: String
  var domains: [String]
  /// Ends of the names of hosts that take mail for its customers' domains.
  var mailExchangers: [String]
  var login: Login
  /// What there is to know before a password is asked for.
  var hint: String

  static let all = [
    MailProvider(
      name: "Gmail", host: "imap.gmail.com", domains: ["gmail.com", "googlemail.com"],
      mailExchangers: ["google.com", "googlemail.com"], login: .appPassword,
      hint: "Gmail takes OAuth2, or an app password (myaccount.google.com/apppasswords)."),
    MailProvider(
      name: "Microsoft 365", host: "outlook.office365.com",
      domains: ["outlook.com", "hotmail.com", "live.com", "msn.com"],
      mailExchangers: ["mail.protection.outlook.com", "olc.protection.outlook.com"], login: .token,
      hint: "Microsoft takes OAuth2 only."),
    MailProvider(
      name: "iCloud", host: "imap.mail.me.com", domains: ["icloud.com", "me.com", "mac.com"],
      mailExchangers: ["mail.icloud.com"], login: .appPassword,
      hint: "iCloud takes an app-specific password (account.apple.com)."),
    MailProvider(
      name: "Yahoo", host: "imap.mail.yahoo.com", domains: ["yahoo.com", "ymail.com"],
      mailExchangers: ["yahoodns.net"], login: .appPassword,
      hint: "Yahoo takes an app password (login.yahoo.com/account/security)."),
    MailProvider(
      name: "Fastmail", host: "imap.fastmail.com", domains: ["fastmail.com", "fastmail.fm"],
      mailExchangers: ["messagingengine.com"], login: .appPassword,
      hint: "Fastmail takes an app password (Settings, Privacy & Security)."),
  ]
}
