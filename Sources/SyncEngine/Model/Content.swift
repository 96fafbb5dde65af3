import IMAPClient

/// What a message's bytes tell of its identity, equal on every server that keeps them: design.md §3.
public struct ContentID: Hashable, Sendable {
  /// Octets in the form in which the message goes over IMAP, every line ending in CRLF.
  public let size: UInt64
  /// A digest of the header; of the whole message where the header has neither a Message-ID nor a
  /// Received line and so does not tell two messages apart. See ``ContentHasher``.
  public let digest: GlobalUID

  public init(size: UInt64, digest: GlobalUID) {
    self.size = size
    self.digest = digest
  }
}

/// Names one message of an open mailbox.
public enum MessageHandle: Hashable, Comparable, Sendable {
  case uid(UID)
  /// A Maildir file that has no UID yet; the key is made of its base name, so it stays the same
  /// when the mailbox is opened again.
  case unnumbered(UInt64)

  public var uid: UID? { if case .uid(let uid) = self { uid } else { nil } }

  public static func < (left: MessageHandle, right: MessageHandle) -> Bool {
    switch (left, right) {
    case (.uid(let a), .uid(let b)): a < b
    case (.unnumbered(let a), .unnumbered(let b)): a < b
    case (.uid, .unnumbered): true
    case (.unnumbered, .uid): false
    }
  }
}
