/// Why a connection or a command failed, by what can be done about it. Texts hold no secrets.
public struct IMAPError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Kind: Hashable, Sendable {
    /// The name, the network, or nobody who listens.
    case unreachable
    case tls
    /// A file of the configuration can't be used, or what it asks for does not fit the server.
    case configuration
    /// The server refuses the login.
    case authentication
    /// The server can't log anyone in at the moment, or has too many connections of this user.
    case busy
    /// The connection ended while something was still to come.
    case connectionLost
    case timeout
    /// The server broke the protocol.
    case protocolViolation
    /// The server does not understand one command (a tagged BAD); the connection goes on.
    case notUnderstood
    /// The server refused one command (a tagged NO); the connection goes on.
    case refused
  }

  public var kind: Kind
  /// One line for people.
  public var message: String
  /// What to do about it, where this layer knows.
  public var advice: String
  /// The response code that came with a refusal.
  public var code: ResponseCode?

  public init(_ kind: Kind, _ message: String, advice: String = "", code: ResponseCode? = nil) {
    self.kind = kind
    self.message = message
    self.advice = advice
    self.code = code
  }

  public var description: String { message }

  /// True for errors after which the connection can't be used any more.
  public var endsConnection: Bool { kind != .refused && kind != .notUnderstood }

  init(_ error: TransportError) {
    switch error {
    case .unknownHost(let text), .cannotConnect(let text): self.init(.unreachable, text)
    case .tls(let text, let advice): self.init(.tls, text, advice: advice)
    case .badFile(let path, let reason):
      self.init(
        .configuration, "\(path): \(reason)",
        advice: "it is named by 'tls-ca-file', 'tls-client-cert' or 'tls-client-key'")
    case .broken(let text): self.init(.connectionLost, "the connection broke: \(text)")
    case .timedOut(let seconds):
      self.init(.timeout, "nothing came from the server for \(seconds) s")
    case .corrupt(let text):
      self.init(.protocolViolation, "the compressed stream is damaged: \(text)")
    }
  }

  /// Says where nobody could be reached.
  init(_ error: TransportError, reaching target: IMAPConfiguration.Target) {
    self.init(error)
    switch (error, target) {
    case (.unknownHost(let text), .tcp(let host, _)):
      message = "\(host): \(text)"
      advice = "check the spelling of the host, and the network"
    case (.cannotConnect(let text), .tcp(let host, let port)):
      message = "can't connect to \(host), port \(port): \(text)"
      advice = "check the host and the port, and the network"
    case (.cannotConnect, .command): advice = "try the command in a shell"
    default: break
    }
  }

  init(_ error: ParseError) {
    self.init(.protocolViolation, "the server does not speak IMAP: \(error)")
  }
}

/// Text that a server wrote, made fit to be shown.
public enum ServerText {
  /// - Returns: printable characters only, at most 200 of them.
  public static func clean(_ bytes: some Collection<UInt8>) -> String {
    let text = String(decoding: bytes.prefix(1000), as: UTF8.self)
    var result = ""
    for scalar in text.unicodeScalars.prefix(200) {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse,
        .unassigned:
        result += " "
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// Why something was refused, as part of a sentence: without a full stop, and without the time it took,
  /// which Dovecot adds.
  public static func reason(_ bytes: some Collection<UInt8>) -> String {
    var text = withoutEnd(clean(bytes)[...])
    if text.hasSuffix(" secs)"), let start = text.lastIndex(of: "(") {
      text = withoutEnd(text[..<start])
    }
    return String(text)
  }

  private static func withoutEnd(_ text: Substring) -> Substring {
    var text = text
    while text.last == "." || text.last == " " { text.removeLast() }
    return text
  }
}
