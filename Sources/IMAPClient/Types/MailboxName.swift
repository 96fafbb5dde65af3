import Glibc

/// A mailbox's name: its hierarchy levels in Unicode, without any server's separator or encoding.
///
/// `INBOX` as the only level is recognised in any case and stored in capitals. RFC 9051 §5.1.
public struct MailboxName: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// At least one; none is empty.
  public let components: [String]

  /// - Returns: `nil` without components, or when one of them is empty or has a control character.
  public init?(_ components: [String]) {
    guard !components.isEmpty,
      components.allSatisfy({ component in
        !component.isEmpty
          && component.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }
      })
    else { return nil }
    // In ASCII only: a dotless i would become an I.
    let isInbox =
      components.count == 1 && components[0].utf8.elementsEqual("inbox".utf8) { $0 | 0x20 == $1 }
    self.components = isInbox ? ["INBOX"] : components
  }

  private init(known components: [String]) { self.components = components }

  /// - Parameter path: levels divided by `/`, as the configuration and the command line write them.
  public init?(path: String) {
    self.init(path.split(separator: "/", omittingEmptySubsequences: false).map(String.init))
  }

  public static let inbox = MailboxName(known: ["INBOX"])

  public var isInbox: Bool { self == .inbox }

  /// The levels joined by `/`: how people see the name. Not reversible if a level has a `/`.
  public var path: String { components.joined(separator: "/") }

  public var description: String { path }

  public var parent: MailboxName? {
    components.count > 1 ? MailboxName(known: Array(components.dropLast())) : nil
  }

  /// This name with `other`'s levels after its own.
  public func appending(_ other: MailboxName) -> MailboxName {
    MailboxName(known: components + other.components)
  }

  /// The levels below `prefix`; `nil` if this name does not lie below it.
  public func removingPrefix(_ prefix: MailboxName) -> MailboxName? {
    guard components.count > prefix.components.count,
      components.starts(with: prefix.components, by: { $0.utf8.elementsEqual($1.utf8) })
    else { return nil }
    return MailboxName(Array(components.dropFirst(prefix.components.count)))
  }

  // Names are compared byte by byte: String's own equality takes a letter with an accent and the same letter
  // followed by a combining accent for one, and a server may have a mailbox of either name.

  public static func == (left: MailboxName, right: MailboxName) -> Bool {
    let count = left.components.count
    guard count == right.components.count else { return false }
    for index in 0..<count where order(left.components[index], right.components[index]) != 0 {
      return false
    }
    return true
  }

  public func hash(into hasher: inout Hasher) {
    for var component in components {
      component.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
      hasher.combine(0 as UInt8)
    }
  }

  public static func < (left: MailboxName, right: MailboxName) -> Bool {
    for index in 0..<min(left.components.count, right.components.count) {
      let order = order(left.components[index], right.components[index])
      if order != 0 { return order < 0 }
    }
    return left.components.count < right.components.count
  }

  /// Below, at or above 0 as the bytes of the first come before those of the second, are the same or come after.
  private static func order(_ left: String, _ right: String) -> Int {
    var (left, right) = (left, right)
    return left.withUTF8 { left in
      right.withUTF8 { right in
        let common = min(left.count, right.count)
        if common > 0, let one = left.baseAddress, let other = right.baseAddress {
          let order = memcmp(one, other, common)
          if order != 0 { return Int(order) }
        }
        return left.count - right.count
      }
    }
  }
}

/// What a mailbox is for. RFC 6154 §2.
public enum SpecialUse: String, CaseIterable, Hashable, Sendable {
  case all = "\\All"
  case archive = "\\Archive"
  case drafts = "\\Drafts"
  case flagged = "\\Flagged"
  case junk = "\\Junk"
  case sent = "\\Sent"
  case trash = "\\Trash"
}
