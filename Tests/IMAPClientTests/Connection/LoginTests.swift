import TestSupport
import Testing

@testable import IMAPClient

@Suite("Login") struct LoginTests {
  @Test("the greeting decides how it goes on")
  func greetings() throws {
    try withScript(
      { try preauthenticated($0) },
      { configuration in
        let connection = try IMAPConnection.connect(configuration)
        #expect(connection.has(Capability("IMAP4REV1")))
      })
    try withScript(
      { try $0.say("* BYE too many connections") },
      { configuration in
        let error = #expect(throws: IMAPError.self) { try IMAPConnection.connect(configuration) }
        #expect(error?.kind == .connectionLost)
        #expect(error?.message.contains("too many connections") == true)
      })
    for greeting in ["* BAD no", "* 3 EXISTS\r\n* NO", "HTTP/1.1 400 Bad Request", ""] {
      try withScript(
        { try $0.say(greeting) },
        { configuration in
          let error = #expect(throws: IMAPError.self) { try IMAPConnection.connect(configuration) }
          #expect(error?.endsConnection == true)
        })
    }
  }

  @Test("one round trip with SASL-IR, and the OK brings the capabilities")
  func initialResponse() throws {
    try withScript(
      { client in
        try client.say("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hello")
        try client.answer(
          "AUTHENTICATE PLAIN AGFsaWNlAHNlYyJyZXQ=", with: "OK [CAPABILITY MOVE] in")
        try client.answer("NOOP")
      },
      { configuration in
        let connection = try IMAPConnection.connect(configuration)
        #expect(connection.capabilities == [.move])
        #expect(try connection.wait(connection.send(.noop)).condition == .ok)
        #expect(connection.roundTrips == 2)
      })
  }

  @Test("capabilities are asked for where nobody tells them")
  func asking() throws {
    try withScript(
      { client in
        try client.say("* OK hello")
        try client.answer("CAPABILITY", "* CAPABILITY IMAP4rev1 AUTH=PLAIN")
        try client.expect("AUTHENTICATE PLAIN")
        let tag = client.tag
        try client.say("+ ")
        try client.expect("AGFsaWNlAHNlYyJyZXQ=")
        try client.say("\(tag) OK in")
        try client.answer(
          "CAPABILITY", "* CAPABILITY IMAP4rev1 ID ENABLE CONDSTORE QRESYNC NAMESPACE")
        try client.answer("ID (", "* ID (\"name\" \"Dovecot\")")
        try client.answer("NAMESPACE", "* NAMESPACE ((\"\" \"/\")) NIL NIL")
        try client.answer("ENABLE CONDSTORE QRESYNC", "* ENABLED QRESYNC")
        try client.answer("NOOP")
      },
      { configuration in
        let connection = try IMAPConnection.connect(configuration)
        let before = connection.roundTrips
        _ = try connection.wait(connection.send(.noop))
        // What the login left to be asked went out together with the first command.
        #expect(connection.roundTrips == before + 1)
        #expect(connection.profile.name == "Dovecot")
        #expect(connection.profile.enabled == [.qResync])
        #expect(connection.profile.namespaces?.personal.first?.separator == UInt8(ascii: "/"))
      })
  }

  @Test("LOGIN quotes what it can, and sends the rest as literals")
  func loginCommand() throws {
    try withScript(
      { $0.password = { () throws(PasswordError) in Array("pä\"ss".utf8) } },
      { client in
        try client.say("* OK [CAPABILITY IMAP4rev1] hello")
        try client.expect("LOGIN \"alice\" {6}")
        let tag = client.tag
        try client.say("+ go on")
        #expect(try client.readBytes(8) == Array("pä\"ss\r\n".utf8))
        try client.say("\(tag) OK [CAPABILITY IMAP4rev1] in")
      },
      { _ = try IMAPConnection.connect($0) })
  }

  @Test(
    "refusals",
    arguments: [
      ("NO [AUTHENTICATIONFAILED] wrong", IMAPError.Kind.authentication),
      ("NO [UNAVAILABLE] later", .busy), ("BAD what", .authentication),
    ])
  func refusals(_ answer: String, _ kind: IMAPError.Kind) throws {
    try withScript(
      { client in
        try client.say("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hello")
        try client.answer("AUTHENTICATE", with: answer)
      },
      { configuration in
        #expect(failure { _ = try IMAPConnection.connect(configuration) } == kind)
      })
  }

  @Test("a refused proof may be the right password, in a form that the server does not hold")
  func refusedProof() throws {
    for (offer, hint) in [("SCRAM-SHA-256", "try auth = plain"), ("PLAIN", "")] {
      try withScript(
        { $0.mechanisms = [] },
        { client in
          try client.say("* OK [CAPABILITY IMAP4rev1 AUTH=\(offer) SASL-IR] hello")
          try client.answer("AUTHENTICATE \(offer)", with: "NO no")
        },
        { configuration in
          let error = #expect(throws: IMAPError.self) { try IMAPConnection.connect(configuration) }
          #expect(error?.advice.contains(hint) == true || hint.isEmpty)
          #expect(error?.advice.isEmpty == hint.isEmpty)
        })
    }
  }

  @Test("disabled capabilities are not there, in whatever list they come")
  func disabled() throws {
    try withScript(
      { $0.disabledCapabilities = [.qResync, .enable] },
      { client in
        try preauthenticated(client, "ENABLE QRESYNC MOVE")
        try client.answer("NOOP", "* CAPABILITY QRESYNC UIDPLUS", "* ENABLED QRESYNC")
      },
      { configuration in
        let connection = try IMAPConnection.connect(configuration)
        #expect(connection.capabilities == [Capability("IMAP4rev1"), .move])
        _ = try connection.wait(connection.send(.noop))
        #expect(connection.capabilities == [.uidPlus] && connection.profile.enabled.isEmpty)
      })
  }

  @Test("the trace shows no secret")
  func trace() throws {
    let trace = RecordingTrace()
    try withScript(
      { $0.trace = trace },
      { client in
        try client.say("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello")
        try client.expect("AUTHENTICATE PLAIN")
        let tag = client.tag
        try client.say("+ c2VjcmV0")
        try client.readLine()
        try client.say("\(tag) OK [CAPABILITY IMAP4rev1] in")
        try client.answer("NOOP", "* LIST () \"/\" {3}", "a b")
      },
      { configuration in
        let connection = try IMAPConnection.connect(configuration)
        _ = try connection.wait(connection.send(.noop))
      })
    #expect(
      trace.lines == [
        "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello", "C: m1 AUTHENTICATE PLAIN",
        "S: + ***", "C: ***", "S: m1 OK [CAPABILITY IMAP4rev1] in", "C: m2 NOOP",
        "S: * LIST () \"/\" {3 bytes}", "S: m2 OK done",
      ])
  }
}

@Suite("STARTTLS") struct StartTLSTests {
  @Test(
    "nothing is taken over from before TLS",
    arguments: [
      "OK begin\r\n* OK [CAPABILITY IMAP4rev1 LITERAL+] injected",
      "OK begin\r\n* PREAUTH injected", "OK begin\r\nm2 OK injected", "OK begin\r\n ",
    ])
  func injection(_ answer: String) throws {
    try withScript(
      tls: .startTLS,
      { client in
        try client.say("* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] hello")
        try client.answer("STARTTLS", with: answer)
        #expect(client.waitForEnd())
      },
      { configuration in
        let error = #expect(throws: IMAPError.self) { try IMAPConnection.connect(configuration) }
        #expect(error?.kind == .tls && error?.message.contains("injected") == true)
      })
  }

  @Test("PREAUTH, a refusal, or no offer end the connection")
  func refused() throws {
    let scripts: [@Sendable (ScriptedClient) throws -> Void] = [
      { client in try preauthenticated(client, "STARTTLS") },
      { client in try client.say("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello") },
      { client in
        try client.say("* OK [CAPABILITY IMAP4rev1 STARTTLS] hello")
        try client.answer("STARTTLS", with: "NO not now")
      },
    ]
    for script in scripts {
      try withScript(
        tls: .startTLS, script,
        { configuration in
          #expect(failure { _ = try IMAPConnection.connect(configuration) } == .tls)
        })
    }
  }
}
