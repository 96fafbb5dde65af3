extension MaildirFolder {
  /// The caller knows all that the table holds, and by what was put there the folder has become a large one: if just that is there,
  /// the kernel tells of every change from now on, and nobody has to keep the names.
  ///
  /// To be called under the lock. What others did before the watch began shows in the names, also what they did within the
  /// clock tick of a change of the run's own; what they do while the names are read, the watch tells.
  func standAsTold() {
    guard isTold, watch == nil, scanTimes != nil,
      list.records.count >= surroundings.leastWatched, let watch = FolderWatch(cur, new)
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

  /// How many files there are; `nil` if the directories hold, under the same names, not just what the table does.
  private func countOfKnownNames() throws(EndpointError) -> Int? {
    var count = 0
    var isOther = false
    try forEachFile { name, isInNew in
      guard let isKnown = files.holds(name, isInNew: isInNew) else { return }
      count += 1
      if !isKnown { isOther = true }
    }
    return !isOther && count == files.entries.count { $0.isThere } ? count : nil
  }
}
