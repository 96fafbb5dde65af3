import IMAPClient
import SyncEngine

/// What a run takes away from a side, call by call. All that it carries over it copies before it expunges
/// (design.md §4), so that on no side a message is ever missing, not even for a moment, that lay there and that
/// nobody expunged; and what the user wants left alone, it leaves alone.
public struct SideAccount {
  /// How many a run may expunge in a mailbox; `nil`: any number.
  var limit: Int?
  /// What users take from a mailbox while the run is under way: where they put it, the run may have looked before.
  var exempt: Set<SimulatedMail>
  /// Of two large messages that are equal a stub may take the place of the one, whichever it was.
  private let leavesStubs: Bool
  /// What was moved out of a mailbox that was not selected at that moment came as a stub: nothing else was known of it.
  private let bringsStubs: Bool
  private let start: Both<[SimulatedMail: Int]>
  private var before: [SimulatedMail: Int] = [:]
  private var mailboxes: [MailboxName: SimulatedMailbox] = [:]
  private var expunged: [Place: Int] = [:]

  private struct Place: Hashable {
    var side: Side
    var mailbox: MailboxName
  }

  public init(
    _ servers: Both<SimulatedServer>, leavesStubs: Bool, bringsStubs: Bool = false,
    exempt: Set<SimulatedMail> = [], limit: Int? = nil
  ) {
    self.bringsStubs = bringsStubs
    self.exempt = exempt
    self.leavesStubs = leavesStubs
    self.limit = limit
    start = servers.map(\.wholeContentCounts)
  }

  /// Before a call, and after users did what they do at that moment.
  public mutating func open(_ step: SimulatedStep, _ server: SimulatedServer) {
    guard step.isRemoving else { return }
    before = server.wholeContentCounts
    mailboxes = server.mailboxes
  }

  /// After it, and before users do anything else.
  ///
  /// - Returns: what it should have left where it was.
  public mutating func close(
    _ step: SimulatedStep, _ server: SimulatedServer, _ ledger: SimulatedLedger
  ) -> [String] {
    guard step.isRemoving, let side = step.side else { return [] }
    let now = server.wholeContentCounts
    var wrong: [String] = []
    for (content, count) in before {
      let rest = (now[content] ?? 0) + (bringsStubs ? stubs(of: content, on: server) : 0)
      guard rest < count, let floor = ledger.entries[content]?.floor(server.number), rest < floor,
        !exempt.contains(content),
        !(leavesStubs && ledger.isBornOnSeveralSides(content))
      else { continue }
      wrong.append(
        "\(server.name): \(step.call) left \(rest) of \(SimulatedContent.label(content)), "
          + "\(min(count, floor)) should have stayed")
    }
    if step.call == .expunge { wrong += countExpunged(server, side, now) }
    return wrong.sorted()
  }

  private func stubs(of content: SimulatedMail, on server: SimulatedServer) -> Int {
    server.mailboxes.values.reduce(0) { sum, mailbox in
      sum + mailbox.messages.filter { $0.isStub && $0.origin == content }.count
    }
  }

  private mutating func countExpunged(
    _ server: SimulatedServer, _ side: Side, _ now: [SimulatedMail: Int]
  ) -> [String] {
    guard let limit else { return [] }
    for (name, mailbox) in mailboxes {
      let kept = Set(server[name]?.messages.map(\.handle) ?? [])
      var gone: [SimulatedMail: Int] = [:]
      for message in mailbox.messages where !kept.contains(message.handle) {
        gone[message.origin, default: 0] += 1
      }
      // What lies there as often as before was moved or renumbered; of equal ones so many as are more than before.
      let count = gone.reduce(0) { sum, entry in
        let (content, count) = entry
        let missing = missing(content, in: now, on: side) - missing(content, in: before, on: side)
        return sum + min(count, missing)
      }
      if count > 0 { expunged[Place(side: side, mailbox: name), default: 0] += count }
    }
    return expunged.filter { $0.value > limit }.map { place, count in
      "\(server.name): \(count) messages of \(place.mailbox) were expunged, no more than \(limit) may be"
    }
  }

  /// So many fewer than when the run began.
  private func missing(
    _ content: SimulatedMail, in counts: [SimulatedMail: Int], on side: Side
  ) -> Int {
    max(0, (start[side][content] ?? 0) - (counts[content] ?? 0))
  }
}

extension SimulatedStep {
  fileprivate var isRemoving: Bool {
    guard changes > 0 else { return false }
    return switch call {
    case .expunge, .copy, .delete, .renumber: true
    default: false
    }
  }
}
