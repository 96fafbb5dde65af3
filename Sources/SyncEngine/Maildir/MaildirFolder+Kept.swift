import CLinux
import Glibc
import IMAPClient

/// A large folder whose names are kept from run to run: ``StandingNames``.
extension MaildirFolder {
  // MARK: Looking

  /// What has become another since the folder stood at `anchor`; `nil` where the names of then are not kept, or more than names may
  /// have changed.
  ///
  /// - Parameter recheck: these are told whether they have changed or not.
  func observeChanges(
    since anchor: Anchor, _ recheck: UIDSet, detailsFrom: UID
  ) throws(EndpointError) -> Observation? {
    guard let keptNames, let stamp = anchor.stamp, keptNames.isKept(name, at: stamp) else {
      return nil
    }
    return try withLock { _ throws(EndpointError) in
      // The usual case where a Dovecot serves it: then there is no use in beginning to read.
      guard try timeOfList() == stamp.uidList else { return nil }
      let begun = try beginScan(isLarge: true)
      defer { begun.names?.stop() }
      guard let kept = keptNames.names(of: name, at: stamp), kept.uidValidity == anchor.uidValidity,
        try readHeader(of: kept), let table = FileTable(kept: kept)
      else {
        forgetList()
        return nil
      }
      files = table
      hasAssignedUIDs = true
      scanTimes = nil
      try scan(begun)
      // Somebody may have written the list while the names were read.
      guard !list.isWhole else { return nil }
      knownValidity = .some(list.uidValidity)
      isTold = true
      let anchor = self.anchor(scanTimes, at: scannedAt, messages: presentCount)
      let messages = messages(detailsFrom: detailsFrom, UIDSet()) { entry in
        entry.isChanged || !entry.wasThere || UID(entry.uid).map { recheck.contains($0) } ?? false
      }
      let gone = vanished.union(recheck.subtracting(messages.uids))
      return observation(anchor, .changes(vanished: gone), messages, isReadOnly: false)
    }
  }

  private func timeOfList() throws(EndpointError) -> Int64? {
    try perform("read dovecot-uidlist") { () throws(SystemError) in
      try directory.statusIfThere(of: MaildirFolder.listName)?.modified
    }
  }

  /// - Returns: false unless list and keywords are those of the moment at which the names were kept.
  private func readHeader(of kept: StandingNames) throws(EndpointError) -> Bool {
    try refreshKeywords()
    guard keywordsStatus?.modified ?? 0 == kept.stamp.keywords, let last = kept.lastUID else {
      return false
    }
    return try perform("read dovecot-uidlist") { () throws(SystemError) in
      guard let now = try directory.statusIfThere(of: MaildirFolder.listName),
        now.modified == kept.stamp.uidList, now.st_size == kept.listSize
      else { return false }
      let file = try directory.openFile(MaildirFolder.listName)
      let status = try file.status()
      guard status.isSameState(as: now),
        let header = UIDList(
          header: try file.readBeginning(4096), next: kept.uidNext, last: last),
        header.uidValidity == kept.uidValidity, header.origin.reopenedFrom == nil
      else { return false }
      list = header
      listStatus = status
      return true
    }
  }

  // MARK: Knowing without having read

  /// The folder is believed to stand at `anchor`: reads no more of it than the header of its list, if its names are kept.
  func readAsKept(at anchor: Anchor, _ stamp: MaildirStamp) -> Bool {
    guard let kept = keptNames?.names(of: name, at: stamp), kept.uidValidity == anchor.uidValidity
    else { return false }
    if (try? readHeader(of: kept)) == true {
      standing = kept
      return true
    }
    forgetList()
    return false
  }

  /// A message was put there.
  func noteStanding(_ placement: Placement) {
    guard var names = standing else { return }
    standing = nil
    let key = placement.base.withUnsafeBufferPointer { FileTable.key($0) }
    let info = StandingNames.Info(
      bytes: Array(placement.name.dropFirst(placement.base.count)), isInNew: placement.goesToNew)
    guard let index = names.index(of: info) else { return }
    names.entries.append(
      StandingNames.Entry(key: key, uid: placement.uid.rawValue, info: index))
    standing = names
  }

  /// The names are about to be read: those that are known to be there are expected.
  ///
  /// - Returns: whether the caller knows all of them.
  func expectStanding() -> Bool {
    guard let names = standing else { return false }
    standing = nil
    guard isTold, unreadCount != nil, !list.isWhole, files.entries.isEmpty,
      let table = FileTable(kept: names)
    else { return false }
    files = table
    hasAssignedUIDs = true
    return true
  }

  private func forgetList() {
    list = UIDList()
    listStatus = nil
    files = FileTable()
    hasAssignedUIDs = false
  }

  /// What was there when the names were kept, and is not any more.
  private var vanished: UIDSet {
    UIDSet(
      files.entries.prefix(files.keptCount).lazy.filter { $0.wasThere && !$0.isThere }
        .compactMap { UID($0.uid) })
  }

  // MARK: The list's records

  /// Reads the records that were left out, where one of them is needed after all. Any that were added and are not written
  /// yet would be lost.
  func needRecords() throws(EndpointError) {
    guard !list.isWhole else { return }
    needsRecords = true
    let known = listStatus
    let (isTold, hasAssignedUIDs) = (isTold, hasAssignedUIDs)
    listStatus = nil
    try refreshList()
    guard let known, let listStatus, listStatus.isSameState(as: known) else { return }
    self.isTold = isTold
    self.hasAssignedUIDs = hasAssignedUIDs
  }

  // MARK: Keeping

  /// Keeps the names for the next run, if they are just what was told last, and of a moment that is certain.
  ///
  /// - Returns: whether there were none of this folder before.
  @discardableResult func keepNames() -> Bool {
    guard let keptNames, let stamp = toldStamp, let now = try? currentTimes(),
      self.stamp(now) == stamp, list.origin.reopenedFrom == nil,
      !keptNames.isKept(name, at: stamp)
    else { return false }
    var names = unreadCount == nil ? scanTimes == now ? names() : nil : isTold ? standing : nil
    names?.stamp = stamp
    names?.uidNext = list.next
    names?.listSize = Int64(listStatus?.st_size ?? 0)
    guard let names, names.entries.count >= surroundings.leastWatched else { return false }
    return keptNames.keep(names)
  }

  /// As they have been read.
  func names() -> StandingNames? {
    guard keptNames != nil, hasAssignedUIDs, list.isAllInFile, let uidValidity = list.uidValidity
    else { return nil }
    var names = StandingNames(
      NamesDirectory.key(of: name), MaildirStamp(cur: 0, new: 0, uidList: 0, keywords: 0),
      uidValidity, uidNext: list.next)
    return collect(&names) ? names : nil
  }

  /// All lines of the list: also those whose files are gone.
  private func collect(_ names: inout StandingNames) -> Bool {
    var infos = InfoIndex()
    names.entries.reserveCapacity(files.entries.count)
    for index in files.found {
      let entry = files.entries[index]
      guard entry.isThere, entry.uid != 0 else { continue }
      guard let info = infos.index(ofFileAt: index, files, &names) else { return false }
      names.entries.append(StandingNames.Entry(key: entry.key, uid: entry.uid, info: info))
    }
    func add(gone key: UInt64, _ uid: UInt32) {
      names.entries.append(
        StandingNames.Entry(key: key, uid: uid, info: StandingNames.Entry.gone))
    }
    if list.isWhole {
      list.forEachRecord { _, uid, base in
        // Of two lines for one file the one with the higher UID counts.
        if files.index(ofBase: base) == nil { add(gone: FileTable.key(base), uid) }
      }
    } else {
      for entry in files.entries where !entry.isThere && entry.uid != 0 {
        add(gone: entry.key, entry.uid)
      }
    }
    return true
  }
}

/// Which of the infos a file has: there are few.
private struct InfoIndex {
  /// Where a file's info lies in the table, and which one it is.
  private struct Place {
    var place: FileTable.InfoPlace
    var index: UInt32
  }

  /// Of the first ones, which most files have, the last that was found first.
  private var places: [Place] = []
  private static let limit = 32

  /// - Returns: `nil` if there are too many.
  mutating func index(
    ofFileAt index: Int, _ files: FileTable, _ names: inout StandingNames
  ) -> UInt32? {
    let place = files.entries[index].infoPlace
    if let found = places.firstIndex(where: { $0.place == place }) {
      if found > 0 { places.swapAt(found, found - 1) }
      return places[max(0, found - 1)].index
    }
    let info = files.withInfo(at: index) { bytes in
      StandingNames.Info(bytes: Array(bytes), isInNew: place.isInNew)
    }
    guard let number = names.index(of: info) else { return nil }
    if places.count < InfoIndex.limit { places.append(Place(place: place, index: number)) }
    return number
  }
}
