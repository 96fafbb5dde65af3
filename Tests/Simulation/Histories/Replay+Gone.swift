import IMAPClient
import SyncEngine
import TestSupport

/// What is expunged on one side stays gone: it does not come back from the other (design.md §4).
///
/// Asked of messages of which there is one: either the base has it when it is expunged, under the UIDs that it has; or it came into
/// being on one side since all were level, and the run that was carrying it over, while a user expunged it on either
/// side, was not cut short. What a run has brought over that died before it could record it is another matter: to the next run it has arrived.
extension Replay {
  /// What is known of a message that a user has expunged.
  struct Expunged {
    /// How often it had come into being by then.
    var comings: Int
    /// By what the base has it.
    var row: MessageID?
  }

  /// Whether it is said so strictly what has to be gone: of several pairs, one may not know yet what the other has seen.
  private var judgesGone: Bool {
    let wishes = history.wishes
    return history.pairs.count == 1 && wishes.conflict == .expunge && !wishes.hasMaxSize
      && wishes.since == nil && !wishes.hasPrefix && !wishes.hasMap && !isNarrowed
  }

  /// Before a run on which users may act.
  func noteStart(of run: History.Run) {
    phase.expungedInRun = [:]
    phase.hasFaultInRun = false
    phase.startOfRun = nil
    let isOrdinary =
      run.changes == .both && run.kinds == .all && !run.isDry && run.mailboxes.isEmpty
    guard judgesGone, isOrdinary, !phase.followsIntents else { return }
    phase.startOfRun = servers.map(\.contentCounts)
  }

  /// After a run. What was recorded last, one that dies may have recorded in vain.
  func noteEnd(_ report: SyncReport) {
    let isCutShort = report.result == .failed || phase.hasFaultInRun
    let rows = isCutShort ? rows : []
    // A Maildir was about to get other numbers: what was not found under them yet is forgotten (§6).
    if isCutShort { phase.expunged = phase.expunged.filter { $1.row.map(rows.contains) ?? true } }
    phase.expunged.merge(
      phase.expungedInRun.filter { !isCutShort || $1.row.map(rows.contains) ?? false }
    ) { $1 }
    phase.expungedInRun = [:]
    phase.startOfRun = nil
  }

  private var rows: Set<MessageID> {
    Set(stores[0].mailboxes().flatMap { stores[0].messages(in: $0.id).map(\.id) })
  }

  /// UIDs, or a base, are lost: what is missing need not have been expunged any more.
  func forgetExpunged() {
    phase.expunged = [:]
    phase.expungedInRun = [:]
    phase.startOfRun = nil
  }

  /// - Parameter mailboxes: what the server had before.
  func noteExpunged(_ replica: Int, before mailboxes: [MailboxName: SimulatedMailbox]) {
    guard judgesGone else { return }
    let server = servers[replica]
    for (name, mailbox) in mailboxes {
      let kept = Set(server[name]?.messages.map(\.handle) ?? [])
      for message in mailbox.messages where !kept.contains(message.handle) {
        let content = message.origin
        guard server.contentCounts[content] == nil else { continue }
        let row = row(of: message, in: name, mailbox, replica)
        let expunged = Expunged(comings: ledger.comings(content), row: row)
        if phase.isInRun {
          if row != nil || isUnderWay(content) { phase.expungedInRun[content] = expunged }
        } else if row != nil {
          phase.expunged[content] = expunged
        }
      }
    }
  }

  /// - Returns: by what the base has it, if nothing else is equal to it.
  private func row(
    of message: SimulatedMessage, in name: MailboxName, _ mailbox: SimulatedMailbox, _ replica: Int
  ) -> MessageID? {
    let side: Side = history.pairs[0].left == replica ? .left : .right
    let other = worlds[0].servers[side.other]
    guard let record = stores[0].mailboxes().first(where: { $0.names[side] == name }),
      let validity = mailbox.uidValidity, record.anchors[side]?.uidValidity == validity,
      let uid = message.handle.uid,
      let row = stores[0].messages(in: record.id).first(where: { $0.uids[side] == uid })
    else { return nil }
    let equal = other.mailboxes.flatMap { name, mailbox in
      mailbox.messages.filter { $0.origin == message.origin }.map { (name, mailbox, $0.handle) }
    }
    guard let (place, there, handle) = equal.first else { return row.id }
    let isIt =
      equal.count == 1 && place == record.names[side.other]
      && handle.uid == row.uids[side.other]
      && record.anchors[side.other]?.uidValidity == there.uidValidity
    return isIt ? row.id : nil
  }

  /// Whether it came into being once, since all were level, and no run before this one has carried it over.
  private func isUnderWay(_ content: SimulatedMail) -> Bool {
    guard let start = phase.startOfRun, let entry = ledger.entries[content],
      entry.settledMost == 0, entry.late.most == 1
    else { return false }
    return start.count { $0[content] != nil } < 2
  }

  /// When all is level.
  func checkGone() {
    for (content, expunged) in phase.expunged {
      guard ledger.comings(content) == expunged.comings, !ledger.isEdited(content),
        !ledger.mayBeRepeated(content)
      else { continue }
      coverage.note("rest: gone for good")
      for server in servers where server.contentCounts[content] != nil {
        failures.append(
          "\(server.name): \(SimulatedContent.label(content)) was expunged and is back")
      }
    }
  }
}
