/// What is wrong with the configuration, and where. Exit code 78, or 64 where the command line is to blame.
struct ConfigurationError: Error, Hashable, CustomStringConvertible {
  enum Place: Hashable, Sendable {
    case line(path: String, number: Int)
    case file(path: String)
    /// A key set by `--set`, or an endpoint given on the spot.
    case commandLine(String)

    /// `config:12`
    var description: String {
      switch self {
      case .line(let path, let number): "\(path):\(number)"
      case .file(let path): path
      case .commandLine(let what): what
      }
    }
  }

  var place: Place
  var message: String

  init(_ place: Place, _ message: String) {
    self.place = place
    self.message = message
  }

  var description: String { "\(place.description): \(message)" }

  var exitCode: ExitCode {
    if case .commandLine = place { .usage } else { .configuration }
  }
}
