import Glibc
import IMAPClient
import SyncEngine

/// The program from its arguments to its exit code.
enum Program {
  /// - Parameter arguments: without the program's name.
  static func run(_ arguments: [[UInt8]]) -> ExitCode {
    holdStandardStreams()
    Memory.prepare()
    umask(0o077)
    Signals.ignoreBrokenPipes()
    StopSignals.install()
    let invocation: Invocation
    do {
      invocation = try Invocation(texts(arguments))
    } catch {
      complain(Complaint(error))
      return .usage
    }
    if invocation.asksHelp { return answer(Usage.text) }
    if invocation.asksVersion { return answer("\(Version.line)\n") }
    let session = Session(invocation, .process, StopSignals.cancellation)
    defer { session.console.finish() }
    do {
      if try session.asksHelp() { return answer(Usage.text) }
      let code = try run(session)
      // Who reads it would take what is missing for nothing.
      guard code == .ok, let loss = session.console.finish() else { return code }
      session.console.complain(["\(loss)"])
      return .partial
    } catch {
      session.console.complain([error.message])
      return error.exitCode
    }
  }

  /// A path in another encoding would be another path, and a Maildir would be made there.
  private static func texts(_ arguments: [[UInt8]]) throws(UsageError) -> [String] {
    var texts: [String] = []
    for argument in arguments {
      guard let text = String(validating: argument, as: UTF8.self) else {
        throw UsageError("'\(String(decoding: argument, as: UTF8.self))' is not text in UTF-8")
      }
      texts.append(text)
    }
    return texts
  }

  /// The file or connection that is opened next would get the number of one that is closed, and with it what is
  /// meant for people.
  private static func holdStandardStreams() {
    for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
      _ = open("/dev/null", O_RDWR)
    }
  }

  private static func run(_ session: Session) throws(Complaint) -> ExitCode {
    switch session.invocation.verb {
    case .sync: try SyncVerb(session: session).run()
    case .status: try StatusVerb(session: session).run()
    case .check: try CheckVerb(session: session).run()
    case .`init`: try InitVerb(session: session).run()
    case .verify: try VerifyVerb(session: session).run()
    case .fetch: try FetchVerb(session: session).run()
    case .forget: try ForgetVerb(session: session).run()
    }
  }

  private static func complain(_ complaint: Complaint) {
    let bytes = Array("mboxsync: \(Text.escaped(complaint.message))\n".utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
  }

  /// Fails if nobody takes the answer: it is all there is.
  private static func answer(_ text: String) -> ExitCode {
    let bytes = Array(text.utf8)
    return write(STDOUT_FILENO, bytes, bytes.count) == bytes.count ? .ok : .partial
  }
}
