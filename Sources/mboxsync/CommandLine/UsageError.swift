/// A command line that makes no sense. Exit code 64.
struct UsageError: Error, Hashable {
  var message: String

  init(_ message: String) { self.message = message }
}
