import IMAPClient
import SyncEngine

/// The object that `check --json` prints.
enum CheckJSON {
  static func make(_ pairs: [CheckedPair]) -> JSON {
    .object([("version", .string(Version.current)), ("pairs", .array(pairs.map(pair)))])
  }

  private static func pair(_ checked: CheckedPair) -> JSON {
    .object([
      ("pair", .string(checked.pair)),
      ("result", .string(checked.failures.isEmpty ? "ok" : "failed")),
      ("left", endpoint(checked.endpoints.left)),
      ("right", endpoint(checked.endpoints.right)),
      ("state", .string(checked.stateDirectory)),
      ("state_free", .boolean(checked.isStateFree)),
      ("mailboxes", .array(checked.mailboxes.map(mailbox))),
      ("errors", .array(checked.failures.map(JSONReport.failure))),
      ("warnings", .array(checked.warnings.map(JSONReport.failure))),
    ])
  }

  private static func endpoint(_ endpoint: CheckedPair.Endpoint) -> JSON {
    let facts = endpoint.facts
    return .object([
      ("endpoint", .string(endpoint.name)),
      ("reached", .boolean(endpoint.isReached)),
      ("exists", .boolean(endpoint.isReached && !endpoint.isMissing)),
      ("mailboxes", .count(endpoint.mailboxes)),
      ("messages", endpoint.messages.map { .count($0) } ?? .null),
      ("layout", .text(facts.layout?.rawValue)),
      ("server", .text(facts.server)),
      ("tls", facts.tls.map { tls($0, facts.chain) } ?? .null),
      ("login", .text(facts.login)),
      ("changes", .text(facts.tier?.rawValue)),
      ("extensions", .array(facts.extensions.map(JSON.string))),
      ("missing", .array(facts.missing.map(JSON.string))),
      ("compressed", .boolean(facts.isCompressed)),
    ])
  }

  private static func tls(_ info: TLSInfo, _ chain: [CertificateInfo]) -> JSON {
    .object([
      ("version", .string(info.version)), ("cipher", .string(info.cipher)),
      ("chain", .array(chain.map(certificate))),
    ])
  }

  private static func certificate(_ certificate: CertificateInfo) -> JSON {
    .object([
      ("subject", .string(certificate.subject)), ("issuer", .string(certificate.issuer)),
      ("names", .array(certificate.names.map(JSON.string))),
      ("expires", certificate.expiresAt.map { .integer($0) } ?? .null),
      (
        "sha256",
        .string(certificate.sha256.map { Text.hexadecimal(UInt32($0), digits: 2) }.joined())
      ),
    ])
  }

  private static func mailbox(_ mailbox: CheckedPair.Mailbox) -> JSON {
    let state =
      switch mailbox.state {
      case .both: "both"
      case .only(let side): "only-\(side)"
      case .stays(let side): "stays-\(side)"
      case .gone(let side): "gone-\(side)"
      case .renamed(let side): "renamed-\(side)"
      case .contested: "contested"
      case .leftOut: "left-out"
      }
    return .object([
      ("left", .text(mailbox.left?.path)), ("right", .text(mailbox.right?.path)),
      ("state", .string(state)),
    ])
  }
}
