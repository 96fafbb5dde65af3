import IMAPClient
import SyncEngine
import Synchronization

/// Finds the password of one side when it is first needed, and keeps it for the connections that follow.
final class PasswordSource: Sendable {
  /// What the search starts from.
  struct Request: Sendable {
    var side: Side
    var key: EndpointSettings.PasswordKey?
    /// `nil` for a command.
    var host: String?
    var user: String
    /// The value of `$MBOXSYNC_LEFT_PASSWORD` or its like.
    var fromEnvironment: String?
    /// `nil`: there is none.
    var netrcPath: String?
    /// The endpoint's name, for a question on the terminal.
    var endpoint: String
  }

  private let request: Request
  private let cancellation: Cancellation
  private let known = Mutex<Result<[UInt8], PasswordError>?>(nil)

  init(_ request: Request, cancellation: Cancellation) {
    self.request = request
    self.cancellation = cancellation
  }

  /// The name of the variable for a side.
  static func variable(_ side: Side) -> String {
    "MBOXSYNC_\(side.rawValue.uppercased())_PASSWORD"
  }

  /// Several connections ask at the same time; one of them looks, the others wait.
  func password() throws(PasswordError) -> [UInt8] {
    let result = known.withLock { known in
      if let known { return known }
      let result = find()
      known = result
      return result
    }
    return try result.get()
  }

  private func find() -> Result<[UInt8], PasswordError> {
    do throws(PasswordError) {
      switch request.key {
      case .command(let command): return .success(try fromCommand(command))
      case .file(let path): return .success(try fromFile(path))
      case nil: return .success(try fromSurroundings())
      }
    } catch {
      return .failure(error)
    }
  }

  private func fromCommand(_ command: String) throws(PasswordError) -> [UInt8] {
    let outcome: Subprocess.Outcome
    do {
      outcome = try Subprocess.run(command, output: .captured, cancellation: cancellation)
    } catch {
      throw PasswordError(
        message: "password-command: \(error)", advice: "look at the system's limits")
    }
    guard outcome.succeeded else {
      throw PasswordError(
        message: "password-command \(outcome.description)", advice: "try the command in a shell")
    }
    guard let password = PasswordSource.firstLine(outcome.output) else {
      throw PasswordError(
        message: "password-command printed no password",
        advice: "its first line of output has to be the password")
    }
    return password
  }

  private func fromFile(_ path: String) throws(PasswordError) -> [UInt8] {
    let file: ReadFile
    do {
      file = try FileReader.read(path)
    } catch {
      throw PasswordError(
        message: "password-file: \(error)", advice: "its first line is the password, its mode 600")
    }
    try PasswordSource.refuseIfOpen(file, path)
    guard let password = PasswordSource.firstLine(file.bytes) else {
      throw PasswordError(
        message: "\(path) holds no password", advice: "its first line has to be the password")
    }
    return password
  }

  private func fromSurroundings() throws(PasswordError) -> [UInt8] {
    if let value = request.fromEnvironment { return Array(value.utf8) }
    if let password = try fromNetrc() { return password }
    let question = "mboxsync: password for \(request.endpoint) (\(request.side)): "
    if let answer = try Terminal.askForPassword(question, cancellation) { return answer }
    throw PasswordError(
      message: "no password for \(request.endpoint)",
      advice: "set 'password-command' or 'password-file'")
  }

  /// `nil` if the file is not there or has no entry for this host and user.
  private func fromNetrc() throws(PasswordError) -> [UInt8]? {
    guard let host = request.host, let path = request.netrcPath else { return nil }
    guard let file = try? FileReader.read(path) else { return nil }
    guard let password = Netrc(file.bytes).password(host: host, user: request.user) else {
      return nil
    }
    try PasswordSource.refuseIfOpen(file, path)
    return password
  }

  private static func refuseIfOpen(_ file: ReadFile, _ path: String) throws(PasswordError) {
    guard file.isOpenToOthers else { return }
    throw PasswordError(message: "\(path) is open to others", advice: "use 'chmod 600 \(path)'")
  }

  /// Without its line end; `nil` if it is empty.
  static func firstLine(_ bytes: [UInt8]) -> [UInt8]? {
    var line = bytes.prefix { $0 != 0x0a }
    if line.last == 0x0d { line.removeLast() }
    return line.isEmpty ? nil : Array(line)
  }
}
