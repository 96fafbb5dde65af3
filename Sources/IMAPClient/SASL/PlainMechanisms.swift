/// Sends user and password as they are. RFC 4616.
struct PlainMechanism: SASLMechanism {
  let credentials: SASLCredentials

  // message = [authzid] UTF8NUL authcid UTF8NUL passwd                     RFC 4616 §2
  func initialResponse() -> [UInt8]? {
    [0] + Array(credentials.user.utf8) + [0] + credentials.password
  }

  func step(challenge: [UInt8]) throws(SASLError) -> [UInt8] {
    throw .badServer("the server asks for more than user and password")
  }
}

/// Sends the user, then the password. Never standardised; draft-murchison-sasl-login.
struct LoginMechanism: SASLMechanism {
  private var answers: [[UInt8]]

  init(credentials: SASLCredentials) {
    answers = [credentials.password, Array(credentials.user.utf8)]
  }

  func initialResponse() -> [UInt8]? { nil }

  /// The prompts ("Username:", "User Name\0", translated ones) are not looked at: all servers ask in
  /// this order.
  mutating func step(challenge: [UInt8]) throws(SASLError) -> [UInt8] {
    guard let answer = answers.popLast() else {
      throw .badServer("the server asks for more than user and password")
    }
    return answer
  }
}

/// The identity that the TLS client certificate shows. RFC 4422 appendix A.
struct ExternalMechanism: SASLMechanism {
  /// Whom to act as; empty: whom the certificate names.
  let user: String

  func initialResponse() -> [UInt8]? { Array(user.utf8) }

  func step(challenge: [UInt8]) throws(SASLError) -> [UInt8] {
    throw .badServer("the server asks for more than the client certificate")
  }
}

/// Proves knowledge of the password by a keyed hash of the challenge. RFC 2195.
struct CRAMMD5Mechanism: SASLMechanism {
  let credentials: SASLCredentials
  private var isAnswered = false

  init(credentials: SASLCredentials) { self.credentials = credentials }

  func initialResponse() -> [UInt8]? { nil }

  mutating func step(challenge: [UInt8]) throws(SASLError) -> [UInt8] {
    guard !isAnswered, !challenge.isEmpty else {
      throw .badServer("the server's challenge makes no sense")
    }
    isAnswered = true
    guard let digest = HashFunction.md5.hmac(key: credentials.password, challenge) else {
      throw .unsuitable("MD5 is not available here")
    }
    return Array(credentials.user.utf8) + [UInt8(ascii: " ")] + Hexadecimal.encode(digest)
  }
}

/// Small letters, two a byte.
enum Hexadecimal {
  static func encode(_ bytes: [UInt8]) -> [UInt8] {
    let digits = [UInt8]("0123456789abcdef".utf8)
    return bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
  }
}
