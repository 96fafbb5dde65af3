import IMAPClient
import SyncEngine
import TestSupport

/// A user of one side, or of both, who does anything that a user can do.
public struct RandomUser: Sendable {
  /// What the user does, each as often as it occurs here.
  public enum Deed: CaseIterable, Hashable, Sendable {
    case deliver
    case deliverTwin
    case flag
    case unflag
    case keyword
    case copy
    case move
    case expunge
    case createMailbox
    case renameMailbox
    case deleteMailbox
    case subscribe
    case resetUIDValidity
    case numberAll
  }

  /// Mail and flags, as on any day.
  public static let everyday: [Deed] = [
    .deliver, .deliver, .deliver, .deliver, .deliverTwin, .flag, .flag, .unflag, .keyword, .copy,
    .move, .expunge, .expunge, .subscribe, .numberAll,
  ]

  public var random: SplitMix64
  public var deeds: [Deed]
  private var lastToken: Int
  private var lastMailbox = 0
  private var clock: Int64 = 1_700_000_000

  /// - Parameter token: messages of one world need tokens of their own, so users start apart.
  public init(seed: UInt64, deeds: [Deed] = RandomUser.everyday, firstToken token: Int = 0) {
    random = SplitMix64(seed: seed)
    self.deeds = deeds
    lastToken = token
  }

  /// Does one thing on this side; nothing if what was thought of can't be done.
  ///
  /// - Returns: what, for the log of a failing run.
  @discardableResult public mutating func act(on server: SimulatedServer) -> Deed {
    let deed = deeds.randomElement(using: &random) ?? .deliver
    clock += Int64.random(in: 0...2, using: &random)
    switch deed {
    case .deliver: deliver(to: server, isTwin: false)
    case .deliverTwin: deliver(to: server, isTwin: true)
    case .flag, .unflag, .keyword: changeFlags(deed, on: server)
    case .copy, .move: place(deed, on: server)
    case .expunge:
      if let (name, message) = pick(server) { server.expunge(message.handle, in: name) }
    case .createMailbox: server.createMailbox(newName(on: server))
    case .renameMailbox: server.renameMailbox(mailbox(server), to: newName(on: server))
    case .deleteMailbox: server.deleteMailbox(mailbox(server))
    case .subscribe: server.setSubscribed(Bool.random(using: &random), mailbox(server))
    case .resetUIDValidity: server.resetUIDValidity(mailbox(server))
    case .numberAll: server.numberAll(mailbox(server))
    }
    return deed
  }

  /// A twin has the bytes of a message that this side has already.
  private mutating func deliver(to server: SimulatedServer, isTwin: Bool) {
    var content: [UInt8]
    if isTwin, let (_, message) = pick(server) {
      content = message.content
    } else {
      lastToken += 1
      content = SimulatedContent.random(token: lastToken, using: &random)
    }
    let flags: FlagSet = random.oneIn(3) ? FlagSet([.seen]) : .empty
    server.deliver(
      content, to: mailbox(server), flags: flags, date: InternalDate(seconds: clock))
  }

  private mutating func changeFlags(_ deed: Deed, on server: SimulatedServer) {
    guard let (name, message) = pick(server) else { return }
    var flags = FlagSet(
      [SystemFlags.seen, .answered, .flagged, .deleted, .draft].randomElement(using: &random)
        ?? .seen)
    if deed == .keyword {
      let texts = ["$Junk", "$Forwarded", "chores", "later"]
      flags = FlagSet(
        [], keywords: texts.shuffled(using: &random).prefix(1).compactMap { Keyword($0) })
    }
    if deed == .unflag || (deed == .keyword && random.oneIn(3)) {
      server.setFlags(message.handle, in: name, removing: message.flags.intersection(flags))
    } else {
      server.setFlags(message.handle, in: name, adding: flags)
    }
  }

  private mutating func place(_ deed: Deed, on server: SimulatedServer) {
    guard let (name, message) = pick(server) else { return }
    let target = mailbox(server)
    if deed == .copy {
      server.copy(message.handle, from: name, to: target)
    } else if target != name {
      server.move(message.handle, from: name, to: target)
    }
  }

  private mutating func mailbox(_ server: SimulatedServer) -> MailboxName {
    server.mailboxes.keys.sorted().randomElement(using: &random) ?? .inbox
  }

  private mutating func newName(on server: SimulatedServer) -> MailboxName {
    lastMailbox += 1
    let level = "m\(lastMailbox)-\(server.side)"
    let parent = random.oneIn(3) ? mailbox(server).components : []
    return MailboxName(parent + [level]) ?? .inbox
  }

  private mutating func pick(
    _ server: SimulatedServer
  ) -> (MailboxName, SimulatedMessage)? {
    let filled = server.mailboxes.filter { !$0.value.messages.isEmpty }.keys.sorted()
    guard let name = filled.randomElement(using: &random),
      let message = server.mailboxes[name]?.messages.randomElement(using: &random)
    else { return nil }
    return (name, message)
  }
}
