import CLinux
import Glibc
import IMAPClient

/// Deleting mailboxes.
extension MaildirStore {
  /// Removes the mailbox with its messages. Mailboxes below it stay, and so do files that belong neither
  /// to a Maildir nor to Dovecot, with their directory.
  ///
  /// It is moved out of the way first: one that is half deleted when a run dies would be made whole again, and empty,
  /// by the next mail program that looks at it.
  func delete(_ name: MailboxName) throws(EndpointError) {
    guard !name.isInbox else {
      throw EndpointError(
        .mailbox, .refused, "INBOX can't be deleted",
        advice: "every account has one; leave it out with 'mailboxes'")
    }
    let steps = try steps(to: name)
    let directory = try directory(steps)
    let trash = inboxTemporary()
    if let trash { removeLeft(in: trash) }
    let lock = try Dotlock(
      guarding: MaildirFolder.listName, in: directory, at: describe(steps), surroundings,
      cancellation: cancellation)
    do throws(SystemError) {
      let moved = try moveAway(steps, directory, to: trash)
      try removeContents(of: directory, lock)
      lock.release()
      if let moved { try? trash?.removeDirectory(moved) }
    } catch {
      lock.release()
      throw error.endpointError("can't delete \(describe(steps))")
    }
    try removeEmpty(steps)
    try syncRoot()
  }

  private func removeContents(of directory: Directory, _ lock: Dotlock?) throws(SystemError) {
    for part in MaildirStore.parts { try removeMessages(part, in: directory, lock) }
    try removeOwnFiles(in: directory)
  }

  private func removeMessages(
    _ part: FileName, in directory: Directory, _ lock: Dotlock?
  ) throws(SystemError) {
    guard directory.hasDirectory(part) else { return }
    let messages = try Directory(part, in: directory)
    for name in try messages.allNames() {
      lock?.refresh()
      do { try messages.unlink(name) } catch { if !error.isMissing { throw error } }
    }
    try directory.removeDirectory(part)
  }

  private func removeOwnFiles(in directory: Directory) throws(SystemError) {
    for name in try directory.allNames() where MaildirStore.isOwnFile(name) {
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

  // MARK: Out of the way

  private static let parts = [MaildirFolder.newName, MaildirFolder.curName, MaildirFolder.tmpName]
  private static let lockName = MaildirFolder.listName + Array(".lock".utf8)
  /// What a mailbox on its way to be deleted is called, and something that nothing else is.
  private static let deletedPrefix = FileName("mboxsync-deleted.".utf8)

  private static func isOwnFile(_ name: FileName) -> Bool {
    let known = ["maildirfolder", "maildirsize", ".uidvalidity", ".mbsyncstate"]
    return name != lockName
      && (name.starts(with: Array("dovecot".utf8)) || known.contains { Array($0.utf8) == name })
  }

  /// The `tmp` of INBOX: nothing in it is a mailbox, in any layout, to any program.
  private func inboxTemporary() -> Directory? {
    guard let steps = try? steps(to: .inbox), let inbox = try? directory(steps) else { return nil }
    return try? Directory(MaildirFolder.tmpName, in: inbox)
  }

  /// - Returns: its new name; `nil` where it stays, because something in it is to stay, or has to.
  private func moveAway(
    _ steps: [FileName], _ directory: Directory, to trash: Directory?
  ) throws(SystemError) -> FileName? {
    guard let trash, let last = steps.last,
      let parent = try? self.directory(Array(steps.dropLast())),
      let status = try? parent.status(of: last, followsLink: false),
      status.st_mode & S_IFMT == S_IFDIR
    else { return nil }
    let isAllOurs = try directory.allNames().allSatisfy {
      MaildirStore.parts.contains($0) || MaildirStore.isOwnFile($0) || $0 == MaildirStore.lockName
    }
    guard isAllOurs else { return nil }
    let name = MaildirStore.deletedPrefix + surroundings.uniqueBase()
    do {
      try parent.move(last, to: name, in: trash)
    } catch {
      // Another file system.
      guard error.code == EXDEV else { throw error }
      return nil
    }
    try parent.sync()
    return name
  }

  /// Removes what runs that died in the middle of this have left.
  private func removeLeft(in trash: Directory) {
    guard let names = try? trash.allNames() else { return }
    for name in names where name.starts(with: MaildirStore.deletedPrefix) {
      guard let directory = try? Directory(name, in: trash) else { continue }
      try? removeContents(of: directory, nil)
      try? directory.unlink(MaildirStore.lockName)
      try? trash.removeDirectory(name)
    }
  }
}

extension Directory {
  /// Those that begin with a dot too.
  fileprivate func allNames() throws(SystemError) -> [FileName] {
    var names: [FileName] = []
    try forEachName(includingDotted: true) { name, _ in names.append(Array(name)) }
    return names
  }
}
