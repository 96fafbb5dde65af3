import Testing

@testable import IMAPClient

/// Names of hosts with letters beyond ASCII, as name servers have them.
@Suite("Host names") struct HostNameTests {
  @Test(
    "in ASCII",
    arguments: [
      ("mail.example.org", "mail.example.org"), ("Mail.Example", "Mail.Example"), ("::1", "::1"),
      ("bücher.example", "xn--bcher-kva.example"),
      ("imap.BÜCHER.example", "imap.xn--bcher-kva.example"),
      ("münchen.Example.", "xn--mnchen-3ya.Example."), ("faß.de", "xn--fa-hia.de"),
      ("пример.испытание", "xn--e1afmkfd.xn--80akhbyknj4f"), ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
      ("ü.example", "xn--tda.example"), ("mañana.com", "xn--maana-pta.com"),
      ("💩.la", "xn--ls8h.la"),
    ])
  func ascii(typed: String, expected: String) {
    #expect(HostName.ascii(typed) == expected)
  }

  /// RFC 3492 §7.1
  @Test(
    "samples of the standard",
    arguments: [
      ("他们为什么不说中文", "xn--ihqwcrb4cv8a8dqg056pqjye"),
      ("למההםפשוטלאמדבריםעברית", "xn--4dbcagdahymbxekheh6e0a7fei0b"),
      ("почемужеонинеговорятпорусски", "xn--b1abfaaepdrnnbgefbadotcwatmq2g4l"),
      ("3年b組金八先生", "xn--3b-ww4c5e180e575a65lsy2b"),
    ])
  func samples(typed: String, expected: String) {
    #expect(HostName.ascii(typed) == expected)
  }

  @Test("where nobody could be reached is told as it was typed")
  func shown() {
    let target = IMAPConfiguration.Target.tcp(host: "bücher.example", port: 993)
    #expect(
      IMAPError(.unknownHost("not found"), reaching: target).message == "bücher.example: not found")
    #expect(
      IMAPError(.cannotConnect("refused"), reaching: target).message
        == "can't connect to bücher.example, port 993: refused")
  }

  @Test("what can't be a name stays as it is")
  func impossible() {
    for name in [
      String(repeating: "ü", count: 64) + ".example", String(repeating: "ü", count: 9_999),
    ] {
      #expect(HostName.ascii(name) == name)
    }
  }
}
