import IMAPClient

/// Openings that are sent before their turn: the answers to all come in one round trip.
///
/// Only with QRESYNC. Then SELECT tells all that is wanted of most mailboxes, so that little is asked for in vain; and the server
/// says where what it tells of one mailbox ends (`[CLOSED]`, RFC 7162 §3.2.11). What else has to be asked of a
/// mailbox behind which others were selected, is asked after it was selected once more; the answers to the others stay good, for nothing
/// is written meanwhile. Whatever does write drops them.
extension IMAPEndpoint {
  /// A flight must be so short that it is queued whole, and nothing read meanwhile.
  private static let mostRechecked = 100

  func foresee(_ openings: [ForeseenOpening]) {
    forgetForeseen()
    foreseen = openings.filter {
      !$0.request.isOnlyToRead && $0.request.recheck.count <= IMAPEndpoint.mostRechecked
    }
  }

  /// What was asked for early may be out of date from now on.
  func forgetForeseen() {
    foreseen = []
    for opening in early { opening.drop() }
    early = []
    foreseenFetches = []
    dropEarlyFetches()
  }

  /// An opening of this mailbox, which may have been sent already.
  func opening(
    of mailbox: MailboxName, _ request: OpenRequest
  ) throws(EndpointError) -> MailboxOpening {
    if let index = early.firstIndex(where: { $0.mailbox == mailbox && $0.request == request }) {
      for passed in early[..<index] { passed.drop() }
      let opening = early[index]
      early.removeSubrange(...index)
      opening.takeOver()
      return opening
    }
    for opening in early where opening.mailbox == mailbox { opening.drop() }
    early.removeAll { $0.mailbox == mailbox }
    let opening = MailboxOpening(self, mailbox, request)
    let wanted = ForeseenOpening(mailbox, request)
    if let index = foreseen.firstIndex(of: wanted) {
      let next = foreseen[(index + 1)...]
      foreseen = []
      try send(opening, followedBy: next.map { MailboxOpening(self, $0.mailbox, $0.request) })
    }
    return opening
  }

  private func send(
    _ opening: MailboxOpening, followedBy next: [MailboxOpening]
  ) throws(EndpointError) {
    let next = next.filter(\.mayBeEarly)
    // Where another layer is about to be put over the wire, answers may be read before all is sent.
    guard opening.mayBeEarly, !next.isEmpty, early.isEmpty, !connection.isAboutToCompress else {
      return
    }
    // Behind those that were dropped and are not answered yet.
    observer.expected.append(try opening.sendInTurn())
    for one in next {
      // What is wrong with one of them, a name that the server can't have, is told when it has its turn.
      guard let answers = try? one.sendEarly() else { break }
      observer.expected.append(answers)
      early.append(one)
    }
  }
}
