/// How to log in, chosen from what the server offers.
public enum SASLSelection: Hashable, Sendable {
  /// With AUTHENTICATE.
  case authenticate(IMAPConfiguration.Mechanism)
  /// With the LOGIN command.
  case loginCommand

  /// - Parameters:
  ///   - offered: the capabilities in force now (after STARTTLS those given then).
  ///   - preferences: mechanisms the user named; empty: the strongest offered.
  ///   - isSecure: true under TLS and for a command.
  public static func choose(
    offered: some Sequence<Capability>, preferences: [IMAPConfiguration.Mechanism],
    isSecure: Bool, hasUser: Bool, hasClientCertificate: Bool
  ) throws(SASLError) -> SASLSelection {
    .loginCommand
  }
}
