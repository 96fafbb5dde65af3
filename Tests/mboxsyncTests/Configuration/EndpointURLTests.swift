import IMAPClient
import Testing

@testable import mboxsync

@Suite("Endpoint URLs") struct EndpointURLTests {
  private typealias URL = EndpointURL

  @Test(
    "are read",
    arguments: [
      ("maildir:/a/b", .maildir(path: "/a/b")),
      ("maildir:~/Mail", .maildir(path: "/home/me/Mail")),
      ("MAILDIR:///a//b/", .maildir(path: "/a/b")),
      ("maildir:/a:b", .maildir(path: "/a:b")),
      ("exec:ssh -q host imap", .exec(command: "ssh -q host imap")),
      ("imaps://h", .imap(tls: .implicit, user: nil, host: "h", port: nil)),
      ("imap://h/", .imap(tls: .startTLS, user: nil, host: "h", port: nil)),
      ("imaps://a@h:1993", .imap(tls: .implicit, user: "a", host: "h", port: 1993)),
      ("IMAPS://a%40b.c@h", .imap(tls: .implicit, user: "a@b.c", host: "h", port: nil)),
      ("imaps://a@b.c@h", .imap(tls: .implicit, user: "a@b.c", host: "h", port: nil)),
      ("imaps://a%3ab@h", .imap(tls: .implicit, user: "a:b", host: "h", port: nil)),
      ("imap://[::1]:143", .imap(tls: .startTLS, user: nil, host: "::1", port: 143)),
      ("imap://u@[fe80::1]", .imap(tls: .startTLS, user: "u", host: "fe80::1", port: nil)),
    ] as [(String, EndpointURL)])
  func good(_ text: String, _ url: EndpointURL) throws {
    #expect(try EndpointURL(text, testContext()) == url)
  }

  @Test(
    "are refused",
    arguments: [
      ("nothing", "no endpoint"), ("pop3://x", "'pop3:'"), ("maildir:", "path"),
      ("maildir:rel", "relative"), ("exec:", "command"), ("exec:  ", "command"),
      ("imap:h", "'//'"), ("imaps://", "host is missing"), ("imaps://a@", "host is missing"),
      ("imaps://@h", "user"), ("imaps://a%zz@h", "user"), ("imaps://a%f@h", "user"),
      ("imaps://%ff@h", "user"), ("imaps://h:", "no port"), ("imaps://h:0", "no port"),
      ("imaps://h:65536", "no port"), ("imaps://h:+1", "no port"), ("imaps://h:x", "no port"),
      ("imaps://::1", "brackets"), ("imaps://[::1", "']'"), ("imaps://[::1]x", "']'"),
      ("imaps://h/INBOX", "no host"), ("imaps://a b", "no host"),
    ])
  func bad(_ text: String, _ complaint: String) {
    let error = #expect(throws: ValueError.self) { try EndpointURL(text, testContext()) }
    let message = error?.message(key: "url", value: "") ?? ""
    #expect(message.contains(complaint), "\(message)")
  }

  @Test(
    "a password is refused and not repeated",
    arguments: [
      "imap://u:hunter2@h", "imaps://u:hunter2@h:1", "imaps://:hunter2@h", "imap://u:hunter2@",
      "imap://u@v:hunter2@h", "imap://u:hunt@hunter2@h",
    ])
  func password(_ text: String) {
    let error = #expect(throws: ValueError.self) { try EndpointURL(text, testContext()) }
    let message = error?.message(key: "url", value: "") ?? ""
    #expect(message.contains("password-command") && message.contains("password-file"))
    #expect(!message.contains("hunt"))
  }

  @Test(
    "names are the same however an endpoint was written",
    arguments: [
      ("imaps://me@h", nil, "imaps://me@h"), ("imaps://h:993", nil, "imaps://me@h"),
      ("imap://h:143", nil, "imap://me@h"), ("imap://a@h", EndpointSettings.TLS.none, "imap://a@h"),
      ("imap://a@h", .implicit, "imaps://a@h"), ("imaps://a@[::1]:1", nil, "imaps://a@[::1]:1"),
      ("maildir:~/M/", nil, "maildir:/home/me/M"), ("exec:x y", nil, "exec:x y"),
    ])
  func names(_ text: String, _ tls: EndpointSettings.TLS?, _ name: String) throws {
    var settings = EndpointSettings()
    settings.url = try EndpointURL(text, testContext())
    settings.tls = tls
    #expect(settings.name(testContext().environment) == name)
  }

  @Test(
    "ports and TLS",
    arguments: [
      ("imaps://h", nil, 993, .implicit), ("imap://h", nil, 143, .startTLS),
      ("imap://h", .implicit, 993, .implicit), ("imap://h", EndpointSettings.TLS.none, 143, .none),
      ("imaps://h:1", .starttls, 1, .startTLS), ("exec:x", nil, 143, .none),
    ] as [(String, EndpointSettings.TLS?, UInt16, IMAPConfiguration.TLSMode)])
  func ports(
    _ text: String, _ tls: EndpointSettings.TLS?, _ port: UInt16, _ mode: IMAPConfiguration.TLSMode
  ) throws {
    var settings = EndpointSettings()
    settings.url = try EndpointURL(text, testContext())
    settings.tls = tls
    #expect(settings.port == port && settings.tlsMode == mode)
  }
}
