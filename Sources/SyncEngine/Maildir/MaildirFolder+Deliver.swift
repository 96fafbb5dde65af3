import Glibc
import IMAPClient

/// A message with the place it is to have: a record is written for it, then its file is put there.
struct Placement {
  var uid: UID
  var base: FileName
  var letters: [UInt8]
  var rest: [UInt8] = []
  /// Mail programs show what lies in `new` as new mail.
  var goesToNew = false
  var id: GlobalUID

  var name: FileName {
    goesToNew ? base : MessageFileName(base: base, letters: letters, rest: rest).bytes
  }
}

extension MaildirFolder {
  /// Numbers messages whose files lie in `tmp`, and moves them into place. They have come whole: they are not given up as soon as a
  /// signal comes, only because another program has the lock for a moment.
  func deliver(
    _ messages: [DeliveredMessage], from tmp: Directory
  ) throws(EndpointError) -> [PlacementOutcome] {
    guard !messages.isEmpty else { return [] }
    return try withLock(patience: Dotlock.patience) { lock throws(EndpointError) in
      try refreshForPlacing()
      let isTold = self.isTold
      let keywordsBefore = keywords
      var outcomes = [PlacementOutcome](repeating: .targetTaken, count: messages.count)
      var placements: [(message: DeliveredMessage, placement: Placement)] = []
      // A server may send messages in another order than they were asked for.
      for index in MaildirFolder.byTarget(messages) {
        if let refusal = messages[index].refusal {
          outcomes[index] = refusal
        } else if let placement = place(messages[index]) {
          placements.append((messages[index], placement))
          outcomes[index] = .placed(placement.uid, id: placement.id, movedAway: false)
        }
      }
      guard !placements.isEmpty else {
        keywords = keywordsBefore
        return outcomes
      }
      try writeKeywords(ifChangedFrom: keywordsBefore, lock, patience: Dotlock.patience)
      try writeList(lock)
      var refused: [UID: SystemError] = [:]
      for (message, placement) in placements {
        lock.refresh()
        do throws(SystemError) {
          let place = placement.goesToNew ? new : cur
          try tmp.move(message.base, to: placement.name, in: place)
          message.isInPlace = true
          watch?.expect(placement.name, isInNew: placement.goesToNew)
          note(placement)
        } catch {
          refused[placement.uid] = error
        }
      }
      try syncDirectories()
      // The caller learns of them from the outcomes; but records without files are not what was told.
      if isTold, refused.isEmpty {
        self.isTold = true
        if let count = unreadCount {
          unreadCount = count &+ UInt32(clamping: placements.count)
          for (_, placement) in placements { noteStanding(placement) }
          list.leaveOutRecords()
        } else if watch == nil {
          standAsTold()
        }
      }
      return outcomes.map { replacing($0, refused) }
    }
  }

  /// UIDs are handed out ascending; messages that take any come last, in their own order.
  private static func byTarget(_ messages: [DeliveredMessage]) -> [Int] {
    messages.indices.sorted { a, b in
      switch (messages[a].item.target, messages[b].item.target) {
      case (let x?, let y?) where x != y: x < y
      case (.some, nil): true
      case (nil, .some): false
      default: a < b
      }
    }
  }

  private func replacing(
    _ outcome: PlacementOutcome, _ refused: [UID: SystemError]
  ) -> PlacementOutcome {
    guard case .placed(let uid, _, _) = outcome, let failure = refused[uid] else { return outcome }
    let error = failure.endpointError("can't put the message in its place", scope: .message)
    return .refused(error.code, error.message)
  }

  /// Brings list and keywords up to date; a mailbox that nobody has numbered gets a UIDVALIDITY.
  func refreshForPlacing() throws(EndpointError) {
    try refreshList()
    try refreshKeywords()
    // What others have changed since the scan must not be taken for our own change afterwards.
    if scanTimes != nil, try currentTimes() != scanTimes {
      scanTimes = nil
      isTold = false
    }
    if list.uidValidity == nil {
      list = UIDList(uidValidity: try counter.next(above: nil), next: list.next)
      knownValidity = knownValidity.map { _ in list.uidValidity }
    }
  }

  /// Appends a record for the message; `nil` if its UID is taken.
  private func place(_ message: DeliveredMessage) -> Placement? {
    var unstorable: [Keyword] = []
    let letters = keywords.letters(
      from: [], adding: message.item.flags, removing: .empty, unstorable: &unstorable)
    message.lacking = FlagSet([], keywords: unstorable)
    let fields = message.item.guid.map { Array("G\($0)".utf8) } ?? []
    guard let uid = nextUID(message.item.target),
      list.append(uid: uid.rawValue, extensions: fields, base: message.finalBase)
    else { return nil }
    return Placement(
      uid: uid, base: message.finalBase, letters: letters, goesToNew: letters.isEmpty,
      id: message.item.guid ?? GlobalUID(identifier: message.finalBase))
  }

  /// - Returns: `nil` if `target` has been passed, or there is no UID left.
  func nextUID(_ target: UID?) -> UID? {
    let uid = target ?? UID(list.next)
    guard let uid, list.canGive(uid.rawValue) else { return nil }
    return uid
  }

  /// Enters a file put into place into the table, if the table is true.
  func note(_ placement: Placement) {
    guard scanTimes != nil else { return }
    files.insert(placement.name, isInNew: placement.goesToNew)
    if let index = placement.base.withUnsafeBufferPointer({ files.index(ofBase: $0) }) {
      files.setUID(placement.uid.rawValue, at: index)
    }
  }
}
