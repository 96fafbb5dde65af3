import Foundation
import TestSupport

/// Failures of `docs/errors.md`, each brought about with the built program.
struct ErrorCase: Sendable {
  var name: String
  /// Runs the program, perhaps several times; what it said in the end.
  var run: @Sendable (ErrorStage) throws -> ProgramResult

  init(_ name: String, _ run: @escaping @Sendable (ErrorStage) throws -> ProgramResult) {
    self.name = name
    self.run = run
  }
}

/// Servers and files that the cases share.
final class ErrorStage {
  let directory: TemporaryDirectory
  let mboxsync: Mboxsync
  let certificates: TestCertificates
  let server: DovecotServer
  private var count = 0

  init(in directory: TemporaryDirectory) throws {
    self.directory = directory
    mboxsync = try Mboxsync(in: directory)
    certificates = try TestCertificates(in: directory)
    server = try DovecotServer.start(in: directory, certificates: certificates)
  }

  /// A configuration with this text, and the run of it.
  func run(_ configuration: String, _ arguments: String...) throws -> ProgramResult {
    let file = try directory.write(configuration, to: "config", mode: 0o600)
    return try mboxsync.run(["-c", file, "--state", newState()] + arguments)
  }

  /// The pair `home` of a fresh Maildir and the server.
  func reach(
    _ url: String? = nil, password: String? = "password-command = echo pass word",
    keys: String...
  ) throws -> ProgramResult {
    count += 1
    let lines = [
      "[endpoint server]", "url = \(url ?? "imaps://alice@127.0.0.1:\(server.tlsPort)")",
      password ?? "", keys.contains { $0.hasPrefix("tls-") } ? "" : trust,
    ]
    return try run(
      (lines + keys).joined(separator: "\n") + "\n[pair home]\nleft = maildir:~/M\(count)\n"
        + "right = server\n")
  }

  var trust: String { "tls-ca-file = \(certificates.authority)" }

  /// The pair `home` of a fresh Maildir and a server that says what `script` says.
  func talk(
    _ keys: String..., script: @escaping @Sendable (ScriptedClient) throws -> Void
  ) throws -> ProgramResult {
    let server = try ScriptedServer(connections: 1, script)
    count += 1
    return try run(
      (["[endpoint server]", "url = imap://alice@127.0.0.1:\(server.port)", "tls = none"] + keys)
        .joined(separator: "\n")
        + "\n[pair home]\nleft = maildir:~/M\(count)\nright = server\n")
  }

  private func newState() -> String {
    count += 1
    return directory.path("state\(count)")
  }
}

/// Two Maildirs that were synced with `count` messages, and what they are configured by.
struct SyncedMaildirs {
  let stage: ErrorStage
  let folder: String
  private let state: String
  private let configuration: String

  init(
    _ stage: ErrorStage, _ folder: String, messages: Int, in mailbox: String = "l",
    keys: String = ""
  ) throws {
    self.stage = stage
    self.folder = folder
    state = stage.directory.path("\(folder)-state")
    for part in ["cur", "new", "tmp"] { _ = try stage.directory.directory("\(folder)/l/\(part)") }
    for part in ["cur", "new", "tmp"] { _ = try stage.directory.directory("\(folder)/r/\(part)") }
    for part in ["cur", "new", "tmp"] {
      _ = try stage.directory.directory("\(folder)/\(mailbox)/\(part)")
    }
    for number in 0..<messages {
      try stage.directory.write(
        "Subject: m\(number)\n\n\(number)\n",
        to: "\(folder)/\(mailbox)/cur/\(1_600_000_000 + number).x:2,")
    }
    configuration = try stage.directory.write(
      "[pair home]\nleft = maildir:\(stage.directory.path(folder))/l\n"
        + "right = maildir:\(stage.directory.path(folder))/r\n\(keys)\n", to: "\(folder)/config")
    let first = try run()
    guard first.code == 0 else { throw TestFailure("\(folder): \(first.errorText)") }
  }

  func path(_ name: String) -> String { stage.directory.path("\(folder)/\(name)") }

  func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: path(name)) }

  func run(_ arguments: String...) throws -> ProgramResult {
    try stage.mboxsync.run(["-c", configuration, "--state", state] + arguments)
  }

  func runUnprivileged(_ arguments: String...) throws -> ProgramResult {
    try stage.mboxsync.runUnprivileged(["-c", configuration, "--state", state] + arguments)
  }

  func states() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: state).map { "\(state)/\($0)" }
  }
}
