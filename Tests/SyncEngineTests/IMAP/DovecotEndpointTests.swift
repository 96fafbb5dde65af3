import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

/// Every call of the protocol against a real server, with all it offers and with less and less of it.
@Suite("IMAP endpoint on Dovecot") struct DovecotEndpointTests {
  @Test("mailboxes", arguments: ServerProfileCase.all)
  func mailboxes(_ profile: ServerProfileCase) throws {
    var options = DovecotOptions()
    options.specialUse = ["Sent": "\\Sent"]
    try withDovecot(profile, options: options) { endpoint, _ in
      try endpoint.create(.named("Päper/Ünter&"), specialUse: nil)
      try endpoint.create(.named("Päper/Ünter&"), specialUse: nil)
      try endpoint.create(.named("Sent"), specialUse: .sent)
      try endpoint.setSubscribed(true, .named("Päper/Ünter&"))
      let listing = try endpoint.list()
      #expect(listing.unusable.isEmpty)
      let byName = Dictionary(uniqueKeysWithValues: listing.mailboxes.map { ($0.name, $0) })
      #expect(byName[.inbox]?.isSelectable == true)
      #expect(byName[.inbox]?.anchor?.uidNext == UID(1))
      let deep = try #require(byName[.named("Päper/Ünter&")])
      #expect(deep.isSubscribed && deep.anchor?.messages == 0)
      #expect(byName[.named("Sent")]?.isSubscribed == false)
      if !profile.disabled.contains(.specialUse) {
        #expect(byName[.named("Sent")]?.specialUse == .sent)
      }
      #expect((deep.id != nil) == (endpoint.mailboxIDItem != nil))
      #expect((deep.anchor?.highestModSeq != nil) == endpoint.hasModSequences)

      try endpoint.rename(.named("Päper/Ünter&"), to: .named("New"))
      try endpoint.select(.named("New"))
      try endpoint.delete(.named("New"))
      try endpoint.delete(.named("New"))
      let names = try endpoint.list().mailboxes.filter(\.isSelectable).map(\.name)
      #expect(!names.contains(.named("New")) && !names.contains(.named("Päper/Ünter&")))
      #expect(throws: EndpointError.self) { try endpoint.open(.named("New"), OpenRequest()) }
      #expect(try endpoint.open(.inbox, OpenRequest()).messages.isEmpty)
    }
  }

  @Test("saving and reading", arguments: ServerProfileCase.all)
  func saving(_ profile: ServerProfileCase) throws {
    try withDovecot(profile) { endpoint, _ in
      _ = try endpoint.open(.inbox, OpenRequest())
      let texts = (1...7).map { testMessage($0, size: $0 == 4 ? 200_000 : 3, hasID: $0 % 2 == 0) }
      let label = try #require(Keyword("$Label1"))
      let flags = FlagSet([.seen, .flagged], keywords: [label])
      let outcomes = try endpoint.save(texts, flags: flags)
      #expect(outcomes.map(\.placedUID) == [1, 2, 3, 4, 5, 6, 7])

      let observation = try endpoint.open(.inbox, OpenRequest(detailsFrom: .first))
      #expect(observation.coverage == .full)
      #expect(observation.shownUIDs == [1, 2, 3, 4, 5, 6, 7])
      #expect(observation.anchor.uidNext == UID(8) && observation.anchor.messages == 7)
      for (message, text) in zip(observation.messages, texts) {
        #expect(message.flags == flags)
        #expect(message.details?.size == UInt64(text.count))
        #expect(message.details?.date == InternalDate(seconds: 1_600_000_000))
        #expect((message.details?.id != nil) == endpoint.traits.hasIDs)
      }
      let sink = FetchedMessages()
      let order: [UInt32] = [5, 6, 2, 99, 4, 1, 3, 7]
      try endpoint.fetch(order.compactMap { UID($0).map { .uid($0) } }, into: sink)
      #expect(sink.messages.map { $0.handle.uid?.rawValue } == order.filter { $0 != 99 })
      #expect(sink.missing == [.uid(try #require(UID(99)))])
      for (handle, bytes) in sink.messages {
        #expect(bytes == texts[Int(handle.uid?.rawValue ?? 0) - 1])
      }
      let contents = try endpoint.contents(of: observation.messages.map(\.handle))
      for (message, text) in zip(observation.messages, texts) {
        var hasher = ContentHasher()
        text.withBytes { hasher.update($0) }
        #expect(contents[message.handle] == hasher.finish())
      }
      let headers = try endpoint.headers(of: order.compactMap { UID($0).map { .uid($0) } })
      #expect(headers.count == 7)
      for (message, text) in zip(observation.messages, texts) {
        let end = try #require(text.firstRange(of: Array("\r\n\r\n".utf8)))
        #expect(headers[message.handle] == Array(text[..<end.upperBound]))
      }
      let described = try endpoint.describe(uidSet(2, 3, 50))
      #expect(described.map { $0.handle.uid?.rawValue } == [2, 3])
      #expect(described.allSatisfy { $0.details != nil })
    }
  }

  @Test("changes since an anchor", arguments: ServerProfileCase.all)
  func changes(_ profile: ServerProfileCase) throws {
    try withDovecot(profile) { endpoint, other in
      _ = try other.open(.inbox, OpenRequest())
      try other.save((1...6).map { testMessage($0) })
      let before = try endpoint.open(.inbox, OpenRequest()).anchor
      let request = OpenRequest(
        since: before, recheck: uidSet(3, 5), detailsFrom: before.uidNext)
      let same = try endpoint.open(.inbox, request)
      #expect(same.anchor == before)

      _ = try other.store([StoreOrder(uids: uidSet(2), added: FlagSet(.seen), removed: .empty)])
      #expect(try other.expunge(uidSet(4, 5)) == uidSet(4, 5))
      try other.save([testMessage(7)])
      let now = try endpoint.open(.inbox, request)
      #expect(now.anchor.messages == 5 && now.anchor.uidNext == UID(8))
      #expect(now.shownFlags(2) == FlagSet(.seen))
      #expect(now.shownUIDs.contains(3) && !now.shownUIDs.contains(5))
      #expect(now.messages.last?.details?.size == UInt64(testMessage(7).count))
      switch now.coverage {
      case .full: #expect(now.shownUIDs == [1, 2, 3, 6, 7])
      case .changes(let vanished):
        #expect(vanished.intersection(uidSet(1, 2, 3, 4, 5, 6)) == uidSet(4, 5))
        #expect(now.shownUIDs == [2, 3, 7])
      case .present(let present):
        #expect(present == uidSet(1, 2, 3, 6, 7))
        #expect(now.shownUIDs == [2, 3, 7])
      }
      let tier: String =
        switch now.coverage {
        case .full: "full"
        case .changes: "changes"
        case .present: "present"
        }
      let expected =
        !endpoint.hasModSequences ? "full" : endpoint.hasQResync ? "changes" : "present"
      #expect(tier == expected)
    }
  }

  @Test("an anchor of another mailbox, or of the future", arguments: ServerProfileCase.all)
  func foreignAnchor(_ profile: ServerProfileCase) throws {
    try withDovecot(profile) { endpoint, other in
      _ = try other.open(.inbox, OpenRequest())
      try other.save((1...3).map { testMessage($0) })
      let anchor = try endpoint.open(.inbox, OpenRequest()).anchor
      var foreign = anchor
      foreign.uidValidity = UIDValidity(77)
      var future = anchor
      future.highestModSeq = ModSequence(1_000_000)
      for since in [foreign, future] {
        let request = OpenRequest(since: since, detailsFrom: anchor.uidNext)
        let observation = try endpoint.open(.inbox, request)
        #expect(observation.coverage == .full && observation.shownUIDs == [1, 2, 3])
        if since == foreign { #expect(observation.messages.allSatisfy { $0.details != nil }) }
      }
    }
  }

  @Test("copying and moving", arguments: ServerProfileCase.all)
  func copying(_ profile: ServerProfileCase) throws {
    try withDovecot(profile) { endpoint, other in
      try endpoint.create(.named("Archive"), specialUse: nil)
      _ = try endpoint.open(.inbox, OpenRequest())
      let flags = FlagSet(.answered)
      try endpoint.save(
        (1...5).map { testMessage($0, hasID: $0 != 3) }, flags: flags, date: 1_500_000_000)
      _ = try endpoint.open(.named("Archive"), OpenRequest())
      try endpoint.save([testMessage(9)])
      let order = [3, 1, 99, 4].compactMap { UID($0) }
      let copied = try endpoint.copy(order, from: .inbox, moving: false, targets: [])
      #expect(copied.map(\.placedUID) == [2, 3, nil, 4])
      #expect(copied[2] == .gone)
      #expect(try endpoint.text(of: 2) == testMessage(3, hasID: false))
      #expect(try endpoint.text(of: 3) == testMessage(1))
      let moved = try endpoint.copy(
        [5, 2].compactMap { UID($0) }, from: .inbox, moving: true, targets: [])
      let moves = !profile.disabled.contains(.move)
      #expect(moved.map(\.placedUID) == [5, 6])
      #expect(moved.allSatisfy { if case .placed(_, _, moves) = $0 { true } else { false } })
      #expect(try endpoint.text(of: 6) == testMessage(2))
      let inbox = try other.open(.inbox, OpenRequest())
      #expect(inbox.shownUIDs == (moves ? [1, 3, 4] : [1, 2, 3, 4, 5]))
      let archive = try other.open(.named("Archive"), OpenRequest())
      #expect(archive.shownFlags(6) == flags)
      #expect(archive.messages[3].details?.date == InternalDate(seconds: 1_500_000_000))
      try other.delete(.named("Archive"))
      let error = #expect(throws: EndpointError.self) {
        try endpoint.copy(order, from: .inbox, moving: false, targets: [])
      }
      #expect(error?.code == .mailboxGone)
    }
  }

  @Test("flags", arguments: ServerProfileCase.all)
  func flags(_ profile: ServerProfileCase) throws {
    try withDovecot(profile) { endpoint, other in
      _ = try endpoint.open(.inbox, OpenRequest())
      try endpoint.save((1...4).map { testMessage($0) }, flags: FlagSet([.seen, .draft]))
      let before = try endpoint.open(.inbox, OpenRequest()).anchor
      _ = try other.open(.inbox, OpenRequest())
      _ = try other.store([StoreOrder(uids: uidSet(2), added: FlagSet(.flagged), removed: .empty)])
      let good = try #require(Keyword("good"))
      let long = try #require(Keyword(String(repeating: "x", count: 200)))
      let outcome = try endpoint.store([
        StoreOrder(
          uids: uidSet(1, 2, 3), added: FlagSet(.answered, keywords: [good]),
          removed: FlagSet([.seen, .draft]), unchangedSince: before.highestModSeq),
        StoreOrder(
          uids: uidSet(4), added: FlagSet(.answered, keywords: [good, long]), removed: .empty,
          unchangedSince: before.highestModSeq),
      ])
      #expect(outcome.rejected == (endpoint.hasModSequences ? uidSet(2) : UIDSet()))
      #expect(outcome.unstorable == [long: uidSet(4)])
      let now = try endpoint.open(.inbox, OpenRequest())
      #expect(now.shownFlags(1) == FlagSet(.answered, keywords: [good]))
      #expect(now.shownFlags(4) == FlagSet([.answered, .seen, .draft], keywords: [good]))
      if endpoint.hasModSequences {
        #expect(now.shownFlags(2) == FlagSet([.seen, .draft, .flagged]))
      }
    }
  }

  @Test("expunging takes only what is meant", arguments: ServerProfileCase.all)
  func expunging(_ profile: ServerProfileCase) throws {
    try withDovecot(profile) { endpoint, other in
      _ = try endpoint.open(.inbox, OpenRequest())
      try endpoint.save((1...5).map { testMessage($0) })
      _ = try other.open(.inbox, OpenRequest())
      _ = try other.store([
        StoreOrder(uids: uidSet(2, 3), added: FlagSet(.deleted), removed: .empty)
      ])
      #expect(try endpoint.expunge(uidSet(3, 5, 77)) == uidSet(3, 5, 77))
      let now = try other.open(.inbox, OpenRequest())
      #expect(now.shownUIDs == [1, 2, 4])
      #expect(now.shownFlags(2) == FlagSet(.deleted) && now.shownFlags(1) == .empty)
    }
  }

  @Test(
    "what somebody has taken \\Deleted off is not expunged for it", arguments: ServerProfileCase.all
  )
  func expungingDeleted(_ profile: ServerProfileCase) throws {
    try withDovecot(profile) { endpoint, other in
      _ = try endpoint.open(.inbox, OpenRequest())
      try endpoint.save((1...5).map { testMessage($0) })
      let deleted = FlagSet(.deleted)
      _ = try endpoint.store([StoreOrder(uids: uidSet(1, 2, 3, 4), added: deleted, removed: .empty)]
      )
      _ = try other.open(.inbox, OpenRequest())
      _ = try other.store([StoreOrder(uids: uidSet(2), added: .empty, removed: deleted)])
      #expect(try endpoint.expunge(uidSet(1, 2, 3), onlyDeleted: true) == uidSet(1, 3))
      let now = try other.open(.inbox, OpenRequest())
      #expect(now.shownUIDs == [2, 4, 5] && now.shownFlags(2) == .empty)
      #expect(now.shownFlags(4) == deleted)
    }
  }

  @Test("what is as it was known goes, and nothing else", arguments: ServerProfileCase.all)
  func removing(_ profile: ServerProfileCase) throws {
    try withDovecot(profile) { endpoint, other in
      _ = try endpoint.open(.inbox, OpenRequest())
      try endpoint.save((1...4).map { testMessage($0) })
      _ = try other.open(.inbox, OpenRequest())
      _ = try other.store([StoreOrder(uids: uidSet(2), added: FlagSet(.seen), removed: .empty)])
      _ = try other.expunge(uidSet(3))
      let known = Dictionary(uniqueKeysWithValues: uidSet(1, 2, 3).map { ($0, FlagSet.empty) })
      let outcomes = try endpoint.remove(known)
      let wanted: [RemovalOutcome] = [.removed, .changed(FlagSet(.seen)), .missing]
      #expect(uidSet(1, 2, 3).map { outcomes[$0] } == wanted)
      let now = try other.open(.inbox, OpenRequest())
      #expect(now.shownUIDs == [2, 4] && now.shownFlags(2) == FlagSet(.seen))
    }
  }

  @Test("new UIDs", arguments: ServerProfileCase.all)
  func renumbering(_ profile: ServerProfileCase) throws {
    try withDovecot(profile) { endpoint, other in
      _ = try endpoint.open(.inbox, OpenRequest())
      let flags = FlagSet([.seen, .deleted], keywords: [try #require(Keyword("kept"))])
      try endpoint.save((1...4).map { testMessage($0) }, flags: flags)
      let handles = [3, 1, 9].compactMap { UID($0).map { MessageHandle.uid($0) } }
      let outcomes = try endpoint.renumber(handles, targets: [])
      #expect(outcomes.map(\.placedUID) == [5, 6, nil])
      #expect(outcomes.last == .gone)
      let now = try other.open(.inbox, OpenRequest())
      #expect(now.shownUIDs == [2, 4, 5, 6])
      #expect(now.messages.allSatisfy { $0.flags == flags })
      #expect(
        now.messages.allSatisfy { $0.details?.date == InternalDate(seconds: 1_600_000_000) })
      #expect(try other.text(of: 6) == testMessage(1))

      #expect(try endpoint.pad(to: try #require(UID(7))) == UID(7))
      #expect(try endpoint.pad(to: try #require(UID(1300))) == UID(1300))
      let padded = try other.open(.inbox, OpenRequest())
      #expect(padded.shownUIDs == [2, 4, 5, 6] && padded.anchor.uidNext == UID(1300))
    }
  }

  @Test(
    "mailboxes are made in one flight, and one just made is saved to without being selected again")
  func manyMailboxes() throws {
    try withDovecot { endpoint, other in
      let names = ["A", "A/B", "C"].map { MailboxName.named($0) }
      _ = try endpoint.list()
      let start = endpoint.traffic.roundTrips
      let failures = try endpoint.create(
        names.map { NewMailbox($0, specialUse: nil, isSubscribed: $0 != names[2]) })
      #expect(failures.map(\.?.message) == [nil, nil, nil])
      #expect(endpoint.traffic.roundTrips == start + 2)
      for name in names { _ = try endpoint.open(name, OpenRequest()) }
      #expect(endpoint.traffic.roundTrips == start + 5)
      try endpoint.select(names[0])
      try endpoint.save([testMessage(1)])
      #expect(endpoint.traffic.roundTrips == start + 6)
      #expect(try other.open(names[0], OpenRequest()).messages.count == 1)
      let listed = try other.list().mailboxes.filter { names.contains($0.name) }
      #expect(Set(listed.filter(\.isSubscribed).map(\.name)) == Set(names[..<2]))
    }
  }
}
