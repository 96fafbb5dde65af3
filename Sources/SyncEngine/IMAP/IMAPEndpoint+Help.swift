import IMAPClient

/// Fetching with the help of other connections, and helping.
extension IMAPEndpoint {
  /// For fewer messages another connection is not worth its EXAMINE.
  private static let messagesPerHelper = 50
  /// From so many on there may be more to come, so that it is worth a log-in.
  static let messagesToConnect = 200

  /// What an endpoint knew before it began to help.
  struct Own {
    var onlyReads: Bool
    var lookedAt: [MailboxName: SelectedMailbox]
    var validities: [MailboxName: UIDValidity]
  }

  private enum Help {
    /// The mailbox is open already.
    case ready
    /// The answer to this command tells.
    case asked(Tag)
  }

  func rest() {
    forgetForeseen()
    helpers.rest(self)
  }

  func resume() {
    helpers.resume(self)
    stopHelping()
  }

  /// Fetches together with others; the mailbox is selected here first, if it is not.
  ///
  /// - Returns: false if there is nobody to help.
  func fetchShared(
    _ handles: [MessageHandle], of mailbox: MailboxName, into sink: any MessageSink
  ) throws(EndpointError) -> Bool {
    guard handles.count >= 2 * IMAPEndpoint.messagesPerHelper else { return false }
    if helpers.makesAtOnce, handles.count >= IMAPEndpoint.messagesToConnect {
      helpers.makeMore(connectHelper)
    }
    let taken = helpers.take(handles.count / IMAPEndpoint.messagesPerHelper - 1)
    guard !taken.isEmpty else { return false }
    var usable = taken
    defer { helpers.giveBack(usable) }
    // All at once: one round trip.
    let validity = validities[mailbox]
    let asked = taken.map { try? $0.askToHelp(with: mailbox, validity) }
    let selected = Result { () throws(EndpointError) in try selectOnServer(mailbox) }
    let ready = zip(taken, asked).filter { $0.isReady(to: $1) }.map(\.0)
    _ = try selected.get()
    guard !ready.isEmpty else { return false }
    let fetch = SharedFetch(self, helpers: ready, sink)
    defer { usable.removeAll { one in fetch.failed.contains { $0 === one } } }
    try fetch.run(handles)
    return true
  }

  /// Opens the mailbox to read only, unless it is open.
  private func askToHelp(
    with mailbox: MailboxName, _ uidValidity: UIDValidity?
  ) throws(EndpointError) -> Help {
    if ownState == nil {
      ownState = Own(onlyReads: onlyReads, lookedAt: lookedAt, validities: validities)
      observer.mailbox = nil
    }
    validities[mailbox] = uidValidity
    onlyReads = true
    if observer.mailbox?.name == mailbox { return .ready }
    return .asked(try sendSelect(mailbox, .plain))
  }

  /// A connection that can't open the mailbox, or finds another one under its name, does not help.
  private func isReady(to help: Help?) -> Bool {
    switch help {
    case nil: return false
    case .ready: return isExpected(observer.mailbox)
    case .asked(let tag):
      guard let selected = try? finishSelect(tag) else { return false }
      return isExpected(selected)
    }
  }

  /// What it knew of its own counts again; it has to select the mailbox that it works on.
  func stopHelping() {
    guard let own = ownState else { return }
    onlyReads = own.onlyReads
    lookedAt = own.lookedAt
    validities = own.validities
    ownState = nil
    observer.mailbox = nil
  }
}
