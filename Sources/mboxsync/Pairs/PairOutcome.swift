import IMAPClient
import SyncEngine

/// What became of a pair.
struct PairOutcome: Sendable {
  var pair: String
  var report: SyncReport
  var mailboxChanges: [MailboxChange] = []
  var milliseconds: Int64
  /// Only for `status`.
  var known: KnownPair?

  init(pair: String, report: SyncReport, milliseconds: Int64) {
    self.pair = pair
    self.report = report
    self.milliseconds = milliseconds
  }

  var exitCode: ExitCode { ExitCode(report) }
}

/// What is recorded of a pair.
struct KnownPair: Sendable {
  /// A message that could not be synced, or not yet.
  struct Unsynced: Hashable, Sendable {
    /// The name on that side.
    var mailbox: MailboxName
    var side: Side
    var uid: UID
    /// `nil`: nobody asked for it so far (`--only`, `--push`).
    var code: FailureCode?
    var why: String
  }

  /// `nil`: there never was a run. `change`: when one last changed something, or ended otherwise than the
  /// one before. Seconds since 1970.
  var last: (run: Int64, change: Int64, result: String)?
  var mailboxes = 0
  /// Of these, by how UIDs are kept.
  var mirrored = 0
  var mapped = 0
  var messages = 0
  var stubs = 0
  var unsynced: [Unsynced] = []
  /// What the last run complained of.
  var errors: [String] = []

  init() {}

  init(_ store: SQLiteStateStore, directory: String, pair: String) throws(StateError) {
    if let change = try store.value(.lastRun).flatMap({ Int64($0) }) {
      let run = SQLiteStateStore.lastRun(directory: directory, pair: pair) ?? change
      last = (max(run, change), change, try store.value(.lastResult) ?? "")
    }
    errors = (try store.value(.lastErrors) ?? "").split(separator: "\n").map(String.init)
    let records = try store.mailboxes()
    mailboxes = records.count
    mirrored = records.count { $0.mode == .mirror }
    mapped = records.count { $0.mode == .map }
    for record in records { messages += try store.messageCount(in: record.id) }
    stubs = try store.stubCount()
    for message in try store.pending() {
      guard let record = records.first(where: { $0.id == message.mailbox }) else { continue }
      unsynced.append(
        Unsynced(
          mailbox: record.names[message.side], side: message.side, uid: message.uid,
          code: message.code, why: message.code == nil ? "not asked for so far" : message.text))
    }
  }
}
