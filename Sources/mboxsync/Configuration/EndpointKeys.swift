import IMAPClient
import SyncEngine

/// Keys of an `[endpoint]` section; in a pair and with `--set` with `left.` or `right.` in front.
enum EndpointKeys {
  static let all: [Key<EndpointSettings>] = [
    Key("url") { settings, value, context throws(ValueError) in
      // Quotes in a command are the shell's.
      let text = value.inner.lowercased().hasPrefix("exec:") ? value.inner : value.text
      settings.url = try EndpointURL(text, context)
    },
    Key("user") { settings, value, _ throws(ValueError) in
      settings.user = try ValueParsers.nonEmpty(value.text, "a login name")
    },
    Key("password-command") { settings, value, _ throws(ValueError) in
      settings.password = .command(try ValueParsers.nonEmpty(value.inner, "a command"))
    },
    Key("password-file") { settings, value, context throws(ValueError) in
      settings.password = .file(try ValueParsers.path(value.text, context))
    },
    Key("auth") { settings, value, _ throws(ValueError) in
      settings.mechanisms = try mechanisms(value)
    },
    Key("tls") { settings, value, _ throws(ValueError) in
      settings.tls = try ValueParsers.choice(value, EndpointSettings.TLS.self)
    },
    Key("tls-ca-file") { settings, value, context throws(ValueError) in
      settings.tlsOptions.caFile = try ValueParsers.path(value.text, context)
    },
    Key("tls-fingerprint") { settings, value, _ throws(ValueError) in
      settings.tlsOptions.fingerprint = try Fingerprints.parse(value.text)
    },
    Key("tls-client-cert") { settings, value, context throws(ValueError) in
      settings.tlsOptions.clientCertificate = try ValueParsers.path(value.text, context)
    },
    Key("tls-client-key") { settings, value, context throws(ValueError) in
      settings.tlsOptions.clientKey = try ValueParsers.path(value.text, context)
    },
    Key("tls-min") { settings, value, _ throws(ValueError) in
      switch value.text {
      case "1.2": settings.tlsOptions.minimum = .v12
      case "1.3": settings.tlsOptions.minimum = .v13
      default: throw .needs("one of 1.2, 1.3")
      }
    },
    Key("layout") { settings, value, _ throws(ValueError) in
      settings.layout = try ValueParsers.choice(value, MaildirLayout.self)
    },
    Key("connections") { settings, value, _ throws(ValueError) in
      settings.connections = try ValueParsers.number(value, 1...100)
    },
    Key("timeout") { settings, value, _ throws(ValueError) in
      settings.timeoutSeconds = try ValueParsers.number(value, 1...86_400)
    },
    Key("compress") { settings, value, _ throws(ValueError) in
      switch value.text {
      case "auto": settings.compresses = true
      case "no": settings.compresses = false
      default: throw .needs("one of auto, no")
      }
    },
    Key("disable-capabilities") { settings, value, _ throws(ValueError) in
      guard let words = value.words else { throw .needs("a list of capabilities") }
      settings.disabledCapabilities = Set(words.map { Capability($0) })
    },
    Key("prefix") { settings, value, _ throws(ValueError) in
      settings.prefix = try ValueParsers.prefix(value)
    },
  ]

  private static func mechanisms(
    _ value: INIValue
  ) throws(ValueError) -> [IMAPConfiguration.Mechanism] {
    let known = IMAPConfiguration.Mechanism.allCases
    let needed = ValueError.needs(
      "a list of " + known.map(\.rawValue).joined(separator: ", "))
    guard let words = value.words, !words.isEmpty else { throw needed }
    var mechanisms: [IMAPConfiguration.Mechanism] = []
    for word in words {
      guard let mechanism = known.first(where: { $0.rawValue == word.lowercased() }) else {
        throw needed
      }
      mechanisms.append(mechanism)
    }
    return mechanisms
  }
}

/// Values of `tls-fingerprint`.
enum Fingerprints {
  /// 64 hexadecimal digits, with or without colons, of the certificate; of its key after `spki:`.
  static func parse(_ text: String) throws(ValueError) -> IMAPConfiguration.Fingerprint {
    let isKey = text.lowercased().hasPrefix("spki:")
    let digits = Array((isKey ? text.dropFirst(5) : text[...]).utf8.filter { $0 != 0x3a })
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count - 1, by: 2) {
      guard let byte = Hexadecimal.byte(digits[index], digits[index + 1]) else { break }
      bytes.append(byte)
    }
    guard bytes.count == 32, digits.count == 64 else {
      throw .needs("a SHA-256 digest of 64 hexadecimal digits, after spki: if it is the key's,")
    }
    return isKey ? .publicKey(sha256: bytes) : .certificate(sha256: bytes)
  }
}
