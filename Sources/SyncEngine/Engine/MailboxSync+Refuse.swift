import IMAPClient

/// Messages that a side does not take, or does not show: they stay where they are, and the next run tries
/// again.
extension MailboxSync {
  /// A side that has no room for a message of so many octets.
  struct Full {
    var octets: UInt64
    var code: FailureCode
    var text: String
  }

  /// What messages have in common that share one line of the report.
  struct Trouble: Hashable {
    var side: Side
    var code: FailureCode
    var kind: Kind

    enum Kind {
      case notTaken
      case notShown
      case notExpunged
    }

    /// What follows the words for one message, or for several.
    func outcome(ofSeveral isSeveral: Bool) -> String {
      switch kind {
      case .notTaken: isSeveral ? "were not taken" : "was not taken"
      case .notShown: "can't be read"
      case .notExpunged: "can't be expunged"
      }
    }
  }

  /// The line of one ``Trouble``.
  struct TroubleLine {
    /// Where it stands in `failures`.
    var index: Int
    var first: String
    var text: String
    var count = 1
  }

  func refuse(_ index: Int, on side: Side, _ code: FailureCode, _ text: String) {
    work[index].isDropped = true
    work[index].fulfils?.outcome = .failed
    guard let handle = work[index].handles[side.other] else { return }
    givenUp[side.other].insert(handle)
    deferReplaced(index)
    deferMessage(handle, on: side.other, code: code, text: text)
    deferVanished(index)
    let size = size(of: index)
    if code == .overQuota || code == .noSpace, size > 0 {
      let octets = min(full[side]?.octets ?? .max, size)
      full[side] = Full(octets: octets, code: code, text: text)
    }
    note(
      Trouble(side: side, code: code, kind: .notTaken),
      "\(describe(index, handle)) of the \(side.other) side", text,
      advice: MailboxSync.advice(code))
  }

  /// A message that is no smaller than one for which there was no room is not even sent.
  func refuseIfFull(_ job: Job, on side: Side) -> Bool {
    guard let full = full[side], size(of: job.index) >= full.octets else { return false }
    refuse(job.index, on: side, full.code, full.text)
    return true
  }

  /// A message that was to be read is gone, or can't be read.
  func noteUnread(_ index: Int, on side: Side, why: String?) {
    guard let why else {
      // Expunged in between.
      retry(index)
      return
    }
    work[index].isDropped = true
    guard let handle = work[index].handles[side] else { return }
    givenUp[side].insert(handle)
    deferReplaced(index)
    deferMessage(handle, on: side, code: .unreadable, text: why)
    deferVanished(index)
    note(
      Trouble(side: side, code: .unreadable, kind: .notShown), describe(index, handle), why,
      advice: "it stays where it is and is tried again at every run")
  }

  /// Whether an earlier run tried in vain to save this message on `side`.
  func wasRefused(_ index: Int, by side: Side) -> Bool {
    guard let uid = work[index].handles[side.other]?.uid else { return false }
    return pending[side.other][uid]?.code != nil
  }

  func note(_ trouble: Trouble, _ message: String, _ text: String, advice: String) {
    guard var line = troubleLines[trouble] else {
      troubleLines[trouble] = TroubleLine(index: failures.count, first: message, text: text)
      let outcome = trouble.outcome(ofSeveral: false)
      noteFailure(
        EndpointError(.message, trouble.code, "\(message) \(outcome): \(text)", advice: advice),
        on: trouble.side)
      return
    }
    line.count += 1
    troubleLines[trouble] = line
    let outcome = trouble.outcome(ofSeveral: true)
    failures[line.index].message =
      "\(line.first) and \(line.count - 1) more \(outcome): \(line.text)"
  }

  private static func advice(_ code: FailureCode) -> String {
    switch code {
    case .overQuota: "make room on the server; it is tried again at every run"
    case .tooLarge: "set max-size to leave large messages where they are"
    case .noSpace: "make room on the disk; it is tried again at every run"
    default: "it stays where it is and is tried again at every run"
    }
  }

  func describe(_ handle: MessageHandle) -> String {
    handle.uid.map { "with UID \($0)" } ?? "without a UID"
  }

  private func describe(_ index: Int, _ handle: MessageHandle) -> String {
    handle.uid == nil
      ? "new message of \(size(of: index)) bytes" : "message \(describe(handle))"
  }
}
