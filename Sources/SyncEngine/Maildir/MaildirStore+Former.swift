import IMAPClient

/// How far mailboxes had come that runs took their names from, by renaming or deleting them: a line each beside the marks.
///
/// Another pair, which has not seen that, may make a mailbox under the name anew, and give it the UIDVALIDITY that it has
/// on the other side. Its UIDNEXT must not go back then (RFC 9051 §2.3.1.1), and no base need know what it was.
extension MaildirStore {
  private static let keyword = Array("was ".utf8)
  /// So many are remembered.
  private static let formerLimit = 256

  private struct Former {
    var uidValidity: UIDValidity
    var next: UInt32
    /// The levels, as they are written.
    var name: [UInt8]

    init(_ name: MailboxName, _ uidValidity: UIDValidity, next: UInt32) {
      self.uidValidity = uidValidity
      self.next = next
      self.name = Former.text(name)
    }

    // former = "was " uidvalidity SP uidnext SP name
    init?(_ line: [UInt8]) {
      guard line.starts(with: MaildirStore.keyword) else { return nil }
      let fields = line.dropFirst(MaildirStore.keyword.count)
        .split(separator: UInt8(ascii: " "), maxSplits: 2)
      guard fields.count == 3,
        let uidValidity = UIDList.number(fields[0]).flatMap({ UIDValidity($0) }),
        let next = UIDList.number(fields[1])
      else { return nil }
      self.uidValidity = uidValidity
      self.next = next
      name = Array(fields[2])
    }

    var line: [UInt8] {
      MaildirStore.keyword + Array("\(uidValidity.rawValue) \(next) ".utf8) + name
    }

    static func text(_ name: MailboxName) -> [UInt8] {
      Array(
        name.components.map { MaildirStore.escape(ModifiedUTF7.encode($0)) }
          .joined(separator: [0x09]))
    }
  }

  /// To be called before a run takes the name from a mailbox.
  ///
  /// - Parameter withThoseBelow: they are renamed together with it.
  func noteFormer(_ name: MailboxName, withThoseBelow: Bool) throws(EndpointError) {
    let names = try list(withIDs: false).mailboxes.filter {
      $0.isSelectable && ($0.name == name || withThoseBelow && $0.name.removingPrefix(name) != nil)
    }
    var noted: [Former] = []
    for name in names.map(\.name) {
      guard let list = try uidList(of: name), let uidValidity = list.uidValidity, list.next > 1
      else { continue }
      noted.append(Former(name, uidValidity, next: list.next))
    }
    guard !noted.isEmpty else { return }
    try changeMarks { lines in
      for former in noted {
        lines.removeAll { line in
          Former(line).map { $0.name == former.name && $0.uidValidity == former.uidValidity }
            ?? false
        }
        lines.append(former.line)
      }
      var surplus = lines.count { $0.starts(with: MaildirStore.keyword) } - MaildirStore.formerLimit
      lines.removeAll { line in
        guard surplus > 0, line.starts(with: MaildirStore.keyword) else { return false }
        surplus -= 1
        return true
      }
    }
  }

  /// The UIDNEXT of a mailbox that was of this name before.
  func formerNext(of name: MailboxName, _ uidValidity: UIDValidity) throws(EndpointError) -> UID {
    let text = Former.text(name)
    return try marks().compactMap { Former($0) }
      .filter { $0.name == text && $0.uidValidity == uidValidity }
      .compactMap { UID($0.next) }.max() ?? .first
  }

  private func uidList(of name: MailboxName) throws(EndpointError) -> UIDList? {
    let steps = try steps(to: name)
    let directory = try directory(steps)
    do throws(SystemError) {
      let file = try directory.openFile(MaildirFolder.listName)
      return UIDList(try file.readBlock(limit: MaildirFolder.listLimit))
    } catch {
      if error.isMissing { return nil }
      throw error.endpointError("can't read dovecot-uidlist in \(describe(steps))")
    }
  }
}
