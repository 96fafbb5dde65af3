import IMAPClient
import Testing

struct SelectionCase: Sendable, CustomTestStringConvertible {
  var offered: String
  var preferences: [IMAPConfiguration.Mechanism] = []
  var isSecure = true
  var hasUser = true
  var hasClientCertificate = false
  /// nil: refused.
  var expected: SASLSelection?

  var testDescription: String { "\(offered) \(preferences) secure: \(isSecure)" }

  func choose() throws(SASLError) -> SASLSelection {
    try SASLSelection.choose(
      offered: offered.split(separator: " ").map { Capability(String($0)) },
      preferences: preferences, isSecure: isSecure, hasUser: hasUser,
      hasClientCertificate: hasClientCertificate)
  }
}

@Suite("Choice of the login") struct SASLSelectionTests {
  static let all =
    "IMAP4rev1 AUTH=PLAIN AUTH=LOGIN AUTH=CRAM-MD5 AUTH=SCRAM-SHA-1 AUTH=SCRAM-SHA-256 "
    + "AUTH=SCRAM-SHA-256-PLUS AUTH=XOAUTH2 AUTH=OAUTHBEARER AUTH=EXTERNAL"

  @Test(
    "chosen",
    arguments: [
      SelectionCase(offered: all, expected: .authenticate(.scramSHA256)),
      SelectionCase(offered: all, isSecure: false, expected: .authenticate(.scramSHA256)),
      SelectionCase(offered: "AUTH=SCRAM-SHA-1 AUTH=CRAM-MD5", expected: .authenticate(.scramSHA1)),
      SelectionCase(offered: "AUTH=SCRAM-SHA-256-PLUS AUTH=PLAIN", expected: .authenticate(.plain)),
      SelectionCase(offered: "AUTH=PLAIN AUTH=CRAM-MD5", expected: .authenticate(.cramMD5)),
      SelectionCase(
        offered: "AUTH=PLAIN AUTH=CRAM-MD5", isSecure: false, expected: .authenticate(.cramMD5)),
      SelectionCase(offered: "AUTH=LOGIN auth=plain", expected: .authenticate(.plain)),
      SelectionCase(offered: "AUTH=LOGIN LOGINDISABLED", expected: .authenticate(.login)),
      SelectionCase(offered: "IMAP4rev1", expected: .loginCommand),
      SelectionCase(offered: "AUTH=GSSAPI", expected: .loginCommand),
      SelectionCase(offered: all, hasClientCertificate: true, expected: .authenticate(.external)),
      SelectionCase(
        offered: all, hasUser: false, hasClientCertificate: true, expected: .authenticate(.external)
      ),
      SelectionCase(
        offered: "AUTH=PLAIN", hasClientCertificate: true, expected: .authenticate(.plain)),
      SelectionCase(offered: all, preferences: [.xoauth2], expected: .authenticate(.xoauth2)),
      SelectionCase(
        offered: "AUTH=PLAIN AUTH=XOAUTH2", preferences: [.oauthBearer, .xoauth2],
        expected: .authenticate(.xoauth2)),
      SelectionCase(
        offered: all, preferences: [.plain], isSecure: false, expected: .authenticate(.plain)),
      SelectionCase(
        offered: "IMAP4rev1", preferences: [.login], isSecure: false, expected: .loginCommand),
      SelectionCase(
        offered: "AUTH=LOGIN", preferences: [.login], expected: .authenticate(.login)),
      SelectionCase(
        offered: all, preferences: [.external], hasUser: false, expected: .authenticate(.external)),
      SelectionCase(
        offered: all, preferences: [.plain, .external], hasUser: false,
        expected: .authenticate(.external)),
    ])
  func chosen(_ row: SelectionCase) throws {
    #expect(try row.choose() == row.expected)
  }

  @Test(
    "refused",
    arguments: [
      ("without TLS", SelectionCase(offered: "AUTH=PLAIN AUTH=LOGIN", isSecure: false)),
      ("without TLS", SelectionCase(offered: "IMAP4rev1", isSecure: false)),
      ("without TLS", SelectionCase(offered: "AUTH=PLAIN LOGINDISABLED", isSecure: false)),
      ("no way to log in", SelectionCase(offered: "LOGINDISABLED", isSecure: false)),
      ("no way to log in", SelectionCase(offered: "LOGINDISABLED AUTH=GSSAPI")),
      ("OAuth2 tokens only", SelectionCase(offered: "LOGINDISABLED AUTH=XOAUTH2 AUTH=EXTERNAL")),
      ("does not offer login", SelectionCase(offered: "LOGINDISABLED", preferences: [.login])),
      (
        "does not offer plain, xoauth2",
        SelectionCase(offered: "IMAP4rev1", preferences: [.plain, .xoauth2])
      ),
      ("no user name", SelectionCase(offered: all, hasUser: false)),
      ("no user name", SelectionCase(offered: all, preferences: [.plain], hasUser: false)),
    ])
  func refused(words: String, row: SelectionCase) {
    let error = #expect(throws: SASLError.self) { try row.choose() }
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
  }
}
