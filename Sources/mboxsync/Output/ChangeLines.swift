import IMAPClient
import SyncEngine

/// Changes in words: the lines of `-v` and of the plan.
enum ChangeLines {
  /// `home: right: INBOX: saved UID 12`, or `would save`.
  static func line(
    pair: String, _ side: Side, _ mailbox: MailboxName, _ change: ChangeKind, isPlanned: Bool
  ) -> String {
    let (done, planned, what) = words(change)
    var detail = what
    // A message that is to be saved has no UID there yet: the one that is told is its own.
    if isPlanned, case .saved(_?) = change { detail += " of the \(side.other)" }
    let verb = isPlanned ? "would \(planned)" : done
    let place = [pair, side.rawValue, mailbox.path].filter { !$0.isEmpty }.joined(separator: ": ")
    return Text.escaped("\(place): \(verb)" + (detail.isEmpty ? "" : " \(detail)"))
  }

  static func style(_ change: ChangeKind) -> Console.Style {
    switch change {
    case .saved, .copied, .moved, .mailboxCreated: .green
    case .expunged, .mailboxDeleted: .red
    case .flagged, .renumbered, .mailboxRenamed, .subscribed, .unsubscribed: .yellow
    }
  }

  private static func words(
    _ change: ChangeKind
  ) -> (done: String, planned: String, detail: String) {
    switch change {
    case .saved(let uid): ("saved", "save", named(uid))
    case .copied(let uid, let from):
      ("copied", "copy", joined(named(uid), "from \(from.path)"))
    case .moved(let uid, let from): ("moved", "move", joined(named(uid), "from \(from.path)"))
    case .expunged(let uid): ("expunged", "expunge", named(uid))
    case .flagged(let uid, let added, let removed):
      ("flagged", "flag", joined(named(uid), joined(flags("+", added), flags("-", removed))))
    case .renumbered(let old, let new):
      ("renumbered", "renumber", joined(named(old), new.map { "to UID \($0.rawValue)" } ?? ""))
    case .mailboxCreated: ("mailbox created", "create the mailbox", "")
    case .mailboxDeleted: ("mailbox deleted", "delete the mailbox", "")
    case .mailboxRenamed(let name): ("mailbox renamed", "rename the mailbox", "to \(name.path)")
    case .subscribed: ("subscribed", "subscribe", "")
    case .unsubscribed: ("unsubscribed", "unsubscribe", "")
    }
  }

  private static func named(_ uid: UID?) -> String {
    uid.map { "UID \($0.rawValue)" } ?? "a message"
  }

  private static func flags(_ sign: String, _ flags: FlagSet) -> String {
    flags.isEmpty ? "" : "\(sign)(\(flags))"
  }

  private static func joined(_ left: String, _ right: String) -> String {
    left.isEmpty || right.isEmpty ? left + right : "\(left) \(right)"
  }
}
