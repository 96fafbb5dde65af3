/// Sends an OAuth 2.0 bearer token. RFC 7628.
struct OAuthBearerMechanism: SASLMechanism {
  let credentials: SASLCredentials
  private(set) var refusal: String?

  init(credentials: SASLCredentials) { self.credentials = credentials }

  // client-resp = (gs2-header kvsep *kvpair kvsep) / kvsep                 RFC 7628 §3.1
  func initialResponse() -> [UInt8]? {
    let name = credentials.user.utf8.flatMap { byte -> [UInt8] in
      switch byte {
      case UInt8(ascii: ","): Array("=2C".utf8)
      case UInt8(ascii: "="): Array("=3D".utf8)
      default: [byte]
      }
    }
    var message = Array("n,a=".utf8) + name + Array(",\u{1}".utf8)
    if let host = credentials.host { message += Array("host=\(host)\u{1}".utf8) }
    if let port = credentials.port { message += Array("port=\(port)\u{1}".utf8) }
    return message + Array("auth=Bearer ".utf8) + credentials.password + [1, 1]
  }

  /// A challenge is a refusal; a single kvsep lets the server end it with NO. RFC 7628 §3.2.3
  mutating func step(challenge: [UInt8]) throws(SASLError) -> [UInt8] {
    guard refusal == nil else { throw .badServer("the server asks for more than a token") }
    refusal = TokenRefusal.text(of: challenge)
    return [1]
  }
}

/// The same in the form that Google and Microsoft used before there was a standard.
struct XOAuth2Mechanism: SASLMechanism {
  let credentials: SASLCredentials
  private(set) var refusal: String?

  init(credentials: SASLCredentials) { self.credentials = credentials }

  func initialResponse() -> [UInt8]? {
    Array("user=\(credentials.user)\u{1}auth=Bearer ".utf8) + credentials.password + [1, 1]
  }

  /// A challenge is a refusal; an empty line lets the server end it with NO.
  mutating func step(challenge: [UInt8]) throws(SASLError) -> [UInt8] {
    guard refusal == nil else { throw .badServer("the server asks for more than a token") }
    refusal = TokenRefusal.text(of: challenge)
    return []
  }
}

/// What the JSON of a refused token says, in words.
enum TokenRefusal {
  /// `{"status":"invalid_token","scope":"…"}` (RFC 7628 §3.2.2), or with a number as status, as Google and
  /// Microsoft have it. What else is in it is for programs.
  static func text(of challenge: [UInt8]) -> String {
    guard let status = member("status", of: challenge) else {
      return "the server refuses the token"
    }
    let scope = member("scope", of: challenge).map { PrintableText.make($0) }
    let needed = scope.map { $0.isEmpty ? "" : "; it has to be one for \($0)" } ?? ""
    switch String(decoding: status, as: UTF8.self) {
    case "invalid_token", "401":
      return "the token has expired, is not valid, or is another user's" + needed
    case "insufficient_scope", "403":
      return "the token does not allow access to mail" + needed
    case "invalid_request", "400":
      return "the server can't use the token: it has expired, or is no access token" + needed
    default:
      return "the server refuses the token: \(PrintableText.make(status))" + needed
    }
  }

  /// The value of a member of a flat JSON object, if it is a number, or a string without escapes. More is
  /// not needed, and a wrong guess only costs a worse text.
  private static func member(_ name: String, of json: [UInt8]) -> [UInt8]? {
    let quote = UInt8(ascii: "\"")
    let parts = json.split(separator: quote, omittingEmptySubsequences: false)
    // Strings are every second part; between a name and its value there is a colon.
    for index in stride(from: 1, to: parts.count - 1, by: 2)
    where parts[index].elementsEqual(name.utf8) {
      let between = parts[index + 1].filter { $0 > 0x20 }
      guard between.first == UInt8(ascii: ":") else { continue }
      if between.count == 1 { return index + 2 < parts.count ? Array(parts[index + 2]) : nil }
      let digits = between.dropFirst().prefix { (0x30...0x39).contains($0) }
      return digits.isEmpty ? nil : Array(digits)
    }
    return nil
  }
}

/// A server's words, safe to show.
enum PrintableText {
  static func make(_ bytes: some Sequence<UInt8>) -> String {
    let shown = bytes.prefix(100).map { (0x20...0x7e).contains($0) ? $0 : UInt8(ascii: "?") }
    return String(decoding: shown, as: UTF8.self)
  }
}
