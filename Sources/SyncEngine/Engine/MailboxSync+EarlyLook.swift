import IMAPClient

/// The look at a side's own changes, with which the next round begins, taken as soon as the last of them is made, while they are
/// being recorded.
extension MailboxSync {
  /// What a side showed before its turn.
  struct EarlyLook {
    var request: OpenRequest
    var observation: Observation
  }

  /// A look that is being taken.
  struct BegunLook {
    fileprivate var request: OpenRequest
    fileprivate var observation: Promise<Result<Observation, EndpointError>>
  }

  /// To be called when flags have been stored, and to be followed by ``takeEarlyLooks(_:)`` before anything is asked of the
  /// endpoints.
  func beginEarlyLooks(_ endpoints: Both<any Endpoint>) -> Both<BegunLook?> {
    let looks = Both<BegunLook?> { side in
      guard changed[side], let request = earlyRequest(side) else { return nil }
      let observation = Promise { [name = fullNames[side], endpoint = endpoints[side]] in
        Result { () throws(EndpointError) in try endpoint.open(name, request) }
      }
      return BegunLook(request: request, observation: observation)
    }
    if policy.jobs > 1 { for side in Side.allCases { looks[side]?.observation.start() } }
    return looks
  }

  /// What goes wrong with one is met again when it has its turn.
  func takeEarlyLooks(_ looks: inout Both<BegunLook?>) {
    for side in Side.allCases {
      guard let look = looks[side] else { continue }
      looks[side] = nil
      guard let observation = try? look.observation.take().get() else { continue }
      earlyLooks[side] = EarlyLook(request: look.request, observation: observation)
    }
  }

  /// How a side that has stored flags can be looked at, because this was the last that is done there in this round. `nil` if
  /// more may follow, or may not be known.
  private func earlyRequest(_ side: Side) -> OpenRequest? {
    // Of two sides that tell everything there would be two in memory.
    guard isAlone, traits.left.hasModSequences || traits.right.hasModSequences,
      policy.expunge == .none, policy.maxSize == nil, isTrusted(side),
      pending[side].isEmpty, deferred[side].isEmpty, staleStubs.left.isEmpty,
      staleStubs.right.isEmpty, work.indices.allSatisfy({ work[$0].onlyChangesFlags })
    else { return nil }
    // A base that can't be read says so when it is asked again.
    return try? requestOfNextRound(side)
  }

  func takeEarlyLook(_ side: Side) -> Observation? {
    defer { earlyLooks[side] = nil }
    return earlyLooks[side]?.observation
  }

  /// Drops what was seen early, unless it is what is asked for now. The endpoint has told it, and nobody knows it: so nothing that
  /// it tells next may be a continuation of that.
  func dropEarlyLook(_ side: Side, unlessIt request: inout OpenRequest) {
    guard let early = earlyLooks[side], early.request != request else { return }
    forgetEarlyLook(side)
    request.isContinued = false
  }

  /// Something is done on a side of which it does not tell.
  func forgetEarlyLook(_ side: Side) {
    guard earlyLooks[side] != nil else { return }
    earlyLooks[side] = nil
    isContinued[side] = false
  }
}

extension ItemWork {
  @inline(__always) fileprivate var onlyChangesFlags: Bool {
    if isReleased { return true }
    guard case .agree = decision else { return false }
    return item.isKnown && stub == nil && claim == nil && fulfils == nil && source == nil
  }
}
