import IMAPClient
import SyncEngine
import TestSupport

/// Someone who does anything that can be done to a store. What is done depends on the seed, the number
/// of the deed and the state of the store alone, so that a history can be played with deeds left out.
public struct RandomUser: Sendable {
  public var seed: UInt64
  public var deeds: [Deed]
  private var random: SplitMix64
  private var number: Int

  /// - Parameter number: messages of one world are told apart by the numbers of their deeds, so users
  ///   start apart.
  public init(seed: UInt64, deeds: [Deed] = Deed.everyday, firstNumber number: Int = 0) {
    self.seed = seed
    self.deeds = deeds
    self.number = number
    random = SplitMix64(seed: seed)
  }

  /// Does one thing at random.
  ///
  /// - Returns: what.
  @discardableResult public mutating func act(on server: SimulatedServer) -> Deed {
    let deed = deeds.randomElement(using: &random) ?? .deliver
    number += 1
    RandomUser.perform(deed, number: number, seed: seed, on: server)
    return deed
  }

  /// The time at which a deed of this number is done; two may share one.
  public static func date(_ number: Int) -> InternalDate {
    InternalDate(seconds: 1_700_000_000 + Int64(number / 2))
  }

  /// Does one thing on this server; nothing if what was thought of can't be done.
  public static func perform(
    _ deed: Deed, number: Int, seed: UInt64, on server: SimulatedServer
  ) {
    let token = deed == .again ? number - 1 : number
    let mixed = seed &+ UInt64(truncatingIfNeeded: token) &* 0x2545_f491_4f6c_dd1d
    var act = Act(
      random: SplitMix64(seed: mixed), number: number, token: token, server: server)
    act.perform(deed)
  }
}

/// One deed.
private struct Act {
  var random: SplitMix64
  let number: Int
  /// What a message that is delivered is told by.
  let token: Int
  let server: SimulatedServer

  mutating func perform(_ deed: Deed) {
    switch deed {
    case .deliver, .again, .twin, .variant: deliver(deed)
    case .flag, .unflag, .keyword, .unkeyword: changeFlags(deed)
    case .copy, .move: place(deed)
    case .expunge:
      if let (name, message) = pick() { server.expunge(message.handle, in: name) }
    case .empty:
      let name = mailbox()
      for message in server[name]?.messages ?? [] { server.expunge(message.handle, in: name) }
    case .create: server.createMailbox(newName())
    case .rename: server.renameMailbox(mailbox(), to: newName())
    case .delete: server.deleteMailbox(mailbox())
    case .subscribe: server.setSubscribed(Bool.random(using: &random), mailbox())
    case .edit:
      if let (name, message) = pick() {
        server.edit(message.handle, in: name, renewsDirectory: number % 2 == 0)
      }
    case .number: server.numberAll(mailbox())
    case .reset, .resetIDs:
      server.resetUIDValidity(mailbox(), keepingIDs: deed == .reset)
    case .readOnly: server.setReadOnly(true, mailbox())
    case .full: server.quota = server.octets + Int.random(in: 0...400, using: &random)
    case .refusing:
      let rest = number % 3
      server.refuses = { content in
        content.count % 3 == rest ? (.tooLarge, "too large") : nil
      }
    case .loseMove: server.traits.canMove = false
    case .loseUIDPlus: server.traits.hasUIDPlus = false
    case .loseModSequences: server.traits.loseModSequences()
    case .loseIDs: server.traits.hasIDs = false
    case .backup: server.keepBackup()
    case .restore: server.restoreBackup(isAnew: false)
    case .restoreAnew: server.restoreBackup(isAnew: true)
    case .setAside: server.keepBackup(isOvertaken: true)
    case .rollBack: server.rollBack()
    case .unmount: server.unmount(number % 3)
    case .heal: server.heal()
    }
  }

  private mutating func deliver(_ deed: Deed) {
    var content: [UInt8]
    if deed == .twin, let (_, message) = pick() {
      content = message.origin.bytes
    } else if deed == .variant, let (_, message) = pick() {
      content = SimulatedContent.variant(of: message.origin.bytes, token: number)
    } else {
      content = SimulatedContent.random(token: token, using: &random)
    }
    // No two that only have their headers in common are of one date: so a message is known that a server alters.
    let date =
      deed == .variant
      ? InternalDate(seconds: 1_800_000_000 + Int64(number)) : RandomUser.date(number)
    let flags: FlagSet = random.oneIn(3) ? FlagSet([.seen]) : .empty
    server.deliver(content, to: mailbox(), flags: flags, date: date)
  }

  private mutating func changeFlags(_ deed: Deed) {
    guard let (name, message) = pick() else { return }
    var flags: FlagSet
    switch deed {
    case .keyword:
      let texts = ["$Junk", "$Forwarded", "chores", "later"]
      flags = FlagSet(
        [], keywords: texts.shuffled(using: &random).prefix(1).compactMap { Keyword($0) })
    case .unkeyword: flags = FlagSet([], keywords: message.flags.keywords)
    default:
      let all: [SystemFlags] = [.seen, .answered, .flagged, .deleted, .draft]
      flags = FlagSet(all.randomElement(using: &random) ?? .seen)
    }
    if deed == .unflag || deed == .unkeyword {
      server.setFlags(message.handle, in: name, removing: message.flags.intersection(flags))
    } else {
      server.setFlags(message.handle, in: name, adding: flags)
    }
  }

  private mutating func place(_ deed: Deed) {
    guard let (name, message) = pick() else { return }
    let target = mailbox()
    if deed == .copy {
      server.copy(message.handle, from: name, to: target)
    } else if target != name {
      server.move(message.handle, from: name, to: target)
    }
  }

  private mutating func mailbox() -> MailboxName {
    server.mailboxes.keys.sorted().randomElement(using: &random) ?? .inbox
  }

  private mutating func newName() -> MailboxName {
    let level = "m\(number)-\(server.name)"
    let parent = random.oneIn(3) ? mailbox().components : []
    return MailboxName(parent + [level]) ?? .inbox
  }

  private mutating func pick() -> (MailboxName, SimulatedMessage)? {
    let filled = server.mailboxes.filter { !$0.value.messages.isEmpty }.keys.sorted()
    guard let name = filled.randomElement(using: &random),
      let message = server.mailboxes[name]?.messages.randomElement(using: &random)
    else { return nil }
    return (name, message)
  }
}
