import IMAPClient
import SyncEngine

/// Compares the two sides as an IMAP client sees them.
public enum SimulatedConvergence {
  /// - Parameters:
  ///   - rightName: the right name of a left mailbox.
  ///   - mode: of a left mailbox; `nil` compares like `map`.
  ///   - ignoresDate: of a message with these bytes.
  /// - Returns: what differs; nothing if the sides are one.
  public static func differences(
    _ servers: Both<SimulatedServer>, rightName: (MailboxName) -> MailboxName = { $0 },
    mode: (MailboxName) -> UIDMode? = { _ in nil },
    ignoresDate: ([UInt8]) -> Bool = { _ in false }
  ) -> [String] {
    var differences: [String] = []
    var expected: Set<MailboxName> = []
    for (name, left) in servers.left.mailboxes.sorted(by: { $0.key < $1.key }) {
      let other = rightName(name)
      expected.insert(other)
      guard let right = servers.right.mailboxes[other] else {
        differences.append("\(name): only on the left")
        continue
      }
      differences += compare(name, left, right, ignoresDate)
      if mode(name) == .mirror { differences += compareNumbers(name, left, right) }
    }
    for name in servers.right.mailboxes.keys.sorted() where !expected.contains(name) {
      differences.append("\(name): only on the right")
    }
    return differences
  }

  private struct Seen: Hashable {
    var content: [UInt8]
    var flags: FlagSet
    var date: InternalDate

    init(_ message: SimulatedMessage, _ ignoresDate: ([UInt8]) -> Bool) {
      content = message.origin
      flags = message.flags
      date = ignoresDate(content) ? InternalDate(seconds: 0) : message.date
    }

    var label: String { "\(SimulatedContent.label(content)) (\(flags)) at \(date.seconds)" }
  }

  /// As multisets.
  private static func compare(
    _ name: MailboxName, _ left: SimulatedMailbox, _ right: SimulatedMailbox,
    _ ignoresDate: ([UInt8]) -> Bool
  ) -> [String] {
    var balance: [Seen: Int] = [:]
    for message in left.messages { balance[Seen(message, ignoresDate), default: 0] += 1 }
    for message in right.messages { balance[Seen(message, ignoresDate), default: 0] -= 1 }
    return balance.filter { $0.value != 0 }.map { seen, count in
      "\(name): \(abs(count)) more on the \(count > 0 ? "left" : "right") of \(seen.label)"
    }.sorted()
  }

  private static func compareNumbers(
    _ name: MailboxName, _ left: SimulatedMailbox, _ right: SimulatedMailbox
  ) -> [String] {
    var differences: [String] = []
    if left.uidValidity != right.uidValidity {
      differences.append("\(name): UIDVALIDITY differs")
    }
    if left.uidNext != right.uidNext {
      differences.append("\(name): UIDNEXT \(left.uidNext) and \(right.uidNext)")
    }
    let numbered = Both(left: left, right: right).map { mailbox in
      Dictionary(
        mailbox.messages.map { ($0.handle, $0.origin) }, uniquingKeysWith: { first, _ in first })
    }
    for handle in Set(numbered.left.keys).union(numbered.right.keys).sorted() {
      let contents = numbered.map { $0[handle] }
      if contents.left != contents.right || handle.uid == nil {
        differences.append(
          "\(name): \(handle) is \(label(contents.left)) and \(label(contents.right))")
      }
    }
    return differences
  }

  private static func label(_ content: [UInt8]?) -> String {
    content.map { SimulatedContent.label($0) } ?? "nothing"
  }
}
