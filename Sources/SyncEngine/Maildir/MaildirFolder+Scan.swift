import CLinux
import Glibc
import IMAPClient

extension MaildirFolder {
  func currentTimes() throws(EndpointError) -> ScanTimes {
    try perform("look at cur and new") { () throws(SystemError) in
      ScanTimes(cur: try cur.status().modified, new: try new.status().modified)
    }
  }

  /// A file renamed while the directory is read may be seen twice or not at all; so the scan is
  /// repeated until the directories did not change meanwhile.
  static let scanLimit = 20
  /// Times are taken from the kernel's clock tick: a change made this long ago or later may have
  /// the same time as one made before it.
  static let tick = MaildirSurroundings.second / 50

  /// A reading of the directories that has begun.
  struct Scan {
    var start: Int64
    var before: ScanTimes
    /// Of a large folder.
    var names: NamesAhead?
  }

  /// Whoever begins one of a large folder has to stop it.
  func beginScan(isLarge: Bool) throws(EndpointError) -> Scan {
    if isLarge, watch == nil { watch = FolderWatch(cur, new) }
    let start = surroundings.now()
    watch?.begin()
    let before = try currentTimes()
    return Scan(start: start, before: before, names: isLarge ? NamesAhead([new, cur]) : nil)
  }

  /// Reads the names in `new` and `cur` and gives them their UIDs. Known files keep their index.
  ///
  /// - Parameter begun: before whatever is known of the folder was read; the caller stops it.
  func scan(_ begun: Scan? = nil) throws(EndpointError) {
    let isExpected = expectStanding()
    isTold = false
    unreadCount = nil
    scanTimes = nil
    if files.keptCount == 0 {
      try readLeftOut()
      if files.entries.isEmpty { files = FileTable(listed: list) }
    }
    // What is there is what the caller knows to be there.
    defer { if isExpected, scanTimes != nil, files.isAsKept, !list.isWhole { isTold = true } }
    let isLarge = max(list.records.count, files.keptCount) >= surroundings.leastWatched
    for number in 0..<MaildirFolder.scanLimit {
      let scan: Scan
      if number == 0, let begun { scan = begun } else { scan = try beginScan(isLarge: isLarge) }
      defer { scan.names?.stop() }
      // While the kernel is telling the names, there is time for what the first change will need.
      if scan.names != nil, files.keptCount > 0 { files.prepareForUIDs() }
      try readNames(scan.names)
      hasAssignedUIDs = false
      let missing = assignUIDs()
      let isRecent = max(scan.before.cur, scan.before.new) > scan.start - MaildirFolder.tick
      if try currentTimes() == scan.before {
        scanTimes = scan.before
        scannedAt = scan.start
        // A record without a file will be taken for an expunged message: look twice.
        if missing == 0 || !isRecent { return }
      }
      scanTimes = nil
      surroundings.pause(MaildirFolder.tick)
    }
    throw changesTooFast()
  }

  /// All records, if the list does not keep them.
  private func readLeftOut() throws(EndpointError) {
    guard !list.isWhole else { return }
    listStatus = nil
    try refreshList()
  }

  func changesTooFast() -> EndpointError {
    EndpointError(
      .mailbox, .locked, "\(path) changes faster than it can be read",
      advice: "another program is at work; sync later")
  }

  private func readNames(_ ahead: NamesAhead?) throws(EndpointError) {
    // Moved out, so that it is changed in place.
    var table = files
    files = FileTable()
    defer { files = table }
    table.expectAll()
    guard let ahead else {
      return try forEachFile { name, isInNew in table.insert(name, isInNew: isInNew) }
    }
    try perform("read") { () throws(SystemError) in
      try ahead.forEachName { name, place in table.insert(name, isInNew: place == 0) }
    }
  }

  /// Calls `body` with every name in `new` and `cur`, and whether it is in `new`.
  func forEachFile(
    _ body: (UnsafeBufferPointer<UInt8>, Bool) -> Void
  ) throws(EndpointError) {
    try perform("read") { () throws(SystemError) in
      for directory in [new, cur] {
        try directory.forEachName { name, type in
          if Int(type) != Int(DT_DIR) { body(name, directory === new) }
        }
      }
    }
  }

  /// - Returns: the number of records without a file.
  @discardableResult
  func assignUIDs() -> Int {
    if hasAssignedUIDs { return 0 }
    guard list.isWhole else {
      // They have been kept with the names, save those of what was put there since.
      for (record, line) in list.records.enumerated() {
        let base = list.base(at: record)
        let index = base.withUnsafeBufferPointer { files.index(ofBase: $0) }
        if let index { files.setUID(line.uid, at: index) }
      }
      hasAssignedUIDs = true
      return files.entries.count { $0.wasThere && !$0.isThere }
    }
    files.forgetUIDs()
    var missing = 0
    list.forEachRecord { _, uid, base in
      if let index = files.index(ofBase: base) {
        files.setUID(uid, at: index)
      } else {
        missing += 1
      }
    }
    hasAssignedUIDs = true
    return missing
  }

  /// A time on a file system that keeps parts of seconds needs only to be some clock ticks old before it
  /// is certain that a later change gets another one; where whole seconds are kept, more than one.
  ///
  /// - Parameters:
  ///   - moment: after which what was in the directory at this time was seen to be all.
  ///   - isOnlyHere: the file system is one whose times are those of this machine's clock ticks, and so is `moment`.
  func isTooRecent(_ time: Int64, at moment: Int64, isOnlyHere: Bool = false) -> Bool {
    let second = MaildirSurroundings.second
    if time % second == 0 { return moment &- time < 2 * second }
    return isOnlyHere ? moment <= time : moment &- time < second / 10
  }
}
