import IMAPClient

extension IMAPEndpoint {
  func create(_ mailbox: MailboxName, specialUse: SpecialUse?) throws(EndpointError) {
    guard let refusal = try tryToCreate(mailbox, specialUse) else { return }
    if try exists(mailbox) { return }
    // Most servers create the levels above by themselves. RFC 9051 §6.3.4
    if let parent = mailbox.parent, try !exists(parent) {
      try create(parent, specialUse: nil)
      guard let refusal = try tryToCreate(mailbox, specialUse) else { return }
      throw EndpointError(refusal)
    }
    throw EndpointError(refusal)
  }

  /// In one flight, and the subscriptions in another; what was not simply made is looked at by itself.
  func create(_ mailboxes: [NewMailbox]) throws(EndpointError) -> [EndpointError?] {
    let creations = try flight(mailboxes) { mailbox throws(EndpointError) in
      .create(try wireName(of: mailbox.name), use: use(mailbox.specialUse))
    }
    var failures: [EndpointError?] = []
    for (mailbox, status) in zip(mailboxes, creations) {
      if status?.condition == .ok {
        made.insert(mailbox.name)
        failures.append(nil)
      } else {
        failures.append(try failure(toCreate: mailbox))
      }
    }
    let subscribing = mailboxes.indices.filter {
      failures[$0] == nil && mailboxes[$0].isSubscribed != nil
    }
    let answers = try flight(subscribing.map { mailboxes[$0] }) { mailbox throws(EndpointError) in
      .subscribe(try wireName(of: mailbox.name), mailbox.isSubscribed == true)
    }
    for (index, status) in zip(subscribing, answers) {
      guard let status else { continue }
      let action = subscribeAction(mailboxes[index].isSubscribed == true)
      failures[index] = IMAPError(status, to: action).map { EndpointError($0) }
    }
    return failures
  }

  /// - Returns: the answers; `nil` for a command that can't be sent.
  private func flight(
    _ mailboxes: [NewMailbox], _ command: (NewMailbox) throws(EndpointError) -> Command
  ) throws(EndpointError) -> [StatusResponse?] {
    var answers: [StatusResponse?] = []
    for start in stride(from: 0, to: mailboxes.count, by: 64) {
      var tags: [Tag?] = []
      for mailbox in mailboxes[start..<min(start + 64, mailboxes.count)] {
        do { tags.append(try send(command(mailbox))) } catch {
          guard error.scope != .side else { throw error }
          tags.append(nil)
        }
      }
      for tag in tags { answers.append(try tag.map { tag throws(EndpointError) in try wait(tag) }) }
    }
    return answers
  }

  private func failure(toCreate mailbox: NewMailbox) throws(EndpointError) -> EndpointError? {
    do {
      try create(mailbox.name, specialUse: mailbox.specialUse)
      return nil
    } catch {
      guard error.scope != .side else { throw error }
      return error
    }
  }

  private func use(_ specialUse: SpecialUse?) -> SpecialUse? {
    connection.has(.createSpecialUse) ? specialUse : nil
  }

  /// - Returns: why the server refused.
  private func tryToCreate(
    _ mailbox: MailboxName, _ specialUse: SpecialUse?
  ) throws(EndpointError) -> IMAPError? {
    let wire = try wireName(of: mailbox)
    let use = use(specialUse)
    var status = try wait(send(.create(wire, use: use)))
    if use != nil, status.condition != .ok { status = try wait(send(.create(wire, use: nil))) }
    if status.code == .alreadyExists { return nil }
    return IMAPError(status, to: "create the mailbox \(mailbox)")
  }

  private func exists(_ mailbox: MailboxName) throws(EndpointError) -> Bool {
    try wait(send(.status(try wireName(of: mailbox), ["UIDVALIDITY"]))).condition == .ok
  }

  func delete(_ mailbox: MailboxName) throws(EndpointError) {
    let wire = try wireName(of: mailbox)
    try leave(mailbox)
    let status = try wait(send(.delete(wire)))
    if status.code == .nonExistent { return }
    if let error = IMAPError(status, to: "delete the mailbox \(mailbox)") {
      throw EndpointError(error)
    }
  }

  func rename(_ mailbox: MailboxName, to name: MailboxName) throws(EndpointError) {
    let command = Command.rename(try wireName(of: mailbox), to: try wireName(of: name))
    try leave(mailbox)
    _ = try perform(command, to: "rename the mailbox \(mailbox) to \(name)")
  }

  func setSubscribed(_ isSubscribed: Bool, _ mailbox: MailboxName) throws(EndpointError) {
    _ = try perform(
      .subscribe(try wireName(of: mailbox), isSubscribed), to: subscribeAction(isSubscribed))
  }

  private func subscribeAction(_ isSubscribed: Bool) -> String {
    isSubscribed ? "subscribe to the mailbox" : "unsubscribe from the mailbox"
  }

  /// A mailbox that is deleted or renamed must not be the selected one. CLOSE would expunge, so where there
  /// is no UNSELECT another one is looked at instead.
  private func leave(_ mailbox: MailboxName) throws(EndpointError) {
    forgetForeseen()
    validities[mailbox] = nil
    withoutModSeq.remove(mailbox)
    lookedAt[mailbox] = nil
    made.remove(mailbox)
    if openMailbox == mailbox { openMailbox = nil }
    guard observer.mailbox?.name == mailbox else { return }
    observer.mailbox = nil
    _ = try wait(send(connection.has(.unselect) ? .unselect : .examine(Array("INBOX".utf8))))
  }
}
