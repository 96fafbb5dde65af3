import IMAPClient

extension MailboxSync {
  /// Tells, once, that this mailbox is looked at: that may take long where it is large.
  func tellBegun() {
    guard !isToldBegun else { return }
    isToldBegun = true
    observer?.handle(.mailboxBegun(record.names.left))
  }

  /// Tells, once, that this mailbox has its messages: what is left takes no time to speak of.
  func tellDone() {
    guard !isToldDone else { return }
    isToldDone = true
    observer?.handle(.mailboxDone(record.names.left))
  }

  /// Tells how much this mailbox is going to send from one side to the other, before anything is sent.
  func announceTransfers() {
    guard let observer else { return }
    var messages = 0
    var octets: UInt64 = 0
    for index in work.indices where !work[index].isDropped {
      guard case .place(let side) = work[index].decision, work[index].handles[side] == nil,
        work[index].source == nil
      else { continue }
      messages += 1
      // Of a stub only the header is read.
      if work[index].stub == nil { octets &+= size(of: index) }
    }
    for message in later?.messages ?? [] {
      messages += 1
      octets &+= message.details?.size ?? 0
    }
    guard messages > 0 else { return }
    observer.handle(.transfersPlanned(messages: messages, octets: octets))
  }
}
