import IMAPClient

/// Whether messages of a mailbox can be expunged. Who makes something that is to be expunged at once, a filler or a copy that
/// takes its original's place, has to know: what can't be expunged stays, and the next run would make it once more.
extension IMAPEndpoint {
  /// Before anything of that kind is made.
  func requireExpunging(in selected: SelectedMailbox) throws(EndpointError) {
    guard !provenExpunging.contains(selected.name) else { return }
    // What can't be stored for good need not be tried. RFC 3501 §7.1
    if selected.permanentSystemFlags?.contains(.deleted) == false { throw cannotExpunge }
    if try isToldToExpunge(selected.name) == false { throw cannotExpunge }
  }

  /// What the server says of the right to; `nil` if nothing. RFC 4314 §4
  private func isToldToExpunge(_ mailbox: MailboxName) throws(EndpointError) -> Bool? {
    guard connection.has(.acl) else { return nil }
    if let told = toldExpunging[mailbox] { return told }
    observer.begin()
    let status = try wait(send(.myRights(try wireName(of: mailbox))))
    guard status.condition == .ok, let rights = observer.gathered.rights.values.first else {
      return nil
    }
    let told = IMAPEndpoint.mayExpunge(with: rights)
    toldExpunging[mailbox] = told
    return told
  }

  /// `t` allows to flag a message `\Deleted`, `e` to expunge it; servers that know neither have `d` for both. RFC 4314 §2.1.1
  private static func mayExpunge(with rights: [UInt8]) -> Bool {
    let letters = Set(rights)
    if letters.isDisjoint(with: "kxte".utf8) { return letters.contains(UInt8(ascii: "d")) }
    return letters.isSuperset(of: "te".utf8)
  }

  /// Expunges what was made to be expunged, or what a copy takes the place of.
  ///
  /// - Returns: those that are gone; a refusal that may be another one at another time is thrown.
  func expungeMade(_ uids: UIDSet, in mailbox: MailboxName) throws(EndpointError) -> UIDSet {
    guard !uids.isEmpty else { return UIDSet() }
    var gone = UIDSet()
    do {
      gone = try expunge(uids)
    } catch {
      guard error.scope == .mailbox, error.isRefusal, !error.isForNow else { throw error }
      gone = uids.subtracting(try search(uids))
    }
    if gone == uids { provenExpunging.insert(mailbox) }
    return gone
  }

  var cannotExpunge: EndpointError {
    EndpointError(
      .mailbox, .cannotRenumber,
      "the server does not let this user expunge messages, so that none can get a new UID",
      advice: "ask for the right to expunge messages, or set uids = map")
  }
}

extension EndpointError {
  /// The server answered NO, and nothing is wrong with the mailbox as such.
  var isRefusal: Bool {
    switch code {
    case .permission, .refused, .overQuota: true
    default: false
    }
  }
}
