extension IMAPConnection {
  /// Connects and logs in.
  ///
  /// What follows the login (ID, ENABLE, NAMESPACE, COMPRESS) is only queued: it goes out together with
  /// the first commands of the caller.
  ///
  /// - Parameter profile: what an earlier connection of the same account learnt; it is not asked for again.
  public static func connect(
    _ configuration: IMAPConfiguration, profile: ServerProfile? = nil
  ) throws(IMAPError) -> IMAPConnection {
    let stream: any ByteStream
    do {
      stream = try Transport.open(configuration)
    } catch {
      throw IMAPError(error, reaching: configuration.target)
    }
    let connection = IMAPConnection(configuration, over: stream)
    try connection.start(profile: profile)
    return connection
  }

  func start(profile known: ServerProfile?) throws(IMAPError) {
    try awaitGreeting()
    let isLoggedIn: Bool
    switch greeting?.condition {
    case .ok: isLoggedIn = false
    case .preauth: isLoggedIn = true
    default: throw ended(IMAPError(.protocolViolation, "the server's greeting is not IMAP's"))
    }
    do {
      if configuration.tls == .startTLS { try startTLS(isLoggedIn: isLoggedIn) }
      if isLoggedIn { login = "not needed: the server says that we are" } else { try logIn() }
      if capabilities.isEmpty { try askForCapabilities() }
      try queueSetup(known)
    } catch {
      throw ended(error)
    }
  }

  private func awaitGreeting() throws(IMAPError) {
    do {
      try pump(while: { greeting == nil })
    } catch  where error.kind == .timeout && configuration.tls != .implicit {
      throw IMAPError(
        .timeout,
        "the server did not say anything for \(configuration.timeoutSeconds) s",
        advice: "is it the port for TLS? then the URL begins with imaps:")
    } catch {
      throw nobodyThere(error)
    }
  }

  /// A command that ends before it says anything was never there.
  private func nobodyThere(_ error: IMAPError) -> IMAPError {
    guard error.kind == .unreachable, case .command = configuration.target else { return error }
    var error = error
    error.advice = "try the command in a shell"
    return error
  }

  /// An error during the start ends the connection whatever it is.
  private func ended(_ error: IMAPError) -> IMAPError {
    fail(error)
    return error
  }

  func askForCapabilities() throws(IMAPError) {
    let status = try wait(send(.capability))
    if let error = IMAPError(status, to: "tell its capabilities") { throw error }
  }

  // MARK: TLS

  /// Nothing that was said before TLS counts afterwards. RFC 9051 §6.2.1.
  private func startTLS(isLoggedIn: Bool) throws(IMAPError) {
    if isLoggedIn {
      // RFC 9051 §11.1: a PREAUTH greeting may be an attacker's, to keep TLS from being started.
      throw IMAPError(
        .tls, "the server says we are logged in before TLS could be started",
        advice: "use an imaps: URL, or find out who answers on that port")
    }
    if capabilities.isEmpty { try askForCapabilities() }
    guard has(.startTLS) else {
      throw IMAPError(
        .tls, "the server does not offer STARTTLS",
        advice: "use an imaps: URL, or tls = none if the way to the server is safe")
    }
    let tag = try send(.startTLS)
    boundary = tag
    let status = try wait(tag)
    if let error = IMAPError(status, to: "start TLS") { throw IMAPError(.tls, error.message) }
    guard bytesAfterBoundary.isEmpty, !stream.hasBufferedInput, output.isEmpty else {
      throw IMAPError(
        .tls, "plain text came after the answer to STARTTLS: somebody may have injected it",
        advice: "use an imaps: URL, and find out who can write on this connection")
    }
    let plain = stream
    stream = try transport { () throws(TransportError) in
      try Transport.startTLS(on: plain, configuration)
    }
    tls = stream as? TLSStream
    reader = ResponseReader()
    capabilities = []
    profile = ServerProfile()
  }

  // MARK: After the login

  /// Queues what the rest of the session wants to know and to have, to go out with the first commands.
  private func queueSetup(_ known: ServerProfile?) throws(IMAPError) {
    if let known {
      profile = known
    } else {
      if has(.id) { try sendUnattended(.id) }
      if has(.namespace) { try sendUnattended(.namespace) }
    }
    // IMAP4rev2 stays off: nothing here needs it, and some servers' is broken.
    let wanted = [Capability.condStore, .qResync, .utf8Accept].filter(has)
    if has(.enable), !wanted.isEmpty { try sendUnattended(.enable(wanted)) }
    if compressesHere { compression = .wanted }
  }
}
