import SyncEngine

/// What the program's end says to its caller; after sysexits.h where that fits.
enum ExitCode: Int32, CaseIterable, Sendable {
  case ok = 0
  /// Some mailboxes or messages could not be synced; the rest were.
  case partial = 1
  /// A guard refused.
  case refused = 2
  case usage = 64
  case unreachable = 69
  case tryAgain = 75
  case protocolBroken = 76
  case permission = 77
  case configuration = 78

  /// With several failures the first of these is returned.
  private static let ranking: [ExitCode] = [
    .usage, .configuration, .permission, .unreachable, .protocolBroken, .refused, .tryAgain,
    .partial, .ok,
  ]

  static func highest(_ codes: some Sequence<ExitCode>) -> ExitCode {
    let present = Set(codes)
    return ranking.first(where: present.contains) ?? .ok
  }

  /// - Parameter scope: what concerns only a mailbox or a message leaves the rest done, whatever the
  ///   reason; a mailbox to which access is denied is no refused login.
  init(_ code: FailureCode, scope: FailureScope = .side) {
    switch code {
    case .configuration: self = .configuration
    case .guarded: self = .refused
    case .protocolViolation: self = .protocolBroken
    case .connectionLost, .timeout, .locked, .interrupted: self = .tryAgain
    case .auth: self = .permission
    case .permission: self = scope == .side ? .permission : .partial
    case .unreachable, .tls: self = .unreachable
    // A server that says no to what concerns all of it: nothing was synced.
    case .refused: self = scope == .side ? .tryAgain : .partial
    default: self = .partial
    }
  }

  /// What a pair's run comes to.
  init(_ report: SyncReport) {
    let failures = report.failures.map { ExitCode($0.code, scope: $0.scope) }
    let result: ExitCode =
      switch report.result {
      case .ok: .ok
      case .refused: .refused
      // The failures say more, if there are any.
      case .partial, .failed: .partial
      }
    self = ExitCode.highest(failures + [result])
  }
}
