import CLinux
import Glibc

/// A command run by the shell, waited for by whoever started it.
public struct ChildProcess: ~Copyable {
  /// How a process ended.
  public enum Exit: Hashable, Sendable, CustomStringConvertible {
    case status(Int32)
    case signal(Int32)
    /// Someone else has waited for it.
    case unknown

    public var description: String {
      switch self {
      case .status(let number): "exited with status \(number)"
      case .signal(let number): "was ended by signal \(number)"
      case .unknown: "ended"
      }
    }
  }

  private let identifier: pid_t
  /// Known once it has been waited for.
  public private(set) var exit: Exit?

  /// Starts `/bin/sh -c command`; standard error is inherited.
  ///
  /// Descriptors other than these three are expected to be close-on-exec. The signal mask is empty,
  /// and SIGPIPE, which ``Signals`` ignores here, does there what it does by default.
  public init(
    shell command: String, input: borrowing FileDescriptor, output: borrowing FileDescriptor
  ) throws(Errno) {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, input.rawValue, STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, output.rawValue, STDOUT_FILENO)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigaddset(&signals, SIGPIPE)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF))

    var started: pid_t = 0
    let status = command.withCString { text in
      "sh".withCString { shell in
        "-c".withCString { option in
          let arguments = [shell, option, text, nil].map { UnsafeMutablePointer(mutating: $0) }
          return posix_spawn(
            &started, "/bin/sh", &actions, &attributes, arguments, mbs_environ())
        }
      }
    }
    guard status == 0 else { throw Errno(status) }
    identifier = started
  }

  deinit { if exit == nil { _ = Self.poll(identifier) } }

  /// Waits for its end, at most until the deadline; nil if it runs on.
  @discardableResult
  public mutating func wait(until deadline: Deadline) -> Exit? {
    // No descriptor tells of the end everywhere, so look again at growing distances: a command
    // that ends at once is seen at once.
    var pause = 1
    while exit == nil {
      exit = Self.poll(identifier)
      if exit != nil || deadline.hasPassed { break }
      Glibc.poll(nil, 0, min(Int32(pause), deadline.remainingMilliseconds))
      pause = min(pause * 2, 20)
    }
    return exit
  }

  /// Sends a signal, unless it has ended and its number may by now be another's.
  public func send(signal number: Int32) {
    if exit == nil { kill(identifier, number) }
  }

  /// Asks it to end, then ends it. Takes at most about a second.
  public mutating func terminate() {
    send(signal: SIGTERM)
    if wait(until: .after(milliseconds: 500)) != nil { return }
    send(signal: SIGKILL)
    wait(until: .after(milliseconds: 500))
  }

  private static func poll(_ identifier: pid_t) -> Exit? {
    var status: Int32 = 0
    let result = waitpid(identifier, &status, WNOHANG)
    if result == 0 { return nil }
    if result < 0 { return Errno.current.rawValue == EINTR ? nil : .unknown }
    if mbs_WIFEXITED(status) != 0 { return .status(mbs_WEXITSTATUS(status)) }
    if mbs_WIFSIGNALED(status) != 0 { return .signal(mbs_WTERMSIG(status)) }
    return nil
  }
}
