import CLinux
import Glibc
import IMAPClient

extension MaildirFolder {
  /// Reads the folder and tells what it holds.
  ///
  /// - Parameters:
  ///   - since: only what has changed since then is wanted, if that can be told.
  ///   - recheck: these are told in any case.
  ///   - probe: messages that are told with their details, as those from `detailsFrom` on.
  ///   - isOnlyToRead: takes no lock, which would be a file in the folder.
  ///   - isContinued: nothing of what was told before is wanted again.
  func observe(
    detailsFrom: UID, since: Anchor? = nil, recheck: UIDSet = UIDSet(),
    probe: UIDSet = UIDSet(), isOnlyToRead: Bool = false, isContinued: Bool = false
  ) throws(EndpointError) -> Observation {
    var isReadOnly = isOnlyToRead
    do throws(EndpointError) {
      if !isOnlyToRead {
        if isContinued, let observation = try observeAgain() { return observation }
        if let since,
          let observation = try observeChanges(since: since, recheck, detailsFrom: detailsFrom)
        {
          return observation
        }
        knownValidity = nil
        try withLock { _ throws(EndpointError) in try readAll() }
      }
    } catch {
      // A folder that can't be written can be read all the same.
      guard error.code == .permission || error.code == .readOnly else { throw error }
      isReadOnly = true
    }
    if isReadOnly {
      knownValidity = nil
      try readUnlocked()
    }
    knownValidity = .some(list.uidValidity)
    let anchor = anchor(scanTimes, at: scannedAt, messages: presentCount)
    // Not any more if the directories have to be read once again for the details.
    isTold = !isReadOnly
    return observation(
      anchor, .full, messages(detailsFrom: detailsFrom, probe), isReadOnly: isReadOnly)
  }

  func observation(
    _ anchor: Anchor, _ coverage: Observation.Coverage, _ messages: MessageList,
    isReadOnly: Bool
  ) -> Observation {
    Observation(
      anchor: anchor, coverage: coverage, messages: messages,
      isReadOnly: isReadOnly, mailboxID: list.mailboxGUID.map { GlobalUID(identifier: $0) },
      permanentFlags: isReadOnly ? [] : .all, origin: list.origin, leftOut: files.leftOut)
  }

  /// What is to be told after all that was told before, and the flags stored since, if it is certain that nobody has changed
  /// anything else: nothing.
  private func observeAgain() throws(EndpointError) -> Observation? {
    guard isTold, let watch, knownValidity == .some(list.uidValidity) else { return nil }
    return try withLock { _ throws(EndpointError) in
      guard let (now, lookedAt) = quietTimes(watch),
        isAsRead(MaildirFolder.listName, listStatus),
        isAsRead(MaildirFolder.keywordsName, keywordsStatus)
      else { return nil }
      if unreadCount == nil { scanTimes = now }
      // Where names can be watched. The run's own flags are a few milliseconds old, and the next one is not to read all for that.
      let anchor = anchor(
        now, at: lookedAt, messages: unreadCount ?? presentCount, isOnlyHere: true)
      return observation(anchor, .changes(vanished: UIDSet()), [], isReadOnly: false)
    }
  }

  /// Waits until a later change is certain to get another time, one of the kernel's clock ticks at most: else the next run would have
  /// to read all that this one need not read.
  ///
  /// - Returns: the directories' times and the file system's time after which it was certain that nobody else had changed
  ///   anything; `nil` if somebody has.
  private func quietTimes(_ watch: FolderWatch) -> (times: ScanTimes, lookedAt: Int64)? {
    // Before the look: what happens after it must not count as long ago, however long this process was not let run.
    var start = surroundings.fileTime()
    guard let times = try? currentTimes(), watch.sawOnlyOurs(cur, new) else { return nil }
    let last = max(times.cur, times.new)
    guard start <= last, last - start < MaildirFolder.tick else { return (times, start) }
    var waited: Int64 = 0
    while start <= last, waited < 2 * MaildirFolder.tick {
      let pause = MaildirFolder.tick / 20
      surroundings.pause(pause)
      waited += pause
      start = surroundings.fileTime()
    }
    guard (try? currentTimes()) == times, watch.sawOnlyOurs(cur, new) else { return nil }
    return (times, start)
  }

  /// Whether everything is still as it was read.
  var isAsScanned: Bool {
    guard let scanTimes, let now = try? currentTimes() else { return false }
    return now == scanTimes && isAsRead(MaildirFolder.listName, listStatus)
      && isAsRead(MaildirFolder.keywordsName, keywordsStatus)
  }

  private func isAsRead(_ name: FileName, _ known: stat?) -> Bool {
    do throws(SystemError) {
      guard let now = try directory.statusIfThere(of: name) else { return known == nil }
      return known?.isSameState(as: now) ?? false
    } catch {
      return false
    }
  }

  /// Dovecot, which works under the lock, may be writing at the same time: read again until the list that
  /// was read is still the one that is there.
  private func readUnlocked() throws(EndpointError) {
    for _ in 0..<MaildirFolder.scanLimit {
      try readAll()
      let now = try perform("look at dovecot-uidlist") { () throws(SystemError) in
        try directory.statusIfThere(of: MaildirFolder.listName)
      }
      switch (now, listStatus) {
      case (nil, nil): return
      case (let now?, let read?) where now.isSameState(as: read): return
      default: surroundings.pause(MaildirFolder.tick)
      }
    }
    throw changesTooFast()
  }

  private func readAll() throws(EndpointError) {
    files = FileTable()
    scanTimes = nil
    try refreshList()
    try refreshKeywords()
    try scan()
  }

  /// - Parameters:
  ///   - times: those of the directories when they held what is told of them.
  ///   - lookedAt: a moment after which they were seen to hold it.
  func anchor(
    _ times: ScanTimes?, at lookedAt: Int64, messages: UInt32, isOnlyHere: Bool = false
  ) -> Anchor {
    var stamp: MaildirStamp?
    // What can't be synced is told at every run: the folder never stands as it was.
    if let times, files.leftOut == nil,
      !isTooRecent(times.cur, at: lookedAt, isOnlyHere: isOnlyHere),
      !isTooRecent(times.new, at: lookedAt, isOnlyHere: isOnlyHere)
    {
      stamp = self.stamp(times)
    }
    toldStamp = stamp
    return Anchor(
      uidValidity: list.uidValidity, uidNext: UID(list.next) ?? .first, messages: messages,
      stamp: stamp)
  }

  func stamp(_ times: ScanTimes) -> MaildirStamp {
    MaildirStamp(
      cur: times.cur, new: times.new, uidList: listStatus?.modified ?? 0,
      keywords: keywordsStatus?.modified ?? 0)
  }

  var presentCount: UInt32 { UInt32(clamping: files.entries.count { $0.isThere }) }

  /// The caller knows all that there was at this anchor: it need not be read, if it is there still, and from now on the
  /// kernel tells of every change.
  func stand(at anchor: Anchor) {
    guard scanTimes == nil, !isTold, watch == nil, let stamp = anchor.stamp,
      anchor.messages >= surroundings.leastWatched, let watch = FolderWatch(cur, new),
      readAsKept(at: anchor, stamp) || (try? refreshList()) != nil,
      (try? refreshKeywords()) != nil, let now = try? currentTimes(), self.stamp(now) == stamp,
      list.uidValidity == anchor.uidValidity
    else { return }
    self.watch = watch
    // What was read of it once, nobody keeps up to date.
    files = FileTable()
    knownValidity = .some(list.uidValidity)
    unreadCount = anchor.messages
    isTold = true
  }

  /// Ascending by UID, then those without one in the order in which they are to get theirs.
  ///
  /// - Parameter isTold: which of those that have a UID are told.
  func messages(
    detailsFrom: UID, _ probe: UIDSet, isTold: (FileTable.Entry) -> Bool = { _ in true }
  ) -> MessageList {
    var numbered = ChunkedArray<Numbered>()
    var unnumbered = ChunkedArray<Unnumbered>()
    for (index, entry) in files.entries.enumerated() where entry.isThere {
      if entry.uid != 0, !isTold(entry) { continue }
      // As many as the table has room for.
      let place = UInt32(truncatingIfNeeded: index)
      if entry.uid != 0 {
        numbered.append(Numbered(uid: entry.uid, index: place))
      } else if files.index(ofKey: entry.key) != nil {
        let time = DeliveryOrder(base: files.base(at: index)).time
        unnumbered.append(Unnumbered(time: time.inShort, index: place))
      }
    }
    numbered.sort { $0.uid < $1.uid }
    unnumbered.sort { a, b in
      a.time.comes(before: b.time)
        ?? (DeliveryOrder(base: files.base(at: Int(a.index)))
          < DeliveryOrder(base: files.base(at: Int(b.index))))
    }
    countSizes(
      of: numbered.lazy.filter { numbered in
        UID(numbered.uid).map { $0 >= detailsFrom || probe.contains($0) } ?? false
      }.map { Int($0.index) })
    countSizes(of: unnumbered.lazy.map { Int($0.index) })
    var result = MessageList()
    while let next = numbered.first {
      numbered.removeFirst(1)
      guard let uid = UID(next.uid) else { continue }
      let index = Int(next.index)
      let observed = ObservedMessage(handle: .uid(uid), flags: flags(ofFileAt: index))
      if uid < detailsFrom, !probe.contains(uid) {
        result.append(observed)
      } else if let complete = adding(details: index, to: observed) {
        result.append(complete)
      }
    }
    while let next = unnumbered.first {
      unnumbered.removeFirst(1)
      let index = Int(next.index)
      let observed = ObservedMessage(
        handle: .unnumbered(files.entries[index].key), flags: flags(ofFileAt: index))
      if let complete = adding(details: index, to: observed) { result.append(complete) }
    }
    return result
  }

  /// A file with its number, in little room: while a large folder is told, it gives way to what is told.
  private struct Numbered {
    var uid: UInt32
    var index: UInt32
  }

  /// The same of one that has none, with what decides about its place.
  private struct Unnumbered {
    var time: DeliveryOrder.ShortTime
    var index: UInt32
  }

  /// - Returns: `nil` if the file has gone; one that can't be read is reported with size 0.
  func adding(details index: Int, to message: ObservedMessage) -> ObservedMessage? {
    var result = message
    do throws(SystemError) {
      result.details = try details(ofFileAt: index)
    } catch {
      if error.isMissing { return nil }
      result.details = MessageDetails(
        size: 0, date: InternalDate(seconds: 0),
        id: GlobalUID(identifier: identifier(ofFileAt: index)))
    }
    return result
  }

  func details(ofFileAt index: Int) throws(SystemError) -> MessageDetails {
    let status = try statusFollowing(index)
    let seconds = Int64(status.st_mtim.tv_sec)
    return MessageDetails(
      size: try wireSize(ofFileAt: index, status), date: InternalDate(seconds: seconds),
      id: GlobalUID(identifier: identifier(ofFileAt: index)),
      isHandled: MessageFileName.size(UInt8(ascii: "U"), in: files.base(at: index)) != nil)
  }

  /// Octets in CRLF form: as the name or the record says, if that agrees with the file; else counted, once.
  func wireSize(ofFileAt index: Int, _ status: stat) throws(SystemError) -> UInt64 {
    if let noted = notedWireSize(ofFileAt: index, status) { return noted }
    if let counted = countedWireSize(ofFileAt: index, status) { return counted }
    let key = files.entries[index].key
    let stored = UInt64(clamping: status.st_size)
    var reader = MessageReader(try openFile(at: index))
    let size = try reader.wireSize()
    if countedSizes.count < MaildirFolder.countedLimit,
      let counted = CountedSize(stored: stored, wire: size)
    {
      countedSizes[key] = counted
    }
    return size
  }

  /// As it was counted in this run, if the file has still the size that it had.
  func countedWireSize(ofFileAt index: Int, _ status: stat) -> UInt64? {
    guard let counted = countedSizes[files.entries[index].key],
      counted.stored == UInt64(clamping: status.st_size)
    else { return nil }
    return UInt64(counted.stored) + UInt64(counted.added)
  }

  func notedWireSize(ofFileAt index: Int, _ status: stat) -> UInt64? {
    let base = files.base(at: index)
    let fields = fields(ofFileAt: index)
    let stored = UInt64(max(0, status.st_size))
    let notedStored =
      MessageFileName.size(UInt8(ascii: "S"), in: base)
      ?? UIDList.value(UInt8(ascii: "S"), in: fields).flatMap { MessageFileName.number($0) }
    if let notedStored, notedStored != stored { return nil }
    let wire =
      MessageFileName.size(UInt8(ascii: "W"), in: base)
      ?? UIDList.value(UInt8(ascii: "W"), in: fields).flatMap { digits in
        digits.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } ? MessageFileName.number(digits) : nil
      }
    // Every line end adds at most one byte.
    guard let wire, wire >= stored, wire / 2 <= stored
    else { return nil }
    return wire
  }

  // MARK: Files that may have been renamed since they were seen

  /// Repeats `body` after a new look at the directories if the file is not there under its name.
  ///
  /// - Throws: `ENOENT` if it is gone.
  func following<Result: ~Copyable>(
    _ index: Int, _ body: (Directory, FileName) throws(SystemError) -> Result
  ) throws(SystemError) -> Result {
    for _ in 0..<3 {
      guard files.entries[index].isThere else { break }
      do { return try body(directory(ofFileAt: index), files.name(at: index)) } catch {
        guard error.isMissing else { throw error }
      }
      try lookAgain()
    }
    throw SystemError(code: ENOENT)
  }

  func statusFollowing(_ index: Int) throws(SystemError) -> stat {
    try following(index) { directory, name throws(SystemError) in try directory.status(of: name) }
  }

  func openFile(at index: Int) throws(SystemError) -> OpenFile {
    try following(index) { directory, name throws(SystemError) in try directory.openFile(name) }
  }

  /// A file was not there under its name: the names in memory are out of date.
  func lookAgain() throws(SystemError) {
    do { try scan() } catch { throw SystemError(code: EBUSY) }
  }
}
