import IMAPClient
import SyncEngine

/// One connection to a simulated store, or one process's view of a simulated Maildir tree.
public final class SimulatedEndpoint: Endpoint {
  let world: SimulatedWorld
  let side: Side
  let server: SimulatedServer
  /// Why every later call fails.
  private var death: EndpointError?
  var opened: MailboxName?
  /// Under which UIDVALIDITY this endpoint knows a mailbox's UIDs.
  var knownValidities: [MailboxName: UIDValidity?] = [:]
  /// The flags that messages had when this endpoint was last told of them, or changed them.
  var toldFlags: [MailboxName: [UID: FlagSet]] = [:]
  /// All that this endpoint told of a Maildir's mailbox, and changed flags of and put there since.
  var told: [MailboxName: ToldMailbox] = [:]
  /// Where mailboxes stand that were not opened.
  var standing: [MailboxName: Anchor] = [:]
  /// What is going to be opened, and what was told of it when the first of it was opened.
  var foreseen: [ForeseenOpening] = []
  var early: [ForeseenOpening: Observation] = [:]
  /// The same for messages.
  var foreseenFetches: [ForeseenFetch] = []
  var earlyContents: [ForeseenFetch: [MessageHandle: [UInt8]]] = [:]
  public internal(set) var traffic = Traffic()

  init(world: SimulatedWorld, side: Side) {
    self.world = world
    self.side = side
    server = world.servers[side]
  }

  public var traits: EndpointTraits { server.traits.endpointTraits }

  // MARK: The account

  public func list(withIDs: Bool) throws(EndpointError) -> MailboxListing {
    try perform(.list)
    return world.locked {
      guard server.isThere else { return MailboxListing(mailboxes: []) }
      for (name, mailbox) in server.mailboxes { noteTold(mailbox, name) }
      var mailboxes = (listMailboxes() + listLevels()).sorted { $0.name < $1.name }
      if !withIDs { for index in mailboxes.indices { mailboxes[index].id = nil } }
      return MailboxListing(mailboxes: mailboxes)
    }
  }

  func noteTold(_ mailbox: SimulatedMailbox, _ name: MailboxName) {
    toldFlags[name] = Dictionary(
      mailbox.messages.compactMap { message in message.handle.uid.map { ($0, message.flags) } },
      uniquingKeysWith: { first, _ in first })
  }

  private func listMailboxes() -> [ListedMailbox] {
    server.mailboxes.map { name, mailbox in
      ListedMailbox(
        name: name, isSubscribed: server.subscriptions.contains(name),
        specialUse: mailbox.specialUse, anchor: anchor(mailbox), id: mailbox.id)
    }
  }

  /// Levels of an IMAP account that are no mailboxes, but have some below.
  private func listLevels() -> [ListedMailbox] {
    guard !server.traits.isMaildir else { return [] }
    var levels: Set<MailboxName> = []
    for name in server.mailboxes.keys {
      var level = name.parent
      while let parent = level {
        if server.mailboxes[parent] == nil { levels.insert(parent) }
        level = parent.parent
      }
    }
    return levels.map {
      ListedMailbox(
        name: $0, isSelectable: false, isSubscribed: server.subscriptions.contains($0))
    }
  }

  public func create(_ mailbox: MailboxName, specialUse: SpecialUse?) throws(EndpointError) {
    let forbidden = server.traits.forbidden
    if mailbox.components.contains(where: { $0.contains { forbidden.contains($0) } }) {
      throw EndpointError(
        .mailbox, .nameNotPossible, "the name \(mailbox) is not possible here", advice: "map it")
    }
    try perform(.create(mailbox)) { [server] in
      if server.mailboxes[mailbox] == nil {
        server.mailboxes[mailbox] = server.newMailbox()
        server.mailboxes[mailbox]?.specialUse = specialUse
      }
    }
  }

  public func delete(_ mailbox: MailboxName) throws(EndpointError) {
    try checkExists(mailbox)
    if mailbox.isInbox { throw refused("INBOX can't be deleted") }
    try perform(.delete(mailbox)) { [server] in
      server.noteFormer(mailbox)
      server.mailboxes[mailbox] = nil
    }
    if opened == mailbox { opened = nil }
  }

  public func rename(_ mailbox: MailboxName, to name: MailboxName) throws(EndpointError) {
    try checkExists(mailbox)
    let isTaken = world.locked { server.mailboxes[name] != nil }
    if isTaken || mailbox.isInbox || name.removingPrefix(mailbox) != nil {
      throw refused("\(mailbox) can't be renamed to \(name)")
    }
    try perform(.rename(mailbox)) { [server] in
      if server.mailboxes[mailbox] != nil, server.mailboxes[name] == nil {
        for old in server.mailboxes.keys where old == mailbox || old.removingPrefix(mailbox) != nil
        {
          server.noteFormer(old)
        }
        server.rename(mailbox, to: name)
      }
    }
    if opened == mailbox { opened = nil }
  }

  public func setSubscribed(
    _ isSubscribed: Bool, _ mailbox: MailboxName
  ) throws(EndpointError) {
    try perform(.setSubscribed(mailbox)) { [server] in
      server.setSubscribed(isSubscribed, mailbox)
    }
  }

  public func hasMark(_ mark: String) throws(EndpointError) -> MarkState {
    try perform(.hasMark)
    guard server.traits.isMaildir else { return .unsupported }
    guard server.isThere else { return .noStore }
    return server.marks.contains(mark) ? .present : .absent
  }

  public func leaveMark(_ mark: String) throws(EndpointError) {
    guard server.traits.isMaildir else { return }
    try perform(.leaveMark) { [server] in server.marks.insert(mark) }
  }

  public func disconnect() {
    death = death ?? EndpointError(.side, .other, "used after disconnect", advice: "")
  }

  // MARK: Calls

  /// One call as a step of the world: faults are asked for, single changes made one by one.
  ///
  /// - Parameters:
  ///   - changes: may outlive this endpoint, if the connection dies: they must look at the store
  ///     anew and refer to nothing else.
  ///   - isReading: what the call is made of changes nothing.
  /// - Returns: what each change gave.
  func perform<Result>(
    _ call: SimulatedCall, changes: [() -> Result], isReading: Bool = false
  ) throws(EndpointError) -> [Result] {
    let outcome = world.locked { () -> Swift.Result<[Result], EndpointError> in
      do throws(EndpointError) {
        return .success(try performLocked(call, changes, counted: isReading ? 0 : changes.count))
      } catch {
        return .failure(error)
      }
    }
    return try outcome.get()
  }

  func perform(_ call: SimulatedCall) throws(EndpointError) {
    _ = try perform(call, changes: [() -> Void]())
  }

  func perform(_ call: SimulatedCall, _ change: @escaping () -> Void) throws(EndpointError) {
    _ = try perform(call, changes: [change])
  }

  private func performLocked<Result>(
    _ call: SimulatedCall, _ changes: [() -> Result], counted: Int
  ) throws(EndpointError) -> [Result] {
    if world.isCrashed { throw crashed }
    if let death {
      if death.code == .other { world.misuses.append("\(side): \(call) after disconnect") }
      throw death
    }
    traffic.roundTrips += server.traits.isMaildir ? 0 : 1
    let fault = world.step(.before, side, call, changes: counted)
    if let fault { try fail(fault, changes) }
    let results = changes.map { $0() }
    switch world.step(.after, side, call, changes: counted) {
    case .connectionLost: throw lose()
    case .crash: throw crash()
    case .refused, nil: return results
    }
  }

  private func fail<Result>(
    _ fault: SimulatedFault, _ changes: [() -> Result]
  ) throws(EndpointError) -> Never {
    switch fault {
    case .connectionLost(let effect):
      apply(effect, changes)
      throw lose()
    case .crash(let effect):
      apply(effect, changes)
      throw crash()
    case .refused(let scope, let code):
      throw EndpointError(scope, code, "simulated refusal", advice: "try again")
    }
  }

  private func apply<Result>(_ effect: SimulatedFault.Effect, _ changes: [() -> Result]) {
    switch effect {
    case .none: break
    case .partial(let count): for change in changes.prefix(count) { _ = change() }
    case .late(let steps) where traits.settlesSlowly:
      world.schedule(afterSteps: steps) { for change in changes { _ = change() } }
    case .all, .late: for change in changes { _ = change() }
    }
  }

  private func lose() -> EndpointError {
    let error = EndpointError(.side, .connectionLost, "the connection was lost", advice: "")
    death = error
    return error
  }

  private func crash() -> EndpointError {
    world.crash()
    return crashed
  }

  private var crashed: EndpointError {
    EndpointError(.side, .interrupted, "the process was killed", advice: "")
  }

  // MARK: Errors

  func refused(_ message: String) -> EndpointError {
    EndpointError(.mailbox, .refused, message, advice: "")
  }

  func checkExists(_ mailbox: MailboxName) throws(EndpointError) {
    let exists = world.locked { server.isThere && server.mailboxes[mailbox] != nil }
    if !exists { throw gone(mailbox) }
  }

  func gone(_ mailbox: MailboxName) -> EndpointError {
    EndpointError(.mailbox, .mailboxGone, "\(mailbox) does not exist", advice: "run again")
  }

  /// The engine asked for something that the protocol does not allow.
  func misuse(_ what: String) -> EndpointError {
    world.locked { world.misuses.append("\(side): \(what)") }
    return EndpointError(.mailbox, .other, "misuse: \(what)", advice: "")
  }
}

/// What the engine knows of a Maildir's mailbox if it knows all that it was told, and its own deliveries and changes of flags.
struct ToldMailbox: Equatable {
  private var uidValidity: UIDValidity?
  private var uidNext: UID
  private var id: GlobalUID?
  private var flags: [MessageHandle: FlagSet]
  /// Messages were put there since it was told.
  private(set) var hasDeliveries = false

  static func == (a: ToldMailbox, b: ToldMailbox) -> Bool {
    a.uidValidity == b.uidValidity && a.uidNext == b.uidNext && a.id == b.id && a.flags == b.flags
  }

  init(_ mailbox: SimulatedMailbox) {
    uidValidity = mailbox.uidValidity
    uidNext = mailbox.uidNext
    id = mailbox.id
    flags = Dictionary(
      mailbox.messages.map { ($0.handle, $0.flags) }, uniquingKeysWith: { first, _ in first })
  }

  mutating func store(_ flags: FlagSet, _ uid: UID) { self.flags[.uid(uid)] = flags }

  mutating func remove(_ uid: UID) { flags[.uid(uid)] = nil }

  mutating func add(_ flags: FlagSet, _ uid: UID) {
    store(flags, uid)
    hasDeliveries = true
    uidNext = max(uidNext, uid.next ?? uid)
  }
}
