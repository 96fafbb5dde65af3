import Glibc

/// The variables this process was started with, or a table of them in tests.
struct Environment: Sendable {
  private let lookUp: @Sendable (String) -> String?

  init(_ variables: [String: String]) { lookUp = { variables[$0] } }

  private init(lookUp: @escaping @Sendable (String) -> String?) { self.lookUp = lookUp }

  static let process = Environment(lookUp: { name in getenv(name).map { String(cString: $0) } })

  /// `nil` also for a variable that is set to nothing.
  subscript(name: String) -> String? {
    guard let value = lookUp(name), !value.isEmpty else { return nil }
    return value
  }

  /// The home directory, without a slash at its end; `nil` if nobody knows one.
  var home: String? {
    guard let path = self["HOME"] ?? getpwuid(getuid()).map({ String(cString: $0.pointee.pw_dir) })
    else { return nil }
    return path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  }

  /// Who logs in where nobody is named: `$USER`, else the name of the account.
  var user: String? {
    self["USER"] ?? getpwuid(getuid()).map { String(cString: $0.pointee.pw_name) }
  }

  /// `$XDG_…_HOME/mboxsync`, or below the home directory. A relative path is to be ignored (XDG Base
  /// Directory Specification).
  func directory(_ variable: String, else fallback: String) -> String? {
    if let base = self[variable], base.hasPrefix("/") { return "\(base)/mboxsync" }
    return home.map { "\($0)/\(fallback)/mboxsync" }
  }

  var configurationFile: String? {
    directory("XDG_CONFIG_HOME", else: ".config").map { "\($0)/config" }
  }

  var stateDirectory: String? { directory("XDG_STATE_HOME", else: ".local/state") }
}
