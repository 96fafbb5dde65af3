import IMAPClient
import SyncEngine

/// What is wrong with the account.
extension SimulatedLedger {
  /// - Returns: messages that are nowhere any more, though nobody removed them.
  public func losses(_ servers: [SimulatedServer]) -> [String] {
    let counts = servers.map(\.wholeContentCounts)
    return entries.compactMap { content, entry in
      let found = counts.map { $0[content] ?? 0 }.max() ?? 0
      guard found < entry.least else { return nil }
      return "\(SimulatedContent.label(content)): \(found) left of \(entry.least)"
    }.sorted()
  }

  public func losses(_ servers: Both<SimulatedServer>) -> [String] {
    losses([servers.left, servers.right])
  }

  /// To be asked when the sides are equal.
  ///
  /// - Parameters:
  ///   - allowsMore: without a base a mailbox renamed on one side can't be told from another one.
  ///   - meets: mailboxes of one name on two sides are one, and always were.
  ///   - isSynced: false for messages that a policy leaves where they are.
  /// - Returns: messages that are missing, multiplied, nobody's, or of another date than any had.
  public func violations(
    _ servers: [SimulatedServer], allowsMore: Bool = false, meets: Bool = false,
    isSynced: (SimulatedMail) -> Bool = { _ in true }
  ) -> [String] {
    servers.flatMap { server -> [String] in
      let counts = server.contentCounts
      let contents = Set(counts.keys).union(entries.keys).filter(isSynced)
      let wrong = contents.compactMap { content -> String? in
        let count = counts[content] ?? 0
        let entry = entries[content] ?? Entry()
        let met = meets && !entry.isEdited ? entry.late.met : 0
        let most = entry.most - met + (repeatable[content] ?? 0)
        guard count < entry.least || (count > most && !allowsMore) else { return nil }
        return "\(server.name): \(SimulatedContent.label(content)): \(count) times, "
          + "should be \(entry.least) to \(entry.most - met)"
      }
      return wrong.sorted() + misdated(server)
    }
  }

  public func violations(
    _ servers: Both<SimulatedServer>, allowsMore: Bool = false
  ) -> [String] {
    violations([servers.left, servers.right], allowsMore: allowsMore)
  }

  private func misdated(_ server: SimulatedServer) -> [String] {
    server.mailboxes.sorted { $0.key < $1.key }.flatMap { name, mailbox in
      mailbox.messages.compactMap { message in
        guard let entry = entries[message.origin], !entry.dates.contains(message.date) else {
          return nil
        }
        let label = SimulatedContent.label(message.origin)
        return "\(server.name): \(name): \(label) of \(message.date.seconds), a date it never had"
      }
    }
  }
}
