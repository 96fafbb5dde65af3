import IMAPClient
import SyncEngine

/// A message as a client sees it, wherever it is.
public struct SimulatedView: Hashable, Sendable, CustomStringConvertible {
  public var mailbox: MailboxName
  public var content: SimulatedMail
  public var flags: FlagSet
  public var date: InternalDate

  public var description: String {
    "\(mailbox) \(SimulatedContent.label(content)) (\(flags)) of \(date.seconds % 1000)"
  }

  public static func all(_ server: SimulatedServer) -> [SimulatedView] {
    server.mailboxes.sorted { $0.key < $1.key }.flatMap { name, mailbox in
      mailbox.messages.map {
        SimulatedView(mailbox: name, content: $0.origin, flags: $0.flags, date: $0.date)
      }
    }
  }

  /// As multisets; empty if they are equal.
  public static func difference(
    _ old: [SimulatedView], _ new: [SimulatedView],
    ignoresDate: (SimulatedMail) -> Bool = { _ in false },
    ignoresFlags: (SimulatedMail) -> Bool = { _ in false }
  ) -> String {
    func simplified(_ view: SimulatedView) -> SimulatedView {
      var view = view
      if ignoresDate(view.content) { view.date = InternalDate(seconds: 0) }
      if ignoresFlags(view.content) { view.flags = .empty }
      return view
    }
    var balance: [SimulatedView: Int] = [:]
    for view in new { balance[simplified(view), default: 0] += 1 }
    for view in old { balance[simplified(view), default: 0] -= 1 }
    return balance.filter { $0.value != 0 }
      .map { "\($0.value > 0 ? "+" : "")\($0.value) \($0.key)" }.sorted().joined(separator: ", ")
  }
}

extension SimulatedServer {
  /// What lay in these mailboxes and does not any more.
  func messages(gone older: [MailboxName: SimulatedMailbox]) -> Set<SimulatedMail> {
    var gone: Set<SimulatedMail> = []
    for (name, mailbox) in older {
      let kept = Set(mailboxes[name]?.messages.map(\.handle) ?? [])
      for message in mailbox.messages where !kept.contains(message.handle) {
        gone.insert(message.origin)
      }
    }
    return gone
  }

  /// Subscriptions of mailboxes that are there.
  public var liveSubscriptions: Set<MailboxName> {
    subscriptions.filter { mailboxes[$0] != nil }
  }
}

extension SimulatedWorld {
  /// Both INBOXes have one UIDVALIDITY.
  public func shareUIDValidity() {
    servers.right.mailboxes[.inbox]?.uidValidity = servers.left[.inbox]?.uidValidity
  }
}
