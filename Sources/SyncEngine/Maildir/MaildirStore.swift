import CLinux
import Glibc
import IMAPClient

/// A Maildir tree: where its mailboxes lie, and what lies beside them.
final class MaildirStore {
  let path: String
  let surroundings: MaildirSurroundings
  let cancellation: Cancellation?
  /// Where the names of its large folders are kept; `nil`: they are not.
  let keptNames: NamesDirectory?
  private let wantedLayout: MaildirLayout?
  private var openRoot: (directory: Directory, layout: MaildirLayout, inbox: [FileName])?

  static let subscriptionsName = FileName("subscriptions".utf8)
  static let markName = FileName(".mboxsync".utf8)
  static let maildirFolderName = FileName("maildirfolder".utf8)
  /// Names in the root that are no mailboxes.
  static let ownNames: [FileName] = [subscriptionsName, markName, maildirFolderName]

  init(
    path: String, layout: MaildirLayout?, _ surroundings: MaildirSurroundings,
    cancellation: Cancellation?, keptNames: NamesDirectory? = nil
  ) {
    self.path = path
    self.keptNames = keptNames
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
    openRoot = (directory, layout, layout == .fs ? MaildirStore.nestedInbox(directory) : [])
    return openRoot
  }

  private static let inboxName = FileName("INBOX".utf8)

  /// Where INBOX is in nested folders: in `INBOX`, however it is written; or in the root, where Dovecot with
  /// LAYOUT=fs and nothing else said keeps it.
  private static func nestedInbox(_ root: Directory) -> [FileName] {
    if isMailbox(inboxName, in: root) { return [inboxName] }
    let written = names(in: root).filter { name in
      MailboxName([String(decoding: name, as: UTF8.self)]) == .inbox && isMailbox(name, in: root)
    }
    if let first = written.min(by: { $0.lexicographicallyPrecedes($1) }) { return [first] }
    return root.hasDirectory(MaildirFolder.curName) ? [] : [inboxName]
  }

  /// The folders right below the root say it: `.A` or `A`.
  private static func findLayout(_ root: Directory) -> MaildirLayout {
    let names = names(in: root)
    let isDotted = { (name: FileName) in name.first == UInt8(ascii: ".") }
    let isMailbox = { (name: FileName) in MaildirStore.isMailbox(name, in: root) }
    if root.hasDirectory(MaildirFolder.curName),
      names.contains(where: { isDotted($0) && isMailbox($0) })
    {
      return .maildirPlusPlus
    }
    return names.contains { !isDotted($0) && isMailbox($0) } ? .fs : .maildirPlusPlus
  }

  private static func names(in root: Directory) -> [FileName] {
    var names: [FileName] = []
    try? root.forEachName(includingDotted: true) { name, _ in names.append(Array(name)) }
    let parts = [MaildirFolder.curName, MaildirFolder.newName, MaildirFolder.tmpName]
    return names.filter { !parts.contains($0) }
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

  /// The directories down to INBOX, once the root was looked at.
  var openInbox: [FileName]? { openRoot?.inbox }

  // MARK: Mailboxes

  /// The directories from the root down to the mailbox.
  func steps(to name: MailboxName) throws(EndpointError) -> [FileName] {
    let steps = try layout().steps(to: name)
    if name.isInbox, let openRoot { return openRoot.inbox }
    return steps
  }

  func directory(_ steps: [FileName]) throws(EndpointError) -> Directory {
    var directory = try existingRoot()
    var leadsNowhere = false
    do throws(SystemError) {
      for step in steps {
        do { directory = try Directory(step, in: directory) } catch {
          if error.code == ENOENT, directory.hasName(step) { leadsNowhere = true }
          throw error
        }
      }
    } catch {
      if leadsNowhere {
        throw EndpointError(
          .mailbox, .unreadable, "\(describe(steps)) is a link that leads nowhere",
          advice: "is its disk mounted?")
      }
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
      cancellation: cancellation, keptNames: keptNames, completes: completing)
  }

  func counter() throws(EndpointError) -> UIDValidityCounter {
    UIDValidityCounter(root: try existingRoot(), path: path, surroundings: surroundings)
  }
}
