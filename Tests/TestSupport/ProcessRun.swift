import Foundation

/// What a finished program said.
public struct ProgramResult: Sendable {
  public let status: ExitStatus
  public let output: [UInt8]
  public let error: [UInt8]

  /// The exit code, -1 after a signal.
  public var code: Int32 {
    if case .exited(let code) = status { code } else { -1 }
  }
  public var outputText: String { String(decoding: output, as: UTF8.self) }
  public var errorText: String { String(decoding: error, as: UTF8.self) }
}

/// Runs a program to its end, its output kept in files of `scratch`.
public func runProgram(
  _ arguments: [String], environment: [String: String]? = nil, scratch: TemporaryDirectory,
  seconds: Double = patience
) throws -> ProgramResult {
  let stem = scratch.unusedPath("run")
  let child = try ChildProcess(
    arguments, environment: environment ?? ProcessInfo.processInfo.environment,
    output: .file(stem + ".out"), error: .file(stem + ".err"))
  defer { child.end() }
  return try finishProgram(child, stem: stem, seconds: seconds, what: arguments)
}

/// Waits for a program whose output goes to `stem`.out and `stem`.err.
func finishProgram(_ child: ChildProcess, stem: String, seconds: Double, what arguments: [String])
  throws
  -> ProgramResult
{
  func bytes(_ path: String) -> [UInt8] {
    [UInt8](FileManager.default.contents(atPath: path) ?? Data())
  }
  do {
    let status = try child.wait(seconds: seconds)
    return ProgramResult(
      status: status, output: bytes(stem + ".out"), error: bytes(stem + ".err"))
  } catch {
    throw TestFailure(
      "\(arguments.joined(separator: " ")): \(error); it said: "
        + String(decoding: bytes(stem + ".err").suffix(2_000), as: UTF8.self))
  }
}
