/// How to log in, chosen from what the server offers.
public enum SASLSelection: Hashable, Sendable {
  /// With AUTHENTICATE.
  case authenticate(IMAPConfiguration.Mechanism)
  /// With the LOGIN command.
  case loginCommand

  /// Strongest first. Tokens and EXTERNAL say what kind of secret there is, so they are never
  /// guessed.
  private static let order: [IMAPConfiguration.Mechanism] = [
    .scramSHA256, .scramSHA1, .cramMD5, .plain, .login,
  ]

  /// - Parameters:
  ///   - offered: the capabilities in force now (after STARTTLS those given then).
  ///   - preferences: mechanisms the user named; empty: the strongest offered.
  ///   - isSecure: true under TLS and for a command: nobody on the way can read a password.
  public static func choose(
    offered: some Sequence<Capability>, preferences: [IMAPConfiguration.Mechanism],
    isSecure: Bool, hasUser: Bool, hasClientCertificate: Bool
  ) throws(SASLError) -> SASLSelection {
    let names = offered.map(\.name)
    let offer = Offer(
      mechanisms: IMAPConfiguration.Mechanism.allCases.filter {
        names.contains("AUTH=" + $0.rawValue.uppercased())
      },
      allowsLoginCommand: !names.contains("LOGINDISABLED"),
      names: names.filter { $0.hasPrefix("AUTH=") }.map { String($0.dropFirst(5)) })
    if !preferences.isEmpty {
      return try chooseNamed(preferences, offer: offer, hasUser: hasUser)
    }
    if hasClientCertificate && offer.mechanisms.contains(.external) {
      return .authenticate(.external)
    }
    guard hasUser else { throw noUser }
    return try chooseStrongest(offer: offer, isSecure: isSecure)
  }

  private struct Offer {
    var mechanisms: [IMAPConfiguration.Mechanism]
    var allowsLoginCommand: Bool
    /// All of them, known here or not.
    var names: [String]
  }

  /// Whoever names a mechanism knows the way there: no second thoughts about plain passwords.
  private static func chooseNamed(
    _ preferences: [IMAPConfiguration.Mechanism], offer: Offer, hasUser: Bool
  ) throws(SASLError) -> SASLSelection {
    var lacksUser = false
    for mechanism in preferences {
      let isOffered = offer.mechanisms.contains(mechanism)
      guard isOffered || mechanism == .login && offer.allowsLoginCommand else { continue }
      if mechanism != .external && !hasUser {
        lacksUser = true
        continue
      }
      return isOffered ? .authenticate(mechanism) : .loginCommand
    }
    if lacksUser { throw noUser }
    let wanted = preferences.map(\.rawValue).joined(separator: ", ")
    throw .noMechanism(
      reason: "the server does not offer \(wanted)", advice: advice(naming: offer))
  }

  private static func chooseStrongest(offer: Offer, isSecure: Bool) throws(SASLError)
    -> SASLSelection
  {
    for mechanism in order where offer.mechanisms.contains(mechanism) {
      if isSecure || !sendsPassword(mechanism) { return .authenticate(mechanism) }
    }
    // RFC 3501 §6.2.3: the command that every server has, unless it says otherwise.
    if isSecure && offer.allowsLoginCommand { return .loginCommand }
    let wouldSendPassword =
      offer.allowsLoginCommand || offer.mechanisms.contains(where: sendsPassword)
    if !isSecure && wouldSendPassword {
      throw .noMechanism(
        reason: "the password would be sent readably over a connection without TLS",
        advice: "use TLS, or set auth = plain or auth = login to send it all the same")
    }
    let tokens = offer.mechanisms.filter { $0.takesToken }
    if !tokens.isEmpty {
      throw .noMechanism(
        reason: "the server takes OAuth2 tokens only",
        advice: "set auth = \(tokens[0].rawValue), and let password-command print a token")
    }
    throw .noMechanism(
      reason: "the server offers no way to log in that is known here",
      advice: advice(naming: offer))
  }

  private static func sendsPassword(_ mechanism: IMAPConfiguration.Mechanism) -> Bool {
    mechanism == .plain || mechanism == .login
  }

  private static func advice(naming offer: Offer) -> String {
    if offer.names.isEmpty {
      return "the server offers no mechanism; it may do so once TLS is in use"
    }
    let list = offer.names.prefix(12).map { PrintableText.make($0.utf8) }
    return "it offers \(list.joined(separator: ", ")); see 'auth'"
  }

  private static let noUser = SASLError.noMechanism(
    reason: "there is no user name", advice: "set user, or put it in the URL")
}
