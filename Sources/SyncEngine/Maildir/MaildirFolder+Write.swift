import CLinux
import Glibc
import IMAPClient

extension MaildirFolder {
  /// From here on a list that only grows is added to.
  static let longList = 64 << 10

  /// Writes the list, durably: a short one at one go, so that Dovecot's open sessions notice that it is another
  /// file; to a long one, lines are added as Dovecot does it, or each batch of a first sync would write
  /// all that came before.
  func writeList(_ lock: Dotlock) throws(EndpointError) {
    isTold = false
    try confirm(lock)
    if try !addLines() { try replaceList() }
    list.noteWritten()
  }

  /// Lines that a crash leaves half written are read by nobody, because their LF is missing, and are gone when the
  /// list is next written as a whole (``UIDList/recordsInFile``).
  ///
  /// - Returns: false if the list has to be written anew.
  private func addLines() throws(EndpointError) -> Bool {
    guard let lines = list.linesToAdd(), let old = listStatus,
      old.st_size >= MaildirFolder.longList,
      let file = try? directory.openFileToAppend(MaildirFolder.listName),
      let status = try? file.status(), status.isSameState(as: old)
    else { return false }
    do throws(SystemError) {
      try file.writeAll(lines)
      // An index remembers the list by its size and time.
      try file.setTimes(modified: surroundings.later(than: old.modified))
      try file.sync()
      listStatus = try file.status()
      return true
    } catch {
      try? file.truncate(to: old.st_size)
      // What is in memory has not been written.
      forget()
      throw error.endpointError("can't write dovecot-uidlist in \(path)")
    }
  }

  private func replaceList() throws(EndpointError) {
    if list.mailboxGUID == nil { list.mailboxGUID = MaildirFolder.randomGUID() }
    let list = list
    let known = listStatus
    listStatus = try perform("write dovecot-uidlist") { () throws(SystemError) in
      let old = try directory.statusIfThere(of: MaildirFolder.listName)
      // An index remembers the list by its size and time.
      let time = old.map { surroundings.later(than: $0.modified) }
      return try replace(
        MaildirFolder.listName, through: FileName("dovecot-uidlist.tmp".utf8),
        modified: time ?? surroundings.now(), old: old
      ) { file throws(SystemError) in
        try list.forEachPiece { () throws(SystemError) in
          try copyRecords(of: known, to: file)
        } _: { piece throws(SystemError) in
          try file.writeAll(piece)
        }
      }
    }
  }

  /// Those that the list does not keep are all that are in the file, if it is the one that is known.
  private func copyRecords(
    of known: stat?, to target: borrowing OpenFile
  ) throws(SystemError) {
    let source = try directory.openFile(MaildirFolder.listName)
    guard try known?.isSameState(as: source.status()) == true else {
      throw SystemError(code: ESTALE)
    }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    var isInHeader = true
    while true {
      let count = try SystemError.count {
        buffer.withUnsafeMutableBytes { Glibc.read(source.descriptor, $0.baseAddress, $0.count) }
      }
      if count == 0 { return }
      var piece = buffer[..<count]
      if isInHeader {
        piece = piece.drop { $0 != 0x0a }
        if piece.isEmpty { continue }
        piece = piece.dropFirst()
        isInHeader = false
      }
      try target.writeAll(Array(piece))
    }
  }

  /// Writes the keywords if some were added. Dovecot looks at their time in whole seconds only.
  ///
  /// - Parameter patience: how long the wait for their lock goes on once the run is to stop.
  func writeKeywords(
    ifChangedFrom before: FolderKeywords, _ lock: Dotlock, patience: Int64 = 0
  ) throws(EndpointError) {
    guard keywords.names != before.names else { return }
    try confirm(lock)
    let own = try Dotlock(
      guarding: MaildirFolder.keywordsName, in: directory, at: path, surroundings,
      cancellation: cancellation, patience: patience)
    defer { own.release() }
    let bytes = keywords.serialized()
    keywordsStatus = try perform("write dovecot-keywords") { () throws(SystemError) in
      let old = try directory.statusIfThere(of: MaildirFolder.keywordsName)
      let second = MaildirSurroundings.second
      let time = max(surroundings.now(), (old?.modified ?? 0) / second * second &+ second)
      return try replace(
        MaildirFolder.keywordsName, through: FileName("dovecot-keywords.tmp".utf8),
        modified: time, old: old
      ) { file throws(SystemError) in try file.writeAll(bytes) }
    }
  }

  /// Dovecot looks for changes of the list only when `cur` has changed.
  func touchCur() throws(EndpointError) {
    try perform("touch cur") { () throws(SystemError) in
      let before = try cur.status().modified
      let time = timespec(nanoseconds: surroundings.later(than: before))
      do throws(SystemError) {
        try SystemError.check { futimens(cur.descriptor, [time, time]) }
      } catch {
        guard error.code == EPERM else { throw error }
        try touchAsAnother(unlike: before)
      }
    }
  }

  /// In a Maildir that a group shares, who does not own `cur` may only set its time to now, which a coarse clock
  /// may show to be what it was.
  private func touchAsAnother(unlike before: Int64) throws(SystemError) {
    for _ in 0..<400 {
      try SystemError.check { futimens(cur.descriptor, nil) }
      if try cur.status().modified != before { return }
      surroundings.pause(MaildirSurroundings.second / 200)
    }
  }

  /// Makes renames durable, and takes note that the directories' new times are of our own making.
  ///
  /// - Parameter isNewAsBefore: nothing was renamed to or from `new`.
  func syncDirectories(isNewAsBefore: Bool = false) throws(EndpointError) {
    try perform("sync") { () throws(SystemError) in
      try cur.sync()
      if !isNewAsBefore { try new.sync() }
    }
    if scanTimes != nil { scanTimes = try currentTimes() }
  }

  /// Drops the records of files that are gone, once they are many; Dovecot does the same.
  func dropDeadRecords() throws(EndpointError) {
    guard scanTimes != nil, hasAssignedUIDs, hasManyDeadRecords else { return }
    if !list.isWhole {
      try needRecords()
      assignUIDs()
    }
    var isDead = [Bool](repeating: true, count: list.records.count)
    list.forEachRecord { record, uid, base in
      if let index = files.index(ofBase: base), files.entries[index].uid == uid {
        isDead[record] = false
      }
    }
    list.removeRecords { isDead[$0] }
  }

  /// More than a quarter are of files that are gone.
  var hasManyDeadRecords: Bool {
    let living = files.entries.count { $0.isThere && $0.uid != 0 }
    let lines = list.isWhole ? list.records.count : files.entries.count { $0.uid != 0 }
    return (lines - living) * 4 > lines
  }

  /// - Throws: `locked` if someone has broken our lock: then nothing may be written any more.
  func confirm(_ lock: Dotlock) throws(EndpointError) {
    lock.refresh()
    guard lock.isStillHeld else {
      forget()
      throw EndpointError(
        .mailbox, .locked, "the lock of \(path) was taken away", advice: "sync again")
    }
  }

  /// Nothing that was read is taken for true any more.
  func forget() {
    listStatus = nil
    keywordsStatus = nil
    scanTimes = nil
  }

  private func replace(
    _ name: FileName, through temporary: FileName, modified: Int64, old: stat?,
    write: (borrowing OpenFile) throws(SystemError) -> Void
  ) throws(SystemError) -> stat {
    // Left by someone who died with the lock; under the lock it is nobody's.
    try? directory.unlink(temporary)
    do {
      let file = try directory.createFile(temporary)
      if let old { try file.setMode(old.st_mode & 0o666) }
      try write(file)
      try file.setTimes(modified: modified)
      try file.sync()
      try directory.rename(temporary, to: name, in: directory)
    } catch {
      try? directory.unlink(temporary)
      // What is in memory has not been written.
      forget()
      throw error
    }
    try directory.sync()
    return try directory.status(of: name)
  }

  static func randomGUID() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 16)
    _ = bytes.withUnsafeMutableBytes { getrandom($0.baseAddress, $0.count, 0) }
    return Array((GlobalUID(bytes: bytes) ?? GlobalUID(high: 0, low: 0)).description.utf8)
  }
}
