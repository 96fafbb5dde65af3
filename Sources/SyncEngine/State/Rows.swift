import IMAPClient

/// How the model's values lie in columns. Each `bind` has a `read` that takes the same columns back.
extension Statement {
  mutating func bind(_ side: Side?) { bind(side.map { $0 == .left ? Int64(0) : 1 }) }

  mutating func readSide() throws(SQLiteError) -> Side? {
    switch readOptionalInteger() {
    case nil: nil
    case 0: .left
    case 1: .right
    default: throw .malformed("a side that is neither")
    }
  }

  mutating func readKnownSide() throws(SQLiteError) -> Side {
    guard let side = try readSide() else { throw .malformed("a side that is null") }
    return side
  }

  mutating func bind(_ uid: UID) { bind(Int64(uid.rawValue)) }

  mutating func readUID() throws(SQLiteError) -> UID {
    guard let raw = UInt32(exactly: readInteger()), let uid = UID(raw) else {
      throw .malformed("no UID")
    }
    return uid
  }

  mutating func bind(_ guid: GlobalUID?) {
    bind(guid.map { Int64(bitPattern: $0.high) })
    bind(guid.map { Int64(bitPattern: $0.low) })
  }

  mutating func readGUID() -> GlobalUID? {
    let high = readOptionalInteger()
    let low = readOptionalInteger()
    guard let high, let low else { return nil }
    return GlobalUID(high: UInt64(bitPattern: high), low: UInt64(bitPattern: low))
  }

  mutating func readKnownGUID() throws(SQLiteError) -> GlobalUID {
    guard let guid = readGUID() else { throw .malformed("no global UID") }
    return guid
  }

  /// The bits as they are: sizes are compared for equality only.
  mutating func bind(size: UInt64) { bind(Int64(bitPattern: size)) }

  mutating func readSize() -> UInt64 { UInt64(bitPattern: readInteger()) }

  mutating func bind(_ content: ContentID?) {
    bind(content.map { Int64(bitPattern: $0.size) })
    bind(content?.digest)
  }

  mutating func readContent() throws(SQLiteError) -> ContentID? {
    let size = readOptionalInteger()
    let digest = readGUID()
    guard let size else { return nil }
    guard let digest else { throw .malformed("a size without a digest") }
    return ContentID(size: UInt64(bitPattern: size), digest: digest)
  }

  /// Keywords are atoms, so a space divides them.
  mutating func bind(_ flags: FlagSet) {
    bind(Int64(flags.system.rawValue))
    bind(keywords: flags)
  }

  mutating func bind(keywords flags: FlagSet) {
    bind(!flags.hasKeywords ? nil : flags.keywords.map(\.text).joined(separator: " "))
  }

  mutating func readFlags() throws(SQLiteError) -> FlagSet {
    guard let raw = UInt8(exactly: readInteger()) else { throw .malformed("no flags") }
    var flags = readKeywords()
    flags.system = SystemFlags(rawValue: raw)
    return flags
  }

  mutating func readKeywords() -> FlagSet {
    guard let text = readOptionalText() else { return .empty }
    return FlagSet([], keywords: text.split(separator: " ").compactMap { Keyword($0) })
  }

  mutating func bind(_ name: MailboxName) {
    bind(name.components.joined(separator: "\u{1f}"))
  }

  mutating func readName() throws(SQLiteError) -> MailboxName {
    let levels = readText().split(separator: "\u{1f}", omittingEmptySubsequences: false)
    guard let name = MailboxName(levels.map(String.init)) else {
      throw .malformed("no mailbox name")
    }
    return name
  }

  /// UIDNEXT is null where there is no anchor, the first time where there is no stamp.
  mutating func bind(_ anchor: Anchor?) {
    bind(anchor?.uidValidity.map { Int64($0.rawValue) })
    bind(anchor.map { Int64($0.uidNext.rawValue) })
    bind(anchor?.highestModSeq.map { Int64(clamping: $0.rawValue) })
    bind(anchor.map { Int64($0.messages) })
    let stamp = anchor?.stamp
    bind(stamp?.cur)
    bind(stamp?.new)
    bind(stamp?.uidList)
    bind(stamp?.keywords)
  }

  mutating func readAnchor() throws(SQLiteError) -> Anchor? {
    let validity = readOptionalInteger()
    let next = readOptionalInteger()
    let modSeq = readOptionalInteger()
    let messages = readInteger()
    let stamp = readStamp()
    guard let next else { return nil }
    guard let uidNext = UInt32(exactly: next).flatMap({ UID($0) }),
      let count = UInt32(exactly: messages)
    else { throw .malformed("no anchor") }
    return Anchor(
      uidValidity: validity.flatMap { UInt32(exactly: $0) }.flatMap { UIDValidity($0) },
      uidNext: uidNext,
      highestModSeq: modSeq.flatMap { UInt64(exactly: $0) }.flatMap { ModSequence($0) },
      messages: count, stamp: stamp)
  }

  private mutating func readStamp() -> MaildirStamp? {
    let cur = readOptionalInteger()
    let new = readInteger()
    let uidList = readInteger()
    let keywords = readInteger()
    return cur.map { MaildirStamp(cur: $0, new: new, uidList: uidList, keywords: keywords) }
  }
}

extension Statement {
  mutating func bind(_ mailbox: MailboxRecord) {
    bind(mailbox.id.rawValue)
    bind(mailbox.names.left)
    bind(mailbox.names.right)
    bind(mailbox.mailboxIDs.left)
    bind(mailbox.mailboxIDs.right)
    bind(mailbox.anchors.left)
    bind(mailbox.anchors.right)
    bind(mailbox.mode?.rawValue)
    bind(mailbox.agreedNext)
    bind(mailbox.isSubscribed.map { $0 ? Int64(1) : 0 })
    bind(mailbox.selection)
    bind(keywords: mailbox.unproven.left)
    bind(keywords: mailbox.unproven.right)
  }

  mutating func readMailbox() throws(SQLiteError) -> MailboxRecord {
    MailboxRecord(
      id: MailboxID(readInteger()), names: Both(left: try readName(), right: try readName()),
      mailboxIDs: Both(left: readGUID(), right: readGUID()),
      anchors: Both(left: try readAnchor(), right: try readAnchor()),
      mode: try readMode(), agreedNext: try readUID(),
      isSubscribed: readOptionalInteger().map { $0 != 0 }, selection: readText(),
      unproven: Both(left: readKeywords(), right: readKeywords()))
  }

  private mutating func readMode() throws(SQLiteError) -> UIDMode? {
    guard let text = readOptionalText() else { return nil }
    guard let mode = UIDMode(rawValue: text) else { throw .malformed("no UID mode") }
    return mode
  }

  mutating func bind(_ message: MessageRecord) {
    bind(message.id.rawValue)
    bind(message.mailbox.rawValue)
    bind(message.uids.left)
    bind(message.uids.right)
    bind(message.guid)
    bind(message.ids.left)
    bind(message.ids.right)
    bind(message.contents.left)
    bind(message.contents.right)
    bind(message.flags)
    bind(message.lacking.left)
    bind(message.lacking.right)
    bind(message.date.seconds)
    bind(message.stub)
    bind(message.rightDate?.seconds)
  }

  /// Takes the columns of the flags that have changed since, too.
  mutating func readMessage() throws(SQLiteError) -> MessageRecord {
    var message = MessageRecord(
      id: MessageID(readInteger()), mailbox: MailboxID(readInteger()),
      uids: Both(left: try readUID(), right: try readUID()), guid: try readKnownGUID(),
      ids: Both(left: readGUID(), right: readGUID()),
      contents: Both(left: try readContent(), right: try readContent()),
      flags: try readFlags(),
      lacking: Both(left: try readFlags(), right: try readFlags()),
      date: InternalDate(seconds: readInteger()), stub: try readSide())
    message.rightDate = readOptionalInteger().map { InternalDate(seconds: $0) }
    if readOptionalInteger() != nil {
      message.flags = try readFlags()
      message.lacking = Both(left: try readFlags(), right: try readFlags())
    }
    return message
  }

  mutating func readKnownMessage() throws(SQLiteError) -> KnownMessage {
    let uids = Both(left: try readUID(), right: try readUID())
    let hasID = Both(left: readInteger() != 0, right: readInteger() != 0)
    let isStub = readInteger() != 0
    var flags = try readFlagsOfSides()
    if readOptionalInteger() != nil { flags = try readFlagsOfSides() }
    return KnownMessage(uids: uids, flags: flags, hasID: hasID, isStub: isStub)
  }

  private mutating func readFlagsOfSides() throws(SQLiteError) -> Both<FlagSet> {
    let agreed = try readFlags()
    return Both(
      left: agreed.subtracting(try readFlags()), right: agreed.subtracting(try readFlags()))
  }

  mutating func bind(_ pending: PendingMessage) {
    bind(pending.mailbox.rawValue)
    bind(pending.side)
    bind(pending.uid)
    bind(pending.code?.rawValue)
    bind(pending.text)
  }

  mutating func readPending() throws(SQLiteError) -> PendingMessage {
    PendingMessage(
      mailbox: MailboxID(readInteger()), side: try readKnownSide(), uid: try readUID(),
      code: readOptionalText().map { FailureCode(rawValue: $0) ?? .other }, text: readText())
  }

  mutating func bind(_ intent: Intent) {
    bind(intent.mailbox.rawValue)
    bind(intent.side)
    bind(size: intent.size)
    bind(intent.date.seconds)
    bind(intent.uidNext)
    bind(intent.original.map { Int64($0.rawValue) })
  }

  mutating func readIntent() throws(SQLiteError) -> Intent {
    Intent(
      mailbox: MailboxID(readInteger()), side: try readKnownSide(), size: readSize(),
      date: InternalDate(seconds: readInteger()), uidNext: try readUID(),
      original: readOptionalInteger().flatMap { UInt32(exactly: $0) }.flatMap { UID($0) })
  }
}
