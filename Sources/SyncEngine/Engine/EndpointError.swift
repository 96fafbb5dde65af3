import IMAPClient

/// What kind of failure it was: the `code` of the JSON output, and what the exit code is made of.
public enum FailureCode: String, Hashable, Sendable {
  case unreachable  // name, connection, TLS verification
  case tls
  case auth
  case permission
  case connectionLost = "connection-lost"
  case timeout
  case locked
  case protocolViolation = "protocol"
  case overQuota = "overquota"
  case tooLarge = "too-large"
  case refused
  case noSpace = "no-space"
  case nameNotPossible = "name"
  case mailboxGone = "mailbox-gone"
  case readOnly = "read-only"
  case guarded = "guard"
  case cannotRenumber = "renumber"
  case unreadable
  case keywords
  case altered
  case wrongSize = "size"
  case conflict
  case state
  case configuration
  case interrupted
  case other = "error"
}

/// How much of a run an error ends.
public enum FailureScope: Hashable, Sendable {
  /// This message; the mailbox goes on.
  case message
  /// This mailbox; the others go on.
  case mailbox
  /// This side, and so the pair.
  case side
}

/// Something that an endpoint could not do: what happened and what to do about it, each in one line
/// without secrets. The engine adds pair, side and mailbox.
public struct EndpointError: Error, Hashable, Sendable, CustomStringConvertible {
  public var scope: FailureScope
  public var code: FailureCode
  public var message: String
  public var advice: String
  /// A server refused it for now, as one does that has no room left: the same may succeed at another time.
  public var isForNow = false

  public init(_ scope: FailureScope, _ code: FailureCode, _ message: String, advice: String) {
    self.scope = scope
    self.code = code
    self.message = message
    self.advice = advice
  }

  /// A mailbox of the other side has here the name of a link to another one.
  static let nameOfAnother = EndpointError(
    .mailbox, .nameNotPossible, "it is a link to another mailbox, and not synced",
    advice: "remove the link")

  /// Neither side of a pair has a store, so that there is nothing to sync.
  ///
  /// - Parameter names: what the endpoints are called.
  public static func noStores(_ names: Both<String>) -> EndpointError {
    EndpointError(
      .side, .unreachable, "there is no mail store at \(names.left), and none at \(names.right)",
      advice: "check the paths; one that is to begin empty is made with mkdir")
  }

  public var description: String { advice.isEmpty ? message : "\(message): \(advice)" }
}
