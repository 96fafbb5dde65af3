import Foundation

/// The command under test, run as a user runs it.
public struct Mboxsync: Sendable {
  public let program: String
  public let directory: TemporaryDirectory
  /// HOME; there is nothing in it unless a test puts it there.
  public let home: String

  public init(in directory: TemporaryDirectory) throws {
    self.directory = directory
    home = try directory.directory("home")
    program = try Self.find()
  }

  /// The program that was built together with the tests.
  private static func find() throws -> String {
    let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    var folder = (tests as NSString).deletingLastPathComponent
    if let bundle = CommandLine.arguments.first(where: { $0.hasSuffix(".xctest") }),
      bundle.hasPrefix("/")
    {
      folder = (bundle as NSString).deletingLastPathComponent
    }
    let program = "\(folder)/mboxsync"
    guard access(program, X_OK) == 0 else {
      throw TestFailure("\(program) is not built: swift build")
    }
    return program
  }

  /// Everything a run finds in its environment.
  public func environment(_ more: [String: String] = [:]) -> [String: String] {
    var all = [
      "HOME": home, "USER": directory.user.name, "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8",
      "TZ": "UTC0",
    ]
    all["LD_LIBRARY_PATH"] = ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"]
    return all.merging(more) { $1 }
  }

  /// Runs it to its end; killed after so many seconds, which fails the test.
  ///
  /// - Parameter wrapper: the command that runs it, if it is not run by itself.
  public func run(
    _ arguments: [String], environment more: [String: String] = [:], through wrapper: [String] = [],
    seconds: Double = patience
  )
    throws -> ProgramResult
  {
    try start(arguments, environment: more, through: wrapper).finish(seconds: seconds)
  }

  /// Runs it to its end without the rights to reach every file, which the tests keep when root runs them. A
  /// copy is run, because the program itself may lie where nobody else can look.
  public func runUnprivileged(_ arguments: [String]) throws -> ProgramResult {
    guard geteuid() == 0 else { return try run(arguments) }
    let copy = directory.path("mboxsync-program")
    if access(copy, F_OK) != 0 {
      // By a process of its own: one that another test starts meanwhile would hold the file open to be written.
      let cp = try findProgram("cp", package: "coreutils")
      _ = try runProgram([cp, program, copy], scratch: directory)
    }
    let setpriv = try findProgram("setpriv", package: "util-linux")
    return try start(
      copy, arguments, through: [setpriv, "--ambient-caps=-all", "--inh-caps=-all", "--"]
    ).finish()
  }

  /// Starts it.
  public func start(
    _ arguments: [String], environment more: [String: String] = [:], through wrapper: [String] = []
  ) throws
    -> RunningMboxsync
  {
    try start(program, arguments, environment: more, through: wrapper)
  }

  private func start(
    _ program: String, _ arguments: [String], environment more: [String: String] = [:],
    through wrapper: [String]
  ) throws -> RunningMboxsync {
    let stem = directory.unusedPath("mboxsync")
    let line = wrapper + [program] + arguments
    let child = try ChildProcess(
      directory.user.prefix + line, environment: environment(more), output: .file(stem + ".out"),
      error: .file(stem + ".err"))
    return RunningMboxsync(child: child, stem: stem, line: line)
  }
}

extension Mboxsync {
  /// Starts it on a terminal of its own.
  ///
  /// - Parameter names: records in place of name servers, as `Tests/FakeNames` wants them.
  public func startOnTerminal(
    _ arguments: [String], environment more: [String: String] = [:], columns: Int = 80,
    names: [String] = []
  ) throws -> TerminalSession {
    var all = environment(["TERM": "xterm"].merging(more) { $1 })
    let library = "\((program as NSString).deletingLastPathComponent)/libFakeNames.so"
    guard access(library, R_OK) == 0 else {
      throw TestFailure("\(library) is not built: swift build")
    }
    let table = directory.unusedPath("names")
    try names.map { $0 + "\n" }.joined().write(toFile: table, atomically: false, encoding: .utf8)
    all["LD_PRELOAD"] = library
    all["FAKENAMES"] = table
    return try TerminalSession(
      directory.user.prefix + [program] + arguments, environment: all, columns: columns)
  }
}

/// A run that goes on.
public struct RunningMboxsync {
  public let child: ChildProcess
  fileprivate let stem: String
  fileprivate let line: [String]

  public func finish(seconds: Double = patience) throws -> ProgramResult {
    try finishProgram(child, stem: stem, seconds: seconds, what: line)
  }

  /// As `kill -9` does: to the process alone.
  public func kill() throws {
    child.signal(SIGKILL)
    try child.wait(seconds: patience)
  }
}
