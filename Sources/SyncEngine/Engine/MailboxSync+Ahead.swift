import IMAPClient

/// Step 1, before its turn: mailboxes of which a server tells only what has changed, or of which there is little to tell, are
/// asked about together.
extension MailboxSync {
  static var lookAhead: LookAhead<MailboxSync> {
    LookAhead(weight: \.weightOfLook, begin: foresee)
  }

  /// Above that reading one may take so long that the next are better left to whatever lane is free.
  private static let fewToRead: UInt32 = 10_000

  /// Not where a side is watched before it is looked at: what is asked of the next mailbox would become old.
  private var weightOfLook: UInt64? {
    let isLittle = Side.allCases.allSatisfy { side in
      unsettled[side].isEmpty && (record.anchors[side]?.messages ?? 0) <= MailboxSync.fewToRead
    }
    guard isLittle, Side.allCases.contains(where: { traits[$0].asksAhead }) else { return nil }
    var weight: UInt64 = 0
    for side in Side.allCases where traits[side].asksAhead {
      guard let messages = messagesToTell(side) else { return nil }
      weight += UInt64(messages)
    }
    return weight <= LookAhead<MailboxSync>.mostWeight ? weight : nil
  }

  /// How many messages a server will tell of, besides what has changed; `nil` if nobody knows.
  private func messagesToTell(_ side: Side) -> UInt32? {
    guard isToBeLookedAt(side), knownAnchor(side)?.highestModSeq == nil else { return 0 }
    guard let messages = record.anchors[side]?.messages else { return announced[side] }
    return max(messages, announced[side] ?? 0)
  }

  /// Step 5, before its turn: a few messages each that go from a server into a Maildir.
  static var fetchAhead: LookAhead<MailboxSync> {
    LookAhead(weight: { $0.littleFetch.map { _ in 0 } }, begin: foreseeFetches)
  }

  /// What is fetched in vain, if something comes in between, is to be little. In octets.
  private static let mostForeseen: UInt64 = 128 << 10
  private static let mostMessages = 99

  /// All that there is to place, if it is little and goes from a server into a Maildir.
  private var littleFetch: (side: Side, uids: [UID], octets: UInt64)? {
    guard work.count <= 1000, later == nil, settled == nil else { return nil }
    var from: Side?
    var uids: [UID] = []
    var octets: UInt64 = 0
    for index in work.indices where !work[index].isDropped {
      guard case .place(let side) = work[index].decision else { continue }
      guard work[index].source == nil, work[index].stub == nil, from ?? side.other == side.other,
        let uid = work[index].handles[side.other]?.uid
      else { return nil }
      // A server may say any number.
      let size = size(of: index)
      guard uids.count < MailboxSync.mostMessages, size <= MailboxSync.mostForeseen - octets else {
        return nil
      }
      from = side.other
      uids.append(uid)
      octets += size
    }
    guard let from, traits[from.other].choosesUIDs, !traits[from].choosesUIDs else { return nil }
    return (from, uids.sorted(), octets)
  }

  private static func foreseeFetches(_ mailboxes: [MailboxSync], _ endpoints: Both<any Endpoint>) {
    var fetches = Both<[ForeseenFetch]>(left: [], right: [])
    var octets: UInt64 = 0
    for mailbox in mailboxes {
      guard let fetch = mailbox.littleFetch else { continue }
      octets += fetch.octets
      guard octets <= 4 * mostForeseen else { break }
      fetches[fetch.side].append(ForeseenFetch(mailbox.fullNames[fetch.side], fetch.uids))
    }
    for side in Side.allCases where !fetches[side].isEmpty {
      endpoints[side].foresee(fetches: fetches[side])
    }
  }

  /// An error of the base is met again when the mailbox has its turn.
  private static func foresee(_ mailboxes: [MailboxSync], _ endpoints: Both<any Endpoint>) {
    for side in Side.allCases where mailboxes[0].traits[side].asksAhead {
      endpoints[side].foresee(
        mailboxes.compactMap { mailbox in
          guard let request = try? mailbox.foreseenRequest(side) else { return nil }
          return ForeseenOpening(mailbox.fullNames[side], request)
        })
    }
  }
}
