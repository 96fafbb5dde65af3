import Testing

@testable import IMAPClient

/// A conversation: what the client says, what the server answers.
struct ScramVector: CustomTestStringConvertible, Sendable {
  var testDescription: String
  var hash: HashFunction
  var nonce: String
  var clientFirst: String
  var serverFirst: String
  var clientFinal: String
  var serverFinal: String
}

@Suite("SCRAM") struct ScramTests {
  static let sha1 = ScramVector(
    testDescription: "RFC 5802 §5", hash: .sha1, nonce: "fyko+d2lbbFgONRv9qkxdawL",
    clientFirst: "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
    serverFirst: "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
    clientFinal:
      "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    serverFinal: "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=")
  static let sha256 = ScramVector(
    testDescription: "RFC 7677 §3", hash: .sha256, nonce: "rOprNGfwEbeRWgbNEkqO",
    clientFirst: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
    serverFirst:
      "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    clientFinal:
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
      + "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    serverFinal: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")

  private func machine(_ vector: ScramVector, user: String = "user") -> ScramMechanism {
    ScramMechanism(
      credentials: SASLCredentials(user: user, password: Array("pencil".utf8)),
      hash: vector.hash, nonce: Array(vector.nonce.utf8))
  }

  @Test(arguments: [sha1, sha256])
  func vector(_ vector: ScramVector) throws {
    var client = machine(vector)
    #expect(client.initialResponse() == Array(vector.clientFirst.utf8))
    #expect(
      try client.step(challenge: Array(vector.serverFirst.utf8)) == Array(vector.clientFinal.utf8))
    #expect(throws: SASLError.self) { try client.finish() }
    #expect(try client.step(challenge: Array(vector.serverFinal.utf8)) == [])
    try client.finish()
    #expect(throws: SASLError.self) { try client.step(challenge: []) }
  }

  @Test(
    "a server without the password is found out",
    arguments: [
      "v=rmF9pqV8S7suAoZWja4dJRkFsKA=", "v=", "v=AAAA", "", "x", "v=rmF9pqV8S7suAoZWja4dJRkFsKQ",
    ])
  func wrongSignature(serverFinal: String) throws {
    var client = machine(Self.sha1)
    _ = client.initialResponse()
    _ = try client.step(challenge: Array(Self.sha1.serverFirst.utf8))
    #expect(throws: SASLError.badServer("the server did not prove that it knows the password")) {
      try client.step(challenge: Array(serverFinal.utf8))
    }
    #expect(throws: SASLError.self) { try client.finish() }
  }

  @Test func serverError() throws {
    var client = machine(Self.sha1)
    _ = client.initialResponse()
    _ = try client.step(challenge: Array(Self.sha1.serverFirst.utf8))
    #expect(throws: SASLError.refused("invalid-proof")) {
      try client.step(challenge: Array("e=invalid-proof".utf8))
    }
  }

  @Test(
    "challenges that must be refused",
    arguments: [
      "", ",", "r=,s=,i=", "m=x,r=NONCEx,s=QUJD,i=4096", "r=other,s=QUJD,i=4096",
      "r=NONCE,s=QUJD,i=4096",
      "r=NONCEx,s=QUJD", "r=NONCEx,s=,i=4096", "r=NONCEx,s=!!!!,i=4096", "r=NONCEx,s=QUJD,i=0",
      "r=NONCEx,s=QUJD,i=-1", "r=NONCEx,s=QUJD,i=+1", "r=NONCEx,s=QUJD,i=99999999999999999999",
      "r=NONCEx,s=QUJD,i=10000001", "r=NONCEx,s=QUJD,i=2147483647", "s=QUJD,r=NONCEx,i=4096",
      "r=NONCE\u{7f},s=QUJD,i=1",
    ])
  func hostileFirst(serverFirst: String) {
    var client = ScramMechanism(
      credentials: SASLCredentials(user: "u", password: [1]), hash: .sha256,
      nonce: Array("NONCE".utf8))
    _ = client.initialResponse()
    #expect(throws: SASLError.self) { try client.step(challenge: Array(serverFirst.utf8)) }
  }

  @Test func extensionsBehindTheCountAreIgnored() throws {
    var client = machine(Self.sha1)
    _ = client.initialResponse()
    _ = try client.step(challenge: Array((Self.sha1.serverFirst + ",x=later").utf8))
  }

  @Test func namesAreEscaped() {
    var client = machine(Self.sha1, user: "a,b=c")
    let first = client.initialResponse() ?? []
    #expect(String(decoding: first, as: UTF8.self).hasPrefix("n,,n=a=2Cb=3Dc,r="))
  }

  @Test func noncesDiffer() {
    let credentials = SASLCredentials(user: "u", password: [1])
    var one = ScramMechanism(credentials: credentials, hash: .sha1)
    var two = ScramMechanism(credentials: credentials, hash: .sha1)
    #expect(one.initialResponse() != two.initialResponse())
  }
}
