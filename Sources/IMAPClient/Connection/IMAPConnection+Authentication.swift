extension IMAPConnection {
  func logIn() throws(IMAPError) {
    isLoggingIn = true
    defer { isLoggingIn = false }
    if capabilities.isEmpty { try askForCapabilities() }
    let selection = try sasl { () throws(SASLError) in
      try SASLSelection.choose(
        offered: capabilities, preferences: configuration.mechanisms, isSecure: isSecure,
        hasUser: configuration.user != nil,
        hasClientCertificate: configuration.tlsOptions.clientCertificate != nil)
    }
    loginAdvice = advice(selection)
    let status: StatusResponse
    switch selection {
    case .authenticate(let mechanism):
      login = mechanism.rawValue.uppercased()
      let credentials = try credentials(needsPassword: mechanism != .external)
      status = try authenticate(mechanism, credentials)
    case .loginCommand:
      login = "LOGIN command"
      status = try login(try credentials(needsPassword: true))
    }
    try check(status, refusal: nil)
  }

  /// What to do when the login is refused.
  private func advice(_ selection: SASLSelection) -> String {
    if case .authenticate(let mechanism) = selection, mechanism.takesToken {
      return "see what password-command prints: it has to be an access token that has not expired"
    }
    if case .authenticate(.external) = selection { return "" }
    // Large providers offer passwords as well, and refuse the right one.
    let tokens = IMAPConfiguration.Mechanism.allCases.filter { mechanism in
      mechanism.takesToken && has(Capability("AUTH=\(mechanism.rawValue)"))
    }
    var advice = ["check the user name and the password"]
    if let first = tokens.first {
      advice.append(
        "it may have to be one made for programs, or an OAuth2 token with auth = \(first.rawValue)")
    }
    if case .authenticate(let mechanism) = selection, mechanism.needsStoredForm, isSecure {
      let name = mechanism.rawValue.uppercased()
      advice.append("if it is right, try auth = plain, as not every one can be checked by \(name)")
    }
    return advice.count > 1 ? advice.joined(separator: "; ") : ""
  }

  /// Nobody on the way can read a password: TLS, a command's pipes, or an address of this machine.
  private var isSecure: Bool {
    if case .command = configuration.target { return true }
    if let plain = stream as? TCPStream { return plain.isLoopback }
    return stream is TLSStream
  }

  private func credentials(needsPassword: Bool) throws(IMAPError) -> SASLCredentials {
    var password: [UInt8] = []
    if needsPassword, let ask = configuration.password {
      do {
        password = try ask()
      } catch {
        throw IMAPError(.authentication, error.message, advice: error.advice)
      }
    }
    secrets.add(password)
    var credentials = SASLCredentials(user: configuration.user ?? "", password: password)
    if case .tcp(let host, let port) = configuration.target {
      credentials.host = HostName.ascii(host)
      credentials.port = port
    }
    return credentials
  }

  /// AUTHENTICATE, with the first response on the same line where the server takes it. RFC 4959.
  private func authenticate(
    _ mechanism: IMAPConfiguration.Mechanism, _ credentials: SASLCredentials
  ) throws(IMAPError) -> StatusResponse {
    var exchange = try sasl { () throws(SASLError) in
      try SASLExchange(mechanism: mechanism, credentials: credentials)
    }
    var initial: [UInt8]?
    if has(.saslIR) {
      initial = exchange.initialResponse()
    }
    let tag = try beginCommand()
    // Those of before the login are void after it; its OK usually brings the new ones. RFC 9051 §6.2.2.
    capabilities = []
    log?.sent("\(tag) AUTHENTICATE \(exchange.name)\(initial == nil ? "" : " ***")")
    log?.hidesContinuations = true
    defer { log?.hidesContinuations = false }
    output.append("\(tag) AUTHENTICATE \(exchange.name)".utf8)
    if let initial {
      secrets.add(initial)
      output.append(" ".utf8 + initial)
    }
    output.append("\r\n".utf8)

    while let challenge = try awaitContinuation(of: tag) {
      do {
        let response = try exchange.respond(to: challenge)
        secrets.add(response)
        output.append(response)
      } catch {
        output.append("*\r\n".utf8)
        _ = try wait(tag)
        throw IMAPError(error)
      }
      log?.sent("***")
      traffic.hasQueued = true
      output.append("\r\n".utf8)
    }
    let status = try wait(tag)
    try check(status, refusal: exchange.refusal)
    try sasl { () throws(SASLError) in try exchange.finish() }
    return status
  }

  /// LOGIN; name and password as literals where they can't be quoted. RFC 9051 §6.2.3.
  private func login(_ credentials: SASLCredentials) throws(IMAPError) -> StatusResponse {
    let tag = try beginCommand()
    log?.sent("\(tag) LOGIN *** ***")
    output.append("\(tag) LOGIN".utf8)
    var goesOn = true
    for text in [Array(credentials.user.utf8), credentials.password] where goesOn {
      guard !text.contains(0) else {
        throw IMAPError(.authentication, "the user name or password has a NUL character")
      }
      output.append(" ".utf8)
      if text.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) {
        output.append(CommandText.quoted(text))
        if text == credentials.password { secrets.add(CommandText.quoted(text)) }
      } else {
        goesOn = try beginLiteral(UInt64(text.count), of: tag)
        if goesOn { output.append(text) }
      }
    }
    if goesOn { output.append("\r\n".utf8) }
    capabilities = []
    return try wait(tag)
  }

  /// - Parameter refusal: what the mechanism itself was told about the reason.
  private func check(_ status: StatusResponse, refusal: String?) throws(IMAPError) {
    guard status.condition != .ok else { return }
    let text =
      refusal.map { ServerText.reason(secrets.clean(Array($0.utf8))) }
      ?? ServerText.reason(status.text)
    guard isBusy(status) else {
      throw IMAPError(
        .authentication, "the server refuses the login: \(text)", advice: loginAdvice,
        code: status.code)
    }
    throw IMAPError(
      .busy, "the server can't log us in at the moment: \(text)", code: status.code)
  }

  /// The login may be right, the server just can't now. RFC 9051 §7.1; Gmail says so in words alone.
  private func isBusy(_ status: StatusResponse) -> Bool {
    switch status.code {
    case .unavailable, .inUse, .limit, .serverBug: true
    default:
      ServerText.clean(status.text).lowercased().contains("too many simultaneous connections")
    }
  }

  private func sasl<Result>(_ body: () throws(SASLError) -> Result) throws(IMAPError) -> Result {
    do {
      return try body()
    } catch {
      throw IMAPError(error)
    }
  }
}

extension IMAPError {
  fileprivate init(_ error: SASLError) {
    switch error {
    case .noMechanism(let reason, let advice):
      self.init(.authentication, reason, advice: advice)
    case .badServer(let text), .refused(let text): self.init(.authentication, text)
    case .unsuitable(let text):
      self.init(.authentication, text, advice: "choose another mechanism with `auth`")
    }
  }
}
