import Glibc
import IMAPClient

/// One side of a pair that is a Maildir tree. What a mailbox can do is in ``MaildirFolder``, what the
/// tree can do in ``MaildirStore``.
public final class MaildirEndpoint: Endpoint {
  private let store: MaildirStore
  /// Folders used lately, the open one among them.
  private var folders: [MaildirFolder] = []
  private var openFolder: MaildirFolder?
  /// What the UIDs that will be named belong to.
  private var validities: [MailboxName: UIDValidity] = [:]
  /// Where mailboxes stand that were not opened.
  private var standing: [MailboxName: Anchor] = [:]
  /// A folder that is read before its turn.
  private var early: EarlyOpening?

  /// The thread that reads has the folder for itself.
  private struct EarlyOpening {
    var opening: ForeseenOpening
    var folder: MaildirFolder
    var observation: Promise<Result<Observation, EndpointError>>
  }

  /// Each folder holds three descriptors and the names of its messages.
  private static let folderLimit = 4

  init(_ store: MaildirStore) { self.store = store }

  public let traits = EndpointTraits(
    choosesUIDs: true, hasIDs: true, hasCheapContents: true, takesStoredForm: true,
    hasModSequences: false, settlesSlowly: false, renumbersByCopy: false)

  public var traffic: Traffic { Traffic() }

  public func facts() throws(EndpointError) -> EndpointFacts {
    var facts = EndpointFacts()
    facts.layout = try store.layout()
    facts.closed = try store.closedMailboxes()
    return facts
  }

  // MARK: The account

  public func list(withIDs: Bool) throws(EndpointError) -> MailboxListing {
    try store.list(withIDs: withIDs)
  }

  public func create(_ mailbox: MailboxName, specialUse: SpecialUse?) throws(EndpointError) {
    try store.create(mailbox)
  }

  public func delete(_ mailbox: MailboxName) throws(EndpointError) {
    forgetFolders()
    try store.noteFormer(mailbox, withThoseBelow: false)
    try store.delete(mailbox)
    store.keptNames?.forget(mailbox)
  }

  public func rename(_ mailbox: MailboxName, to name: MailboxName) throws(EndpointError) {
    forgetFolders()
    try store.noteFormer(mailbox, withThoseBelow: true)
    try store.rename(mailbox, to: name)
  }

  public func setSubscribed(
    _ isSubscribed: Bool, _ mailbox: MailboxName
  ) throws(EndpointError) {
    try store.setSubscribed(isSubscribed, mailbox)
  }

  public func hasMark(_ mark: String) throws(EndpointError) -> MarkState {
    try store.hasMark(mark)
  }

  public func leaveMark(_ mark: String) throws(EndpointError) { try store.leaveMark(mark) }

  // MARK: A mailbox

  public func open(
    _ mailbox: MailboxName, _ request: OpenRequest
  ) throws(EndpointError) -> Observation {
    validities[mailbox] = nil
    standing[mailbox] = nil
    if let observation = takeEarly(ForeseenOpening(mailbox, request)) { return observation }
    let folder = try folder(mailbox, completing: !request.isOnlyToRead)
    openFolder = folder
    return try MaildirEndpoint.observe(folder, request)
  }

  private static func observe(
    _ folder: MaildirFolder, _ request: OpenRequest
  ) throws(EndpointError) -> Observation {
    try folder.observe(
      detailsFrom: request.detailsFrom, since: request.since, recheck: request.recheck,
      probe: request.probe, isOnlyToRead: request.isOnlyToRead,
      isContinued: request.isContinued)
  }

  /// Begins to read the first one. An empty list changes nothing: what was read stays good until it has its turn, if the folder is
  /// then as it was.
  public func foresee(_ openings: [ForeseenOpening]) {
    guard let opening = openings.first else { return }
    dropEarly()
    guard !folders.contains(where: { $0.name == opening.mailbox }),
      let folder = try? store.openFolder(
        opening.mailbox, completing: !opening.request.isOnlyToRead)
    else { return }
    // Nobody need wait for another program's lock before its turn.
    folder.cancellation = MaildirEndpoint.noWait
    let observation = Promise {
      Result { () throws(EndpointError) in try MaildirEndpoint.observe(folder, opening.request) }
    }
    observation.start()
    early = EarlyOpening(opening: opening, folder: folder, observation: observation)
  }

  private static let noWait: Cancellation = {
    let cancellation = Cancellation()
    cancellation.request()
    return cancellation
  }()

  public func rest() { dropEarly() }

  /// What was read early, if it is what is asked for now and nothing has changed since: much time may have passed while somebody
  /// logged in at the other side.
  private func takeEarly(_ opening: ForeseenOpening) -> Observation? {
    guard let early, early.opening == opening else { return nil }
    self.early = nil
    let folder = early.folder
    guard let observation = try? early.observation.take().get(),
      (try? isInPlace(folder)) == true, folder.isAsScanned
    else { return nil }
    folder.cancellation = store.cancellation
    add(folder)
    openFolder = folder
    return observation
  }

  /// Waits until it is read.
  func finishEarly() { early?.observation.finish() }

  private func dropEarly() {
    finishEarly()
    early = nil
  }

  public func select(_ mailbox: MailboxName) throws(EndpointError) {
    if openFolder?.name != mailbox { openFolder = try folder(mailbox) }
    if let anchor = standing.removeValue(forKey: mailbox) { openFolder?.stand(at: anchor) }
  }

  public func expect(_ uidValidity: UIDValidity, of mailbox: MailboxName) {
    validities[mailbox] = uidValidity
  }

  public func expect(standingAt anchor: Anchor, _ mailbox: MailboxName) {
    standing[mailbox] = anchor
  }

  /// Whether the folder is likely to tell only what has changed since then.
  public func mayTellChanges(_ mailbox: MailboxName, since anchor: Anchor) -> Bool {
    guard let stamp = anchor.stamp else { return false }
    return store.keptNames?.isKept(mailbox, at: stamp) ?? false
  }

  public func close() throws(EndpointError) { openFolder = nil }

  public func describe(_ uids: UIDSet) throws(EndpointError) -> [ObservedMessage] {
    try current().describe(uids)
  }

  public func contents(
    of handles: [MessageHandle]
  ) throws(EndpointError) -> [MessageHandle: ContentID] {
    try current().contents(of: handles)
  }

  public func headers(
    of handles: [MessageHandle]
  ) throws(EndpointError) -> [MessageHandle: [UInt8]] {
    try current().headers(of: handles)
  }

  public func parts(
    of handles: [MessageHandle], textLimit: Int
  ) throws(EndpointError) -> [MessageHandle: [MessagePart]] {
    try current().parts(of: handles, textLimit: textLimit)
  }

  public func fetch(
    _ handles: [MessageHandle], into sink: any MessageSink
  ) throws(EndpointError) {
    try current().fetch(handles, into: sink)
  }

  public func saver() throws(EndpointError) -> any MessageSaver { try MaildirSaver(current()) }

  public func copy(
    _ uids: [UID], from source: MailboxName, moving: Bool, targets: [UID]
  ) throws(EndpointError) -> [PlacementOutcome] {
    let target = try current()
    return try target.transfer(uids, from: folder(source), moving: moving, targets: targets)
  }

  public func store(_ orders: [StoreOrder]) throws(EndpointError) -> StoreOutcome {
    try current().store(orders)
  }

  public func expunge(_ uids: UIDSet, onlyDeleted: Bool) throws(EndpointError) -> UIDSet {
    try current().expunge(uids, onlyDeleted: onlyDeleted)
  }

  public func remove(_ known: [UID: FlagSet]) throws(EndpointError) -> [UID: RemovalOutcome] {
    try current().remove(known)
  }

  public func renumber(
    _ handles: [MessageHandle], targets: [UID]
  ) throws(EndpointError) -> [PlacementOutcome] {
    try current().renumber(handles, targets: targets)
  }

  public func pad(to uidNext: UID) throws(EndpointError) -> UID { try current().pad(to: uidNext) }

  public func adopt(
    _ uidValidity: UIDValidity, uidNext: UID, isServers: Bool
  ) throws(EndpointError) {
    let folder = try current()
    let former = try store.formerNext(of: folder.name, uidValidity)
    try folder.adopt(uidValidity, uidNext: max(uidNext, former), isServers: isServers)
  }

  public func setID(_ id: GlobalUID?) throws(EndpointError) -> GlobalUID? {
    try current().setID(id)
  }

  public func freshUIDValidity() throws(EndpointError) -> UIDValidity {
    try store.counter().next(above: openFolder?.list.uidValidity)
  }

  public func disconnect() {
    dropEarly()
    var isAnyNew = false
    for folder in folders where folder.keepNames() { isAnyNew = true }
    if isAnyNew {
      // Now and then; those of mailboxes that users delete would stay for ever.
      store.keptNames?.forgetMissing { [store] in
        (try? store.directory(store.steps(to: $0))) != nil
      }
    }
    forgetFolders()
  }

  // MARK: Folders

  private func current() throws(EndpointError) -> MaildirFolder {
    if let openFolder { return openFolder }
    throw EndpointError(
      .mailbox, .other, "no mailbox is open", advice: "this is an error of mboxsync")
  }

  private func folder(
    _ name: MailboxName, completing: Bool = true
  ) throws(EndpointError) -> MaildirFolder {
    if early?.opening.mailbox == name { dropEarly() }
    if let index = folders.firstIndex(where: { $0.name == name }) {
      let folder = folders.remove(at: index)
      // It may have been deleted or renamed meanwhile.
      if try isInPlace(folder) {
        folders.append(folder)
        return folder
      }
    }
    let folder = try store.openFolder(name, completing: completing)
    if let expected = validities[name], let now = try folder.currentUIDValidity(), now != expected {
      throw EndpointError(
        .mailbox, .mailboxGone, "\(name) is not the mailbox that it was", advice: "sync again")
    }
    add(folder)
    return folder
  }

  private func add(_ folder: MaildirFolder) {
    if folders.count >= MaildirEndpoint.folderLimit { folders.removeFirst().keepNames() }
    folders.append(folder)
  }

  private func isInPlace(_ folder: MaildirFolder) throws(EndpointError) -> Bool {
    guard let now = try? store.directory(store.steps(to: folder.name)).status(),
      let known = try? folder.directory.status(), now.isSameFile(as: known),
      let cur = try? folder.directory.status(of: MaildirFolder.curName),
      let knownCur = try? folder.cur.status()
    else { return false }
    return cur.isSameFile(as: knownCur)
  }

  private func forgetFolders() {
    dropEarly()
    folders = []
    openFolder = nil
  }
}
