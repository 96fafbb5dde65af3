import IMAPClient
import SyncEngine
import TestSupport

/// Pairs of which not all mailboxes are selected: what is not selected is left alone, and being left out is no expunge.
extension Replay {
  /// What a pair's runs take part in now.
  func selected(_ pair: Int, _ run: History.Run? = nil) -> Policy {
    var policy = run?.policy(history.wishes) ?? history.wishes.policy
    policy.mailboxes = selections[pair] ?? .everything
    if history.wishes.hasMap { policy.map = History.Wishes.map(of: history.pairs[pair]) }
    return policy
  }

  /// Whether not all of a pair's mailboxes are to be level now.
  var isNarrowed: Bool { !selections.isEmpty }

  /// Whether a stub may have come for a message that had come whole, because it was moved out of a mailbox that was not selected.
  var bringsStubs: Bool {
    history.wishes.hasMaxSize
      && history.steps.contains { step in
        if case .select = step { true } else { false }
      }
  }

  func select(_ pair: Int, _ patterns: [String]) {
    note("pair \(pair + 1): \(patterns.joined(separator: " "))")
    selections[pair] = patterns == ["*"] ? nil : MailboxPatterns(words: patterns)
    coverage.note(selections[pair] == nil ? "run: selection widened" : "run: selection narrowed")
  }

  /// Mailboxes of a side that no run with this policy may touch.
  private func unselected(_ pair: Int, _ side: Side, _ policy: Policy) -> Set<MailboxName> {
    let names = Dictionary(
      stores[pair].mailboxes().map { ($0.names[side], $0.names.left) },
      uniquingKeysWith: { first, _ in first })
    // They are selected by what they are, or would be, called on the left.
    let mapped = Dictionary(
      side == .left ? [] : policy.map.map { ($0.right, $0.left) },
      uniquingKeysWith: { first, _ in first })
    let isSelected = { (name: MailboxName) in
      policy.selects(names[name] ?? mapped[name] ?? name)
    }
    return Set(
      worlds[pair].servers[side].mailboxes.keys.filter { name in
        guard let prefix = policy.prefixes[side] else { return !isSelected(name) }
        guard let below = name.removingPrefix(prefix) else { return true }
        return !isSelected(below)
      })
  }

  /// What lies in mailboxes that are not selected, on either side: it may have been moved there, which to the run is as good
  /// as expunged.
  func outside(_ pair: Int, _ policy: Policy) -> Set<SimulatedMail> {
    var outside: Set<SimulatedMail> = []
    for side in Side.allCases {
      let server = worlds[pair].servers[side]
      for name in unselected(pair, side, policy) {
        outside.formUnion(server[name]?.messages.map(\.origin) ?? [])
      }
    }
    return outside
  }

  /// As ``outside(_:_:)``, for everything that is to be level at rest.
  var outsideAtRest: Set<SimulatedMail> {
    guard history.wishes.hasPrefix else { return [] }
    return worlds.indices.reduce(into: []) { $0.formUnion(outside($1, selected($1))) }
  }

  /// Before a call: all that it must leave as it is.
  func noteUnselected(at step: SimulatedStep, _ pair: Int, _ policy: Policy) {
    untouched = [:]
    guard isLimited(policy), step.changes > 0, let side = step.side else { return }
    let server = worlds[pair].servers[side]
    untouched = unselected(pair, side, policy).reduce(into: [:]) { $0[$1] = server[$1]?.messages }
    account?.exempt.formUnion(outside(pair, policy))
  }

  /// After it.
  func checkUnselected(at step: SimulatedStep, _ pair: Int) {
    guard !untouched.isEmpty, step.changes > 0, let side = step.side else { return }
    let server = worlds[pair].servers[side]
    for (name, messages) in untouched where server[name]?.messages != messages {
      failures.append("\(server.name): \(step.call) changed \(name), which is not selected")
    }
    untouched = [:]
  }

  /// A stub that a user moved to where the run does not look is as good as expunged, and its message goes: there is nothing
  /// to tell it by.
  func noteStubsOutside(_ pair: Int, _ policy: Policy) {
    guard history.wishes.hasMaxSize, isLimited(policy) else { return }
    for side in Side.allCases {
      let server = worlds[pair].servers[side]
      for name in unselected(pair, side, policy) {
        guard let mailbox = server[name] else { continue }
        for message in mailbox.messages
        where message.isStub && ledger.hasMovedStubs(of: message.origin) {
          let place = "\(server.number) \(mailbox.birth) \(message.handle)"
          if stubsOutside.insert(place).inserted { ledger.noteRemoval(message.origin) }
        }
      }
    }
  }

  private func isLimited(_ policy: Policy) -> Bool {
    policy.mailboxes != .everything || policy.onlyMailboxes != .everything
      || policy.prefixes.right != nil
  }
}
