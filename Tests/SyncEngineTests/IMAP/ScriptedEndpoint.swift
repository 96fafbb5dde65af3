import IMAPClient
import TestSupport
import Testing

@testable import SyncEngine

/// Runs a test with an endpoint on a server that says what `script` says, after a greeting with these
/// capabilities.
func withScript(
  _ capabilities: String,
  _ script: @escaping @Sendable (ScriptedClient) throws -> Void,
  _ body: (IMAPEndpoint) throws -> Void
) throws {
  let server = try ScriptedServer { client in
    try client.say("* PREAUTH [CAPABILITY IMAP4rev1 \(capabilities)] hello")
    try script(client)
  }
  var configuration = IMAPConfiguration(
    target: .tcp(host: "127.0.0.1", port: server.port), tls: .none)
  configuration.timeoutSeconds = 60
  let factory = IMAPEndpointFactory(name: "odd", configuration: configuration)
  defer { #expect(server.problems == []) }
  let endpoint = try factory.connectIMAP()
  defer { endpoint.connection.abort() }
  try body(endpoint)
}

/// What most scripts begin with.
enum Script {
  static let selected = """
    * FLAGS (\\Seen \\Deleted)\r
    * OK [PERMANENTFLAGS (\\Seen \\Deleted \\*)] ok\r
    * OK [UIDVALIDITY 5] ok\r

    """

  /// Answers the SELECT, the commands that come with it, and as many more as there are answers.
  static func open(_ client: ScriptedClient, _ answers: [String]) throws {
    try client.answer("LIST \"\" \"\"", "* LIST (\\Noselect) \"/\" \"\"")
    for answer in answers {
      try client.readLine()
      let command = client.tag
      try client.send(
        answer.replacing("SELECTED", with: selected).replacing("TAG", with: command))
    }
  }

  static let empty = [
    "SELECTED* 0 EXISTS\r\n* OK [UIDNEXT 10] ok\r\nTAG OK done\r\n", "TAG OK done\r\n",
  ]
}
