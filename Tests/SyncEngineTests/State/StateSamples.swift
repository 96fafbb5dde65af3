import Foundation
import IMAPClient
import TestSupport

@testable import SyncEngine

func uid(_ raw: UInt32) -> UID { UID(raw) ?? .last }

func guid(_ number: UInt64) -> GlobalUID {
  GlobalUID(high: number &* 0x9e37_79b9_7f4a_7c15, low: ~number)
}

func name(_ components: String...) -> MailboxName { MailboxName(components) ?? .inbox }

/// A mailbox with every field set.
func sampleMailbox(_ id: Int64, _ components: [String] = ["Work", "a/b", "Größe"]) -> MailboxRecord
{
  let names = MailboxName(components) ?? .inbox
  return MailboxRecord(
    id: MailboxID(id), names: Both(left: names, right: name("INBOX", "x")),
    mailboxIDs: Both(left: guid(1), right: nil),
    anchors: Both(
      left: Anchor(
        uidValidity: UIDValidity(.max), uidNext: .last, highestModSeq: ModSequence(1 << 62),
        messages: .max),
      right: Anchor(
        uidValidity: nil, uidNext: .first, messages: 0,
        stamp: MaildirStamp(cur: 1, new: -1, uidList: .max, keywords: 0))),
    mode: .mirror, agreedNext: uid(77), isSubscribed: false, selection: "since=1 max=2",
    unproven: Both(
      left: .empty, right: FlagSet([], keywords: ["$Junk", "a'b"].compactMap { Keyword($0) })))
}

/// A message with every field set.
func sampleMessage(_ id: Int64, in mailbox: Int64 = 1, left: UInt32, right: UInt32) -> MessageRecord
{
  let number = UInt64(bitPattern: id)
  return MessageRecord(
    id: MessageID(id), mailbox: MailboxID(mailbox), uids: Both(left: uid(left), right: uid(right)),
    guid: guid(number), ids: Both(left: guid(number + 1000), right: guid(number + 2000)),
    contents: Both(
      left: ContentID(size: number + 10, digest: guid(number + 3000)),
      right: ContentID(size: .max - number, digest: guid(number + 4000))),
    flags: FlagSet(
      [.seen, .draft], keywords: ["$Junk", "a'b", "~"].compactMap { Keyword($0) }),
    date: InternalDate(seconds: -1), rightDate: id % 2 == 0 ? InternalDate(seconds: 7) : nil,
    stub: .right)
}

func samplePending(_ mailbox: Int64, _ side: Side, _ number: UInt32) -> PendingMessage {
  PendingMessage(
    mailbox: MailboxID(mailbox), side: side, uid: uid(number), code: .overQuota, text: "full — \0")
}

func sampleIntent(_ mailbox: Int64, _ side: Side, _ number: UInt64) -> Intent {
  Intent(
    mailbox: MailboxID(mailbox), side: side, size: .max, date: InternalDate(seconds: Int64(number)),
    uidNext: .last, original: number % 2 == 0 ? nil : uid(UInt32(number)))
}

/// A directory of its own that is removed with the value.
final class StateDirectory {
  let path: String

  init() throws {
    let base = FileManager.default.temporaryDirectory.appending(path: "mbs-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: base, withIntermediateDirectories: true)
    path = base.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Names and contents of all files.
  func contents() throws -> [String: Data] {
    var result: [String: Data] = [:]
    for name in try FileManager.default.subpathsOfDirectory(atPath: path) {
      result[name] = FileManager.default.contents(atPath: "\(path)/\(name)") ?? Data()
    }
    return result
  }

  func files(endingIn suffix: String) throws -> [String] {
    try contents().keys.filter { $0.hasSuffix(suffix) }.sorted()
  }
}

/// Leaves what a kill in the middle of a commit leaves: pages of the database overwritten already, what
/// they held in a journal.
func leaveHotJournal(of database: String, in directory: StateDirectory) throws {
  let copy = "\(directory.path)/copy"
  do {
    let connection = try Database(path: database, access: .readWrite, busyTimeout: .zero)
    try connection.execute(
      "PRAGMA cache_size = 1; BEGIN; UPDATE message SET keywords = 'x', left_uid = left_uid + 1")
    for suffix in ["", "-journal"] {
      try FileManager.default.copyItem(atPath: database + suffix, toPath: copy + suffix)
    }
  }
  for suffix in ["", "-journal"] {
    try? FileManager.default.removeItem(atPath: database + suffix)
    try FileManager.default.moveItem(atPath: copy + suffix, toPath: database + suffix)
  }
}
