import IMAPClient
import SyncEngine

/// Collects messages, and saves them when told to commit, or asked what was answered.
final class SimulatedSaver: MessageSaver {
  private struct Message {
    var item: SaveItem
    var size: UInt64
    var form: MessageForm
    var bytes: [UInt8] = []
  }

  private let endpoint: SimulatedEndpoint
  private let server: SimulatedServer
  private let mailbox: MailboxName
  private var begun: Message?
  private var ended: [Message] = []
  /// What came of those that were carried out since the last commit, and which of them were altered.
  private var outcomes: [PlacementOutcome] = []
  private var alteredYet: [UID] = []
  private(set) var altered: [UID] = []
  private(set) var lacking: [UID: FlagSet] = [:]

  init(_ endpoint: SimulatedEndpoint, _ mailbox: MailboxName) {
    self.endpoint = endpoint
    server = endpoint.server
    self.mailbox = mailbox
  }

  func begin(_ item: SaveItem, size: UInt64, form: MessageForm) throws(EndpointError) {
    guard begun == nil else { throw endpoint.misuse("begin before end") }
    if form == .stored, !endpoint.traits.takesStoredForm {
      throw endpoint.misuse("stored form where only the wire form is taken")
    }
    if item.target != nil, !endpoint.traits.choosesUIDs {
      throw endpoint.misuse("a target where the server numbers")
    }
    begun = Message(item: item, size: size, form: form)
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(EndpointError) {
    guard begun != nil else { throw endpoint.misuse("write without begin") }
    begun?.bytes += bytes
    endpoint.traffic.bytesOut += endpoint.traits.settlesSlowly ? UInt64(bytes.count) : 0
  }

  func end() throws(EndpointError) {
    guard let message = begun else { throw endpoint.misuse("end without begin") }
    guard message.size == UInt64(message.bytes.count) else {
      throw endpoint.misuse("\(message.bytes.count) bytes where \(message.size) were announced")
    }
    begun = nil
    ended.append(message)
  }

  func abandon() throws(EndpointError) { begun = nil }

  /// A server answers while more is sent to it; what it altered is looked for in the end.
  func answered() throws(EndpointError) -> [PlacementOutcome?] {
    guard begun == nil else { throw endpoint.misuse("answers wanted before end") }
    guard !server.traits.isMaildir else { return [] }
    try carryOut()
    return outcomes.map { outcome in
      guard case .placed(let uid, _, _) = outcome, alteredYet.contains(uid) else { return outcome }
      return nil
    }
  }

  func commit() throws(EndpointError) -> [PlacementOutcome] {
    guard begun == nil else { throw endpoint.misuse("commit before end") }
    guard !ended.isEmpty || !outcomes.isEmpty else { return [] }
    lacking = [:]
    try carryOut()
    defer {
      outcomes = []
      alteredYet = []
    }
    altered = alteredYet
    // Only what the run was told it can say.
    if !altered.isEmpty { server.hasAltered = true }
    return outcomes
  }

  /// Saves what was ended since the last time.
  private func carryOut() throws(EndpointError) {
    let messages = ended
    ended = []
    guard !messages.isEmpty else { return }
    try endpoint.check(mailbox)
    let isWhole = server.traits.savesAtOnce && !server.traits.isMaildir
    if isWhole, messages.count > 1, messages.contains(where: { refusal($0) != nil }) {
      try endpoint.perform(.save)
      outcomes += messages.map { _ in .retryAlone }
      return
    }
    let results = try endpoint.perform(
      .save,
      changes: messages.map { [server, mailbox] message in
        { SimulatedSaver.save(message, server, mailbox) }
      })
    outcomes += results.map(\.outcome)
    noteLacking(results)
    for (message, result) in zip(messages, results) {
      guard case .placed(let uid, _, _) = result.outcome else { continue }
      endpoint.told[mailbox]?.add(message.item.flags.subtracting(result.lacking), uid)
    }
    alteredYet += zip(messages, results.map(\.outcome)).compactMap { message, outcome in
      guard case .placed(let uid, _, _) = outcome, let alters = server.alters else { return nil }
      let content = SimulatedSaver.wire(message)
      return alters(content) == content ? nil : uid
    }
  }

  /// A server says nothing of what it does not keep; that is seen at the next look only.
  private func noteLacking(_ results: [(outcome: PlacementOutcome, lacking: FlagSet)]) {
    guard server.traits.isMaildir else { return }
    for result in results where !result.lacking.isEmpty {
      if case .placed(let uid, _, _) = result.outcome { lacking[uid] = result.lacking }
    }
  }

  private func refusal(_ message: Message) -> PlacementOutcome? {
    endpoint.world.locked { SimulatedSaver.refusal(SimulatedSaver.wire(message), server) }
  }

  private static func refusal(
    _ content: [UInt8], _ server: SimulatedServer
  ) -> PlacementOutcome? {
    if let (code, text) = server.refuses?(content) { return .refused(code, text) }
    return server.octets + content.count > server.quota
      ? .refused(.overQuota, "over quota") : nil
  }

  private static func wire(_ message: Message) -> [UInt8] {
    message.form == .stored ? SimulatedForm.wire(message.bytes) : message.bytes
  }

  private static func save(
    _ message: Message, _ server: SimulatedServer, _ name: MailboxName
  ) -> (outcome: PlacementOutcome, lacking: FlagSet) {
    let content = wire(message)
    if let refusal = refusal(content, server) { return (refusal, .empty) }
    guard let mailbox = server.mailboxes[name] else {
      return (.refused(.mailboxGone, "\(name) does not exist"), .empty)
    }
    let id = (server.traits.isMaildir ? message.item.guid : nil) ?? server.newID()
    let (flags, unstorable) = SimulatedEndpoint.storable(message.item.flags, in: mailbox, server)
    let original =
      StubMark(header: content)?.original.flatMap { server.ledger?.message($0) }
      ?? server.ledger?.original(ofAltered: content)
    let kept = server.alters?(content) ?? content
    if kept != content {
      server.ledger?.noteAltered(kept, of: original ?? SimulatedMail(content))
    }
    let uid = server.mailboxes[name]?.insert(
      kept, saved: original?.bytes ?? content, flags: flags,
      date: message.item.date,
      id: id,
      uid: message.item.target)
    guard let uid else { return (.targetTaken, .empty) }
    return (
      .placed(uid, id: server.traits.isMaildir ? id : nil, movedAway: false),
      FlagSet([], keywords: unstorable)
    )
  }
}
