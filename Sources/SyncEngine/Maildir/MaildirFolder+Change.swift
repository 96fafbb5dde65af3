import CLinux
import Glibc
import IMAPClient

extension MaildirFolder {
  // MARK: Flags

  func store(_ orders: [StoreOrder]) throws(EndpointError) -> StoreOutcome {
    try withLock { lock throws(EndpointError) in
      try refresh()
      var outcome = StoreOutcome()
      var isChanged = false
      for order in orders {
        let present = present(order.uids)
        outcome.gone = outcome.gone.union(order.uids.subtracting(present))
        try addKeywords(order.added, lock)
        for uid in present {
          lock.refresh()
          if try store(order, uid, &outcome) { isChanged = true }
        }
      }
      if isChanged { try syncDirectories() }
      return outcome
    }
  }

  private func addKeywords(_ flags: FlagSet, _ lock: Dotlock) throws(EndpointError) {
    let before = keywords
    for keyword in flags.keywords { _ = keywords.add(keyword) }
    try writeKeywords(ifChangedFrom: before, lock)
  }

  /// - Returns: whether the file was renamed.
  private func store(
    _ order: StoreOrder, _ uid: UID, _ outcome: inout StoreOutcome
  ) throws(EndpointError) -> Bool {
    var unstorable: [Keyword] = []
    guard let index = fileIndex(of: uid) else {
      outcome.gone.insert(uid)
      return false
    }
    for _ in 0..<3 {
      guard files.entries[index].isThere else {
        outcome.gone.insert(uid)
        return false
      }
      // Someone else's change: to be read and merged first.
      if let expected = order.expected, flags(ofFileAt: index) != expected { break }
      let old = files.name(at: index)
      var name = MessageFileName(old)
      unstorable = []
      let letters = keywords.letters(
        from: name.letters, adding: order.added, removing: order.removed, unstorable: &unstorable)
      for keyword in unstorable { outcome.unstorable[keyword, default: UIDSet()].insert(uid) }
      if letters == Array(Set(name.letters)).sorted() { return false }
      name.letters = letters
      do throws(SystemError) {
        let isInNew = files.entries[index].isInNew
        try (isInNew ? new : cur).move(old, to: name.bytes, in: cur)
        watch?.expect(old, isInNew: isInNew, movedTo: name.bytes)
        files.rename(at: index, to: name.bytes)
        return true
      } catch {
        if error.code == EEXIST { break }
        guard error.isMissing else { throw error.endpointError("can't rename in \(path)/cur") }
      }
      try scan()
    }
    outcome.rejected.insert(uid)
    return false
  }

  // MARK: Expunging

  func expunge(_ uids: UIDSet, onlyDeleted: Bool = false) throws(EndpointError) -> UIDSet {
    try withLock { lock throws(EndpointError) in
      try refresh()
      let present = present(uids)
      var gone = uids.subtracting(present)
      for uid in present {
        try confirm(lock)
        if onlyDeleted {
          if try removeDeleted(uid) { gone.insert(uid) }
          continue
        }
        guard let index = fileIndex(of: uid) else { continue }
        do throws(SystemError) {
          try following(index) { directory, name throws(SystemError) in
            try directory.unlink(name)
            watch?.expect(removalOf: name, isInNew: directory === new)
          }
          files.remove(at: index)
        } catch {
          guard error.isMissing else {
            if gone.isEmpty { throw error.endpointError("can't remove a message from \(path)") }
            break
          }
        }
        gone.insert(uid)
      }
      try drop(gone, lock)
      return gone
    }
  }

  func remove(_ known: [UID: FlagSet]) throws(EndpointError) -> [UID: RemovalOutcome] {
    try withLock { lock throws(EndpointError) in
      try refresh()
      var outcomes: [UID: RemovalOutcome] = [:]
      for (uid, flags) in known.sorted(by: { $0.key < $1.key }) {
        try confirm(lock)
        outcomes[uid] = try remove(uid, flags)
      }
      let gone = outcomes.filter { $0.value == .removed || $0.value == .missing }.keys
      try drop(UIDSet(gone.sorted()), lock)
      return outcomes
    }
  }

  /// What else somebody changes meanwhile is no reason to keep it.
  ///
  /// - Returns: whether it is gone.
  private func removeDeleted(_ uid: UID) throws(EndpointError) -> Bool {
    for _ in 0..<3 {
      guard let index = fileIndex(of: uid) else { return true }
      let now = flags(ofFileAt: index)
      guard now.system.contains(.deleted) else { return false }
      switch try remove(uid, now) {
      case .removed, .missing: return true
      case .changed: continue
      case .kept: return false
      }
    }
    return false
  }

  /// The file's name, which has its flags in it, is the precondition.
  private func remove(_ uid: UID, _ flags: FlagSet) throws(EndpointError) -> RemovalOutcome {
    for _ in 0..<3 {
      guard let index = fileIndex(of: uid), files.entries[index].isThere else { return .missing }
      let now = self.flags(ofFileAt: index)
      guard now == flags else { return .changed(now) }
      do throws(SystemError) {
        let name = files.name(at: index)
        try directory(ofFileAt: index).unlink(name)
        watch?.expect(removalOf: name, isInNew: files.entries[index].isInNew)
        files.remove(at: index)
        return .removed
      } catch {
        guard error.isMissing else {
          throw error.endpointError("can't remove a message from \(path)")
        }
      }
      try scan()
    }
    return .kept
  }

  /// Takes out the records of messages whose files have gone from here; from a long list not before they are many, or each expunge
  /// would write all of it.
  func drop(_ uids: UIDSet, _ lock: Dotlock) throws(EndpointError) {
    try syncDirectories()
    let isTold = self.isTold
    let before = list.records.count
    if list.isWhole, listStatus.map({ $0.st_size < MaildirFolder.longList }) ?? true {
      let records = list.records
      list.removeRecords { index in UID(records[index].uid).map { uids.contains($0) } ?? true }
    }
    try dropDeadRecords()
    if list.isWhole, list.records.count != before, !list.isAllInFile {
      try writeList(lock)
      // No name has changed.
      self.isTold = isTold
    }
  }

  // MARK: Numbering

  func renumber(
    _ handles: [MessageHandle], targets: [UID]
  ) throws(EndpointError) -> [PlacementOutcome] {
    // The copies of files without numbers have come whole to the other side: as in ``deliver(_:from:)``.
    let areNew = handles.contains { $0.uid == nil }
    return try withLock(patience: areNew ? Dotlock.patience : 0) { lock throws(EndpointError) in
      try refreshForPlacing()
      if scanTimes == nil { try scan() } else { assignUIDs() }
      // Before any is added: those of files that have UIDs are to be taken out, and so are those of many that are gone.
      if hasManyDeadRecords || handles.contains(where: { $0.uid != nil }) { try needRecords() }
      var outcomes: [PlacementOutcome] = []
      var replaced = Set<UInt32>()
      for (position, handle) in handles.enumerated() {
        guard let index = fileIndex(of: handle) else {
          outcomes.append(.gone)
          continue
        }
        let old = files.entries[index].uid
        let id = GlobalUID(identifier: identifier(ofFileAt: index))
        guard let uid = nextUID(position < targets.count ? targets[position] : nil),
          list.append(
            uid: uid.rawValue, extensions: fields(ofFileAt: index), base: files.base(at: index))
        else {
          outcomes.append(.targetTaken)
          continue
        }
        if old != 0 { replaced.insert(old) }
        files.setUID(uid.rawValue, at: index)
        outcomes.append(.placed(uid, id: id, movedAway: true))
      }
      if !replaced.isEmpty {
        let records = list.records
        list.removeRecords { replaced.contains(records[$0].uid) }
      }
      try dropDeadRecords()
      let isTold = self.isTold
      try writeList(lock)
      try touchCur()
      try syncDirectories(isNewAsBefore: true)
      let areAllNumbered = outcomes.allSatisfy { if case .placed = $0 { true } else { false } }
      if isTold, replaced.isEmpty, areAllNumbered { noteNumbered() }
      return outcomes
    }
  }

  func pad(to uidNext: UID) throws(EndpointError) -> UID {
    try withLock { lock throws(EndpointError) in
      try refreshForPlacing()
      let isTold = self.isTold
      if list.raiseNext(to: uidNext.rawValue) || listStatus == nil {
        try writeList(lock)
        try touchCur()
        try syncDirectories(isNewAsBefore: true)
        // No name has changed.
        self.isTold = isTold
      }
      return UID(list.next) ?? .first
    }
  }

  func setID(_ id: GlobalUID?) throws(EndpointError) -> GlobalUID? {
    try withLock { lock throws(EndpointError) in
      try refreshForPlacing()
      list.mailboxGUID = id.map { Array($0.description.utf8) }
      try writeList(lock)
      try touchCur()
      try syncDirectories(isNewAsBefore: true)
      return list.mailboxGUID.map { GlobalUID(identifier: $0) }
    }
  }

  func adopt(
    _ uidValidity: UIDValidity, uidNext: UID, isServers: Bool
  ) throws(EndpointError) {
    knownValidity = nil
    try withLock { lock throws(EndpointError) in
      try refresh()
      try needRecords()
      for (index, entry) in files.entries.enumerated() where entry.isThere && entry.uid != 0 {
        let fields = fields(ofFileAt: index)
        if !fields.isEmpty { pendingFields[entry.key] = fields }
      }
      list.begin(uidValidity, next: uidNext.rawValue, isServers: isServers)
      files.forgetUIDs()
      hasAssignedUIDs = true
      try writeList(lock)
      try touchCur()
      try syncDirectories(isNewAsBefore: true)
      knownValidity = .some(uidValidity)
    }
  }
}
