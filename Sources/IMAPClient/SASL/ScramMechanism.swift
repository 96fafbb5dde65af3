/// Both sides prove that they know the password, without sending it. RFC 5802, RFC 7677.
///
/// Without channel binding (`n`). The password is used as the bytes it is: RFC 4013's SASLprep is
/// the identity for ASCII, and servers disagree about the rest.
struct ScramMechanism: SASLMechanism {
  /// A hostile server must not be able to keep us computing: this many take some seconds.
  static let mostIterations: Int32 = 10_000_000

  private enum State {
    case start
    case waitingForSalt(clientFirstBare: [UInt8])
    case waitingForProof(serverSignature: [UInt8])
    case proven
  }

  private let credentials: SASLCredentials
  private let hash: HashFunction
  private let nonce: [UInt8]
  private var state = State.start

  /// `nonce` consists of printable ASCII without a comma; it is made at random except in tests.
  init(credentials: SASLCredentials, hash: HashFunction, nonce: [UInt8]? = nil) {
    self.credentials = credentials
    self.hash = hash
    self.nonce = nonce ?? Base64.encode(RandomBytes.make(24))
  }

  // client-first-message = gs2-header client-first-message-bare
  // client-first-message-bare = [reserved-mext ","] username "," nonce     RFC 5802 §7
  mutating func initialResponse() -> [UInt8]? {
    let bare = Array("n=".utf8) + saslName(credentials.user) + Array(",r=".utf8) + nonce
    state = .waitingForSalt(clientFirstBare: bare)
    return Self.header + bare
  }

  mutating func step(challenge: [UInt8]) throws(SASLError) -> [UInt8] {
    switch state {
    case .start:
      throw .badServer("the server begins where the client should")
    case .waitingForSalt(let clientFirstBare):
      return try answer(challenge, clientFirstBare)
    case .waitingForProof(let serverSignature):
      try verify(challenge, serverSignature)
      state = .proven
      return []
    case .proven:
      throw .badServer("the server asks for more than it should")
    }
  }

  /// A server that says OK without having shown its signature may not know the password at all.
  func finish() throws(SASLError) {
    guard case .proven = state else {
      throw .badServer("the server did not prove that it knows the password")
    }
  }

  /// The first challenge gives the salt; the answer holds the proof.
  private mutating func answer(_ challenge: [UInt8], _ clientFirstBare: [UInt8])
    throws(SASLError) -> [UInt8]
  {
    let first = try ServerFirst(challenge)
    guard first.nonce.count > nonce.count, first.nonce.starts(with: nonce) else {
      throw .badServer("the server's challenge does not belong to this login")
    }
    // client-final-message-without-proof = channel-binding "," nonce       RFC 5802 §7
    let withoutProof =
      Array("c=".utf8) + Base64.encode(Self.header) + Array(",r=".utf8) + first.nonce
    let comma = [UInt8(ascii: ",")]
    let authMessage = clientFirstBare + comma + challenge + comma + withoutProof

    guard
      let salted = hash.stretch(
        password: credentials.password, salt: first.salt, iterations: first.iterations),
      let clientKey = hash.hmac(key: salted, Array("Client Key".utf8)),
      let storedKey = hash.digest(clientKey),
      let clientSignature = hash.hmac(key: storedKey, authMessage),
      let serverKey = hash.hmac(key: salted, Array("Server Key".utf8)),
      let serverSignature = hash.hmac(key: serverKey, authMessage)
    else { throw .unsuitable("the hash function of this mechanism is not available here") }

    state = .waitingForProof(serverSignature: serverSignature)
    let proof = zip(clientKey, clientSignature).map { $0 ^ $1 }
    return withoutProof + Array(",p=".utf8) + Base64.encode(proof)
  }

  // server-final-message = (server-error / verifier) ["," extensions]      RFC 5802 §7
  private func verify(_ challenge: [UInt8], _ serverSignature: [UInt8]) throws(SASLError) {
    let attribute = challenge.prefix { $0 != UInt8(ascii: ",") }
    if attribute.starts(with: Array("e=".utf8)) {
      throw .refused(PrintableText.make(attribute.dropFirst(2)))
    }
    guard attribute.starts(with: Array("v=".utf8)),
      Base64.decode(Array(attribute.dropFirst(2))) == serverSignature
    else { throw .badServer("the server did not prove that it knows the password") }
  }

  // saslname: "," and "=" as "=2C" and "=3D"                               RFC 5802 §5.1
  private func saslName(_ user: String) -> [UInt8] {
    user.utf8.flatMap { byte -> [UInt8] in
      switch byte {
      case UInt8(ascii: ","): Array("=2C".utf8)
      case UInt8(ascii: "="): Array("=3D".utf8)
      default: [byte]
      }
    }
  }

  /// gs2-header: no channel binding, no other identity.
  private static let header = [UInt8]("n,,".utf8)

  // server-first-message = [reserved-mext ","] nonce "," salt "," iteration-count ["," extensions]
  /// RFC 5802 §7
  private struct ServerFirst {
    let nonce: [UInt8]
    let salt: [UInt8]
    let iterations: Int32

    init(_ message: [UInt8]) throws(SASLError) {
      let parts = message.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
      // A leading "m=" is an extension that must be understood.
      guard parts.count >= 3,
        let nonce = ServerFirst.value("r=", parts[0]),
        nonce.allSatisfy({ (0x21...0x7e).contains($0) }),
        let salt = ServerFirst.value("s=", parts[1]).flatMap(Base64.decode), !salt.isEmpty,
        let count = ServerFirst.value("i=", parts[2]),
        count.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
        let iterations = Int32(String(decoding: count, as: UTF8.self)), iterations > 0
      else { throw .badServer("the server's challenge makes no sense") }
      guard iterations <= ScramMechanism.mostIterations else {
        throw .badServer("the server asks for \(iterations) iterations, which would take too long")
      }
      self.nonce = nonce
      self.salt = salt
      self.iterations = iterations
    }

    private static func value(_ name: String, _ part: ArraySlice<UInt8>) -> [UInt8]? {
      part.starts(with: name.utf8) ? Array(part.dropFirst(2)) : nil
    }
  }
}
