import IMAPClient
import Synchronization

/// The mailboxes of an account that this run has made itself, over whichever connection.
final class MadeMailboxes: Sendable {
  private let names = Mutex<Set<MailboxName>>([])

  func contains(_ name: MailboxName) -> Bool { names.withLock { $0.contains(name) } }

  func insert(_ name: MailboxName) { names.withLock { _ = $0.insert(name) } }

  func remove(_ name: MailboxName) { names.withLock { _ = $0.remove(name) } }
}
