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

  /// - Returns: why the server refused.
  private func tryToCreate(
    _ mailbox: MailboxName, _ specialUse: SpecialUse?
  ) throws(EndpointError) -> IMAPError? {
    let wire = try wireName(of: mailbox)
    let use = connection.has(.createSpecialUse) ? specialUse : nil
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
    let action = isSubscribed ? "subscribe to the mailbox" : "unsubscribe from the mailbox"
    _ = try perform(.subscribe(try wireName(of: mailbox), isSubscribed), to: action)
  }

  /// A mailbox that is deleted or renamed must not be the selected one. CLOSE would expunge, so where there
  /// is no UNSELECT another one is looked at instead.
  private func leave(_ mailbox: MailboxName) throws(EndpointError) {
    validities[mailbox] = nil
    withoutModSeq.remove(mailbox)
    if openMailbox == mailbox { openMailbox = nil }
    guard observer.mailbox?.name == mailbox else { return }
    observer.mailbox = nil
    _ = try wait(send(connection.has(.unselect) ? .unselect : .examine(Array("INBOX".utf8))))
  }
}
