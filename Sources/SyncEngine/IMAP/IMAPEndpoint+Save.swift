import IMAPClient

extension IMAPEndpoint {
  func saver() throws(EndpointError) -> any MessageSaver { try appender() }

  func appender() throws(EndpointError) -> IMAPSaver {
    forgetForeseen()
    let selected = try openToSave()
    var uidNext = selected.uidNext ?? .first
    if !connection.has(.uidPlus) { uidNext = try askUIDNext(of: selected.name) }
    return IMAPSaver(
      self, mailbox: selected, wireName: try wireName(of: selected.name), firstUID: uidNext,
      sizeLimit: try appendLimit(of: selected.name))
  }

  /// The opened mailbox. One that this run has made itself need not be selected once more to be saved to, where APPEND tells
  /// UIDs and UIDVALIDITY: nobody has put another in its place.
  private func openToSave() throws(EndpointError) -> SelectedMailbox {
    guard let openMailbox, openMailbox != observer.mailbox?.name, made.contains(openMailbox),
      connection.has(.uidPlus),
      let known = lookedAt[openMailbox], !known.isReadOnly, isExpected(known)
    else { return try selectToChange() }
    return known
  }

  /// How large a message may be. RFC 7889: the same for all mailboxes, or to be asked for each.
  private func appendLimit(of mailbox: MailboxName) throws(EndpointError) -> UInt64? {
    let common = connection.capabilities.lazy
      .filter { $0.name.hasPrefix(Capability.appendLimitPrefix) }
      .compactMap { UInt64($0.name.dropFirst(Capability.appendLimitPrefix.count)) }.min()
    guard common == nil, connection.has(.appendLimit) else { return common }
    if let known = appendLimits[mailbox] { return known }
    observer.begin()
    // One that refuses to tell says it of each message.
    _ = try wait(send(.status(try wireName(of: mailbox), ["APPENDLIMIT"])))
    let limit = observer.gathered.statuses.last?.status.appendLimit
    appendLimits[mailbox] = .some(limit)
    return limit
  }

  /// The mailbox's UIDNEXT at this moment.
  func askUIDNext(of mailbox: MailboxName) throws(EndpointError) -> UID {
    observer.begin()
    let command = Command.status(try wireName(of: mailbox), ["UIDNEXT"])
    let status = try wait(send(command))
    if let error = IMAPError(status, to: "tell the next UID") {
      // A STATUS that is refused without a code: most often the mailbox is not there.
      var failure = EndpointError(error)
      if status.code == nil { failure.code = .mailboxGone }
      throw failure
    }
    guard let uidNext = observer.gathered.statuses.last?.status.uidNext else {
      throw EndpointError.contradiction("the server does not tell the next UID")
    }
    return uidNext
  }
}
