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
      case .fs:
        var visited: [stat] = [try root.status()]
        if try steps(isInboxIn: root) { append([], root, named: .inbox, to: &found) }
        try listNested(root, [], &visited, &found)
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
  }

  private func steps(isInboxIn root: Directory) throws(SystemError) -> Bool {
    do { return try steps(to: .inbox).isEmpty } catch { return false }
  }

  private func listFlat(
    _ root: Directory, _ found: inout Found
  ) throws(SystemError) {
    if root.hasDirectory(MaildirFolder.curName) { append([], root, named: .inbox, to: &found) }
    var names: [FileName] = []
    try root.forEachName(includingDotted: true) { name, type in
      if name.first == UInt8(ascii: "."), MaildirStore.mayBeDirectory(type) {
        names.append(Array(name))
      }
    }
    for name in names {
      guard let (directory, isMailbox) = look([name], in: root, .maildirPlusPlus, &found), isMailbox
      else { continue }
      append([name], directory, named: MaildirLayout.maildirPlusPlus.name(of: [name]), to: &found)
    }
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

  private func listNested(
    _ parent: Directory, _ steps: [FileName], _ visited: inout [stat],
    _ found: inout Found
  ) throws(SystemError) {
    guard steps.count < MaildirStore.depthLimit else { return }
    var names: [FileName] = []
    try parent.forEachName(includingDotted: true) { name, type in
      if MaildirStore.mayBeDirectory(type) { names.append(Array(name)) }
    }
    let parts = [MaildirFolder.curName, MaildirFolder.newName, MaildirFolder.tmpName]
    for name in names where !parts.contains(name) {
      let path = steps + [name]
      guard let (directory, isMailbox) = look(path, in: parent, .fs, &found),
        let status = try? directory.status(),
        !visited.contains(where: { $0.isSameFile(as: status) })
      else { continue }
      if isMailbox {
        let isInbox = path == openInbox
        append(
          path, directory, named: isInbox ? .inbox : MaildirLayout.fs.name(of: path), to: &found)
      }
      visited.append(status)
      try listNested(directory, path, &visited, &found)
      visited.removeLast()
    }
  }

  private static func mayBeDirectory(_ type: UInt8) -> Bool {
    [DT_DIR, DT_LNK, DT_UNKNOWN].contains { Int($0) == Int(type) }
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
