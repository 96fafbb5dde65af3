import Foundation

/// Ends the command under test, or fails it, at one of the system calls by which it writes: to files, to directories, to
/// sockets and pipes. What does it is `Tests/CrashPoint`, preloaded.
public struct CrashPoint: Sendable {
  public enum Happening: String, Sendable, CaseIterable {
    case killBefore = "kill-before"
    case killAfter = "kill-after"
    /// Killed, and what files hold beyond what was synced is gone.
    case losePower = "lose-power"
    /// Half of the bytes are written, which the call tells.
    case half
    case noSpace = "ENOSPC"
    case noSpaceFromHere = "ENOSPC-on"
    case overQuota = "EDQUOT"
    case overQuotaFromHere = "EDQUOT-on"
    case brokenDisk = "EIO"
    case brokenDiskFromHere = "EIO-on"
    case interrupted = "EINTR"

    public var kills: Bool { [.killBefore, .killAfter, .losePower].contains(self) }
    /// What a program has to expect of every call.
    public var isHarmless: Bool { [.half, .interrupted].contains(self) }
  }

  public var happening: Happening
  /// Which of the calls that this can happen to; nil: none, they are only counted.
  public var number: Int?
  /// Where files and directories have to lie to be counted.
  public var under: String?
  private let log: String
  private let library: String

  /// - Parameter under: a path that those of files and directories have to begin with; then other calls don't count.
  public init(
    _ happening: Happening, at number: Int?, under: String? = nil, of mboxsync: Mboxsync
  ) throws {
    self.happening = happening
    self.number = number
    self.under = under
    log = mboxsync.directory.unusedPath("calls")
    library = "\((mboxsync.program as NSString).deletingLastPathComponent)/libCrashPoint.so"
    guard access(library, R_OK) == 0 else {
      throw TestFailure("\(library) is not built: swift build")
    }
  }

  /// To be added to the command's.
  public var environment: [String: String] {
    var all = [
      "LD_PRELOAD": library, "CRASHPOINT_LOG": log, "CRASHPOINT_HOW": happening.rawValue,
    ]
    all["CRASHPOINT_AT"] = number.map(String.init)
    all["CRASHPOINT_UNDER"] = under
    return all
  }

  /// The calls that were counted, a line each: the number, the function, the path.
  public func calls() throws -> [String] {
    guard let text = try? String(contentsOfFile: log, encoding: .utf8) else {
      throw TestFailure("\(library) was not loaded")
    }
    return text.split(separator: "\n").map(String.init)
  }

  /// The call at which it happened; nil if the run made fewer.
  public func hit() throws -> String? { try calls().first { $0.hasSuffix(" <-") } }
}
