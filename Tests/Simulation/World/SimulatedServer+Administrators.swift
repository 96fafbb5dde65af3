import IMAPClient
import SyncEngine

/// What administrators and bad luck do to a store.
extension SimulatedServer {
  /// Sets all mailboxes aside, for ``restoreBackup(isAnew:)``.
  public func keepBackup() {
    backup = mailboxes
    // So much happens until it is restored that the mod-sequences of then don't soon come to those of now.
    for name in mailboxes.keys { mailboxes[name]?.highestModSeq += 1000 }
  }

  /// The mailboxes that are still there become what they were when the backup was made.
  ///
  /// Messages that users expunged since come back, those that came since are gone from here: nobody
  /// expunged them.
  ///
  /// - Parameter isAnew: under new UIDVALIDITYs, as a careful administrator does it: under the old ones
  ///   the server gives UIDs out a second time.
  public func restoreBackup(isAnew: Bool) {
    guard let backup else { return }
    let before = contentCounts
    for (name, older) in backup.sorted(by: { $0.key < $1.key })
    where mailboxes[name]?.birth == older.birth {
      restore(older, to: name)
      guard isAnew, older.uidValidity != nil else { continue }
      mailboxes[name]?.renumberAll(newUIDValidity())
    }
    for mailbox in mailboxes.values {
      for message in mailbox.messages { ledger?.noteDate(message.date, of: message.origin) }
    }
    let after = contentCounts
    for (content, count) in after where count > before[content] ?? 0 {
      ledger?.noteReturn(content, count: count - (before[content] ?? 0), on: number)
    }
    // What came since the other side was last seen to have everything is lost for good.
    for (content, count) in before where count > after[content] ?? 0 {
      ledger?.noteLoss(content, count: count - (after[content] ?? 0), of: count, on: number)
    }
    isSetBack = !isAnew
    hasForgotten = true
  }

  /// Room for everything, and every message is taken.
  public func makeRoom() {
    quota = .max
    refuses = nil
    for name in mailboxes.keys { setReadOnly(false, name) }
  }

  /// And all that it once could do.
  public func heal() {
    makeRoom()
    traits = originalTraits
  }
}

extension SimulatedTraits {
  /// From QRESYNC to CONDSTORE, from there to nothing.
  mutating func loseModSequences() {
    switch kind {
    case .imap(.qresync): kind = .imap(.condstore)
    case .imap(.condstore): kind = .imap(.none)
    case .imap(.none), .maildir: break
    }
  }
}
