import IMAPClient
import SyncEngine

/// What administrators and bad luck do to a store.
extension SimulatedServer {
  /// Sets all mailboxes aside, for ``restoreBackup(isAnew:)``.
  ///
  /// - Parameter isOvertaken: all may come as far as it is now before anyone notices.
  public func keepBackup(isOvertaken: Bool = false) {
    backup = mailboxes
    if isOvertaken {
      // What is counted from now on is odd, and what will be counted from the backup on is even: not even by chance will
      // a mod-sequence of then be the same as one of now.
      for name in mailboxes.keys { mailboxes[name]?.countByTwos(isOdd: true) }
      return
    }
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
    let before = placeCounts
    let most = contentCounts
    for (name, older) in backup.sorted(by: { $0.key < $1.key })
    where mailboxes[name]?.birth == older.birth {
      restore(older, to: name)
      guard isAnew, older.uidValidity != nil else { continue }
      mailboxes[name]?.renumberAll(newUIDValidity())
    }
    for mailbox in mailboxes.values {
      for message in mailbox.messages { ledger?.noteDate(message.date, of: message.origin) }
    }
    let after = placeCounts
    // What was moved since lies in its old place again, and in the new one on the other side.
    for (place, count) in after where count > before[place] ?? 0 {
      ledger?.noteReturn(place.content, count: count - (before[place] ?? 0), on: number)
    }
    // What came since the other side was last seen to have everything is lost for good.
    for (place, count) in before where count > after[place] ?? 0 {
      guard let mailbox = mailboxes[place.mailbox]?.birth else { continue }
      ledger?.noteLoss(
        place.content, from: mailbox, count: count - (after[place] ?? 0),
        of: most[place.content] ?? 0, on: number)
    }
    isSetBack = !isAnew
    hasForgotten = true
  }

  /// Under the old UIDVALIDITYs, and users go on at once. Only where messages have ids of their own: without them a
  /// message that has come under an old UID can't be told from the one that had it.
  public func rollBack() {
    guard traits.hasIDs || traits.isMaildir else { return }
    restoreBackup(isAnew: false)
    for name in mailboxes.keys { mailboxes[name]?.countByTwos(isOdd: false) }
    isSetBack = false
  }

  /// A Maildir's disk is not mounted: there is nothing; or only an empty directory; or one in which everything is but
  /// the files of messages and what this tool has left there.
  ///
  /// - Parameter kind: which of the three.
  public func unmount(_ kind: Int) {
    guard traits.isMaildir, mounted == nil else { return }
    mounted = Mounted(mailboxes: mailboxes, marks: marks, subscriptions: subscriptions)
    switch kind {
    case 0: isThere = false
    case 1:
      mailboxes = [.inbox: newMailbox()]
      subscriptions = []
    default:
      for name in mailboxes.keys { mailboxes[name]?.lose() }
    }
    marks = []
  }

  /// What came to the empty directory meanwhile is nowhere any more.
  func mount() {
    guard let mounted else { return }
    isThere = true
    mailboxes = mounted.mailboxes
    // No directory has the times of another one.
    for name in mailboxes.keys { mailboxes[name]?.changes += 1 << 16 }
    marks = mounted.marks
    subscriptions = mounted.subscriptions
    self.mounted = nil
    hasForgotten = true
  }

  private struct Place: Hashable {
    var mailbox: MailboxName
    var content: SimulatedMail
  }

  private var placeCounts: [Place: Int] {
    var counts: [Place: Int] = [:]
    for (name, mailbox) in mailboxes {
      for message in mailbox.messages {
        counts[Place(mailbox: name, content: message.origin), default: 0] += 1
      }
    }
    return counts
  }

  /// Room for everything, and every message is taken.
  public func makeRoom() {
    mount()
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
