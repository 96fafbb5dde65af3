import IMAPClient
import SyncEngine
import TestSupport

/// What is known of a renumbering by COPY that was cut short. A copy that a user makes of the same message, in its own mailbox,
/// is like the one that the run made or was about to make, and may be taken for that.
extension Replay {
  /// To be told of a user's copy.
  func noteCopy(_ replica: Int, before: [MailboxName: SimulatedMailbox]) {
    let copied = before.compactMap { name, mailbox -> SimulatedMail? in
      guard let now = servers[replica][name], now.messages.count > mailbox.messages.count else {
        return nil
      }
      return now.messages.last?.origin
    }
    if phase.isInRun, !phase.followsIntents {
      phase.copiedInRun.formUnion(copied)
    } else {
      noteTakenCopies(of: Set(copied))
    }
  }

  /// - Parameter copied: once each, since a run died or during the one that has just died.
  func noteTakenCopies(of copied: Set<SimulatedMail>) {
    guard !copied.isEmpty else { return }
    var taken: Set<SimulatedMail> = []
    for (pair, store) in zip(history.pairs, stores) {
      for intent in store.intents() {
        guard let uid = intent.original,
          let record = store.mailboxes().first(where: { $0.id == intent.mailbox }),
          let mailbox = servers[intent.side == .left ? pair.left : pair.right][
            policyName(record, intent.side)],
          let original = mailbox.message(.uid(uid))?.origin
        else { continue }
        taken.insert(original)
      }
    }
    for content in taken.intersection(copied) { ledger.noteTakenCopy(content) }
  }
}
