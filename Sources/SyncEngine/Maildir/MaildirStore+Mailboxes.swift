import CLinux
import Glibc
import IMAPClient

/// Creating and renaming mailboxes.
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

  func syncRoot() throws(EndpointError) {
    let root = try existingRoot()
    do throws(SystemError) { try root.sync() } catch {
      throw error.endpointError("can't write \(path)", scope: .side)
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
