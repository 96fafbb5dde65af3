import CLinux

extension MaildirFolder {
  /// The caller knows all that the table holds, and the folder is a large one, by what was put there or by what had no numbers: if
  /// just that is there, the kernel tells of every change from now on, and nobody has to keep the names.
  ///
  /// To be called under the lock. What others did before the watch began shows in the names, also what they did within the
  /// clock tick of a change of the run's own; what they do while the names are read, the watch tells.
  func standAsTold() {
    let count = list.isWhole ? list.records.count : files.entries.count
    guard isTold, scanTimes != nil, count >= surroundings.leastWatched,
      let watch = watch ?? FolderWatch(cur, new)
    else { return }
    watch.begin()
    if let count = try? countOfKnownNames(), watch.sawOnlyOurs(cur, new) {
      self.watch = watch
      unreadCount = UInt32(clamping: count)
      standing = names()
      files = FileTable()
      list.leaveOutRecords()
    } else {
      // Somebody else is at work: it will have to be read, and this is not tried once more.
      isTold = false
    }
    scanTimes = nil
  }

  /// Files that the caller was told of have got their numbers. It learns them from the outcomes, and no name has changed.
  ///
  /// Where most files had none, what is not needed for those that are still to get theirs is not kept. To be called under the
  /// lock.
  func noteNumbered() {
    isTold = true
    guard scanTimes != nil, hasAssignedUIDs, files.keptCount == 0, !needsRecords else { return }
    if !list.isWhole || isRestInTable { list.leaveOutRecords() }
    guard !list.isWhole, !files.entries.contains(where: { $0.isThere && $0.uid == 0 }) else {
      return
    }
    standAsTold()
  }

  /// A long list has no line but those of files that are there, and these are the fewest: the UIDs stand in the table, too.
  private var isRestInTable: Bool {
    guard let size = listStatus?.st_size, size >= MaildirFolder.longList else { return false }
    let numbered = files.entries.count { $0.isThere && $0.uid != 0 }
    return list.records.count == numbered && numbered * 2 < files.entries.count
  }

  /// How many files there are; `nil` if the directories hold, under the same names, not just what the table does.
  private func countOfKnownNames() throws(EndpointError) -> Int? {
    var count = 0
    var isOther = false
    try forEachFile { name, isInNew in
      count += 1
      if !files.holds(name, isInNew: isInNew) { isOther = true }
    }
    return !isOther && count == files.entries.count { $0.isThere } ? count : nil
  }
}
