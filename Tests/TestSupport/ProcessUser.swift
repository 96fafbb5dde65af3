import Foundation

/// The account that mail belongs to and that servers and the tool run as in tests: the one that runs the tests, or `nobody`
/// when that is root, because Dovecot refuses to serve root's mail and mboxsync is no tool for root.
public struct OrdinaryUser: Sendable {
  public let uid: uid_t
  public let gid: gid_t
  public let name: String
  public let group: String
  /// Put before a command line so that it runs as this user.
  ///
  /// As root the capabilities to reach every file are kept: the build directory may lie where nobody
  /// else can look, and what the test itself makes belongs to root.
  public let prefix: [String]

  /// Throws if the account has no name.
  public static func current() throws -> OrdinaryUser { try found.get() }

  /// Looked up once: the library answers every thread in the same place.
  private static let found = Result { try find() }

  private static func find() throws -> OrdinaryUser {
    let isRoot = geteuid() == 0
    guard let entry = isRoot ? getpwnam("nobody") : getpwuid(geteuid()),
      let group = getgrgid(entry.pointee.pw_gid)
    else { throw TestFailure("user \(geteuid()) is not in /etc/passwd and /etc/group") }
    let name = String(cString: entry.pointee.pw_name)
    let groupName = String(cString: group.pointee.gr_name)
    let kept = "+dac_override,+fowner"
    return OrdinaryUser(
      uid: entry.pointee.pw_uid, gid: entry.pointee.pw_gid, name: name, group: groupName,
      prefix: !isRoot
        ? []
        : [
          try findProgram("setpriv", package: "util-linux"), "--reuid=\(name)",
          "--regid=\(groupName)", "--clear-groups", "--inh-caps=\(kept)",
          "--ambient-caps=\(kept)", "--",
        ])
  }
}

/// The path of a program that the tests can't do without.
public func findProgram(_ name: String, package: String) throws -> String {
  let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
  let places: [String] = path.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin"]
  let candidates = name.hasPrefix("/") ? [name] : places.map { "\($0)/\(name)" }
  guard let found = candidates.first(where: { access($0, X_OK) == 0 }) else {
    throw TestFailure("the tests need \(name): apt-get install \(package)")
  }
  return found
}
