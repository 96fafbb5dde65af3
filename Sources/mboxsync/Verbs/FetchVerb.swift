import IMAPClient
import SyncEngine

/// `mboxsync fetch`: replaces stubs by the whole messages, as flagging them does.
///
/// A run of the one mailbox, which brings nothing else but new mail.
struct FetchVerb {
  let session: Session

  func run() throws(Complaint) -> ExitCode {
    guard var pair = try session.pairs().first, let (path, uids) = session.invocation.stubs else {
      throw Complaint(UsageError("'fetch' needs a pair, a mailbox, and the UIDs of stubs in it"))
    }
    do throws(StateError) {
      guard let (record, stubs) = try find(uids, in: path, of: pair) else {
        session.console.complain([
          pair.name, path, "nothing is recorded of such a mailbox", "see 'mboxsync status'",
        ])
        return .partial
      }
      let others = uids.subtracting(stubs)
      for uid in others {
        session.console.complain([pair.name, path, "UID \(uid) is no stub", "nothing to fetch"])
      }
      guard !stubs.isEmpty else { return .partial }
      select(record, stubs, of: &pair)
      let outcome = PairRunner(session: session).run(pair)
      say(outcome)
      return ExitCode.highest([outcome.exitCode, others.isEmpty ? .ok : .partial])
    } catch {
      let failure = SyncFailure(error)
      session.console.failure(failure, pair: pair.name)
      return ExitCode(failure.code)
    }
  }

  /// - Returns: those of the UIDs that are stubs; `nil` if the base does not know the mailbox.
  private func find(
    _ uids: UIDSet, in path: String, of pair: PairSettings
  ) throws(StateError) -> (MailboxRecord, UIDSet)? {
    let store = try SQLiteStateStore.open(
      directory: session.stateDirectory, pair: pair.name, access: .readOnly
    ).store
    let name = MailboxName(path: path)
    let records = try store.mailboxes()
    guard
      let record = records.first(where: { $0.names.left == name })
        ?? records.first(where: { $0.names.right == name })
    else { return nil }
    let rows = try store.messages(in: record.id, uids: Both(left: uids, right: uids))
    let stubs = rows.compactMap { row in row.stub.map { row.uids[$0] } }.sorted()
    return (record, UIDSet(stubs).intersection(uids))
  }

  private func select(_ record: MailboxRecord, _ stubs: UIDSet, of pair: inout PairSettings) {
    pair.policy.wholeMessages = [record.names.left: stubs]
    // Nothing but this mailbox, whatever the characters of its name.
    pair.policy.onlyMailboxes = .exactly(record.names.left)
    pair.policy.kinds = [.new]
  }

  private func say(_ outcome: PairOutcome) {
    let console = session.console
    guard console.outputIsTerminal && console.verbosity >= 0 else { return }
    let line = Summary.line(outcome, isDryRun: false)
    console.print(console.paint(line, Summary.style(outcome.report.result), on: .output))
  }
}
