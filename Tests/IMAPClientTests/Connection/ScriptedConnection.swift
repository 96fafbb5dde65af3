import TestSupport
import Testing

@testable import IMAPClient

/// Connects to a server that follows `script`, and checks afterwards that the script ran to its end.
func withScript(
  tls: IMAPConfiguration.TLSMode = .none,
  _ adjust: (inout IMAPConfiguration) -> Void,
  _ script: @escaping @Sendable (ScriptedClient) throws -> Void,
  _ body: (IMAPConfiguration) throws -> Void
) throws {
  let server = try ScriptedServer(script)
  var configuration = IMAPConfiguration(
    target: .tcp(host: "127.0.0.1", port: server.port), tls: tls)
  configuration.user = "alice"
  configuration.password = { () throws(PasswordError) in Array("sec\"ret".utf8) }
  configuration.mechanisms = [.plain, .login]
  configuration.timeoutSeconds = 60
  adjust(&configuration)
  try body(configuration)
  #expect(server.problems == [])
}

func withScript(
  tls: IMAPConfiguration.TLSMode = .none,
  _ script: @escaping @Sendable (ScriptedClient) throws -> Void,
  _ body: (IMAPConfiguration) throws -> Void
) throws {
  try withScript(tls: tls, { _ in }, script, body)
}

/// The script of a login without ado.
func preauthenticated(_ client: ScriptedClient, _ capabilities: String = "") throws {
  try client.say("* PREAUTH [CAPABILITY IMAP4rev1 \(capabilities)] hello")
}

/// Keeps what an observer is told.
final class RecordingObserver: ResponseObserver {
  var responses: [Response] = []
  var bodies: [Int] = []

  func receive(_ event: WireEvent) {
    switch event {
    case .response(let response): responses.append(response)
    case .bodyBegins: bodies.append(0)
    case .bodyBytes(let bytes): bodies[bodies.count - 1] += bytes.count
    case .bodyEnds: break
    }
  }
}

final class RecordingTrace: WireTrace {
  nonisolated(unsafe) var lines: [String] = []

  func sent(_ line: String) { lines.append("C: \(line)") }
  func received(_ line: String) { lines.append("S: \(line)") }
}

/// The kind of error that `body` throws.
func failure(of body: () throws -> Void) -> IMAPError.Kind? {
  do {
    try body()
    return nil
  } catch {
    return (error as? IMAPError)?.kind
  }
}
