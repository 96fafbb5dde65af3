import IMAPClient

extension IMAPEndpoint {
  func pad(to uidNext: UID) throws(EndpointError) -> UID {
    let mailbox = try selectToChange().name
    var reached = try askUIDNext(of: mailbox)
    while reached < uidNext {
      let saver = try appender()
      let count = min(Int(uidNext.rawValue - reached.rawValue), IMAPEndpoint.padsPerFlight)
      for _ in 0..<count { try saver.saveFiller() }
      var fillers = UIDSet()
      var isAlone = true
      var isRefused = false
      for outcome in try saver.commit() {
        guard case .placed(let uid, _, _) = outcome else {
          isRefused = true
          continue
        }
        isAlone = isAlone && uid == reached
        fillers.insert(uid)
        reached = max(reached, uid.next ?? .last)
      }
      _ = try expunge(fillers)
      // Somebody's delivery took a number, or the server refuses: what was reached is the answer.
      if !isAlone || isRefused { break }
    }
    return reached
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
