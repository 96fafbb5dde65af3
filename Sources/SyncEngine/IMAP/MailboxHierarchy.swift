import IMAPClient

/// Translates between mailbox names and what one server calls them: the prefix of the personal
/// namespace, the separator and the encoding stay on the server's side of it.
struct MailboxHierarchy: Hashable {
  /// What is put before every name but INBOX: `INBOX.` on some servers.
  let prefix: [UInt8]
  /// `nil`: the server has no hierarchy.
  let separator: UInt8?
  /// Names are UTF-8 instead of modified UTF-7. RFC 9755 §3.
  let usesUTF8: Bool
  /// Prefixes of other users' and shared mailboxes, which are not synced.
  let foreign: [[UInt8]]

  enum Translation: Hashable {
    case name(MailboxName)
    /// Not one of the account's own mailboxes.
    case foreign
    case unusable(reason: String)
  }

  /// No server lets its users make longer names, and no Maildir could hold them.
  static let lengthLimit = 1000

  /// - Parameter separator: what LIST showed; used where there are no namespaces.
  init(namespaces: NamespaceResponse?, separator: UInt8?, usesUTF8: Bool) {
    let own = namespaces?.personal.first
    prefix = own?.prefix ?? []
    self.separator = own?.separator ?? separator
    self.usesUTF8 = usesUTF8
    let others = (namespaces?.others ?? []) + (namespaces?.shared ?? [])
    foreign = others.map(\.prefix).filter { [prefix] in !$0.isEmpty && !prefix.starts(with: $0) }
  }

  func translate(_ wire: [UInt8]) -> Translation {
    if MailboxHierarchy.isInbox(wire[...]) { return .name(.inbox) }
    if foreign.contains(where: { lies(wire, in: $0) }) { return .foreign }
    guard wire.count <= MailboxHierarchy.lengthLimit else {
      return .unusable(reason: "its name is longer than \(MailboxHierarchy.lengthLimit) octets")
    }
    guard let text = wire[...].removingPrefix(prefix) else {
      return isRoot(wire) ? .foreign : .unusable(reason: "it lies outside the account's namespace")
    }
    guard !text.isEmpty else { return .foreign }
    var components: [String] = []
    for part in split(text) {
      guard let component = decode(part) else {
        return .unusable(reason: "its name is not properly encoded")
      }
      components.append(component)
    }
    if components.contains("") { return .unusable(reason: "a level of its name is empty") }
    guard let name = MailboxName(components) else {
      return .unusable(reason: "its name has control characters")
    }
    // INBOX.INBOX under the prefix INBOX. would be a second INBOX.
    return name.isInbox && !prefix.isEmpty
      ? .unusable(reason: "its name is the same as INBOX's") : .name(name)
  }

  /// - Throws: ``FailureCode/nameNotPossible`` for a name that this server can't have.
  func encode(_ name: MailboxName) throws(EndpointError) -> [UInt8] {
    if name.isInbox { return Array("INBOX".utf8) }
    var wire = prefix
    for (index, component) in name.components.enumerated() {
      if index > 0 {
        guard let separator else {
          throw nameError("the server has no mailboxes within mailboxes")
        }
        wire.append(separator)
      }
      let encoded = encode(component)
      if let separator, encoded.contains(separator) {
        let character = String(decoding: [separator], as: UTF8.self)
        throw nameError("the server takes “\(character)” in “\(component)” for a level")
      }
      wire += encoded
    }
    return wire
  }

  static func isInbox(_ wire: ArraySlice<UInt8>) -> Bool {
    wire.count == 5 && wire.elementsEqual("inbox".utf8, by: { $0 | 0x20 == $1 })
  }

  private func nameError(_ message: String) -> EndpointError {
    EndpointError(
      .mailbox, .nameNotPossible, message,
      advice: "rename the mailbox, or give it another name there with 'map'")
  }

  private func split(_ text: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
    guard let separator else { return [text] }
    return text.split(separator: separator, omittingEmptySubsequences: false)
  }

  private func lies(_ wire: [UInt8], in prefix: [UInt8]) -> Bool {
    wire.starts(with: prefix) || (prefix.last == separator && wire == prefix.dropLast())
  }

  /// The prefix itself, without its separator: not a mailbox of its own unless it is INBOX.
  private func isRoot(_ wire: [UInt8]) -> Bool { wire[...] == prefix.dropLast() }

  private func decode(_ part: ArraySlice<UInt8>) -> String? {
    usesUTF8 ? String(validating: part, as: UTF8.self) : ModifiedUTF7.decode(part)
  }

  private func encode(_ component: String) -> [UInt8] {
    usesUTF8 ? Array(component.utf8) : ModifiedUTF7.encode(component)
  }
}

extension ArraySlice<UInt8> {
  /// What follows `prefix`; `nil` if this does not begin with it. INBOX as its first level matches in
  /// any case.
  fileprivate func removingPrefix(
    _ prefix: [UInt8]
  ) -> ArraySlice<UInt8>? {
    if starts(with: prefix) { return dropFirst(prefix.count) }
    guard prefix.count > 5, MailboxHierarchy.isInbox(prefix[..<5]), count >= prefix.count,
      MailboxHierarchy.isInbox(self.prefix(5)),
      dropFirst(5).starts(with: prefix[5...])
    else { return nil }
    return dropFirst(prefix.count)
  }
}
