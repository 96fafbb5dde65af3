import IMAPClient

/// The message by which a UID of a server is used up (design.md §5): flagged `\Seen \Deleted`, and expunged at once.
enum Filler {
  static let text = Array("Subject: mboxsync uses up a UID\r\n\r\n".utf8)
  static let flags = FlagSet([.seen, .deleted])

  static let content: ContentID = {
    var hasher = ContentHasher()
    text.withUnsafeBytes { hasher.update($0) }
    return hasher.finish()
  }()
}
