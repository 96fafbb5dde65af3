import IMAPClient
import SyncEngine

/// What users and deliveries do to a store, behind the back of the tool. Everything is written to the ledger.
extension SimulatedServer {
  /// A new message arrives.
  ///
  /// - Parameter id: `nil`: one of its own; given: as by a replication of other means.
  @discardableResult public func deliver(
    _ content: [UInt8], to mailbox: MailboxName = .inbox, flags: FlagSet = .empty,
    date: InternalDate = InternalDate(seconds: 1_700_000_000), id: GlobalUID? = nil
  ) -> MessageHandle? {
    guard mailboxes[mailbox] != nil else { return nil }
    let mail = SimulatedMail(content)
    ledger?.noteBirth(mail, of: date, in: mailbox, on: number)
    ledger?.noteFlags(mail, added: flags, removed: .empty)
    return put(
      SimulatedMessage(
        handle: .unnumbered(0), content: content, flags: flags, date: date, id: id ?? newID(),
        modSeq: 0), in: mailbox)
  }

  /// - Parameter message: its handle and mod-sequence are not yet of this mailbox.
  private func put(_ message: SimulatedMessage, in mailbox: MailboxName) -> MessageHandle? {
    if traits.isMaildir {
      let key = SimulatedServer.key(newID())
      mailboxes[mailbox]?.insertUnnumbered(message, key: key)
      return .unnumbered(key)
    }
    return mailboxes[mailbox]?.insert(message).map { .uid($0) }
  }

  public func setFlags(
    _ handle: MessageHandle, in mailbox: MailboxName = .inbox, adding added: FlagSet = .empty,
    removing removed: FlagSet = .empty
  ) {
    guard let index = mailboxes[mailbox]?.index(handle),
      let flags = mailboxes[mailbox]?.messages[index].flags
    else { return }
    if let message = mailboxes[mailbox]?.messages[index] {
      ledger?.noteFlags(message.origin, added: added, removed: removed)
      if message.isStub {
        ledger?.noteStubFlags(message.origin, added: added, isUnseen: !traits.removesAtOnce)
      }
    }
    mailboxes[mailbox]?.setFlags(flags.union(added).subtracting(removed), at: index)
  }

  @discardableResult public func copy(
    _ handle: MessageHandle, from source: MailboxName, to target: MailboxName
  ) -> MessageHandle? {
    guard let message = mailboxes[source]?.message(handle), mailboxes[target] != nil else {
      return nil
    }
    if message.isStub {
      ledger?.noteStubCopy(message.origin)
    } else {
      ledger?.noteBirth(message.origin, of: message.date, in: target, on: number)
    }
    return put(message, in: target)
  }

  @discardableResult public func move(
    _ handle: MessageHandle, from source: MailboxName, to target: MailboxName
  ) -> MessageHandle? {
    guard let mailbox = mailboxes[source], let message = mailbox.message(handle) else {
      return nil
    }
    if message.isStub {
      guard mailboxes[target] != nil else { return nil }
      // The message has not been touched.
      ledger?.noteStubMove(
        message.origin, from: mailbox.birth, isUnseen: !traits.removesAtOnce)
      mailboxes[source]?.remove(handle)
      return put(message, in: target)
    }
    guard mailboxes[target] != nil else { return nil }
    ledger?.noteMove(message.origin, of: message.date, on: number)
    let moved = put(message, in: target)
    mailboxes[source]?.remove(handle)
    return moved
  }

  public func expunge(_ handle: MessageHandle, in mailbox: MailboxName = .inbox) {
    guard let message = mailboxes[mailbox]?.message(handle) else { return }
    ledger?.noteRemoval(message.origin)
    mailboxes[mailbox]?.remove(handle)
  }

  /// A file is written anew in its place, which is nothing that a mailbox knows of: under the old name and number there
  /// is another message now.
  ///
  /// - Parameter renewsDirectory: the directory has another time, as if by way of a temporary file.
  public func edit(_ handle: MessageHandle, in mailbox: MailboxName, renewsDirectory: Bool) {
    guard traits.isMaildir, let message = mailboxes[mailbox]?.message(handle), !message.isStub
    else { return }
    let content = SimulatedContent.edited(message.content)
    ledger?.noteEdit(message.origin, to: SimulatedMail(content), of: message.date, on: number)
    mailboxes[mailbox]?.edit(handle, content, renewsDirectory: renewsDirectory)
  }

  public func createMailbox(_ name: MailboxName, specialUse: SpecialUse? = nil) {
    guard mailboxes[name] == nil else { return }
    var mailbox = newMailbox()
    mailbox.specialUse = specialUse
    mailboxes[name] = mailbox
  }

  public func renameMailbox(_ name: MailboxName, to target: MailboxName) {
    guard !name.isInbox, mailboxes[name] != nil, mailboxes[target] == nil,
      target.removingPrefix(name) == nil
    else { return }
    rename(name, to: target)
  }

  public func deleteMailbox(_ name: MailboxName) {
    guard !name.isInbox, let mailbox = mailboxes[name] else { return }
    for message in mailbox.messages { ledger?.noteRemoval(message.origin) }
    ledger?.noteDeletion(of: mailbox.birth)
    mailboxes[name] = nil
  }

  public func setSubscribed(_ isSubscribed: Bool, _ name: MailboxName) {
    if isSubscribed { subscriptions.insert(name) } else { subscriptions.remove(name) }
  }

  public func setReadOnly(_ isReadOnly: Bool, _ name: MailboxName) {
    mailboxes[name]?.isReadOnly = isReadOnly
  }

  /// The server lost its indexes: all messages are there under new numbers and, unless `keepingIDs`,
  /// new ids.
  public func resetUIDValidity(_ name: MailboxName, keepingIDs: Bool = true) {
    guard mailboxes[name] != nil else { return }
    let validity = newUIDValidity()
    if !keepingIDs, let count = mailboxes[name]?.messages.count {
      for index in 0..<count { mailboxes[name]?.messages[index].id = newID() }
    }
    mailboxes[name]?.renumberAll(validity)
  }

  /// A Dovecot that serves the Maildir numbers what it finds without numbers.
  public func numberAll(_ name: MailboxName) {
    guard traits.isMaildir, let mailbox = mailboxes[name] else { return }
    if mailbox.uidValidity == nil { mailboxes[name]?.uidValidity = newUIDValidity() }
    for message in mailbox.messages {
      guard case .unnumbered(let key) = message.handle,
        let uid = mailboxes[name]?.move(message.handle, to: nil),
        let index = mailboxes[name]?.index(.uid(uid))
      else { continue }
      mailboxes[name]?.messages[index].key = key
    }
  }
}
