import IMAPClient
import SyncEngine

/// One message of a simulated mailbox.
public struct SimulatedMessage: Hashable, Sendable {
  public internal(set) var handle: MessageHandle
  /// In CRLF form.
  public internal(set) var content: [UInt8] { didSet { origin = SimulatedMail(saved ?? content) } }
  /// What was saved, where the server made something else of it.
  let saved: [UInt8]?
  /// What users take the message for: its bytes before this server altered them; of a stub, those of
  /// the message.
  public private(set) var origin: SimulatedMail
  public internal(set) var flags: FlagSet
  public internal(set) var date: InternalDate
  /// The store's own id; a copy keeps it.
  public internal(set) var id: GlobalUID
  public internal(set) var modSeq: UInt64
  /// By which it was known before it had a number: its file has kept its name.
  var key: UInt64?

  init(
    handle: MessageHandle, content: [UInt8], saved: [UInt8]? = nil, flags: FlagSet,
    date: InternalDate, id: GlobalUID, modSeq: UInt64
  ) {
    self.handle = handle
    self.content = content
    self.saved = saved
    origin = SimulatedMail(saved ?? content)
    self.flags = flags
    self.date = date
    self.id = id
    self.modSeq = modSeq
  }

  public var isStub: Bool { saved != nil && StubMark(header: content) != nil }
}

/// A mailbox of a simulated store: what a server keeps, without anything that a client does.
public struct SimulatedMailbox: Sendable {
  /// `nil`: a Maildir in which nobody has numbered anything.
  public internal(set) var uidValidity: UIDValidity?
  public internal(set) var uidNext = UID.first
  /// A server's, whether from there or by way of another Maildir.
  var hasServersValidity = false
  /// UIDVALIDITYs that it had before, with the UIDNEXT of then.
  var formerNext: [UIDValidity: UID] = [:]
  /// Since the mailbox took its UIDVALIDITY, messages may be given UIDs from this one on.
  private var reopened: UID?
  public internal(set) var highestModSeq: UInt64 = 1
  /// Ascending by handle.
  public internal(set) var messages: [SimulatedMessage] = []
  /// What was expunged, with the mod-sequence of the expunge.
  public internal(set) var tombstones: [UID: UInt64] = [:]
  /// Survives a rename.
  public internal(set) var id: GlobalUID
  /// Made once and for all.
  let birth: GlobalUID
  public internal(set) var specialUse: SpecialUse?
  public internal(set) var isReadOnly = false
  /// Counts changes; stands for a Maildir's directory times.
  var changes: Int64 = 1

  init(id: GlobalUID, uidValidity: UIDValidity?) {
    self.id = id
    birth = id
    self.uidValidity = uidValidity
  }

  public var uids: UIDSet { UIDSet(messages.compactMap(\.handle.uid)) }

  public func message(_ handle: MessageHandle) -> SimulatedMessage? {
    index(handle).map { messages[$0] }
  }

  /// Also what was a file without a number when the mailbox was looked at, and has got one since.
  func message(toRead handle: MessageHandle) -> SimulatedMessage? {
    if let message = message(handle) { return message }
    guard case .unnumbered(let key) = handle else { return nil }
    return messages.first { $0.key == key }
  }

  func index(_ handle: MessageHandle) -> Int? {
    messages.firstIndex { $0.handle == handle }
  }

  private var modSeqStep: UInt64 = 1

  /// - Parameter isOdd: whether mod-sequences are odd from now on.
  mutating func countByTwos(isOdd: Bool) {
    modSeqStep = 2
    if (highestModSeq % 2 == 1) != isOdd { highestModSeq += 1 }
  }

  mutating func touch() -> UInt64 {
    highestModSeq += modSeqStep
    changes += 1
    return highestModSeq
  }

  /// - Parameter uid: at or above UIDNEXT, or ``reopenedFrom``; `nil`: UIDNEXT.
  /// - Returns: the message's UID; `nil` if there is none left to give, or `uid` may not be given.
  mutating func insert(
    _ content: [UInt8], saved: [UInt8]? = nil, flags: FlagSet, date: InternalDate,
    id: GlobalUID, uid wanted: UID? = nil
  ) -> UID? {
    let uid = wanted ?? uidNext
    guard uid >= reopenedFrom ?? uidNext, let next = uid.next else { return nil }
    if let reopened { self.reopened = next < uidNext ? max(next, reopened) : nil }
    raiseNext(to: next)
    add(
      SimulatedMessage(
        handle: .uid(uid), content: content, saved: saved, flags: flags, date: date, id: id,
        modSeq: touch()))
    return uid
  }

  mutating func insertUnnumbered(_ message: SimulatedMessage, key: UInt64) {
    var message = message
    message.handle = .unnumbered(key)
    message.modSeq = touch()
    add(message)
  }

  private mutating func add(_ message: SimulatedMessage) {
    let index = messages.firstIndex { message.handle < $0.handle } ?? messages.endIndex
    messages.insert(message, at: index)
  }

  /// A copy of a message of any mailbox.
  mutating func insert(_ message: SimulatedMessage, uid: UID? = nil) -> UID? {
    insert(
      message.content, saved: message.saved, flags: message.flags, date: message.date,
      id: message.id, uid: uid)
  }

  /// Gives a message another UID: a copy under the new one, an expunge of the old one.
  mutating func move(_ handle: MessageHandle, to uid: UID?) -> UID? {
    guard let message = message(handle),
      let new = insert(message, uid: uid)
    else { return nil }
    remove(handle)
    return new
  }

  /// - Returns: whether it was there.
  @discardableResult mutating func remove(_ handle: MessageHandle) -> Bool {
    guard let index = index(handle) else { return false }
    messages.remove(at: index)
    let modSeq = touch()
    if let uid = handle.uid { tombstones[uid] = modSeq }
    return true
  }

  /// The message's bytes are others, and nobody is told.
  mutating func edit(_ handle: MessageHandle, _ content: [UInt8], renewsDirectory: Bool) {
    guard let index = index(handle) else { return }
    let old = messages[index]
    messages[index] = SimulatedMessage(
      handle: old.handle, content: content, flags: old.flags, date: old.date, id: old.id,
      modSeq: old.modSeq)
    if renewsDirectory { changes += 1 }
  }

  /// All messages are gone, and nothing else.
  mutating func lose() {
    messages = []
    changes += 1
  }

  /// No effect, no mod-sequence.
  mutating func setFlags(_ flags: FlagSet, at index: Int) {
    guard messages[index].flags != flags else { return }
    messages[index].flags = flags
    messages[index].modSeq = touch()
  }

  public var origin: ValidityOrigin {
    ValidityOrigin(
      isServers: hasServersValidity, former: Set(formerNext.keys), reopenedFrom: reopenedFrom)
  }

  /// From here on UIDs below UIDNEXT may be given, by someone who knows what they stood for.
  private var reopenedFrom: UID? {
    let last = messages.last { $0.handle.uid != nil }?.handle.uid
    guard let first = [reopened, last?.next].compactMap({ $0 }).max(), reopened != nil else {
      return nil
    }
    return first < uidNext ? first : nil
  }

  private mutating func raiseNext(to uid: UID) {
    guard uid > uidNext else { return }
    uidNext = uid
    reopened = nil
  }

  /// No UID below is given any more.
  mutating func pad(to uid: UID) {
    raiseNext(to: uid)
    reopened = nil
    _ = touch()
  }

  /// Every message gets a new number under a new validity; nothing is left of what was noted before.
  mutating func renumberAll(_ uidValidity: UIDValidity) {
    let all = messages
    hasServersValidity = false
    formerNext = [:]
    reopened = nil
    self.uidValidity = uidValidity
    uidNext = .first
    messages = []
    tombstones = [:]
    for message in all {
      _ = insert(message)
    }
    _ = touch()
  }

  /// Every message loses its number.
  mutating func adopt(
    _ uidValidity: UIDValidity, uidNext: UID, isServers: Bool,
    key: (SimulatedMessage) -> UInt64
  ) {
    if let old = self.uidValidity { formerNext[old] = self.uidNext }
    self.uidValidity = uidValidity
    let first = formerNext.removeValue(forKey: uidValidity) ?? .first
    self.uidNext = max(uidNext, first)
    reopened = first
    hasServersValidity = isServers
    tombstones = [:]
    for index in messages.indices where messages[index].handle.uid != nil {
      messages[index].handle = .unnumbered(key(messages[index]))
    }
    messages.sort { $0.handle < $1.handle }
    _ = touch()
  }

  var keywords: Set<Keyword> { Set(messages.flatMap(\.flags.keywords)) }
}
