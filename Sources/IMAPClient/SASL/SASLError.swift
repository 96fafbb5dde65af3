/// Why a login can't go on.
public enum SASLError: Error, Hashable, Sendable {
  /// The server's challenge makes no sense, or the server did not prove that it knows the password.
  case badServer(String)
  /// The mechanism itself says that the server refuses these credentials.
  case refused(String)
  /// The user name or password can't be sent with this mechanism.
  case unsuitable(String)
  /// No mechanism fits what the server offers and the user allows.
  case noMechanism(reason: String, advice: String)

  public var message: String {
    switch self {
    case .badServer(let text), .refused(let text), .unsuitable(let text),
      .noMechanism(let text, _):
      text
    }
  }
}
