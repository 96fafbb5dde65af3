import IMAPClient

extension SQLiteStateStore {
  /// Drops the whole base of a pair, damaged or of a newer version as it may be. Mail is untouched, and
  /// so are bases that were set aside.
  ///
  /// - Returns: whether there was one.
  public static func forget(directory: String, pair: String) throws(StateError) -> Bool {
    let files = StateFiles(directory: directory, pair: pair)
    guard StateFiles.exists(directory) else { return false }
    let lock = try StateLock(path: files.lock, pair: pair)
    _ = try StateFiles.remove(files.journal)
    let existed = try StateFiles.remove(files.database)
    files.removeNames()
    // While the lock is held: who waits for it looks again whether the file is still the one named so.
    _ = try StateFiles.remove(files.lock)
    _ = consume lock
    return existed
  }

  /// Drops what the base knows of one mailbox.
  ///
  /// - Parameter mailbox: its name on either side; a mailbox with this name on the left goes before one
  ///   with it on the right.
  /// - Returns: whether the base knew it.
  public func forget(_ mailbox: MailboxName) throws(StateError) -> Bool {
    let known = try mailboxes()
    guard
      let found = known.first(where: { $0.names.left == mailbox })
        ?? known.first(where: { $0.names.right == mailbox })
    else { return false }
    try commit([.removeMailbox(found.id)])
    return true
  }
}
