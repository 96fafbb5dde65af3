import Foundation

/// Something in a test's surroundings failed, in words for the person who reads the test's output.
public struct TestFailure: Error, CustomStringConvertible {
  public let description: String

  public init(_ description: String) {
    self.description = description
  }
}

/// How a process ended.
public enum ExitStatus: Hashable, Sendable {
  case exited(Int32)
  case signalled(Int32)

  /// From what `waitpid` gives.
  init(_ word: Int32) {
    self = word & 0x7F == 0 ? .exited(word >> 8 & 0xFF) : .signalled(word & 0x7F)
  }
}

/// A process of the test's own: in a session of its own, so that it and all it started can be ended together.
public final class ChildProcess {
  public enum Stream {
    case null
    /// Read from or written to by the test.
    case pipe
    /// Made anew.
    case file(String)
    /// A terminal, which becomes the one that controls the process.
    case terminal(String)
  }

  public let pid: pid_t
  /// The test's ends of the streams that are pipes, else -1.
  public let standardInput: Int32
  public let standardOutput: Int32
  public private(set) var status: ExitStatus?

  /// Starts `arguments[0]`, found along PATH, with exactly `environment`.
  ///
  /// `lifeline`: the child's descriptor 3 is a pipe that ends when the test's process does.
  public init(
    _ arguments: [String], environment: [String: String], input: Stream = .null,
    output: Stream = .null, error: Stream = .null, lifeline: Bool = false
  ) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // The threads that tests run on block signals, and who runs the tests in the background ignores some: neither is
    // the child to inherit.
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    var usual = none
    for signal in [SIGINT, SIGQUIT, SIGHUP, SIGTERM] { sigaddset(&usual, signal) }
    posix_spawnattr_setsigdefault(&attributes, &usual)
    let newSession: Int32 = 0x80  // POSIX_SPAWN_SETSID
    posix_spawnattr_setflags(
      &attributes,
      Int16(newSession | Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF)))

    // One at a time, or a process started meanwhile would inherit pipes not yet marked close-on-exec.
    starting.lock()
    defer { starting.unlock() }
    var childEnds: [Int32] = []
    defer { for descriptor in childEnds { close(descriptor) } }
    var ownEnds: [Int32] = []
    func connect(_ number: Int32, _ stream: Stream) throws -> Int32 {
      switch stream {
      case .null:
        posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_RDWR, 0)
        return -1
      case .file(let path):
        posix_spawn_file_actions_addopen(
          &actions, number, path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        return -1
      case .terminal(let path):
        posix_spawn_file_actions_addopen(&actions, number, path, O_RDWR, 0)
        return -1
      case .pipe:
        let (reading, writing) = try makePipe()
        let (child, own) = number == 1 || number == 2 ? (writing, reading) : (reading, writing)
        childEnds.append(child)
        ownEnds.append(own)
        posix_spawn_file_actions_adddup2(&actions, child, number)
        return own
      }
    }
    standardInput = try connect(0, input)
    standardOutput = try connect(1, output)
    _ = try connect(2, error)
    if lifeline { _ = try connect(3, .pipe) }

    var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    var envp: [UnsafeMutablePointer<CChar>?] =
      environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for string in argv + envp { free(string) } }
    var child: pid_t = 0
    let problem = posix_spawnp(&child, arguments[0], &actions, &attributes, &argv, &envp)
    guard problem == 0 else {
      for descriptor in ownEnds { close(descriptor) }
      throw TestFailure("can't start \(arguments[0]): \(String(cString: strerror(problem)))")
    }
    pid = child
    self.ownEnds = ownEnds
  }

  deinit { end() }

  private var ownEnds: [Int32]
  private var hasEnded = false

  /// Waits until the process ends by itself; kills it and throws after so many seconds.
  @discardableResult
  public func wait(seconds: Double) throws -> ExitStatus {
    let deadline = Date.now + seconds
    while true {
      if let status = poll() { return status }
      if Date.now > deadline {
        end()
        throw TestFailure("no end within \(seconds) s, so it was killed")
      }
      usleep(2_000)
    }
  }

  /// How it ended, if it did.
  public func poll() -> ExitStatus? {
    if let status { return status }
    var word: Int32 = 0
    guard waitpid(pid, &word, WNOHANG) == pid else { return nil }
    status = ExitStatus(word)
    return status
  }

  public func signal(_ number: Int32) {
    if poll() == nil { kill(pid, number) }
  }

  /// Kills the process, if it still runs, with every process of its session, and forgets its pipes.
  public func end() {
    guard !hasEnded else { return }
    hasEnded = true
    // Once it was waited for, its number may be a stranger's; what it left behind has no process of that number.
    if status == nil || access("/proc/\(pid)", F_OK) != 0 { kill(-pid, SIGKILL) }
    var word: Int32 = 0
    if status == nil, waitpid(pid, &word, 0) == pid { status = ExitStatus(word) }
    for descriptor in ownEnds { close(descriptor) }
    ownEnds = []
  }

  /// Ends the child's standard input.
  public func closeInput() {
    guard let index = ownEnds.firstIndex(of: standardInput) else { return }
    close(ownEnds.remove(at: index))
  }
}

private let starting = NSLock()

private func makePipe() throws -> (reading: Int32, writing: Int32) {
  var ends: [Int32] = [-1, -1]
  guard pipe(&ends) == 0 else {
    throw TestFailure("pipe: \(String(cString: strerror(errno)))")
  }
  for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
  return (ends[0], ends[1])
}
