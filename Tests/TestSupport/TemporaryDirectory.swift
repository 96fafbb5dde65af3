import Foundation
import Synchronization

/// A directory of one test, removed with everything in it when the test is over.
///
/// It belongs to the ``OrdinaryUser``. With MBOXSYNC_TESTS_KEEP in the environment it stays, and its path is said.
public final class TemporaryDirectory: Sendable {
  public let path: String
  public let user: OrdinaryUser
  private let counter = Mutex(0)

  /// Use ``withTemporaryDirectory(_:)``, which keeps it until the end of its block.
  init() throws {
    user = try OrdinaryUser.current()
    let base = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
    var template = Array("\(base)/mboxsync-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw TestFailure("can't make a directory in \(base): \(String(cString: strerror(errno)))")
    }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    try user.own(path)
  }

  func remove() {
    if ProcessInfo.processInfo.environment["MBOXSYNC_TESTS_KEEP"] != nil {
      print("kept: \(path)")
    } else {
      try? FileManager.default.removeItem(atPath: path)
    }
  }

  /// A path in it, nothing being made there.
  public func path(_ name: String) -> String { "\(path)/\(name)" }

  /// A path that nothing had before.
  public func unusedPath(_ stem: String) -> String {
    let number = counter.withLock { value in
      value += 1
      return value
    }
    return "\(path)/\(stem)-\(number)"
  }

  /// A directory in it, made with those above it.
  public func directory(_ name: String) throws -> String {
    try user.makeDirectory(path(name))
    return path(name)
  }

  /// A file in it with this text; `mode` as for `chmod`.
  @discardableResult
  public func write(_ text: String, to name: String, mode: mode_t = 0o644) throws -> String {
    if mode & 0o111 != 0 {
      try writeProgram(text, to: path(name))
    } else {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path(name)))
    }
    try user.own(path(name))
    chmod(path(name), mode)
    return path(name)
  }

  /// By a process of its own: a file that this one has written can't be run (ETXTBSY) as long as a child that another test
  /// is starting, and that has not come to its exec, has the descriptor, too.
  private func writeProgram(_ text: String, to path: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path).text"))
    let copy = Process()
    copy.executableURL = URL(fileURLWithPath: "/bin/cp")
    copy.arguments = ["\(path).text", path]
    try copy.run()
    copy.waitUntilExit()
    try FileManager.default.removeItem(atPath: "\(path).text")
    guard copy.terminationStatus == 0 else { throw TestFailure("cp to \(path) failed") }
  }
}

extension OrdinaryUser {
  /// Makes the file or directory this user's, if the test's process isn't this user itself.
  public func own(_ path: String) throws {
    guard geteuid() == 0 else { return }
    guard lchown(path, uid, gid) == 0 else {
      throw TestFailure("chown \(path): \(String(cString: strerror(errno)))")
    }
  }

  /// Makes a directory and what is missing above it, all of them this user's.
  public func makeDirectory(_ path: String) throws {
    if mkdir(path, 0o755) == 0 { return try own(path) }
    switch errno {
    case EEXIST: return
    case ENOENT:
      let parent = (path as NSString).deletingLastPathComponent
      guard parent != path else { break }
      try makeDirectory(parent)
      if mkdir(path, 0o755) == 0 { return try own(path) }
    default: break
    }
    throw TestFailure("mkdir \(path): \(String(cString: strerror(errno)))")
  }
}

/// Runs `body` with a directory that is removed afterwards, whatever happens.
public func withTemporaryDirectory<Result>(
  _ body: (TemporaryDirectory) throws -> Result
) throws -> Result {
  let directory = try TemporaryDirectory()
  defer { directory.remove() }
  return try body(directory)
}
