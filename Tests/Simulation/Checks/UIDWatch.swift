import IMAPClient
import SyncEngine

/// A client that caches by UID and never forgets, looking at both sides: it must never see a UID with a
/// second meaning. design.md §5.
public final class UIDWatch: @unchecked Sendable {
  struct Key: Hashable {
    var mailbox: MailboxName
    var uidValidity: UIDValidity
  }

  private struct Seen {
    var contents: [UID: SimulatedMail] = [:]
    var uidNext = UID.first
    var highestModSeq: UInt64 = 0
  }

  /// By server.
  private var seen: [Int: [Key: Seen]] = [:]

  public init() {}

  /// Looks at both sides as they are now.
  ///
  /// - Returns: what is wrong.
  public func look(at servers: Both<SimulatedServer>) -> [String] {
    Side.allCases.flatMap { look(at: servers[$0]) }
  }

  /// Nobody can know any more what this server has handed out.
  func forget(_ server: Int) { seen[server] = nil }

  /// The same from a UID on.
  ///
  /// - Parameter isKnown: up to where it is still known somewhere what was handed out; `nil`: all of it is.
  func forget(_ server: Int, from isKnown: (Key) -> UID?) {
    guard var all = seen[server] else { return }
    for (key, known) in all {
      guard let uid = isKnown(key) else { continue }
      var known = known
      known.contents = known.contents.filter { $0.key < uid }
      known.uidNext = min(known.uidNext, uid)
      all[key] = known
    }
    seen[server] = all
  }

  /// Someone has written another message over one: whoever has cached the old one is not to be helped.
  func forgetContents(_ server: Int) {
    for key in seen[server, default: [:]].keys { seen[server]?[key]?.contents = [:] }
  }

  func look(at servers: [SimulatedServer]) -> [String] {
    servers.flatMap { look(at: $0) }
  }

  public func look(at server: SimulatedServer) -> [String] {
    if server.hasForgotten {
      // What it gives out again under numbers that it has given out already is its own doing.
      seen[server.number] = nil
      server.hasForgotten = false
    }
    var wrong: [String] = []
    for (name, mailbox) in server.mailboxes.sorted(by: { $0.key < $1.key }) {
      guard let validity = mailbox.uidValidity else { continue }
      let key = Key(mailbox: name, uidValidity: validity)
      let place = "\(server.name): \(name) (\(validity))"
      var seen = self.seen[server.number, default: [:]][key] ?? Seen()
      if mailbox.uidNext < seen.uidNext {
        wrong.append("\(place): UIDNEXT went from \(seen.uidNext) to \(mailbox.uidNext)")
      }
      if mailbox.highestModSeq < seen.highestModSeq, !server.traits.isMaildir {
        wrong.append("\(place): HIGHESTMODSEQ went back")
      }
      for message in mailbox.messages {
        guard let uid = message.handle.uid else { continue }
        if uid >= mailbox.uidNext { wrong.append("\(place): UID \(uid) is not below UIDNEXT") }
        if let known = seen.contents.updateValue(message.origin, forKey: uid),
          known != message.origin
        {
          wrong.append(
            "\(place): UID \(uid) was \(SimulatedContent.label(known)) and is "
              + SimulatedContent.label(message.origin))
        }
      }
      seen.uidNext = max(seen.uidNext, mailbox.uidNext)
      seen.highestModSeq = mailbox.highestModSeq
      self.seen[server.number, default: [:]][key] = seen
    }
    return wrong
  }

  /// A client that switches to the other side after a sync: what it cached here must be what lies there.
  ///
  /// - Parameter isMirrored: by name; mailboxes that each side numbers for itself are left out.
  public func switchSides(
    _ servers: Both<SimulatedServer>, isSynced: (SimulatedMessage) -> Bool = { _ in true },
    isMirrored: (MailboxName) -> Bool
  ) -> [String] {
    Side.allCases.flatMap { side -> [String] in
      servers[side].mailboxes.sorted(by: { $0.key < $1.key }).flatMap { name, mailbox -> [String] in
        guard isMirrored(name), let validity = mailbox.uidValidity,
          let cached = seen[servers[side.other].number]?[Key(mailbox: name, uidValidity: validity)]
        else { return [] }
        return mailbox.messages.compactMap { message in
          guard let uid = message.handle.uid, let known = cached.contents[uid],
            known != message.origin, isSynced(message)
          else { return nil }
          return "\(name): UID \(uid) was \(SimulatedContent.label(known)) on the "
            + "\(side.other) and is \(SimulatedContent.label(message.origin)) on the \(side)"
        }
      }
    }
  }
}
