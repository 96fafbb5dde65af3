import CLinux
import Glibc
import IMAPClient

/// One mailbox of a Maildir tree: its directories, and what was last read from them.
///
/// What changes the folder, and every scan, is done under the lock of its dovecot-uidlist: Dovecot
/// renames and unlinks only while it holds it. Other programs don't know the lock; against them a
/// scan is repeated until the directories hold still, and the exact old name is the precondition of
/// every rename.
final class MaildirFolder {
  let name: MailboxName
  /// Where it lies, for messages.
  let path: String
  let directory: Directory
  let cur: Directory
  let new: Directory
  let counter: UIDValidityCounter
  let surroundings: MaildirSurroundings
  /// Ends the wait for another program's lock.
  var cancellation: Cancellation?
  /// Where the names of large folders are kept; `nil`: they are not.
  let keptNames: NamesDirectory?

  var list = UIDList()
  var listStatus: stat?
  var keywords = FolderKeywords()
  var keywordsStatus: stat?
  var files = FileTable()
  /// The times of `cur` and `new` when `files` was true; `nil`: not scanned.
  var scanTimes: ScanTimes?
  /// A moment before the names were read.
  var scannedAt: Int64 = 0
  /// Who else changes names in a large folder.
  var watch: FolderWatch?
  /// Since the caller was told what there is, names have been changed by storing flags and by deliveries only, as far as is known
  /// here.
  var isTold = false
  /// The moment of which the caller was told last; `nil` where that is not certain.
  var toldStamp: MaildirStamp?
  /// The names as far as they are known without having been read.
  var standing: StandingNames?
  /// How many messages there are, where the caller knows all of them and nobody has read the names.
  var unreadCount: UInt32?
  /// `files` knows the UIDs of `list`.
  var hasAssignedUIDs = false
  /// Records of the list that were left out had to be read after all.
  var needsRecords = false
  /// The UIDVALIDITY under which the caller knows the messages; `nil`: it knows none.
  var knownValidity: UIDValidity??
  /// The fields that files had in a list that was given up for another UIDVALIDITY, by key: a message
  /// keeps its id.
  var pendingFields: [UInt64: [UInt8]] = [:]

  /// What was counted in files whose names don't tell it, by key.
  var countedSizes: [UInt64: CountedSize] = [:]

  struct CountedSize {
    var stored: UInt32
    /// The line ends that lack a CR.
    var added: UInt32

    /// - Returns: `nil` if it does not fit, or the file changed meanwhile.
    init?(stored: UInt64, wire: UInt64) {
      guard wire >= stored, let stored = UInt32(exactly: stored),
        let added = UInt32(exactly: wire - UInt64(stored))
      else { return nil }
      self.stored = stored
      self.added = added
    }
  }

  /// Two megabytes.
  static let countedLimit = 98_000

  struct ScanTimes: Hashable {
    var cur: Int64
    var new: Int64
  }

  static let listName = FileName("dovecot-uidlist".utf8)
  static let keywordsName = FileName("dovecot-keywords".utf8)
  static let curName = FileName("cur".utf8)
  static let newName = FileName("new".utf8)
  static let tmpName = FileName("tmp".utf8)
  /// Larger files are refused rather than read into memory.
  static let listLimit = 1 << 30
  static let keywordsLimit = 1 << 20

  /// - Parameter completes: makes `new` and `tmp` if they are missing.
  init(
    _ name: MailboxName, in directory: Directory, path: String, counter: UIDValidityCounter,
    cancellation: Cancellation?, keptNames: NamesDirectory? = nil, completes: Bool = true
  ) throws(EndpointError) {
    self.name = name
    self.path = path
    self.directory = directory
    self.counter = counter
    surroundings = counter.surroundings
    self.cancellation = cancellation
    self.keptNames = keptNames
    do throws(SystemError) {
      cur = try Directory(MaildirFolder.curName, in: directory)
    } catch {
      throw error.endpointError("can't open \(path)/cur")
    }
    do throws(SystemError) {
      // Left out by some programs; Dovecot makes them, too.
      for part in [MaildirFolder.newName, MaildirFolder.tmpName]
      where completes && !directory.hasDirectory(part) {
        try directory.makeDirectory(part)
      }
      new = try Directory(MaildirFolder.newName, in: directory)
    } catch {
      throw error.endpointError("can't open \(path)/new")
    }
  }

  /// A system call's failure, with the file it was about.
  func perform<Result>(
    _ action: String, _ body: () throws(SystemError) -> Result
  ) throws(EndpointError) -> Result {
    do throws(SystemError) { return try body() } catch {
      throw error.endpointError("can't \(action) in \(path)")
    }
  }

  // MARK: Locking

  /// - Parameter patience: how long the wait goes on once the run is to stop.
  func withLock<Result>(
    patience: Int64 = 0, _ body: (Dotlock) throws(EndpointError) -> Result
  ) throws(EndpointError) -> Result {
    let lock = try Dotlock(
      guarding: MaildirFolder.listName, in: directory, at: path, surroundings,
      cancellation: cancellation, patience: patience)
    defer { lock.release() }
    return try body(lock)
  }

  // MARK: Reading again what others may have written

  /// - Throws: `conflict` if the mailbox got another UIDVALIDITY: UIDs known to the caller would name
  ///   other messages.
  func refreshList() throws(EndpointError) {
    let status = try perform("look at dovecot-uidlist") { () throws(SystemError) in
      try directory.statusIfThere(of: MaildirFolder.listName)
    }
    if let status {
      if listStatus?.isSameState(as: status) != true { try readList() }
    } else if listStatus != nil || list.uidValidity != nil {
      list = UIDList()
      listStatus = nil
      hasAssignedUIDs = false
      isTold = false
    }
    if let knownValidity, knownValidity != list.uidValidity {
      throw EndpointError(
        .mailbox, .conflict, "\(path) got another UIDVALIDITY while it was synced",
        advice: "sync again")
    }
  }

  /// As the list says; of a long one no more is read than that.
  func currentUIDValidity() throws(EndpointError) -> UIDValidity? {
    if listStatus == nil {
      let header = try? directory.openFile(MaildirFolder.listName).readBeginning(4096)
      if let header, let list = UIDList(header: header, next: 1, last: 0) {
        return list.uidValidity
      }
    }
    try refreshList()
    return list.uidValidity
  }

  private func readList() throws(EndpointError) {
    (list, listStatus) = try perform("read dovecot-uidlist") { () throws(SystemError) in
      let file = try directory.openFile(MaildirFolder.listName)
      let status = try file.status()
      return (UIDList(try file.readBlock(limit: MaildirFolder.listLimit)), status)
    }
    hasAssignedUIDs = false
    // Somebody else has written it.
    isTold = false
  }

  func refreshKeywords() throws(EndpointError) {
    let status = try perform("look at dovecot-keywords") { () throws(SystemError) in
      try directory.statusIfThere(of: MaildirFolder.keywordsName)
    }
    guard let status else {
      if keywordsStatus != nil { isTold = false }
      keywords = FolderKeywords()
      keywordsStatus = nil
      return
    }
    if keywordsStatus?.isSameState(as: status) == true { return }
    // Somebody else has written it: letters may mean something else.
    isTold = false
    (keywords, keywordsStatus) = try perform("read dovecot-keywords") { () throws(SystemError) in
      let file = try directory.openFile(MaildirFolder.keywordsName)
      let status = try file.status()
      return (FolderKeywords(try file.readAll(limit: MaildirFolder.keywordsLimit)), status)
    }
  }

  /// Reads everything that changed since it was last read.
  func refresh() throws(EndpointError) {
    try refreshList()
    try refreshKeywords()
    let now = try currentTimes()
    if scanTimes != now { try scan() } else { assignUIDs() }
  }

  // MARK: Finding messages

  /// The index of the file that has this UID.
  func fileIndex(of uid: UID) -> Int? {
    guard list.isWhole else { return files.index(ofUID: uid.rawValue) }
    guard let record = list.index(of: uid.rawValue) else { return nil }
    let base = list.base(at: record)
    let index = base.withUnsafeBufferPointer { files.index(ofBase: $0) }
    // Of two lines for one file the one with the higher UID counts.
    return index.flatMap { files.entries[$0].uid == uid.rawValue ? $0 : nil }
  }

  /// Those of these messages that are there. (The set itself may span billions.)
  func present(_ uids: UIDSet) -> UIDSet {
    if uids.count <= UInt64(files.entries.count) {
      return UIDSet(uids.lazy.filter { self.fileIndex(of: $0) != nil })
    }
    return UIDSet(files.entries.lazy.filter(\.isThere).compactMap { UID($0.uid) })
      .intersection(uids)
  }

  func fileIndex(of handle: MessageHandle) -> Int? {
    switch handle {
    case .uid(let uid): fileIndex(of: uid)
    case .unnumbered(let key):
      files.index(ofKey: key).flatMap { files.entries[$0].uid == 0 ? $0 : nil }
    }
  }

  /// The index of the file that a handle meant when the folder was looked at. If somebody has given it a number since, it is
  /// still the same message to whoever only reads it.
  func fileIndex(toRead handle: MessageHandle) -> Int? {
    switch handle {
    case .uid(let uid): fileIndex(of: uid)
    case .unnumbered(let key): files.index(ofKey: key)
    }
  }

  func directory(ofFileAt index: Int) -> Directory { files.entries[index].isInNew ? new : cur }

  /// The fields of the file's record, or those it had in an earlier list.
  func fields(ofFileAt index: Int) -> [UInt8] {
    let entry = files.entries[index]
    // Without them the base name says who it is, as for a file that has no field.
    if entry.uid != 0, !list.isWhole { try? needRecords() }
    if entry.uid != 0, list.isWhole, let record = list.index(of: entry.uid) {
      return list.extensions(at: record)
    }
    return pendingFields[entry.key] ?? []
  }

  /// The text that Dovecot shows as X-GUID: the `G` field, else the base name.
  func identifier(ofFileAt index: Int) -> [UInt8] {
    UIDList.value(UInt8(ascii: "G"), in: fields(ofFileAt: index)) ?? files.base(at: index)
  }

  func flags(ofFileAt index: Int) -> FlagSet {
    files.withInfo(at: index) { keywords.flags(ofInfo: $0) }
  }
}
