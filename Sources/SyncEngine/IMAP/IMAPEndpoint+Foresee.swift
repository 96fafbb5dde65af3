import IMAPClient

/// Openings that are sent before their turn: the answers to all come in one round trip.
///
/// What is told of one mailbox must end somewhere. With QRESYNC the server says where (`[CLOSED]`, RFC 7162 §3.2.11). Without, a
/// mailbox is left before the next one is selected (UNSELECT, RFC 3691): what comes until that is answered is about the one, or about none, and
/// what comes after it about the next. Commands whose results depend on those before are carried out in their order (RFC 9051 §5.5).
/// Should a SELECT fail, none is selected, and there is none to be left.
///
/// What else has to be asked of a mailbox behind which others were selected, is asked after it was selected once more; the answers to
/// the others stay good, for nothing is written meanwhile. Whatever does write drops them.
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
    // Where another layer is about to be put over the wire, answers may be read before all is sent.
    guard asksAhead, !next.isEmpty, early.isEmpty, !connection.isAboutToCompress else { return }
    // Behind those that were dropped and are not answered yet.
    var answers = try opening.sendInTurn()
    observer.expected.append(answers)
    for one in next {
      // What is wrong with one of them, a name that the server can't have, is told when it has its turn.
      guard (try? part(answers, from: one.mailbox)) != nil, let next = try? one.sendEarly()
      else { break }
      answers = next
      observer.expected.append(answers)
      early.append(one)
    }
    // A server whose answers nobody takes for long, because a Maildir is being read, may give up. What has changed is little.
    if ([opening] + early).contains(where: { !$0.usesQResync }), let last = early.last?.last {
      try attempt { () throws(IMAPError) in try connection.waitUntilAnswered(last) }
    }
  }

  /// Sees to it that what is told next, which is about this mailbox, can be told from what was told before.
  func part(_ answers: EarlyAnswers, from mailbox: MailboxName) throws(EndpointError) {
    // For one that can't be selected, none is left.
    _ = try wireName(of: mailbox)
    if !hasQResync { answers.end(with: try sendUnselect()) }
  }

  var asksAhead: Bool {
    guard !isOutOfOrder else { return false }
    return hasQResync || connection.has(.unselect) && !isUnselectBroken
  }

  /// Whether it is certain which mailbox what was told is about. If not, nothing is asked ahead any more.
  func isToBeBelieved() throws(EndpointError) -> Bool {
    guard observer.isOutOfOrder || observer.isNotLeft else { return true }
    forgetForeseen()
    isOutOfOrder = isOutOfOrder || observer.isOutOfOrder
    isUnselectBroken = isUnselectBroken || observer.isNotLeft
    // What still comes is about mailboxes that nobody asks about any more.
    try attempt { () throws(IMAPError) in try connection.settle() }
    observer.expected = []
    observer.isOutOfOrder = false
    observer.isNotLeft = false
    return false
  }
}
