/// Why nothing was begun: one line on standard error, and the exit code.
struct Complaint: Error, Hashable {
  var exitCode: ExitCode
  var message: String

  init(_ exitCode: ExitCode, _ message: String) {
    self.exitCode = exitCode
    self.message = message
  }

  init(_ error: UsageError) {
    // One that guesses what was meant needs no more.
    let advice = error.message.hasSuffix("?") ? "" : ": try 'mboxsync --help'"
    self.init(.usage, error.message + advice)
  }

  init(_ error: ConfigurationError) { self.init(error.exitCode, error.description) }
}
