import IMAPClient

extension EndpointError {
  /// What a failed command or connection means for the run.
  init(_ error: IMAPError) {
    let (scope, code, advice) = EndpointError.classify(error)
    self.init(
      scope, code, error.message, advice: error.advice.isEmpty ? advice : error.advice)
    isForNow = error.kind == .refused && error.code.isForNow
  }

  private static func classify(_ error: IMAPError) -> (FailureScope, FailureCode, String) {
    switch error.kind {
    case .unreachable: (.side, .unreachable, "check the host, the port and the network")
    case .tls: (.side, .tls, "check the certificate and the TLS settings")
    case .configuration: (.side, .configuration, "check the configuration")
    case .authentication: (.side, .auth, "check the user name and the password")
    case .busy: (.side, .connectionLost, "run it again later")
    case .connectionLost: (.side, .connectionLost, "run it again: it carries on from here")
    case .timeout:
      (.side, .timeout, "run it again: it carries on from here; or raise 'timeout'")
    case .protocolViolation:
      (.side, .protocolViolation, "the server is at fault: -vv shows what it said")
    case .notUnderstood:
      (.mailbox, .protocolViolation, "name the capability at fault in disable-capabilities")
    case .refused: refusal(error.code)
    }
  }

  private static func refusal(_ code: ResponseCode?) -> (FailureScope, FailureCode, String) {
    switch code {
    case .nonExistent, .tryCreate: (.mailbox, .mailboxGone, "run it again")
    case .noPermission: (.mailbox, .permission, "ask for the right to do this, or leave it out")
    default: (.mailbox, code.failureCode, code.advice)
    }
  }

  static let outOfOrder = EndpointError(
    .side, .protocolViolation, "the server answers commands out of their order",
    advice: "the server is at fault")

  /// A server that contradicts itself about the mailbox at hand.
  static func contradiction(_ message: String) -> EndpointError {
    EndpointError(
      .mailbox, .protocolViolation, message,
      advice: "the server is at fault: this mailbox is left alone until it is right")
  }
}

extension ResponseCode? {
  /// Why one message or mailbox was refused.
  var failureCode: FailureCode {
    switch self {
    case .overQuota: .overQuota
    case .tooBig: .tooLarge
    case .noPermission: .permission
    case .nonExistent, .tryCreate: .mailboxGone
    case .readOnly: .readOnly
    default: .refused
    }
  }

  /// Whether the same may be taken at another time. A server that gives no reason just does not do it. RFC 5530 §3
  var isForNow: Bool {
    switch self {
    case .overQuota, .limit, .inUse, .unavailable, .serverBug, .contactAdmin, .expungeIssued,
      .messageLimit:
      true
    default: false
    }
  }

  var advice: String {
    switch self {
    case .overQuota: "make room on the server"
    case .tooBig: "leave such messages out with max-size"
    case .limit, .inUse, .unavailable: "try again later"
    default: "ask who runs the server"
    }
  }
}
