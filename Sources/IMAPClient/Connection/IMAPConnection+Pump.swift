extension IMAPConnection {
  /// Reads and writes for as long as `isWaiting`, sleeping until either end can go on.
  func pump(while isWaiting: () -> Bool) throws(IMAPError) {
    var polls = PollSet()
    try whileUsable { () throws(IMAPError) in
      while isWaiting() {
        polls.removeAll()
        let wrote = try writeSome(&polls)
        let read = try readSome(&polls)
        if !wrote, !read, isWaiting() { try sleep(&polls) }
      }
    }
  }

  /// The same for an answer: if something was queued since the last one that was waited for, this is a
  /// round trip.
  func pumpForAnswer(while isWaiting: () -> Bool) throws(IMAPError) {
    if isWaiting(), traffic.hasQueued {
      traffic.roundTrips += 1
      traffic.hasQueued = false
    }
    try pump(while: isWaiting)
  }

  /// Runs `body`; an error that ends the connection ends it for good.
  func whileUsable(_ body: () throws(IMAPError) -> Void) throws(IMAPError) {
    if let failure { throw failure }
    do {
      try body()
    } catch {
      if error.endsConnection { fail(error) }
      throw error
    }
  }

  private func sleep(_ polls: inout PollSet) throws(IMAPError) {
    traffic.pace.waits &+= 1
    let deadline = Deadline.after(seconds: configuration.timeoutSeconds)
    let isReady: Bool
    do {
      isReady = try polls.wait(until: deadline)
    } catch {
      throw IMAPError(.connectionLost, "the connection can't be waited for: \(error)")
    }
    if !isReady { throw IMAPError(.timedOut(seconds: configuration.timeoutSeconds)) }
  }

  // MARK: Writing

  /// Writes what the stream takes now; true if it took something.
  func writeSome(_ polls: UnsafeMutablePointer<PollSet>?) throws(IMAPError) -> Bool {
    try askForCompression()
    var hasMoved = false
    while !output.isEmpty {
      let progress = try transport { () throws(TransportError) in
        try output.withBytes { (bytes) throws(TransportError) in try stream.write(bytes) }
      }
      guard case .done(let count) = progress else {
        if progress == .ended { throw lost() }
        polls?.pointee.add(progress, of: stream)
        return hasMoved
      }
      output.remove(count)
      hasMoved = true
    }
    let progress = try transport { () throws(TransportError) in try stream.flush() }
    polls?.pointee.add(progress, of: stream)
    return hasMoved
  }

  /// Waits until there is room for more output.
  func makeRoom() throws(IMAPError) {
    if output.count >= IMAPConnection.outputLimit {
      try pump(while: { output.count >= IMAPConnection.outputLimit / 2 })
    } else if output.count >= IMAPConnection.outputChunk {
      try push()
    }
  }

  // MARK: Reading

  /// Reads what is there and acts on it; true if there was something.
  func readSome(_ polls: inout PollSet) throws(IMAPError) -> Bool {
    let capacity = 64 << 10
    var received: [UInt8] = []
    let progress = try transport { () throws(TransportError) in
      var progress = StreamProgress.ended
      received = try [UInt8](capacity: capacity) { (span) throws(TransportError) in
        try span.withUnsafeMutableBufferPointer { (buffer, count) throws(TransportError) in
          progress = try stream.read(into: UnsafeMutableRawBufferPointer(buffer))
          if case .done(let read) = progress { count = read }
        }
      }
      return progress
    }
    switch progress {
    case .done:
      traffic.pace.reads &+= 1
      try take(received)
      return true
    case .ended:
      throw lost()
    case .needsRead, .needsWrite:
      polls.add(progress, of: stream)
      return false
    }
  }

  /// Gives bytes to the parser, which calls back with what they mean.
  func take(_ bytes: [UInt8]) throws(IMAPError) {
    try bytes.withBytes { (all) throws(IMAPError) in
      var rest = all[...]
      while !rest.isEmpty {
        // Line by line as long as what follows an answer may not be plain IMAP.
        let end = boundary == nil ? nil : rest.firstIndex(of: 0x0a).map { $0 + 1 }
        let piece = UnsafeRawBufferPointer(rebasing: rest[..<(end ?? rest.endIndex)])
        rest = rest[(end ?? rest.endIndex)...]
        try parse(piece)
        if let tag = boundary, !open.contains(tag) {
          boundary = nil
          try reachedBoundary(tag, rest: Array(rest))
          return
        }
      }
    }
  }

  private func parse(_ bytes: UnsafeRawBufferPointer) throws(IMAPError) {
    log?.received(bytes)
    var problem: IMAPError?
    do {
      try reader.feed(bytes) { event in
        if problem == nil { problem = handle(event) }
      }
    } catch {
      // An excerpt is cut out of a line, so it may have a part of a secret.
      let excerpt = isLoggingIn ? [] : secrets.clean(Array(error.excerpt.utf8))
      throw IMAPError(
        ParseError(error.message, excerpt: String(decoding: excerpt, as: UTF8.self)))
    }
    if let problem { throw problem }
  }

  func lost() -> IMAPError {
    IMAPError(.connectionLost, "the server closed the connection")
  }

  func transport<Result>(_ body: () throws(TransportError) -> Result) throws(IMAPError) -> Result {
    do {
      return try body()
    } catch {
      throw IMAPError(error)
    }
  }
}
