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
      try endpoint.create(.path("Päper/Ünter&"), specialUse: nil)
      try endpoint.create(.path("Päper/Ünter&"), specialUse: nil)
      try endpoint.create(.path("Sent"), specialUse: .sent)
      try endpoint.setSubscribed(true, .path("Päper/Ünter&"))
      let listing = try endpoint.list()
      #expect(listing.unusable.isEmpty)
      let byName = Dictionary(uniqueKeysWithValues: listing.mailboxes.map { ($0.name, $0) })
      #expect(byName[.inbox]?.isSelectable == true)
      #expect(byName[.inbox]?.anchor?.uidNext == UID(1))
      let deep = try #require(byName[.path("Päper/Ünter&")])
      #expect(deep.isSubscribed && deep.anchor?.messages == 0)
      #expect(byName[.path("Sent")]?.isSubscribed == false)
      if !profile.disabled.contains(.specialUse) {
        #expect(byName[.path("Sent")]?.specialUse == .sent)
      }
      #expect((deep.id != nil) == (endpoint.mailboxIDItem != nil))
      #expect((deep.anchor?.highestModSeq != nil) == endpoint.hasModSequences)

      try endpoint.rename(.path("Päper/Ünter&"), to: .path("New"))
      try endpoint.select(.path("New"))
      try endpoint.delete(.path("New"))
      try endpoint.delete(.path("New"))
      let names = try endpoint.list().mailboxes.filter(\.isSelectable).map(\.name)
      #expect(!names.contains(.path("New")) && !names.contains(.path("Päper/Ünter&")))
      #expect(throws: EndpointError.self) { try endpoint.open(.path("New"), OpenRequest()) }
      #expect(try endpoint.open(.inbox, OpenRequest()).messages.isEmpty)
    }
  }

  @Test("saving and reading", arguments: ServerProfileCase.all)
  func saving(_ profile: ServerProfileCase) throws {
    try withDovecot(profile) { endpoint, _ in
      _ = try endpoint.open(.inbox, OpenRequest())
      let texts = (1...7).map { message($0, size: $0 == 4 ? 200_000 : 3, hasID: $0 % 2 == 0) }
      let label = try #require(Keyword("$Label1"))
      let flags = FlagSet([.seen, .flagged], keywords: [label])
      let outcomes = try endpoint.save(texts, flags: flags)
      #expect(outcomes.map(\.uid) == [1, 2, 3, 4, 5, 6, 7])

      let observation = try endpoint.open(.inbox, OpenRequest(detailsFrom: .first))
      #expect(observation.coverage == .full)
      #expect(observation.uids == [1, 2, 3, 4, 5, 6, 7])
      #expect(observation.anchor.uidNext == UID(8) && observation.anchor.messages == 7)
      for (message, text) in zip(observation.messages, texts) {
        #expect(message.flags == flags)
        #expect(message.details?.size == UInt64(text.count))
        #expect(message.details?.date == InternalDate(seconds: 1_600_000_000))
        #expect((message.details?.id != nil) == endpoint.traits.hasIDs)
      }
      let sink = EndpointSink()
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
      let described = try endpoint.describe(uids(2, 3, 50))
      #expect(described.map { $0.handle.uid?.rawValue } == [2, 3])
      #expect(described.allSatisfy { $0.details != nil })
    }
  }

  @Test("changes since an anchor", arguments: ServerProfileCase.all)
  func changes(_ profile: ServerProfileCase) throws {
    try withDovecot(profile) { endpoint, other in
      _ = try other.open(.inbox, OpenRequest())
      try other.save((1...6).map { message($0) })
      let before = try endpoint.open(.inbox, OpenRequest()).anchor
      let request = OpenRequest(
        since: before, recheck: uids(3, 5), detailsFrom: before.uidNext)
      let same = try endpoint.open(.inbox, request)
      #expect(same.anchor == before)

      _ = try other.store([StoreOrder(uids: uids(2), added: FlagSet(.seen), removed: .empty)])
      #expect(try other.expunge(uids(4, 5)) == uids(4, 5))
      try other.save([message(7)])
      let now = try endpoint.open(.inbox, request)
      #expect(now.anchor.messages == 5 && now.anchor.uidNext == UID(8))
      #expect(now.flags(2) == FlagSet(.seen))
      #expect(now.uids.contains(3) && !now.uids.contains(5))
      #expect(now.messages.last?.details?.size == UInt64(message(7).count))
      switch now.coverage {
      case .full: #expect(now.uids == [1, 2, 3, 6, 7])
      case .changes(let vanished):
        #expect(vanished.intersection(uids(1, 2, 3, 4, 5, 6)) == uids(4, 5))
        #expect(now.uids == [2, 3, 7])
      case .present(let present):
        #expect(present == uids(1, 2, 3, 6, 7))
        #expect(now.uids == [2, 3, 7])
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
      try other.save((1...3).map { message($0) })
      let anchor = try endpoint.open(.inbox, OpenRequest()).anchor
      var foreign = anchor
      foreign.uidValidity = UIDValidity(77)
      var future = anchor
      future.highestModSeq = ModSequence(1_000_000)
      for since in [foreign, future] {
        let request = OpenRequest(since: since, detailsFrom: anchor.uidNext)
        let observation = try endpoint.open(.inbox, request)
        #expect(observation.coverage == .full && observation.uids == [1, 2, 3])
        if since == foreign { #expect(observation.messages.allSatisfy { $0.details != nil }) }
      }
    }
  }

  @Test("copying and moving", arguments: ServerProfileCase.all)
  func copying(_ profile: ServerProfileCase) throws {
    try withDovecot(profile) { endpoint, other in
      try endpoint.create(.path("Archive"), specialUse: nil)
      _ = try endpoint.open(.inbox, OpenRequest())
      let flags = FlagSet(.answered)
      try endpoint.save(
        (1...5).map { message($0, hasID: $0 != 3) }, flags: flags, date: 1_500_000_000)
      _ = try endpoint.open(.path("Archive"), OpenRequest())
      try endpoint.save([message(9)])
      let order = [3, 1, 99, 4].compactMap { UID($0) }
      let copied = try endpoint.copy(order, from: .inbox, moving: false, targets: [])
      #expect(copied.map(\.uid) == [2, 3, nil, 4])
      #expect(copied[2] == .gone)
      #expect(try endpoint.text(of: 2) == message(3, hasID: false))
      #expect(try endpoint.text(of: 3) == message(1))
      let moved = try endpoint.copy(
        [5, 2].compactMap { UID($0) }, from: .inbox, moving: true, targets: [])
      let moves = !profile.disabled.contains(.move)
      #expect(moved.map(\.uid) == [5, 6])
      #expect(moved.allSatisfy { if case .placed(_, _, moves) = $0 { true } else { false } })
      #expect(try endpoint.text(of: 6) == message(2))
      let inbox = try other.open(.inbox, OpenRequest())
      #expect(inbox.uids == (moves ? [1, 3, 4] : [1, 2, 3, 4, 5]))
      let archive = try other.open(.path("Archive"), OpenRequest())
      #expect(archive.flags(6) == flags)
      #expect(archive.messages[3].details?.date == InternalDate(seconds: 1_500_000_000))
      try other.delete(.path("Archive"))
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
      try endpoint.save((1...4).map { message($0) }, flags: FlagSet([.seen, .draft]))
      let before = try endpoint.open(.inbox, OpenRequest()).anchor
      _ = try other.open(.inbox, OpenRequest())
      _ = try other.store([StoreOrder(uids: uids(2), added: FlagSet(.flagged), removed: .empty)])
      let good = try #require(Keyword("good"))
      let long = try #require(Keyword(String(repeating: "x", count: 200)))
      let outcome = try endpoint.store([
        StoreOrder(
          uids: uids(1, 2, 3), added: FlagSet(.answered, keywords: [good]),
          removed: FlagSet([.seen, .draft]), unchangedSince: before.highestModSeq),
        StoreOrder(
          uids: uids(4), added: FlagSet(.answered, keywords: [good, long]), removed: .empty,
          unchangedSince: before.highestModSeq),
      ])
      #expect(outcome.rejected == (endpoint.hasModSequences ? uids(2) : UIDSet()))
      #expect(outcome.unstorable == [long: uids(4)])
      let now = try endpoint.open(.inbox, OpenRequest())
      #expect(now.flags(1) == FlagSet(.answered, keywords: [good]))
      #expect(now.flags(4) == FlagSet([.answered, .seen, .draft], keywords: [good]))
      if endpoint.hasModSequences { #expect(now.flags(2) == FlagSet([.seen, .draft, .flagged])) }
    }
  }

  @Test("expunging takes only what is meant", arguments: ServerProfileCase.all)
  func expunging(_ profile: ServerProfileCase) throws {
    try withDovecot(profile) { endpoint, other in
      _ = try endpoint.open(.inbox, OpenRequest())
      try endpoint.save((1...5).map { message($0) })
      _ = try other.open(.inbox, OpenRequest())
      _ = try other.store([StoreOrder(uids: uids(2, 3), added: FlagSet(.deleted), removed: .empty)])
      #expect(try endpoint.expunge(uids(3, 5, 77)) == uids(3, 5, 77))
      let now = try other.open(.inbox, OpenRequest())
      #expect(now.uids == [1, 2, 4])
      #expect(now.flags(2) == FlagSet(.deleted) && now.flags(1) == .empty)
    }
  }

  @Test("new UIDs", arguments: ServerProfileCase.all)
  func renumbering(_ profile: ServerProfileCase) throws {
    try withDovecot(profile) { endpoint, other in
      _ = try endpoint.open(.inbox, OpenRequest())
      let flags = FlagSet([.seen, .deleted], keywords: [try #require(Keyword("kept"))])
      try endpoint.save((1...4).map { message($0) }, flags: flags)
      let handles = [3, 1, 9].compactMap { UID($0).map { MessageHandle.uid($0) } }
      let outcomes = try endpoint.renumber(handles, targets: [])
      #expect(outcomes.map(\.uid) == [5, 6, nil])
      #expect(outcomes.last == .gone)
      let now = try other.open(.inbox, OpenRequest())
      #expect(now.uids == [2, 4, 5, 6])
      #expect(now.messages.allSatisfy { $0.flags == flags })
      #expect(
        now.messages.allSatisfy { $0.details?.date == InternalDate(seconds: 1_600_000_000) })
      #expect(try other.text(of: 6) == message(1))

      #expect(try endpoint.pad(to: try #require(UID(7))) == UID(7))
      #expect(try endpoint.pad(to: try #require(UID(1300))) == UID(1300))
      let padded = try other.open(.inbox, OpenRequest())
      #expect(padded.uids == [2, 4, 5, 6] && padded.anchor.uidNext == UID(1300))
    }
  }
}
