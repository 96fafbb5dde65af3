extension IMAPConnection {
  /// Asks for COMPRESS=DEFLATE behind everything queued so far.
  ///
  /// It goes out last in the first flight after the login, so that it costs no round trip: nothing may
  /// follow it before its answer. RFC 4978 §3.
  func askForCompression() throws(IMAPError) {
    guard case .wanted = compression, !isInCommand, failure == nil, lastTag < .max else { return }
    lastTag += 1
    let tag = Tag(lastTag)
    open.insert(tag)
    compression = .asked(tag)
    boundary = tag
    let line = "\(tag) COMPRESS DEFLATE"
    output.append("\(line)\r\n".utf8)
    log?.sent(line)
  }

  /// The answer to the command at the boundary has come; `rest` came behind it.
  func reachedBoundary(_ tag: Tag, rest: [UInt8]) throws(IMAPError) {
    guard case .asked(tag) = compression else {
      bytesAfterBoundary = rest
      return
    }
    compression = .unused
    guard answers.removeValue(forKey: tag)?.condition == .ok else { return try take(rest) }
    let base = stream
    stream = try transport { () throws(TransportError) in
      try DeflateStream(over: base, alreadyRead: rest)
    }
  }

  /// The next command may have to wait for an answer before it can be sent.
  public var isAboutToCompress: Bool {
    if case .unused = compression { false } else { true }
  }

  var compressesHere: Bool {
    guard configuration.compresses, has(.compressDeflate) else { return false }
    if case .command = configuration.target { return false }
    return !Transport.isLocal(stream)
  }
}
