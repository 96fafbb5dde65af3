import IMAPClient

/// Step 1, before its turn: mailboxes of which a server tells only what has changed are asked about together.
extension MailboxSync {
  static var lookAhead: LookAhead<MailboxSync> {
    LookAhead(isLittle: \.isLittleToLookAt, begin: foresee)
  }

  /// Above that reading one may take so long that the next are better left to whatever lane is free.
  private static let fewToRead: UInt32 = 10_000

  /// Not where a side is watched before it is looked at: what is asked of the next mailbox would become old.
  private var isLittleToLookAt: Bool {
    let anchors = record.anchors
    let isLittle = Side.allCases.allSatisfy { side in
      unsettled[side].isEmpty && (anchors[side]?.messages ?? 0) <= MailboxSync.fewToRead
    }
    return isLittle && Side.allCases.contains { anchors[$0]?.highestModSeq != nil }
  }

  /// An error of the base is met again when the mailbox has its turn.
  private static func foresee(_ mailboxes: [MailboxSync], _ endpoints: Both<any Endpoint>) {
    for side in Side.allCases where !mailboxes[0].traits[side].choosesUIDs {
      endpoints[side].foresee(
        mailboxes.compactMap { mailbox in
          guard let request = try? mailbox.foreseenRequest(side), request.since != nil else {
            return nil
          }
          return ForeseenOpening(mailbox.fullNames[side], request)
        })
    }
  }
}
