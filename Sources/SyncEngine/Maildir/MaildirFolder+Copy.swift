import Glibc
import IMAPClient

extension MaildirFolder {
  private struct Transfer {
    var sourceIndex: Int
    var sourceUID: UID
    var placement: Placement
  }

  /// Copies or moves messages of `source` to this folder.
  func transfer(
    _ uids: [UID], from source: MaildirFolder, moving: Bool, targets: [UID]
  ) throws(EndpointError) -> [PlacementOutcome] {
    if source === self || source.path == path {
      return try withLock { lock throws(EndpointError) in
        try transfer(uids, from: self, moving, targets, lock, lock)
      }
    }
    // In one order wherever two folders are locked, so that two runs can't wait for each other.
    let isFirst = path < source.path
    return try (isFirst ? self : source).withLock { first throws(EndpointError) in
      try (isFirst ? source : self).withLock { second throws(EndpointError) in
        try transfer(
          uids, from: source, moving, targets, isFirst ? first : second, isFirst ? second : first)
      }
    }
  }

  private func transfer(
    _ uids: [UID], from source: MaildirFolder, _ moving: Bool, _ targets: [UID], _ lock: Dotlock,
    _ sourceLock: Dotlock
  ) throws(EndpointError) -> [PlacementOutcome] {
    try source.refresh()
    try refreshForPlacing()
    let keywordsBefore = keywords
    var outcomes: [PlacementOutcome] = []
    var transfers: [(position: Int, transfer: Transfer)] = []
    for (position, uid) in uids.enumerated() {
      let target = position < targets.count ? targets[position] : nil
      if let index = source.fileIndex(of: uid) {
        if let placement = place(fileAt: index, of: source, target) {
          transfers.append(
            (position, Transfer(sourceIndex: index, sourceUID: uid, placement: placement)))
          outcomes.append(.placed(placement.uid, id: placement.id, movedAway: moving))
        } else {
          outcomes.append(.targetTaken)
        }
      } else {
        outcomes.append(.gone)
      }
    }
    guard !transfers.isEmpty else {
      keywords = keywordsBefore
      return outcomes
    }
    try writeKeywords(ifChangedFrom: keywordsBefore, lock)
    try writeList(lock)
    var moved = UIDSet()
    for (position, transfer) in transfers {
      lock.refresh()
      sourceLock.refresh()
      do throws(SystemError) {
        try carry(transfer, from: source, moving: moving)
        note(transfer.placement)
        if moving { moved.insert(transfer.sourceUID) }
      } catch {
        outcomes[position] = outcome(of: error)
      }
    }
    try syncDirectories()
    if !moved.isEmpty { try source.drop(moved, sourceLock) }
    return outcomes
  }

  private func outcome(of error: SystemError) -> PlacementOutcome {
    if error.isMissing { return .gone }
    let failure = error.endpointError("can't copy the message", scope: .message)
    return .refused(failure.code, failure.message)
  }

  /// Appends a record for a copy, which keeps the id of the original; `nil` if its UID is taken.
  private func place(
    fileAt index: Int, of source: MaildirFolder, _ target: UID?
  ) -> Placement? {
    let name = MessageFileName(source.files.name(at: index))
    var unstorable: [Keyword] = []
    // Keyword letters mean something else here; all others are the same everywhere.
    let common = name.letters.filter { $0 < UInt8(ascii: "a") || $0 > UInt8(ascii: "z") }
    let letters = keywords.letters(
      from: common, adding: source.flags(ofFileAt: index), removing: .empty,
      unstorable: &unstorable)
    var base = surroundings.uniqueBase()
    for key in [UInt8(ascii: "S"), UInt8(ascii: "W")] {
      if let size = MessageFileName.size(key, in: name.base) {
        base += Array(",\(Character(Unicode.Scalar(key)))=\(size)".utf8)
      }
    }
    let identifier = source.identifier(ofFileAt: index)
    let id = GlobalUID(identifier: identifier)
    let isWritable = identifier.allSatisfy { $0 > 0x20 && $0 != 0x7f }
    let fields = [UInt8(ascii: "G")] + (isWritable ? identifier : Array(id.description.utf8))
    guard let uid = nextUID(target),
      list.append(uid: uid.rawValue, extensions: fields, base: base)
    else { return nil }
    return Placement(uid: uid, base: base, letters: letters, rest: name.rest, id: id)
  }

  private func carry(
    _ transfer: Transfer, from source: MaildirFolder, moving: Bool
  ) throws(SystemError) {
    let name = transfer.placement.name
    do {
      try source.following(transfer.sourceIndex) { directory, old throws(SystemError) in
        if moving {
          try directory.move(old, to: name, in: cur)
        } else {
          try directory.link(old, to: name, in: cur)
        }
      }
      if moving { source.files.remove(at: transfer.sourceIndex) }
    } catch {
      // No links here, or another file system.
      guard [EXDEV, EPERM, EMLINK, EOPNOTSUPP, ENOSYS].contains(error.code) else { throw error }
      try duplicate(transfer, from: source)
      guard moving else { return }
      try source.following(transfer.sourceIndex) { directory, old throws(SystemError) in
        try directory.unlink(old)
      }
      source.files.remove(at: transfer.sourceIndex)
    }
  }

  private func duplicate(
    _ transfer: Transfer, from source: MaildirFolder
  ) throws(SystemError) {
    let tmp = try Directory(MaildirFolder.tmpName, in: directory)
    let temporary = surroundings.uniqueBase()
    do {
      var reader = MessageReader(try source.openFile(at: transfer.sourceIndex))
      let file = try tmp.createFile(temporary)
      while let piece = try reader.next(.stored) { try file.writeAll(Array(piece)) }
      try file.setTimes(modified: try reader.status().modified)
      try file.sync()
      try tmp.move(temporary, to: transfer.placement.name, in: cur)
    } catch {
      try? tmp.unlink(temporary)
      throw error
    }
  }
}
