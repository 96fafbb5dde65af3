extension IMAPConnection {
  /// Begins an APPEND: messages follow by ``appendMessage(_:flags:date:size:)``, then ``endAppend(_:)``.
  ///
  /// - Parameter mailbox: as the server calls it.
  public func beginAppend(to mailbox: [UInt8]) throws(IMAPError) -> Tag {
    try checkIsOneLine(mailbox)
    let tag = try beginCommand()
    isInCommand = true
    appendLog = log == nil ? nil : "\(tag) APPEND \(ServerText.clean(mailbox))"
    output.append("\(tag) APPEND ".utf8)
    output.append(CommandText.quoted(mailbox))
    return tag
  }

  /// One message of an APPEND, whose bytes follow by ``write(_:)``, exactly `size` of them. A second
  /// one in the same command needs MULTIAPPEND (RFC 3502).
  ///
  /// - Parameter asking: waits for the server's leave in any case: it may refuse the message for its size.
  /// - Returns: false if the server has answered the command before it: then nothing more of it is to be
  ///   sent, and ``endAppend(_:)`` must not be called.
  public func appendMessage(
    _ tag: Tag, flags: FlagSet, date: InternalDate, size: UInt64, asking: Bool = false
  ) throws(IMAPError) -> Bool {
    let head = " (\(flags.names.joined(separator: " "))) \"\(date.imapText)\" "
    appendLog?.append("\(head){\(size) bytes}")
    output.append(head.utf8)
    return try beginLiteral(size, of: tag, asking: asking)
  }

  /// Bytes of the literal that was begun; waits when there are too many on their way.
  public func write(_ bytes: UnsafeRawBufferPointer) throws(IMAPError) {
    if let failure { throw failure }
    output.append(bytes)
    traffic.hasQueued = true
    try makeRoom()
  }

  /// Ends an APPEND, whose answer is to be waited for.
  public func endAppend(_ tag: Tag) throws(IMAPError) {
    if let failure { throw failure }
    output.append("\r\n".utf8)
    endCommand()
    try makeRoom()
  }

  /// Announces a literal, and waits for the server's leave where it has to be asked.
  /// RFC 9051 §4.3, RFC 7888.
  func beginLiteral(
    _ size: UInt64, of tag: Tag, asking: Bool = false
  ) throws(IMAPError) -> Bool {
    if let failure { throw failure }
    if !asking, has(.literalPlus) || (has(.literalMinus) && size <= 4096) {
      output.append("{\(size)+}\r\n".utf8)
      return true
    }
    output.append("{\(size)}\r\n".utf8)
    traffic.hasQueued = true
    guard try awaitContinuation(of: tag) != nil else {
      endCommand()
      return false
    }
    return true
  }

  /// Waits for `+`; `nil` if the command is answered instead.
  func awaitContinuation(of tag: Tag) throws(IMAPError) -> [UInt8]? {
    awaitsContinuation = true
    continuation = nil
    defer {
      awaitsContinuation = false
      continuation = nil
    }
    try pumpForAnswer(while: { continuation == nil && open.contains(tag) })
    return continuation
  }

  func endCommand() {
    isInCommand = false
    if let line = appendLog { log?.sent(line) }
    appendLog = nil
  }
}
