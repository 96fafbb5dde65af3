import IMAPClient

/// An opening that is sent before its turn.
extension MailboxOpening {
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

  /// Whether SELECT was answered by what it has to be (RFC 9051 §6.3.2). Where that is missing of one that was sent early, it may
  /// have been told when it was not expected.
  func isWhole(_ refusal: EndpointError?) -> Bool {
    guard answers != nil else { return true }
    answers = nil
    if let refusal { return refusal.code != .protocolViolation }
    return observer.mailbox?.isCounted == true
  }

  /// Nobody waits for the answers any more.
  func drop() {
    answers?.drop()
    guard let flight else { return }
    for tag in [flight.select] + flight.rest { endpoint.connection.forgo(tag) }
  }

  /// What was asked for last, if it was sent.
  var last: Tag? { flight.map { $0.rest.last ?? $0.select } }

  /// Another mailbox was selected after this one.
  var isPassed: Bool { flight.map { $0.select != endpoint.lastSelect } ?? true }
}
