import Glibc
import IMAPClient

/// Saves messages by APPEND, several in one command where the server has MULTIAPPEND.
///
/// Small messages are gathered before they are announced, so that one which its source can't complete
/// costs nothing; large ones are announced and streamed, alone in their command. Flags and date come as
/// values, so nothing that was announced can be a syntax error: a server could take the message behind
/// one for commands.
final class IMAPSaver: MessageSaver {
  private let endpoint: IMAPEndpoint
  private let mailbox: SelectedMailbox
  private let wireName: [UInt8]
  /// Every message saved from now on gets this UID or a higher one.
  private var firstUID: UID
  private let sizeLimit: UInt64?
  private let takesMany: Bool
  private let batchBytes: UInt64

  private var message: Message?
  private var batch: Batch?
  private var sent: [Batch] = []
  private var outcomes: [PlacementOutcome?] = []
  /// Messages that were saved under UIDs which the server did not tell, as indices of `outcomes`.
  private var unknown: [Int] = []
  /// What was saved, to be found again where the server does not tell UIDs.
  private var contents: [ContentID?] = []
  /// Messages that servers may alter, as indices of `outcomes`, and whether this is certain.
  private var odd: [Int: Bool] = [:]
  private(set) var altered: [UID] = []
  private(set) var identity: ContentID?
  /// Why the server did not take what it refused last.
  private(set) var lastRefusal: IMAPError?
  let identifies = true

  /// The message being written.
  private struct Message {
    var item: SaveItem
    var size: UInt64
    var received: UInt64 = 0
    var form: Form
    var hasNUL = false

    enum Form {
      case gathered([UInt8])
      case streamed
      case refused(PlacementOutcome)
    }
  }

  /// Messages in one APPEND, as indices of `outcomes`.
  private struct Batch {
    var tag: Tag
    var messages: [Int]
    var bytes: UInt64 = 0
    var hasKeywords = false
    /// The server has answered it already: it is not to be ended.
    var isOver = false
  }

  private static let batchCount = 100
  /// A larger message is sent alone, as it comes. Of a batch, too, so much and no more is lost with the connection.
  private static let batchBytes: UInt64 = 1 << 20
  /// Of a batch for a server on this machine, to which it takes no time: what costs there is the end of each.
  private static let localBatchBytes: UInt64 = 4 << 20
  /// More than this is not sent before the server is asked: most judge by the size, and none takes less. The time
  /// for the answer is little beside that for so many bytes.
  private static let askedBytes: UInt64 = 4 << 20
  /// The same for a message that it refused before.
  private static let askedAgainBytes: UInt64 = 16 << 10

  private var hasher = ContentHasher()

  init(
    _ endpoint: IMAPEndpoint, mailbox: SelectedMailbox, wireName: [UInt8], firstUID: UID,
    sizeLimit: UInt64? = nil
  ) {
    self.endpoint = endpoint
    self.mailbox = mailbox
    self.wireName = wireName
    self.firstUID = firstUID
    takesMany = endpoint.connection.has(.multiAppend)
    batchBytes =
      endpoint.connection.isLocal ? IMAPSaver.localBatchBytes : IMAPSaver.batchBytes
    self.sizeLimit = sizeLimit
  }

  /// A command that nobody will end now must not be taken for the beginning of the next one.
  deinit {
    if let batch, !batch.isOver { connection.abort() }
  }

  private var connection: IMAPConnection { endpoint.connection }

  // MARK: MessageSaver

  func begin(_ item: SaveItem, size: UInt64, form: MessageForm) throws(EndpointError) {
    var message = Message(item: item, size: size, form: .gathered([]))
    identity = nil
    hasher = ContentHasher()
    if size == 0 {
      // A literal of no octets takes back a MULTIAPPEND. RFC 3502 §4
      message.form = .refused(.refused(.refused, "a message without a single byte can't be saved"))
    } else if let sizeLimit, size > sizeLimit {
      let text = "\(size) bytes are more than the server takes (\(sizeLimit))"
      message.form = .refused(.refused(.tooLarge, text))
    } else if size > IMAPSaver.batchBytes || item.wasRefused && size > IMAPSaver.askedAgainBytes {
      try endBatch()
      message.form = .streamed
      try announce(message)
    } else {
      var text: [UInt8] = []
      text.reserveCapacity(Int(size))
      message.form = .gathered(text)
    }
    self.message = message
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(EndpointError) {
    guard var message else { return }
    message.received += UInt64(bytes.count)
    guard message.received <= message.size else { throw wrongLength() }
    self.message?.received = message.received
    if !message.hasNUL, let start = bytes.baseAddress, memchr(start, 0, bytes.count) != nil {
      self.message?.hasNUL = true
    }
    hasher.update(bytes)
    switch message.form {
    case .gathered(var text):
      self.message?.form = .streamed  // one owner, so that it grows in place
      message.form = .streamed
      text.append(contentsOf: bytes)
      self.message?.form = .gathered(text)
    case .streamed:
      guard batch?.isOver == false else { return }
      try endpoint.attempt { () throws(IMAPError) in try connection.write(bytes) }
    case .refused: break
    }
  }

  func end() throws(EndpointError) {
    guard let message else { return }
    guard message.received == message.size else { throw wrongLength() }
    self.message = nil
    let content = hasher.finish()
    identity = content
    if message.hasNUL || hasher.hasOddHeader { odd[contents.count] = message.hasNUL }
    switch message.form {
    case .refused(let outcome):
      outcomes.append(outcome)
      contents.append(nil)
    case .streamed:
      contents.append(content)
      try endBatch()
    case .gathered(let text):
      contents.append(content)
      try announce(message)
      if batch?.isOver == false {
        try endpoint.attempt { () throws(IMAPError) in
          try text.withBytes { (bytes) throws(IMAPError) in try connection.write(bytes) }
        }
      }
      if !takesMany { try endBatch() }
    }
  }

  func abandon() throws(EndpointError) {
    guard let message else { return }
    self.message = nil
    guard case .streamed = message.form, let batch else { return }
    outcomes.removeLast()
    self.batch = nil
    guard !batch.isOver else { return }
    guard takesMany else {
      // An announced message can't be taken back; a cut connection leaves nothing of it.
      connection.abort()
      throw EndpointError(
        .side, .connectionLost, "a message broke off while it was saved: the connection was cut",
        advice: "run it again: it carries on from here")
    }
    try takeBack(batch, missing: message.size - message.received)
  }

  /// What the server may have altered is told by ``commit()`` only: not before that is known.
  func answered() throws(EndpointError) -> [PlacementOutcome?] {
    try endpoint.attempt { () throws(IMAPError) in try connection.receive() }
    while let batch = sent.first, connection.hasAnswer(batch.tag) {
      try settle(batch)
      sent.removeFirst()
    }
    return outcomes.enumerated().map { odd[$0.offset] == nil ? $0.element : nil }
  }

  func commit() throws(EndpointError) -> [PlacementOutcome] {
    try endBatch()
    for batch in sent { try settle(batch) }
    sent = []
    if !unknown.isEmpty { try find() }
    try findAltered()
    defer {
      outcomes = []
      contents = []
      odd = [:]
    }
    return outcomes.map { $0 ?? .refused(.other, "the server did not say what became of it") }
  }

  /// A message that is being streamed is not filled up: its connection ends. What else the server would have to be asked
  /// about is not certain, then.
  func commitArrived(
    without withdrawn: Set<Int>
  ) throws(EndpointError) -> [PlacementOutcome] {
    guard case .streamed? = message?.form, let batch, !batch.isOver else {
      try abandon()
      return try commit()
    }
    message = nil
    outcomes.removeLast()
    self.batch = nil
    defer { connection.abort() }
    for batch in sent { try settle(batch) }
    sent = []
    return outcomes.enumerated().map { place, outcome in
      odd[place] == nil ? outcome ?? .retryAlone : .retryAlone
    }
  }

  // MARK: Sending

  /// Announces a message, in the batch under way if it fits.
  private func announce(_ message: Message) throws(EndpointError) {
    if let batch {
      let isFull =
        batch.messages.count >= IMAPSaver.batchCount
        || batch.bytes + message.size > batchBytes
      if isFull || batch.isOver || connection.hasAnswer(batch.tag) { try endBatch() }
    }
    let index = outcomes.count
    outcomes.append(nil)
    if self.batch == nil { self.batch = try newBatch() }
    guard var batch else { return }
    batch.messages.append(index)
    batch.bytes += message.size
    let flags = FlagSet(
      message.item.flags.system,
      keywords: message.item.flags.keywords.filter(mailbox.keeps))
    // Dovecot wraps dates before 1970 into the far future.
    let date = max(message.item.date, InternalDate(seconds: 0))
    batch.hasKeywords = batch.hasKeywords || flags.hasKeywords
    batch.isOver = try !endpoint.attempt { () throws(IMAPError) in
      try connection.appendMessage(
        batch.tag, flags: flags, date: date, size: message.size,
        asking: message.item.wasRefused || message.size > IMAPSaver.askedBytes)
    }
    self.batch = batch
  }

  private func newBatch() throws(EndpointError) -> Batch {
    let tag = try endpoint.attempt { () throws(IMAPError) in
      try connection.beginAppend(to: wireName)
    }
    return Batch(tag: tag, messages: [])
  }

  private func endBatch() throws(EndpointError) {
    guard let batch else { return }
    self.batch = nil
    sent.append(batch)
    guard !batch.isOver else { return }
    try endpoint.attempt { () throws(IMAPError) in try connection.endAppend(batch.tag) }
  }

  /// Fills up the message that broke off, and takes the command back with an empty one. RFC 3502 §4
  private func takeBack(_ batch: Batch, missing: UInt64) throws(EndpointError) {
    let filling = [UInt8](repeating: UInt8(ascii: " "), count: 64 << 10)
    try endpoint.attempt { () throws(IMAPError) in
      var left = missing
      while left > 0 {
        let count = Int(min(left, UInt64(filling.count)))
        try filling.withBytes { (bytes) throws(IMAPError) in
          try connection.write(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        }
        left -= UInt64(count)
      }
      let goesOn = try connection.appendMessage(
        batch.tag, flags: .empty, date: InternalDate(seconds: 0), size: 0)
      if goesOn { try connection.endAppend(batch.tag) }
    }
    let status = try endpoint.wait(batch.tag)
    guard status.condition == .ok else { return }
    throw EndpointError.contradiction("the server saved a message that was taken back")
  }

  private func wrongLength() -> EndpointError {
    EndpointError(
      .message, .unreadable, "the message does not have the size that was announced",
      advice: "run it again")
  }

  // MARK: Answers

  private func settle(_ batch: Batch) throws(EndpointError) {
    let status = try endpoint.wait(batch.tag)
    guard status.condition == .ok else {
      if status.code == .tryCreate || status.code == .nonExistent {
        throw EndpointError(
          IMAPError(status, to: "save messages") ?? IMAPError(.refused, "refused"))
      }
      for index in batch.messages { outcomes[index] = refusal(status, of: batch) }
      return
    }
    guard !batch.isOver else {
      throw EndpointError.contradiction("the server says that it saved what was not sent yet")
    }
    // APPENDUID may be left out where the user may not see the mailbox. RFC 4315 §3
    guard case .appendUID(let validity, let uids)? = status.code else {
      unknown += batch.messages
      return
    }
    if validity != mailbox.uidValidity, endpoint.observer.mailbox?.name != mailbox.name {
      endpoint.lookedAt[mailbox.name] = nil
      throw endpoint.replaced()
    }
    guard validity == mailbox.uidValidity, uids.count == batch.messages.count else {
      throw EndpointError.contradiction(
        "the server tells other UIDs than those of the messages saved")
    }
    // A UID that another message has: whatever was done to one of them would be done to the other.
    guard let first = uids.min, let last = uids.max, first >= firstUID else {
      throw EndpointError.contradiction(
        "the server tells a UID for a saved message that was given out before")
    }
    firstUID = last.next ?? last
    for (index, uid) in zip(batch.messages, uids) {
      outcomes[index] = .placed(uid, id: nil, movedAway: false)
    }
  }

  /// A message with a NUL can't be shown by IMAP as it is (RFC 9051 §9, `CHAR8`); whether 8-bit octets of a
  /// header were kept, the server tells.
  private func findAltered() throws(EndpointError) {
    altered = []
    var doubtful: [UID] = []
    for (index, isCertain) in odd {
      guard case .placed(let uid, _, _)? = outcomes[index] else { continue }
      if isCertain { altered.append(uid) } else { doubtful.append(uid) }
    }
    if !doubtful.isEmpty { altered += try endpoint.withPlainHeaders(UIDSet(doubtful)) }
    altered.sort()
  }

  private func refusal(_ status: StatusResponse, of batch: Batch) -> PlacementOutcome {
    let error = IMAPError(status, to: "save the message")
    lastRefusal = error
    guard batch.messages.count == 1 else { return .retryAlone }
    // There is no response code for a mailbox that is full of keywords (Cyrus: 100 of them).
    if batch.hasKeywords, status.code.failureCode == .refused { return .retryAlone }
    // Of one message there is nothing else that could be too much. (Dovecot's quota_max_mail_size.) RFC 5530 §3
    let code = status.code == .limit ? .tooLarge : status.code.failureCode
    return .refused(code, error?.message ?? "")
  }

  /// Looks for what was saved: messages at or above the UIDNEXT of before, equal in size and content, in
  /// the order in which they were sent.
  private func find() throws(EndpointError) {
    let indices = unknown
    unknown = []
    let sought = indices.map { contents[$0] }
    let found = try endpoint.messages(from: firstUID, with: sought)
    for case (let index, let uid?) in zip(indices, found) {
      firstUID = max(firstUID, uid.next ?? uid)
      outcomes[index] = .placed(uid, id: nil, movedAway: false)
    }
  }
}
