import IMAPClient

/// Messages that a side does not expunge: a user may have a mailbox without the right to (RFC 4314 §4). They are named, the rest of
/// the mailbox goes on, and the next run tries again.
extension MailboxSync {
  /// - Returns: those that are gone, and why others may not be, if that was said.
  func expungeIfAllowed(
    _ uids: UIDSet, onlyDeleted: Bool = false, on side: Side, _ endpoints: Both<any Endpoint>
  ) throws(SideFailure) -> (gone: UIDSet, refusal: EndpointError?) {
    do {
      let gone = try on(side) { () throws(EndpointError) in
        try select(side, endpoints[side])
        return try endpoints[side].expunge(uids, onlyDeleted: onlyDeleted)
      }
      return (gone, nil)
    } catch {
      guard error.error.scope == .mailbox, error.error.isRefusal else { throw error }
      // Some may be gone nevertheless: the next round shows that.
      return (UIDSet(), error.error)
    }
  }

  /// A message is there still that was to be expunged. Once, somebody may just have been at work there.
  ///
  /// - Returns: whether it is given up in this run.
  func noteUnexpunged(_ uid: UID, on side: Side, _ refusal: EndpointError?) -> Bool {
    guard expungesTried[side].contains(uid) else {
      expungesTried[side].insert(uid)
      return false
    }
    expungesRefused[side].insert(uid)
    let isForbidden = refusal.map { $0.code == .permission } ?? true
    let advice = refusal.map { isForbidden ? MailboxSync.askForRight : $0.advice }
    note(
      Trouble(side: side, code: refusal?.code ?? .permission, kind: .notExpunged),
      "message with UID \(uid)", refusal?.message ?? "the server keeps it",
      advice: "\(advice ?? MailboxSync.askForRight); it is tried again at every run")
    return true
  }

  private static var askForRight: String { "ask for the right to expunge messages" }

  /// The same for one that the other side has expunged.
  func leave(_ index: Int, on side: Side, _ refusal: EndpointError?) {
    guard let uid = work[index].handles[side]?.uid, noteUnexpunged(uid, on: side, refusal) else {
      retry(index)
      return
    }
    work[index].isDropped = true
    deferExpunge(index, on: side)
    if let base = work[index].item.base { keptMoves.insert(base.id) }
  }
}
