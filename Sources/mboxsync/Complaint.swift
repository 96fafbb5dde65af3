/// Why nothing was begun: one line on standard error, and the exit code.
struct Complaint: Error, Hashable {
  var exitCode: ExitCode
  var message: String

  init(_ exitCode: ExitCode, _ message: String) {
    self.exitCode = exitCode
    self.message = message
  }

  init(_ error: UsageError) {
    self.init(.usage, "\(error.message): try 'mboxsync --help'")
  }

  init(_ error: ConfigurationError) { self.init(error.exitCode, error.description) }
}
