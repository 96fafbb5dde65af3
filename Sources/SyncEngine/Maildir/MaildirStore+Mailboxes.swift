import CLinux
import Glibc
import IMAPClient

/// Creating, deleting and renaming mailboxes.
extension MaildirStore {
  func create(_ name: MailboxName) throws(EndpointError) {
    // Before anything is made: the name may be impossible.
    _ = try layout().steps(to: name)
    var directory = try makeRoot()
    let steps = try steps(to: name)
    do throws(SystemError) {
      for step in steps {
        try directory.makeDirectory(step)
        directory = try Directory(step, in: directory)
      }
      if directory.hasDirectory(MaildirFolder.curName) { return }
      try directory.makeDirectory(MaildirFolder.tmpName)
      try directory.makeDirectory(MaildirFolder.newName)
      if try layout(isFlat: steps) { try makeMaildirFolderFile(in: directory) }
      // The last: what has a `cur` is a mailbox.
      try directory.makeDirectory(MaildirFolder.curName)
      try directory.sync()
    } catch {
      throw error.endpointError("can't make \(describe(steps))")
    }
    try syncRoot()
  }

  private func layout(isFlat steps: [FileName]) throws(SystemError) -> Bool {
    !steps.isEmpty && (try? layout()) == .maildirPlusPlus
  }

  private func makeMaildirFolderFile(in directory: Directory) throws(SystemError) {
    do { _ = try directory.createFile(MaildirStore.maildirFolderName) } catch {
      if error.code != EEXIST { throw error }
    }
  }

  private func syncRoot() throws(EndpointError) {
    let root = try existingRoot()
    do throws(SystemError) { try root.sync() } catch {
      throw error.endpointError("can't write \(path)", scope: .side)
    }
  }

  // MARK: Deleting

  /// Removes the mailbox with its messages. Mailboxes below it stay, and so do files that belong neither
  /// to a Maildir nor to Dovecot, with their directory.
  func delete(_ name: MailboxName) throws(EndpointError) {
    guard !name.isInbox else {
      throw EndpointError(
        .mailbox, .refused, "INBOX can't be deleted",
        advice: "every account has one; leave it out with 'mailboxes'")
    }
    let steps = try steps(to: name)
    let directory = try directory(steps)
    let lock = try Dotlock(
      guarding: MaildirFolder.listName, in: directory, surroundings, cancellation: cancellation)
    do throws(SystemError) {
      for part in [MaildirFolder.newName, MaildirFolder.curName, MaildirFolder.tmpName] {
        try removeMessages(part, in: directory, lock)
      }
      try removeOwnFiles(in: directory)
      lock.release()
    } catch {
      lock.release()
      throw error.endpointError("can't delete \(describe(steps))")
    }
    try removeEmpty(steps)
    try syncRoot()
  }

  private func removeMessages(
    _ part: FileName, in directory: Directory, _ lock: Dotlock
  ) throws(SystemError) {
    guard directory.hasDirectory(part) else { return }
    let messages = try Directory(part, in: directory)
    var names: [FileName] = []
    try messages.forEachName(includingDotted: true) { name, _ in names.append(Array(name)) }
    for name in names {
      lock.refresh()
      do { try messages.unlink(name) } catch { if !error.isMissing { throw error } }
    }
    try directory.removeDirectory(part)
  }

  private func removeOwnFiles(in directory: Directory) throws(SystemError) {
    var names: [FileName] = []
    try directory.forEachName(includingDotted: true) { name, _ in names.append(Array(name)) }
    let lock = MaildirFolder.listName + Array(".lock".utf8)
    let known = ["maildirfolder", "maildirsize", ".uidvalidity", ".mbsyncstate"].map {
      Array($0.utf8)
    }
    for name in names where name != lock {
      guard name.starts(with: Array("dovecot".utf8)) || known.contains(name) else { continue }
      do { try directory.unlink(name) } catch {
        if !error.isMissing, error.code != EISDIR { throw error }
      }
    }
  }

  private func removeEmpty(_ steps: [FileName]) throws(EndpointError) {
    guard let last = steps.last else { return }
    let parent = try directory(Array(steps.dropLast()))
    do throws(SystemError) { try parent.removeDirectory(last) } catch {
      // ENOTDIR: a link to a directory elsewhere.
      guard [ENOTEMPTY, EEXIST, ENOENT, ENOTDIR].contains(error.code) else {
        throw error.endpointError("can't remove \(describe(steps))")
      }
    }
  }

  // MARK: Renaming

  /// Renames the mailbox and those below it.
  func rename(_ name: MailboxName, to newName: MailboxName) throws(EndpointError) {
    guard !name.isInbox, !newName.isInbox, newName.removingPrefix(name) == nil else {
      throw EndpointError(
        .mailbox, .refused, "\(name) can't be renamed to \(newName)",
        advice: "rename one of the two by hand")
    }
    let old = try steps(to: name)
    let new = try steps(to: newName)
    guard try !exists(new) else {
      throw EndpointError(
        .mailbox, .refused, "there is a mailbox \(newName) already",
        advice: "rename one of the two by hand")
    }
    switch try layout() {
    case .fs: try renameNested(old, new)
    case .maildirPlusPlus: try renameFlat(old, new)
    }
    try syncRoot()
  }

  private func exists(_ steps: [FileName]) throws(EndpointError) -> Bool {
    do { _ = try directory(steps) } catch {
      if error.code == .mailboxGone { return false }
      throw error
    }
    return true
  }

  private func renameNested(_ old: [FileName], _ new: [FileName]) throws(EndpointError) {
    guard let oldLast = old.last, let newLast = new.last else { return }
    let source = try directory(Array(old.dropLast()))
    var target = try existingRoot()
    do throws(SystemError) {
      for step in new.dropLast() {
        try target.makeDirectory(step)
        target = try Directory(step, in: target)
      }
      try source.move(oldLast, to: newLast, in: target)
      try source.sync()
      try target.sync()
    } catch {
      throw error.endpointError("can't rename \(describe(old))")
    }
  }

  /// Every mailbox is a directory of the root: those below are renamed one by one, the mailbox itself
  /// last, so that a rename that was cut off is done again.
  private func renameFlat(_ old: [FileName], _ new: [FileName]) throws(EndpointError) {
    guard let oldName = old.first, let newName = new.first else { return }
    let root = try existingRoot()
    do throws(SystemError) {
      var below: [FileName] = []
      try root.forEachName(includingDotted: true) { name, _ in
        if name.starts(with: oldName + [UInt8(ascii: ".")]) { below.append(Array(name)) }
      }
      for name in below {
        try root.move(name, to: newName + name.dropFirst(oldName.count), in: root)
      }
      do { try root.move(oldName, to: newName, in: root) } catch {
        // A level without a mailbox of its own.
        guard error.isMissing, !below.isEmpty else { throw error }
      }
    } catch {
      throw error.endpointError("can't rename \(describe(old))")
    }
  }
}
