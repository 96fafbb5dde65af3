import CLinux
import Glibc
import IMAPClient

extension MaildirStore {
  /// All mailboxes: a look at four files each, and for the mailbox's id at the first line of the list.
  func list(withIDs: Bool) throws(EndpointError) -> MailboxListing {
    var listing = MailboxListing(mailboxes: [])
    var found = Found(withIDs: withIDs)
    guard let root = try root() else { return listing }
    let layout = try layout()
    do throws(SystemError) {
      switch layout {
      case .maildirPlusPlus: try listFlat(root, &found)
      case .fs: try listNested(root, &found)
      }
    } catch {
      throw error.endpointError("can't list \(path)", scope: .side)
    }
    listing = found.listing
    addLevels(to: &listing)
    listing.unreadable.sort()
    let subscribed = Set(try subscriptions())
    for index in listing.mailboxes.indices {
      listing.mailboxes[index].isSubscribed = subscribed.contains(listing.mailboxes[index].name)
    }
    listing.mailboxes.sort { $0.name < $1.name }
    return listing
  }

  /// What was found so far.
  private struct Found {
    var listing = MailboxListing(mailboxes: [])
    let withIDs: Bool
    /// Directories that were looked into; in a flat tree only where there are links.
    var places: [FileIdentity: [FileName]] = [:]
    /// Links that may lead to mailboxes: looked at when all directories are known.
    var links: [[FileName]] = []
  }

  private func steps(isInboxIn root: Directory) throws(SystemError) -> Bool {
    do { return try steps(to: .inbox).isEmpty } catch { return false }
  }

  private func listFlat(
    _ root: Directory, _ found: inout Found
  ) throws(SystemError) {
    let names = try children(of: root) { $0.first == UInt8(ascii: ".") }
    let isAnyLinked = !names.links.isEmpty
    if root.hasDirectory(MaildirFolder.curName) {
      append([], root, named: .inbox, to: &found)
      if isAnyLinked { found.places[try root.status().identity] = [] }
    }
    for name in names.directories + names.links.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      guard let (directory, isMailbox) = look([name], in: root, .maildirPlusPlus, &found), isMailbox
      else { continue }
      if isAnyLinked, try isKnown(directory, [name], .maildirPlusPlus, &found) { continue }
      append([name], directory, named: MaildirLayout.maildirPlusPlus.name(of: [name]), to: &found)
    }
  }

  /// - Parameter isWanted: of its name.
  private func children(
    of parent: Directory, where isWanted: (UnsafeBufferPointer<UInt8>) -> Bool
  ) throws(SystemError) -> (directories: [FileName], links: [FileName]) {
    var (directories, links, unknown): ([FileName], [FileName], [FileName]) = ([], [], [])
    try parent.forEachName(includingDotted: true) { name, type in
      guard isWanted(name) else { return }
      switch Int(type) {
      case Int(DT_DIR): directories.append(Array(name))
      case Int(DT_LNK): links.append(Array(name))
      case Int(DT_UNKNOWN): unknown.append(Array(name))
      default: break
      }
    }
    for name in unknown {
      let status = try? parent.status(of: name, followsLink: false)
      if let status, status.st_mode & S_IFMT == S_IFLNK {
        links.append(name)
      } else {
        directories.append(name)
      }
    }
    return (directories, links)
  }

  /// Whether it is the same directory as one that was looked into: the same mailbox, under another name. That one is told, and left
  /// alone.
  private func isKnown(
    _ directory: Directory, _ steps: [FileName], _ layout: MaildirLayout, _ found: inout Found
  ) throws(SystemError) -> Bool {
    let identity = try directory.status().identity
    guard let first = found.places[identity] else {
      found.places[identity] = steps
      return false
    }
    found.listing.unusable.append(
      (describe(steps), "it is the same directory as \(describe(first))"))
    if let name = layout.name(of: steps), !name.isInbox {
      found.listing.otherNames.append(
        MailboxListing.OtherName(name: name, takesThoseBelow: layout == .fs))
    }
    return true
  }

  /// - Parameter steps: their last one is looked for in `parent`.
  /// - Returns: `nil` for what is no directory, or is one that can't be looked into: that is noted.
  private func look(
    _ steps: [FileName], in parent: Directory, _ layout: MaildirLayout, _ found: inout Found
  ) -> (directory: Directory, isMailbox: Bool)? {
    guard let name = steps.last else { return nil }
    do throws(SystemError) {
      let directory = try Directory(name, in: parent)
      let isMailbox = try directory.findsDirectory(MaildirFolder.curName)
      if !isMailbox, directory.hasName(MaildirFolder.curName) {
        noteUnreadable(steps, layout, &found)
      }
      return (directory, isMailbox)
    } catch {
      // It may have been removed just now; and a link to a disk that is not mounted is not.
      let isThere = error.isMissing ? error.code == ENOENT && parent.hasName(name) : true
      if isThere { noteUnreadable(steps, layout, &found) }
      return nil
    }
  }

  private func noteUnreadable(
    _ steps: [FileName], _ layout: MaildirLayout, _ found: inout Found
  ) {
    guard steps != [MaildirStore.lostAndFound], let name = layout.name(of: steps) else { return }
    found.listing.unreadable.append(steps == openInbox ? .inbox : name)
  }

  /// A file system's own, closed to its users.
  private static let lostAndFound = Array("lost+found".utf8)

  /// Deeper trees, and links that lead round in a circle, are not followed.
  private static let depthLimit = 64

  private func listNested(_ root: Directory, _ found: inout Found) throws(SystemError) {
    found.places[try root.status().identity] = []
    if try steps(isInboxIn: root) { append([], root, named: .inbox, to: &found) }
    try listNested(below: root, [], &found)
    while let steps = found.links.min(by: { $0.lexicographicallyPrecedes($1, by: isBefore) }) {
      found.links.removeAll { $0 == steps }
      guard let parent = try? directory(Array(steps.dropLast())) else { continue }
      try listNested(steps, in: parent, &found)
    }
  }

  private func isBefore(_ left: FileName, _ right: FileName) -> Bool {
    left.lexicographicallyPrecedes(right)
  }

  /// Links are left for later.
  private func listNested(
    below parent: Directory, _ steps: [FileName], _ found: inout Found
  ) throws(SystemError) {
    guard steps.count < MaildirStore.depthLimit else { return }
    let parts = [MaildirFolder.curName, MaildirFolder.newName, MaildirFolder.tmpName]
    let names = try children(of: parent) { _ in true }
    // Whatever else the directory is called: no account is without an INBOX.
    if let inbox = openInbox, steps.isEmpty, names.links.contains(where: { [$0] == inbox }) {
      try listNested(inbox, in: parent, &found)
    }
    for name in names.directories where !parts.contains(name) {
      try listNested(steps + [name], in: parent, &found)
    }
    found.links += names.links.filter { !parts.contains($0) }.map { steps + [$0] }
  }

  /// - Parameter steps: their last one is looked for in `parent`.
  private func listNested(
    _ steps: [FileName], in parent: Directory, _ found: inout Found
  ) throws(SystemError) {
    let isInbox = steps == openInbox
    // It comes first.
    if isInbox, found.listing.mailboxes.contains(where: \.name.isInbox) { return }
    guard let (directory, isMailbox) = look(steps, in: parent, .fs, &found),
      try !isKnown(directory, steps, .fs, &found)
    else { return }
    if isMailbox {
      append(
        steps, directory, named: isInbox ? .inbox : MaildirLayout.fs.name(of: steps), to: &found)
    }
    try listNested(below: directory, steps, &found)
  }

  private func append(
    _ steps: [FileName], _ directory: Directory, named name: MailboxName?,
    to found: inout Found
  ) {
    // `.INBOX` beside the root's own `cur` would be a second INBOX.
    guard let name,
      steps.isEmpty || !name.isInbox || !found.listing.mailboxes.contains(where: \.name.isInbox)
    else {
      let shown = describe(steps)
      var reason = "the directory's name is no mailbox name here"
      if let fit = (try? layout())?.encoded(steps) {
        reason += ", but \(String(decoding: fit, as: UTF8.self)) would be one"
      }
      found.listing.unusable.append((shown, reason))
      return
    }
    found.listing.mailboxes.append(
      ListedMailbox(
        name: name,
        anchor: Anchor(
          uidValidity: nil, uidNext: .first, messages: 0, stamp: MaildirStore.stamp(directory)),
        id: found.withIDs ? MaildirStore.mailboxGUID(directory) : nil))
  }

  private static func stamp(_ directory: Directory) -> MaildirStamp? {
    guard let cur = try? directory.status(of: MaildirFolder.curName) else { return nil }
    let new = try? directory.status(of: MaildirFolder.newName)
    let list = try? directory.status(of: MaildirFolder.listName)
    let keywords = try? directory.status(of: MaildirFolder.keywordsName)
    return MaildirStamp(
      cur: cur.modified, new: new?.modified ?? 0, uidList: list?.modified ?? 0,
      keywords: keywords?.modified ?? 0)
  }

  /// The `G` of the list's header.
  private static func mailboxGUID(_ directory: Directory) -> GlobalUID? {
    guard let file = try? directory.openFile(MaildirFolder.listName) else { return nil }
    var buffer = [UInt8](repeating: 0, count: 512)
    var count = 0
    buffer.withUnsafeMutableBytes { count = (try? file.read(into: $0)) ?? 0 }
    guard let end = buffer[..<count].firstIndex(of: 0x0a) else { return nil }
    return UIDList(Array(buffer[...end])).mailboxGUID.map { GlobalUID(identifier: $0) }
  }

  /// Names that only have mailboxes below them.
  private func addLevels(to listing: inout MailboxListing) {
    var known = Set(listing.mailboxes.map(\.name))
    for mailbox in listing.mailboxes {
      var level = mailbox.name.parent
      while let name = level, known.insert(name).inserted {
        listing.mailboxes.append(ListedMailbox(name: name, isSelectable: false))
        level = name.parent
      }
    }
  }
}
