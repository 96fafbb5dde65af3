import IMAPClient
import SyncEngine

/// The names in a Maildir folder as they were told at some moment, kept from run to run.
struct KeptNames {
  let stamp: MaildirStamp
  private let uidValidity: UIDValidity?
  private let uidNext: UID
  private let mailboxID: GlobalUID
  private var messages: [UID: (id: GlobalUID, flags: FlagSet)] = [:]

  init(_ mailbox: SimulatedMailbox, _ stamp: MaildirStamp) {
    self.stamp = stamp
    uidValidity = mailbox.uidValidity
    uidNext = mailbox.uidNext
    mailboxID = mailbox.id
    for message in mailbox.messages {
      if let uid = message.handle.uid { messages[uid] = (message.id, message.flags) }
    }
  }

  /// What has become another since; `nil` if somebody has numbered messages, which names don't tell.
  func changes(
    to now: SimulatedMailbox, _ recheck: UIDSet
  ) -> (messages: [SimulatedMessage], vanished: UIDSet)? {
    guard now.uidValidity == uidValidity, now.uidNext == uidNext, now.id == mailboxID else {
      return nil
    }
    var changed: [SimulatedMessage] = []
    for message in now.messages {
      if let uid = message.handle.uid {
        guard let then = messages[uid], then.id == message.id else { return nil }
        if then.flags == message.flags, !recheck.contains(uid) { continue }
      }
      changed.append(message)
    }
    let present = now.uids
    let gone = UIDSet(messages.keys.filter { !present.contains($0) }.sorted())
    return (changed, gone.union(recheck.subtracting(present)))
  }
}
