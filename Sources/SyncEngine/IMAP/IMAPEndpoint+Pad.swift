import IMAPClient

extension IMAPEndpoint {
  func pad(to uidNext: UID) throws(EndpointError) -> UID {
    let selected = try selectToChange()
    try requireExpunging(in: selected)
    var reached = try askUIDNext(of: selected.name)
    var most = IMAPEndpoint.padsPerFlight
    while reached < uidNext {
      // The first one shows whether they can be expunged.
      let isProven = provenExpunging.contains(selected.name)
      let count = isProven ? min(Int(uidNext.rawValue - reached.rawValue), most) : 1
      let flight = try sendFillers(count, from: reached)
      reached = flight.reached
      let gone = try expungeMade(flight.fillers, in: selected.name)
      guard gone == flight.fillers else { throw cannotExpunge }
      if let refusal = flight.refusal {
        // There may be room for one of what did not fit together.
        guard count > 1 else { throw paddingRefused(refusal) }
        most = max(1, count / 2)
        continue
      }
      // Somebody's delivery took a number: what was reached is the answer.
      if !flight.isAlone { break }
    }
    return reached
  }

  /// Fillers that were sent together.
  private struct FillerFlight {
    var reached: UID
    var fillers = UIDSet()
    /// Nobody else got a UID in between.
    var isAlone = true
    var refusal: IMAPError?
  }

  private func sendFillers(_ count: Int, from first: UID) throws(EndpointError) -> FillerFlight {
    let saver = try appender()
    for _ in 0..<count { try saver.saveFiller() }
    var flight = FillerFlight(reached: first)
    for outcome in try saver.commit() {
      guard case .placed(let uid, _, _) = outcome else {
        // Without a refusal, somebody has expunged it before it was looked for.
        flight.refusal = saver.lastRefusal
        flight.isAlone = false
        continue
      }
      flight.isAlone = flight.isAlone && uid == flight.reached
      flight.fillers.insert(uid)
      flight.reached = max(flight.reached, uid.next ?? .last)
    }
    return flight
  }

  /// What is refused for good, mirror can't do without. But a server that took this user's mail before, and gives no reason, hardly
  /// means for good.
  private func paddingRefused(_ refusal: IMAPError) -> EndpointError {
    var error = EndpointError(refusal)
    guard error.isRefusal, !error.isForNow else { return error }
    guard error.code == .permission || refusal.code == .cannot else {
      error.isForNow = true
      return error
    }
    return EndpointError(
      .mailbox, .cannotRenumber, "the server does not let UIDs be used up: \(error.message)",
      advice: "set uids = map")
  }

  /// Bounds what is thrown away when somebody's delivery comes in between.
  private static var padsPerFlight: Int { 1000 }
}

extension IMAPSaver {
  /// A message that uses up a UID and is expunged at once.
  fileprivate func saveFiller() throws(EndpointError) {
    let item = SaveItem(flags: Filler.flags, date: InternalDate(seconds: 0))
    try begin(item, size: UInt64(Filler.text.count), form: .wire)
    try Filler.text.withBytes { (bytes) throws(EndpointError) in try write(bytes) }
    try end()
  }
}
