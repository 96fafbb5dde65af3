import IMAPClient

/// What SELECT and everything after it told of the mailbox that is selected on the server.
struct SelectedMailbox {
  let name: MailboxName
  var uidValidity: UIDValidity?
  var uidNext: UID?
  var highestModSeq: ModSequence?
  var exists: UInt32 = 0 { didSet { isCounted = true } }
  /// The server has said how many messages there are.
  private(set) var isCounted = false
  var isReadOnly = false
  var mailboxID: [UInt8]?
  /// From PERMANENTFLAGS: what can be stored for good; `nil` if the server did not say.
  var permanentFlags: [[UInt8]]?
  /// `[UIDNOTSTICKY]`: UIDs do not outlast the session. RFC 4315 §4.
  var forgetsUIDs = false

  /// The keywords that the mailbox keeps; `nil`: any. RFC 9051 §7.1 (PERMANENTFLAGS).
  var permanentKeywords: Set<Keyword>? {
    guard let permanentFlags else { return nil }
    if permanentFlags.contains(Array("\\*".utf8)) { return nil }
    return Set(permanentFlags.compactMap { Keyword(String(decoding: $0, as: UTF8.self)) })
  }

  /// Flags that are no keywords and that the mailbox says it keeps; `nil`: it does not say. RFC 9051 §7.1 (PERMANENTFLAGS).
  var permanentSystemFlags: SystemFlags? {
    guard let permanentFlags else { return nil }
    let names = Set(permanentFlags.map { String(decoding: $0, as: UTF8.self).lowercased() })
    return SystemFlags(
      SystemFlags.names.filter { names.contains($0.name.lowercased()) }.map(\.flag))
  }

  /// Those of these flags that the mailbox keeps, as far as it tells.
  func kept(_ flags: FlagSet) -> FlagSet {
    let system = permanentSystemFlags.map { flags.system.intersection($0) } ?? flags.system
    return FlagSet(system, keywords: flags.keywords.filter { keeps($0) })
  }

  func keeps(_ keyword: Keyword) -> Bool { permanentKeywords?.contains(keyword) ?? true }

  mutating func note(_ code: ResponseCode) {
    switch code {
    case .uidValidity(let value): uidValidity = value
    case .uidNext(let value): uidNext = value
    case .highestModSeq(let value): highestModSeq = value
    case .noModSeq: highestModSeq = nil
    case .permanentFlags(let flags): permanentFlags = flags
    case .mailboxID(let id): mailboxID = id
    case .uidNotSticky: forgetsUIDs = true
    case .readOnly: isReadOnly = true
    case .readWrite: isReadOnly = false
    default: break
    }
  }

  mutating func forget(_ count: Int) {
    guard isCounted else { return }
    exists = UInt32(clamping: Swift.max(0, Int(exists) - count))
  }
}
