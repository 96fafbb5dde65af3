import CLinux
import Glibc
import IMAPClient
import SyncEngine

/// Runs commands of the configuration by `/bin/sh -c`.
enum Subprocess {
  enum Output {
    /// To this program's standard output.
    case inherited
    /// To this program's standard error, so that its standard output stays as promised.
    case standardError
    /// To the caller.
    case captured
  }

  struct Outcome: Hashable {
    /// As wait(2) gives it.
    var status: Int32
    var output: [UInt8]

    var succeeded: Bool { mbs_WIFEXITED(status) != 0 && mbs_WEXITSTATUS(status) == 0 }

    /// How it ended, for people.
    var description: String {
      mbs_WIFEXITED(status) != 0
        ? "exited with status \(mbs_WEXITSTATUS(status))"
        : "was killed by signal \(mbs_WTERMSIG(status))"
    }
  }

  /// What a captured command may print before it is called off.
  static let outputLimit = 1 << 20

  /// Waits for the command's end.
  ///
  /// - Parameter variables: added to the environment.
  static func run(
    _ command: String, output: Output, variables: [(String, String)] = [],
    cancellation: Cancellation
  ) throws(SystemError) -> Outcome {
    var pipe: [Int32] = [-1, -1]
    if output == .captured, pipe2(&pipe, Int32(O_CLOEXEC)) != 0 {
      throw SystemError("can't make a pipe")
    }
    let child: pid_t
    do {
      child = try spawn(command, output, pipe: pipe[1], variables)
    } catch {
      if pipe[0] >= 0 { close(pipe[0]) }
      if pipe[1] >= 0 { close(pipe[1]) }
      throw error
    }
    var bytes: [UInt8] = []
    if output == .captured {
      close(pipe[1])
      bytes = readAll(pipe[0], child, cancellation)
      close(pipe[0])
    }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 && errno == EINTR {}
    return Outcome(status: status, output: bytes)
  }

  private static func spawn(
    _ command: String, _ output: Output, pipe: Int32, _ variables: [(String, String)]
  ) throws(SystemError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    switch output {
    case .inherited: break
    case .standardError: posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO)
    case .captured: posix_spawn_file_actions_adddup2(&actions, pipe, STDOUT_FILENO)
    }
    // This program ignores SIGPIPE, and threads may block signals; its children are not to inherit that.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var defaults = sigset_t()
    sigemptyset(&defaults)
    sigaddset(&defaults, SIGPIPE)
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGDEF) | Int16(POSIX_SPAWN_SETSIGMASK))

    let arguments = CStrings(["/bin/sh", "-c", command].map { Array($0.utf8CString) })
    let environment = CStrings(inherited(replacing: variables))
    var child: pid_t = 0
    let code = posix_spawn(
      &child, "/bin/sh", &actions, &attributes, arguments.pointers, environment.pointers)
    guard code == 0 else { throw SystemError("can't run /bin/sh", Errno(code)) }
    return child
  }

  /// `NAME=VALUE` of this process, with `variables` instead of its own of that name.
  private static func inherited(replacing variables: [(String, String)]) -> [[CChar]] {
    var result = variables.map { Array("\($0.0)=\($0.1)".utf8CString) }
    var entry = mbs_environ()
    while let pointer = entry?.pointee {
      let isReplaced = variables.contains { strncmp(pointer, "\($0.0)=", $0.0.utf8.count + 1) == 0 }
      if !isReplaced {
        result.append(Array(UnsafeBufferPointer(start: pointer, count: strlen(pointer) + 1)))
      }
      entry = entry?.advanced(by: 1)
    }
    return result
  }

  /// Reads until the command closes its output. A run that is to stop ends the command.
  private static func readAll(
    _ descriptor: Int32, _ child: pid_t, _ cancellation: Cancellation
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 4096)
    while true {
      var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      _ = poll(&wait, 1, 100)
      if cancellation.isRequested || bytes.count > outputLimit {
        kill(child, SIGTERM)
        return bytes
      }
      if wait.revents == 0 { continue }
      let count = Glibc.read(descriptor, &piece, piece.count)
      if count < 0 && (errno == EINTR || errno == EAGAIN) { continue }
      if count <= 0 { return bytes }
      bytes += piece[..<count]
    }
  }
}

/// A C array of C strings that ends in a null pointer; lives as long as this object.
private final class CStrings {
  let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  private let count: Int

  /// - Parameter strings: each ends in a NUL.
  init(_ strings: [[CChar]]) {
    count = strings.count
    pointers = .allocate(capacity: count + 1)
    for (index, string) in strings.enumerated() {
      (pointers + index).initialize(to: strdup(string))
    }
    (pointers + count).initialize(to: nil)
  }

  deinit {
    for index in 0..<count { free(pointers[index]) }
    pointers.deallocate()
  }
}
