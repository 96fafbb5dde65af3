import IMAPClient
import SyncEngine

/// Compares the two sides as an IMAP client sees them.
public enum SimulatedConvergence {
  /// What the sides may differ in.
  public struct Tolerance {
    /// The dates of messages with these bytes.
    public var ignoresDate: (SimulatedMail) -> Bool = { _ in false }
    /// A side that has no room for all keywords.
    public var ignoresKeywords = false
    /// False for messages that a policy leaves where they are.
    public var isSynced: (SimulatedMessage) -> Bool = { _ in true }

    /// Right mailboxes that are not below this one are nobody's affair.
    public var rightPrefix: MailboxName?

    public init() {}
  }

  /// - Parameters:
  ///   - rightName: the right name of a left mailbox.
  ///   - mode: of a left mailbox; `nil` compares like `map`.
  /// - Returns: what differs; nothing if the sides are one.
  public static func differences(
    _ servers: Both<SimulatedServer>, rightName: (MailboxName) -> MailboxName = { $0 },
    mode: (MailboxName) -> UIDMode? = { _ in nil }, tolerance: Tolerance = Tolerance()
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
      let mailboxes = Both(left: left, right: right)
      differences += compare(name, mailboxes, tolerance)
      if mode(name) == .mirror { differences += compareNumbers(name, mailboxes, tolerance) }
    }
    for name in servers.right.mailboxes.keys.sorted() where !expected.contains(name) {
      if let prefix = tolerance.rightPrefix, name.removingPrefix(prefix) == nil { continue }
      differences.append("\(name): only on the right")
    }
    return differences
  }

  private struct Seen: Hashable {
    var content: SimulatedMail
    var flags: FlagSet
    var date: InternalDate

    init(_ message: SimulatedMessage, _ tolerance: Tolerance) {
      content = message.origin
      flags = tolerance.ignoresKeywords ? FlagSet(message.flags.system) : message.flags
      date = tolerance.ignoresDate(content) ? InternalDate(seconds: 0) : message.date
    }

    var label: String { "\(SimulatedContent.label(content)) (\(flags)) at \(date.seconds)" }
  }

  /// As multisets.
  private static func compare(
    _ name: MailboxName, _ mailboxes: Both<SimulatedMailbox>, _ tolerance: Tolerance
  ) -> [String] {
    var balance: [Seen: Int] = [:]
    var stubs: [SimulatedMail: Int] = [:]
    for side in Side.allCases {
      for message in mailboxes[side].messages where tolerance.isSynced(message) {
        balance[Seen(message, tolerance), default: 0] += side == .left ? 1 : -1
        // On the average at least one of two is the message itself.
        stubs[message.origin, default: 0] += message.isStub ? 1 : -1
      }
    }
    let differences = balance.filter { $0.value != 0 }.map { seen, count in
      "\(name): \(abs(count)) more on the \(count > 0 ? "left" : "right") of \(seen.label)"
    }
    let headless = stubs.filter { $0.value > 0 }.map { content, count in
      "\(name): \(count) stubs of \(SimulatedContent.label(content)) without the message"
    }
    return (differences + headless).sorted()
  }

  private static func compareNumbers(
    _ name: MailboxName, _ mailboxes: Both<SimulatedMailbox>, _ tolerance: Tolerance
  ) -> [String] {
    var differences: [String] = []
    let (left, right) = (mailboxes.left, mailboxes.right)
    if left.uidValidity != right.uidValidity {
      differences.append("\(name): UIDVALIDITY differs")
    }
    if left.uidNext != right.uidNext {
      differences.append("\(name): UIDNEXT \(left.uidNext) and \(right.uidNext)")
    }
    let numbered = mailboxes.map { mailbox in
      Dictionary(
        mailbox.messages.filter(tolerance.isSynced).map { ($0.handle, $0.origin) },
        uniquingKeysWith: { first, _ in first })
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

  private static func label(_ content: SimulatedMail?) -> String {
    content.map { SimulatedContent.label($0) } ?? "nothing"
  }
}
