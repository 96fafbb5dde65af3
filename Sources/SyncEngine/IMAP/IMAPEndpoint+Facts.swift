import IMAPClient

extension IMAPEndpoint {
  /// In the order in which they are told. Those of the second kind cost time or comfort where they are missing.
  private static let used: [(capability: Capability, isMissed: Bool)] = [
    (.qResync, true), (.condStore, true), (.uidPlus, true), (.move, true), (.multiAppend, true),
    (.listExtended, false), (.listStatus, true), (.specialUse, false), (.createSpecialUse, false),
    (.eSearch, true), (.objectID, false), (.literalPlus, false), (.literalMinus, false),
    (.saslIR, false), (.enable, false), (.namespace, false), (.id, false), (.unselect, false),
    (.utf8Accept, false), (.compressDeflate, false), (.gmail, false),
  ]

  func facts() throws(EndpointError) -> EndpointFacts {
    try learnProfile()
    var facts = EndpointFacts()
    let profile = connection.profile
    facts.server = [profile.name, profile.version].compactMap { $0 }.joined(separator: " ")
    facts.tls = connection.tls?.info
    facts.chain = connection.tls?.chain ?? []
    facts.login = connection.login
    facts.tier = hasQResync ? .qresync : hasModSequences ? .condstore : .plain
    for (capability, isMissed) in IMAPEndpoint.used {
      if connection.has(capability) {
        facts.extensions.append(capability.name)
      } else if isMissed {
        facts.missing.append(capability.name)
      }
    }
    facts.isCompressed = connection.isCompressed
    return facts
  }
}
