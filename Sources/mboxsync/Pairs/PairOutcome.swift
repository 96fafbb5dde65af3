import SyncEngine

/// What became of a pair.
struct PairOutcome: Sendable {
  var pair: String
  var report: SyncReport
  var milliseconds: Int64
  /// Of the last run that changed something, or ended otherwise than the one before; only for `status`.
  var lastRun: (seconds: Int64, result: String)?
  /// What the base holds; only for `status`.
  var known = (mailboxes: 0, messages: 0)

  var exitCode: ExitCode { ExitCode(report) }
}
