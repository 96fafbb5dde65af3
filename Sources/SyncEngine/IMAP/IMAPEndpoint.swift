import IMAPClient

/// An IMAP account over one connection.
///
/// Two mailboxes matter: the one the engine has *opened*, and the one that is *selected* on the server,
/// which a copy from elsewhere changes. Commands on UIDs go out only when the opened mailbox is selected
/// under the UIDVALIDITY that was observed.
final class IMAPEndpoint: Endpoint {
  let connection: IMAPConnection
  let observer = MailboxObserver()
  private let onProfile: (ServerProfile) -> Void
  private var knowsProfile: Bool
  let made: MadeMailboxes
  /// The connections of the account that may help each other.
  let helpers: IMAPHelpers
  /// Makes another one, to help.
  let connectHelper: () throws(EndpointError) -> IMAPEndpoint
  private var knownHierarchy: MailboxHierarchy?

  /// The mailbox the engine works on.
  var openMailbox: MailboxName?
  /// Mailboxes are opened by EXAMINE.
  var onlyReads = false
  /// Under which UIDVALIDITY each mailbox was last observed.
  var validities: [MailboxName: UIDValidity] = [:]
  /// What mailboxes were like when this connection last selected them.
  var lookedAt: [MailboxName: SelectedMailbox] = [:]
  /// The largest message that each mailbox takes, where that was told.
  var appendLimits: [MailboxName: UInt64?] = [:]
  /// Mailboxes that keep no mod-sequences. RFC 7162 §3.1.2.2
  var withoutModSeq: Set<MailboxName> = []
  /// Set when the server turns out not to take what it offers.
  var isQResyncBroken = false
  var isMailboxIDBroken = false
  /// SELECT tells no UIDNEXT here: it has to be asked for.
  var selectOmitsUIDNext = false
  /// What it knew before it began to help another connection; `nil`: it does not.
  var ownState: Own?
  /// Set when the server refused to renumber by MOVE, and by COPY.
  var refusedRenumbering: Set<RenumberWay> = []
  /// What MYRIGHTS told of expunging.
  var toldExpunging: [MailboxName: Bool] = [:]
  /// Mailboxes in which it was seen that messages can be expunged.
  var provenExpunging: Set<MailboxName> = []
  /// What is going to be opened next, as far as it was not asked for yet.
  var foreseen: [ForeseenOpening] = []
  /// Openings that were sent, and whose turn has not come.
  var early: [MailboxOpening] = []
  /// The same for messages.
  var foreseenFetches: [ForeseenFetch] = []
  var earlyFetches: [EarlyFetch] = []
  /// Set when the server refused to leave a mailbox.
  var isUnselectBroken = false
  /// Set when the server answered commands otherwise than in their order.
  var isOutOfOrder = false
  /// The SELECT or EXAMINE that was sent last, if the mailbox was not left since.
  private(set) var lastSelect: Tag?

  /// - Parameter knowsProfile: the connection has its profile from an earlier one.
  /// - Parameter onProfile: told what this connection learnt of the server.
  /// - Parameter made: the mailboxes that this run makes.
  /// - Parameter helpers: the account's connections that may help; `connectHelper` makes more of them.
  init(
    _ connection: IMAPConnection, knowsProfile: Bool, made: MadeMailboxes, helpers: IMAPHelpers,
    connectHelper: @escaping () throws(EndpointError) -> IMAPEndpoint,
    onProfile: @escaping (ServerProfile) -> Void
  ) {
    self.connection = connection
    self.knowsProfile = knowsProfile
    self.made = made
    self.helpers = helpers
    self.connectHelper = connectHelper
    self.onProfile = onProfile
    connection.observer = observer
  }

  var traits: EndpointTraits {
    // The first ID tells whether this is a Dovecot; the other signs need no round trip.
    if idItem == nil, connection.has(.id) { try? learnProfile() }
    return EndpointTraits(
      choosesUIDs: false, hasIDs: idItem != nil, hasCheapContents: false, takesStoredForm: false,
      hasModSequences: hasModSequences, settlesSlowly: true,
      octetsOnTheirWay: connection.isLocal ? 1 << 20 : 256 << 10,
      renumbersByCopy: firstWay == .copy, asksAhead: asksAhead)
  }

  var traffic: Traffic {
    var traffic = Traffic()
    traffic.bytesIn = connection.bytesRead
    traffic.bytesOut = connection.bytesWritten
    traffic.roundTrips = connection.roundTrips
    return traffic
  }

  func hasMark(_ mark: String) throws(EndpointError) -> MarkState { .unsupported }
  func leaveMark(_ mark: String) throws(EndpointError) {}

  func adopt(
    _ uidValidity: UIDValidity, uidNext: UID, isServers: Bool
  ) throws(EndpointError) {
    throw cannotChoose()
  }
  func setID(_ id: GlobalUID?) throws(EndpointError) -> GlobalUID? { throw cannotChoose() }
  func freshUIDValidity() throws(EndpointError) -> UIDValidity { throw cannotChoose() }

  func disconnect() { connection.disconnect() }

  private func cannotChoose() -> EndpointError {
    EndpointError(
      .mailbox, .other, "an IMAP server chooses UIDs and UIDVALIDITY by itself",
      advice: "use uids = map")
  }

  // MARK: What the server can do

  var hasModSequences: Bool { connection.has(.condStore) || connection.has(.qResync) }

  var hasQResync: Bool {
    connection.has(.qResync) && connection.profile.enabled.contains(.qResync) && !isQResyncBroken
  }

  private var isDovecot: Bool {
    // What Dovecot announces and nobody else does, so that its ID need not be waited for.
    connection.profile.isDovecot ?? connection.has(.snippetFuzzy)
  }

  /// The FETCH item for the server's own id of a message's content.
  var idItem: String? {
    if connection.has(.objectID) { return "EMAILID" }
    if connection.has(.gmail) { return "X-GM-MSGID" }
    return isDovecot ? "X-GUID" : nil
  }

  /// The STATUS item for a mailbox's own id.
  var mailboxIDItem: String? {
    guard !isMailboxIDBroken else { return nil }
    // Cyrus (DIGEST=SHA1) answers STATUS (MAILBOXID) with garbage.
    if connection.has(.objectID) {
      return connection.has(Capability("DIGEST=SHA1")) ? nil : "MAILBOXID"
    }
    return isDovecot ? "X-GUID" : nil
  }

  var hasCompactSearch: Bool { connection.has(.eSearch) }

  // MARK: Names

  /// Waits for what the first flight asked, unless it is known already.
  func learnProfile() throws(EndpointError) {
    guard !knowsProfile else { return }
    try attempt { () throws(IMAPError) in try connection.settle() }
    knowsProfile = true
    onProfile(connection.profile)
  }

  func hierarchy() throws(EndpointError) -> MailboxHierarchy {
    if let knownHierarchy { return knownHierarchy }
    try learnProfile()
    var separator: UInt8?
    if connection.profile.namespaces == nil {
      if observer.gathered.lists.isEmpty {
        observer.begin()
        _ = try perform(.list(pattern: ""), to: "list the mailboxes")
      }
      separator = observer.gathered.lists.lazy.compactMap(\.separator).first
    }
    let hierarchy = MailboxHierarchy(
      namespaces: connection.profile.namespaces, separator: separator,
      usesUTF8: connection.profile.enabled.contains(.utf8Accept))
    knownHierarchy = hierarchy
    return hierarchy
  }

  func wireName(of mailbox: MailboxName) throws(EndpointError) -> [UInt8] {
    try hierarchy().encode(mailbox)
  }

  // MARK: Commands

  func attempt<Result>(_ body: () throws(IMAPError) -> Result) throws(EndpointError) -> Result {
    do {
      return try body()
    } catch {
      throw EndpointError(error)
    }
  }

  func send(_ command: Command) throws(EndpointError) -> Tag {
    try attempt { () throws(IMAPError) in try connection.send(command) }
  }

  func wait(_ tag: Tag) throws(EndpointError) -> StatusResponse {
    try attempt { () throws(IMAPError) in try connection.wait(tag) }
  }

  /// Waits for OK.
  func wait(_ tag: Tag, to action: String) throws(EndpointError) -> StatusResponse {
    let status = try wait(tag)
    if let error = IMAPError(status, to: action) { throw EndpointError(error) }
    return status
  }

  func perform(_ command: Command, to action: String) throws(EndpointError) -> StatusResponse {
    try wait(send(command), to: action)
  }

  /// Sends all, with a bounded number under way, and waits for all answers.
  /// - Returns: the answers, in the order of the commands.
  func pipeline(_ commands: [Command], window: Int = 64) throws(EndpointError) -> [StatusResponse] {
    var tags: [Tag] = []
    var answers: [StatusResponse] = []
    for command in commands {
      if tags.count - answers.count >= window {
        // Half of the window at a time: the other half keeps the server busy meanwhile.
        for _ in 0..<(window / 2) { answers.append(try wait(tags[answers.count])) }
      }
      tags.append(try send(command))
    }
    while answers.count < tags.count { answers.append(try wait(tags[answers.count])) }
    return answers
  }

  /// As ``pipeline(_:window:)``, but anything other than OK is an error, thrown when all are answered.
  func pipeline(_ commands: [Command], to action: String) throws(EndpointError) {
    for status in try pipeline(commands) {
      if let error = refusal(status, to: action) { throw EndpointError(error) }
    }
  }

  /// Why a command on messages failed; `nil` if it did not. That some of them are gone is no failure:
  /// what there is has been told. RFC 9051 §7.1 (EXPUNGEISSUED)
  func refusal(_ status: StatusResponse, to action: String) -> IMAPError? {
    status.code == .expungeIssued ? nil : IMAPError(status, to: action)
  }

  // MARK: The selected mailbox

  /// Nothing is sent before something is done there: whole messages are asked for together with SELECT, and a
  /// mailbox that is copied to need not be selected at all.
  func select(_ mailbox: MailboxName) throws(EndpointError) { openMailbox = mailbox }

  func expect(_ uidValidity: UIDValidity, of mailbox: MailboxName) {
    validities[mailbox] = uidValidity
  }

  func close() throws(EndpointError) { openMailbox = nil }

  /// Sees to it that the opened mailbox is the selected one.
  func selectOpen() throws(EndpointError) -> SelectedMailbox {
    guard let openMailbox else { throw noneOpen() }
    return try selectOnServer(openMailbox)
  }

  func noneOpen() -> EndpointError {
    EndpointError(.mailbox, .other, "no mailbox is open", advice: "report this as a bug")
  }

  /// Selects a mailbox, if it is not, and checks that its UIDs still mean what they did.
  func selectOnServer(_ mailbox: MailboxName) throws(EndpointError) -> SelectedMailbox {
    let selected: SelectedMailbox
    if let current = observer.mailbox, current.name == mailbox {
      selected = current
    } else {
      selected = try finishSelect(try sendSelect(mailbox, .plain))
    }
    guard isExpected(selected) else { throw replaced() }
    return selected
  }

  /// Whether the mailbox's UIDs mean what they did when it was last observed.
  func isExpected(_ selected: SelectedMailbox?) -> Bool {
    guard let selected, let known = validities[selected.name] else { return true }
    return known == selected.uidValidity
  }

  func replaced() -> EndpointError {
    EndpointError(
      .mailbox, .mailboxGone, "the mailbox was replaced while it was synced",
      advice: "run it again")
  }

  /// The same for the opened mailbox, if it may be changed.
  func selectToChange() throws(EndpointError) -> SelectedMailbox {
    forgetForeseen()
    let selected = try selectOpen()
    guard !selected.isReadOnly else {
      throw EndpointError(
        .mailbox, .readOnly, "the mailbox is read-only",
        advice: "ask for the right to change it, or leave it out")
    }
    return selected
  }

  func sendSelect(
    _ mailbox: MailboxName, _ mode: Command.SelectMode
  ) throws(EndpointError) -> Tag {
    // Bodies are not kept until something else is done.
    dropEarlyFetches()
    observer.begin()
    observer.mailbox = SelectedMailbox(name: mailbox)
    return try sendSelectEarly(mailbox, mode)
  }

  /// Leaves alone what is told of the mailbox that is selected until then.
  func sendSelectEarly(
    _ mailbox: MailboxName, _ mode: Command.SelectMode
  ) throws(EndpointError) -> Tag {
    let name = try wireName(of: mailbox)
    let tag = try send(onlyReads ? Command.examine(name) : Command.select(name, mode))
    lastSelect = tag
    return tag
  }

  /// Leaves the selected mailbox; nothing is expunged. RFC 3691 §2. Nobody waits for the answer.
  func sendUnselect() throws(EndpointError) -> Tag {
    let tag = try send(.unselect)
    connection.forgo(tag)
    lastSelect = nil
    return tag
  }

  func finishSelect(_ tag: Tag) throws(EndpointError) -> SelectedMailbox {
    let status = try wait(tag)
    if let error = IMAPError(status, to: "open the mailbox") {
      observer.mailbox = nil
      throw EndpointError(error)
    }
    guard let selected = observer.mailbox, selected.uidValidity != nil, !selected.forgetsUIDs else {
      observer.mailbox = nil
      throw EndpointError.contradiction("the server keeps no UIDs in this mailbox")
    }
    lookedAt[selected.name] = selected
    return selected
  }
}
