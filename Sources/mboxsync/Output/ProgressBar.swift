import IMAPClient
import SyncEngine

/// How far a pair's run has come, in one line.
struct ProgressBar {
  var pair: String
  var mailboxes = 0
  var mailboxesDone = 0
  var messages = 0
  var messagesDone = 0
  var octets: UInt64 = 0
  var octetsDone: UInt64 = 0
  var current = ""

  init(pair: String) { self.pair = pair }

  mutating func handle(_ event: SyncEvent) {
    switch event {
    case .mailboxesToSync(let count): mailboxes += count
    case .mailboxDone(let name):
      mailboxesDone += 1
      current = name.path
    case .transfersPlanned(let count, let size):
      messages += count
      octets &+= size
    case .transferred(let count, let size):
      messagesDone += count
      octetsDone &+= size
    case .change(_, let name, _): current = name.path
    case .notice: break
    }
  }

  /// At most `width` characters; what matters least is left out first.
  func line(width: Int) -> String {
    var parts = [pair, "\(mailboxesDone)/\(mailboxes) mailboxes"]
    if messages > 0 {
      parts.append("\(Text.grouped(messagesDone))/\(Text.grouped(messages)) messages")
      parts.append("\(Text.octets(octetsDone))/\(Text.octets(octets))")
    }
    if !current.isEmpty { parts.append(current) }
    while parts.count > 1 && parts.joined(separator: "  ").count > width { parts.removeLast() }
    return String(parts.joined(separator: "  ").prefix(max(0, width)))
  }
}
