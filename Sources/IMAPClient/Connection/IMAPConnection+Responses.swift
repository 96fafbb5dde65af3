extension IMAPConnection {
  /// Acts on what came.
  /// - Returns: why the connection can't go on.
  func handle(_ event: WireEvent) -> IMAPError? {
    guard case .response(let said) = event else {
      observer?.receive(event)
      return nil
    }
    let response = secrets.clean(said)
    if let problem = handle(response) { return problem }
    observer?.receive(.response(response))
    return nil
  }

  private func handle(_ response: Response) -> IMAPError? {
    if let excess = budgetLeft.spend(on: response) {
      return IMAPError(
        .protocolViolation, "the server tells of \(excess) without end and answers no command")
    }
    switch response {
    case .tagged(let tag, let status):
      budgetLeft = budget
      return finish(tag, status)
    case .status(let status): return handle(status)
    case .continuation(let text):
      guard awaitsContinuation, continuation == nil else {
        return IMAPError(.protocolViolation, "the server asks for input that nobody announced")
      }
      continuation = text
    case .capability(let list): setCapabilities(list)
    case .enabled(let list): profile.enabled.formUnion(allowed(list))
    case .namespace(let namespaces): profile.namespaces = namespaces
    case .id(let fields):
      func field(_ name: String) -> String? {
        let value = fields.first { $0.key.lowercasedASCII == Array(name.utf8) }?.value
        return value.map { ServerText.clean($0) }
      }
      profile.name = field("name") ?? profile.name
      profile.version = field("version") ?? profile.version
    default: break
    }
    return nil
  }

  private func finish(_ tag: Tag, _ status: StatusResponse) -> IMAPError? {
    guard open.remove(tag) != nil else {
      return IMAPError(
        .protocolViolation, "the server answers a command that was not sent (\(tag))")
    }
    if case .capability(let list)? = status.code { setCapabilities(list) }
    if unattended.remove(tag) == nil { answers[tag] = status }
    return nil
  }

  private func handle(_ status: StatusResponse) -> IMAPError? {
    if case .capability(let list)? = status.code { setCapabilities(list) }
    if greeting == nil { greeting = status }
    guard status.condition == .bye, !isEnding else { return nil }
    let text = ServerText.reason(status.text)
    return IMAPError(
      .connectionLost, "the server ended the connection: \(text)", code: status.code)
  }

  func setCapabilities(_ list: [Capability]) { capabilities = Set(allowed(list)) }

  private func allowed(_ list: [Capability]) -> [Capability] {
    list.filter { !configuration.disabledCapabilities.contains($0) }
  }
}

extension [UInt8] {
  var lowercasedASCII: [UInt8] { map { $0 >= 0x41 && $0 <= 0x5a ? $0 | 0x20 : $0 } }
}

extension IMAPError {
  /// What a tagged NO or BAD means; `nil` for OK.
  ///
  /// - Parameter action: what was tried: `open the mailbox`.
  public init?(_ status: StatusResponse, to action: String) {
    let text = ServerText.reason(status.text)
    switch status.condition {
    case .no:
      self.init(.refused, "the server refuses to \(action): \(text)", code: status.code)
    case .bad:
      self.init(
        .notUnderstood, "the server does not understand the command to \(action): \(text)",
        code: status.code)
    case .ok, .preauth, .bye: return nil
    }
  }
}
