import IMAPClient

/// An opening that is sent before its turn.
extension MailboxOpening {
  /// Mod-sequences and QRESYNC make the answers few, and certain to belong to this mailbox.
  var mayBeEarly: Bool { usesQResync }

  /// Others follow in the same flight.
  /// - Returns: what the server is going to say to it.
  func sendInTurn() throws(EndpointError) -> EarlyAnswers {
    try send(isEarly: false)
  }

  /// - Returns: where what the server says to it is kept until its turn comes.
  func sendEarly() throws(EndpointError) -> EarlyAnswers {
    let answers = try send(isEarly: true)
    self.answers = answers
    return answers
  }

  /// Its turn has come.
  func takeOver() { if let answers { observer.take(over: answers) } }

  /// Nobody waits for the answers any more.
  func drop() {
    answers?.drop()
    guard let flight else { return }
    for tag in [flight.select] + flight.rest { endpoint.connection.forgo(tag) }
  }

  /// Another mailbox was selected after this one.
  var isPassed: Bool { flight.map { $0.select != endpoint.lastSelect } ?? true }
}
