import CLinux
import Glibc
import IMAPClient

/// A Maildir tree: where its mailboxes lie, and what lies beside them.
final class MaildirStore {
  let path: String
  let surroundings: MaildirSurroundings
  let cancellation: Cancellation?
  private let wantedLayout: MaildirLayout?
  private var openRoot: (directory: Directory, layout: MaildirLayout, inbox: [FileName])?

  static let subscriptionsName = FileName("subscriptions".utf8)
  static let markName = FileName(".mboxsync".utf8)
  static let maildirFolderName = FileName("maildirfolder".utf8)
  /// Names in the root that are no mailboxes.
  static let ownNames: [FileName] = [subscriptionsName, markName, maildirFolderName]

  init(
    path: String, layout: MaildirLayout?, _ surroundings: MaildirSurroundings,
    cancellation: Cancellation?
  ) {
    self.path = path
    wantedLayout = layout
    self.surroundings = surroundings
    self.cancellation = cancellation
  }

  // MARK: The root

  /// The root directory; `nil` if it does not exist.
  func root() throws(EndpointError) -> Directory? { try open()?.directory }

  func existingRoot() throws(EndpointError) -> Directory {
    guard let root = try root() else {
      throw EndpointError(
        .side, .mailboxGone, "there is no directory \(path)",
        advice: "check that its disk is mounted")
    }
    return root
  }

  func layout() throws(EndpointError) -> MaildirLayout {
    try open()?.layout ?? wantedLayout ?? .maildirPlusPlus
  }

  private func open() throws(EndpointError) -> (
    directory: Directory, layout: MaildirLayout, inbox: [FileName]
  )? {
    if let openRoot { return openRoot }
    let directory: Directory
    do throws(SystemError) { directory = try Directory(path: path) } catch {
      if error.code == ENOENT { return nil }
      if error.code == ENOTDIR {
        throw EndpointError(
          .side, .configuration, "\(path) is no directory", advice: "name another in the URL")
      }
      throw error.endpointError("can't open \(path)", scope: .side)
    }
    let layout = wantedLayout ?? MaildirStore.findLayout(directory)
    // Dovecot with LAYOUT=fs and nothing else said keeps INBOX in the root.
    let hasRootInbox =
      directory.hasDirectory(MaildirFolder.curName)
      && !MaildirStore.isMailbox(MaildirStore.inboxName, in: directory)
    openRoot = (
      directory, layout, layout == .fs && !hasRootInbox ? [MaildirStore.inboxName] : []
    )
    return openRoot
  }

  private static let inboxName = FileName("INBOX".utf8)

  private static func findLayout(_ root: Directory) -> MaildirLayout {
    if root.hasDirectory(MaildirFolder.curName) { return .maildirPlusPlus }
    if isMailbox(inboxName, in: root) { return .fs }
    var hasNested = false
    var names: [FileName] = []
    try? root.forEachName { name, _ in names.append(Array(name)) }
    for name in names where isMailbox(name, in: root) { hasNested = true }
    return hasNested ? .fs : .maildirPlusPlus
  }

  static func isMailbox(_ name: FileName, in parent: Directory) -> Bool {
    guard let directory = try? Directory(name, in: parent) else { return false }
    return directory.hasDirectory(MaildirFolder.curName)
  }

  /// Makes the root if it is missing, with what leads to it.
  func makeRoot() throws(EndpointError) -> Directory {
    if let root = try root() { return root }
    var prefix = path.hasPrefix("/") ? "" : "."
    for component in path.split(separator: "/") {
      prefix += "/" + component
      if mkdir(prefix, 0o700) != 0, errno != EEXIST {
        throw SystemError(code: errno).endpointError("can't make \(prefix)", scope: .side)
      }
    }
    return try existingRoot()
  }

  // MARK: Mailboxes

  /// The directories from the root down to the mailbox.
  func steps(to name: MailboxName) throws(EndpointError) -> [FileName] {
    let steps = try layout().steps(to: name)
    if name.isInbox, let openRoot { return openRoot.inbox }
    return steps
  }

  func directory(_ steps: [FileName]) throws(EndpointError) -> Directory {
    var directory = try existingRoot()
    do throws(SystemError) {
      for step in steps { directory = try Directory(step, in: directory) }
    } catch {
      throw error.endpointError("can't open \(describe(steps))")
    }
    return directory
  }

  func describe(_ steps: [FileName]) -> String {
    steps.reduce(path) { $0 + "/" + String(decoding: $1, as: UTF8.self) }
  }

  func openFolder(
    _ name: MailboxName, completing: Bool
  ) throws(EndpointError) -> MaildirFolder {
    let steps = try steps(to: name)
    return try MaildirFolder(
      name, in: directory(steps), path: describe(steps), counter: counter(),
      cancellation: cancellation, completes: completing)
  }

  func counter() throws(EndpointError) -> UIDValidityCounter {
    UIDValidityCounter(root: try existingRoot(), path: path, surroundings: surroundings)
  }
}
