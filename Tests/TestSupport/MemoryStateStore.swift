import IMAPClient
import SyncEngine
import Synchronization

/// A base in memory, with the same semantics as the one in SQLite.
public final class MemoryStateStore: StateStore {
  /// Everything that was committed; a value, so that a crash can be simulated by going back to it.
  public struct Snapshot: Sendable {
    fileprivate var mailboxes: [MailboxID: MailboxRecord] = [:]
    fileprivate var messages: [MessageID: MessageRecord] = [:]
    fileprivate var pending: [PendingKey: PendingMessage] = [:]
    fileprivate var intents: [Intent] = []
    fileprivate var values: [StateKey: String] = [:]
    fileprivate var nextMailbox: Int64 = 1
    fileprivate var nextMessage: Int64 = 1

    public init() {}
  }

  fileprivate struct PendingKey: Hashable, Comparable {
    var mailbox: MailboxID
    var side: Side
    var uid: UID

    static func < (left: PendingKey, right: PendingKey) -> Bool {
      (left.mailbox, left.side == .left ? 0 : 1, left.uid)
        < (right.mailbox, right.side == .left ? 0 : 1, right.uid)
    }
  }

  /// Around every commit; what it throws before the commit keeps it from happening.
  public typealias CommitHook =
    @Sendable (_ moment: Moment, _ changes: [StateChange]) throws(StateError) -> Void

  public enum Moment: Hashable, Sendable {
    case before
    case after
  }

  private let state: Mutex<Snapshot>
  /// The state of before, while there are changes that are not durable yet.
  private let durable = Mutex<Snapshot?>(nil)
  private let hook: CommitHook?

  public init(_ snapshot: Snapshot = Snapshot(), hook: CommitHook? = nil) {
    state = Mutex(snapshot)
    self.hook = hook
  }

  public func snapshot() -> Snapshot { state.withLock { $0 } }

  public func restore(_ snapshot: Snapshot) {
    durable.withLock { $0 = nil }
    state.withLock { $0 = snapshot }
  }

  public func mailboxes() -> [MailboxRecord] {
    state.withLock { $0.mailboxes.values.sorted { $0.id < $1.id } }
  }

  public func newMailboxID() -> MailboxID {
    state.withLock { state in
      defer { state.nextMailbox += 1 }
      return MailboxID(state.nextMailbox)
    }
  }

  public func newMessageID() -> MessageID {
    state.withLock { state in
      defer { state.nextMessage += 1 }
      return MessageID(state.nextMessage)
    }
  }

  public func messages(in mailbox: MailboxID) -> [MessageRecord] {
    messages { $0.mailbox == mailbox }.sorted { ($0.uids.left, $0.id) < ($1.uids.left, $1.id) }
  }

  public func lastMessages(in mailbox: MailboxID, side: Side, limit: Int) -> [MessageRecord] {
    let all = messages { $0.mailbox == mailbox }
    let order = all.sorted { ($1.uids[side], $1.id) < ($0.uids[side], $0.id) }
    return Array(order.prefix(limit))
  }

  public func messages(in mailbox: MailboxID, uids: Both<UIDSet>) -> [MessageRecord] {
    messages(in: mailbox).filter {
      uids.left.contains($0.uids.left) || uids.right.contains($0.uids.right)
    }
  }

  public func knownMessages(in mailbox: MailboxID) -> KnownList {
    KnownList(messages(in: mailbox).map { KnownMessage($0) })
  }

  public func unevenUIDs(in mailbox: MailboxID) -> UIDSet {
    UIDSet(
      messages(in: mailbox).filter {
        $0.uids.left != $0.uids.right || $0.stub != nil && $0.flags.system.contains(.flagged)
      }.map(\.uids.left))
  }

  public func uids(in mailbox: MailboxID, side: Side) -> UIDSet {
    UIDSet(messages(in: mailbox).map { $0.uids[side] })
  }

  public func messageCount(in mailbox: MailboxID) -> Int { messages(in: mailbox).count }

  public func messageCount(in mailbox: MailboxID, atMost limit: Int) -> Int {
    min(limit, messageCount(in: mailbox))
  }

  public func messages(withID id: GlobalUID, on side: Side) -> [MessageRecord] {
    messages { $0.ids[side] == id }
  }

  public func messages(withContent content: ContentID, on side: Side) -> [MessageRecord] {
    messages { $0.contents[side] == content }
  }

  public func hasMessage(ofSize size: UInt64, on side: Side) -> Bool {
    !messages { $0.contents[side]?.size == size }.isEmpty
  }

  public func pending() -> [PendingMessage] {
    state.withLock { $0.pending.sorted { $0.key < $1.key }.map(\.value) }
  }

  public func intents() -> [Intent] { state.withLock { $0.intents } }

  public func value(_ key: StateKey) -> String? { state.withLock { $0.values[key] } }

  /// What waited is lost with a commit that fails: the process has died, or ends. What is carried out behind the caller's
  /// back has not been carried out yet.
  public func commit(
    _ changes: [StateChange], _ durability: Durability
  ) throws(StateError) {
    let before = snapshot()
    let last = durable.withLock { $0 }
    guard !changes.isEmpty || durability == .now && last != nil else { return }
    try guarded(last ?? before) { () throws(StateError) in try hook?(.before, changes) }
    state.withLock { state in
      for change in changes { state.apply(change) }
    }
    durable.withLock { $0 = durability == .now ? nil : last ?? before }
    let safe = durability == .now ? snapshot() : last ?? before
    try guarded(safe) { () throws(StateError) in try hook?(.after, changes) }
  }

  private func guarded(
    _ safe: Snapshot, _ body: () throws(StateError) -> Void
  ) throws(StateError) {
    do { try body() } catch {
      restore(safe)
      throw error
    }
  }

  /// Ascending by id.
  private func messages(where isWanted: (MessageRecord) -> Bool) -> [MessageRecord] {
    state.withLock { state in state.messages.values.filter(isWanted) }.sorted { $0.id < $1.id }
  }
}

extension MemoryStateStore.Snapshot {
  fileprivate mutating func apply(_ change: StateChange) {
    switch change {
    case .putMailbox(let mailbox):
      mailboxes[mailbox.id] = mailbox
      nextMailbox = max(nextMailbox, mailbox.id.rawValue + 1)
    case .removeMailbox(let id):
      mailboxes[id] = nil
      messages = messages.filter { $0.value.mailbox != id }
      pending = pending.filter { $0.key.mailbox != id }
      intents.removeAll { $0.mailbox == id }
    case .putMessage(let message):
      messages[message.id] = message
      nextMessage = max(nextMessage, message.id.rawValue + 1)
    case .putID(let mailbox, let side, let uid, let id):
      for (key, message) in messages where message.mailbox == mailbox && message.uids[side] == uid {
        messages[key]?.ids[side] = id
      }
    case .putFlags(let id, let flags, let lacking):
      messages[id]?.flags = flags
      messages[id]?.lacking = lacking
    case .removeMessage(let id):
      messages[id] = nil
    case .putPending(let message):
      pending[.init(mailbox: message.mailbox, side: message.side, uid: message.uid)] = message
    case .removePending(let mailbox, let side, let uid):
      pending[.init(mailbox: mailbox, side: side, uid: uid)] = nil
    case .putIntent(let intent):
      intents.append(intent)
    case .clearIntents(let mailbox, let side):
      intents.removeAll { $0.mailbox == mailbox && $0.side == side }
    case .setValue(let key, let value):
      values[key] = value
    }
  }
}
