import IMAPClient

/// How the mailboxes lie in a Maildir tree.
public enum MaildirLayout: String, CaseIterable, Hashable, Sendable {
  /// INBOX is the root itself, `A/B` is the directory `.A.B` beside its `cur`.
  case maildirPlusPlus = "maildir++"
  /// `A/B` is the directory `A/B`; INBOX is the directory `INBOX`.
  case fs
}

extension MaildirLayout {
  /// The directories from the root down to the mailbox `name`; empty for the root itself.
  ///
  /// - Throws: `nameNotPossible`, with the reason, for a name that the layout can't hold.
  func steps(to name: MailboxName) throws(EndpointError) -> [FileName] {
    if let reason = objection(to: name) {
      throw EndpointError(
        .mailbox, .nameNotPossible, "a Maildir can't hold a mailbox with this name: \(reason)",
        advice: "rename it, or leave it out with 'mailboxes'")
    }
    let encoded = name.components.map(ModifiedUTF7.encode)
    switch self {
    case .fs: return encoded
    case .maildirPlusPlus:
      return name.isInbox ? [] : [encoded.reduce(into: []) { $0 += [UInt8(ascii: ".")] + $1 }]
    }
  }

  /// The mailbox that a directory is, given as the steps from the root to it.
  ///
  /// - Returns: `nil` for a name that can't be decoded, or that would be written otherwise.
  func name(of steps: [FileName]) -> MailboxName? {
    let encoded: [FileName]
    switch self {
    case .fs: encoded = steps
    case .maildirPlusPlus:
      guard let directory = steps.first else { return .inbox }
      encoded = directory.dropFirst().split(
        separator: UInt8(ascii: "."), omittingEmptySubsequences: false
      ).map(Array.init)
    }
    var components: [String] = []
    for step in encoded {
      guard let component = ModifiedUTF7.decode(step) else { return nil }
      components.append(component)
    }
    guard let name = MailboxName(components), let back = try? self.steps(to: name), back == steps
    else { return nil }
    return name
  }

  /// The last step as it would have to be called, for a directory that was named in UTF-8, as people and some
  /// programs do it.
  func encoded(_ steps: [FileName]) -> FileName? {
    guard let last = steps.last, name(of: steps) == nil,
      let text = String(validating: last, as: UTF8.self)
    else { return nil }
    let fit = ModifiedUTF7.encode(text)
    return name(of: steps.dropLast() + [fit]) == nil ? nil : fit
  }

  /// Why the layout can't hold a mailbox of this name.
  private func objection(to name: MailboxName) -> String? {
    for component in name.components {
      let encoded = ModifiedUTF7.encode(component)
      if component.contains("/") { return "'/' in it" }
      if encoded.count > 255 { return "it is too long" }
      switch self {
      case .maildirPlusPlus: if component.contains(".") { return "'.' in it" }
      case .fs:
        if [".", "..", "cur", "new", "tmp"].contains(component) {
          return "'\(component)' is reserved"
        }
        if MaildirStore.ownNames.contains(encoded) { return "'\(component)' is reserved" }
      }
    }
    if name.components.first?.hasPrefix("~") == true { return "it begins with '~'" }
    if self == .maildirPlusPlus {
      let length = name.components.reduce(0) { $0 + 1 + ModifiedUTF7.encode($1).count }
      if length > 255 { return "it is too long" }
    }
    return nil
  }
}
