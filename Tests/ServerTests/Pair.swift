import Foundation
import TestSupport
import Testing

/// What the two sides of a pair are.
enum Combination: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case maildirAndIMAP = "maildir–imap"
  case maildirAndExec = "maildir–exec"
  case maildirs = "maildir–maildir"
  case servers = "imap–imap"
  case programs = "exec–exec"

  var testDescription: String { rawValue }

  var kinds: (left: SideKind, right: SideKind) {
    switch self {
    case .maildirAndIMAP: (.maildir, .imap)
    case .maildirAndExec: (.maildir, .exec)
    case .maildirs: (.maildir, .maildir)
    case .servers: (.imap, .imap)
    case .programs: (.exec, .exec)
    }
  }

  /// Those in which both sides can share a UID space.
  static let mirroring: [Combination] = [.maildirAndIMAP, .maildirAndExec, .maildirs]
}

/// How much help the servers give in finding changes.
enum Tier: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case qresync
  case condstore
  case none

  var testDescription: String { rawValue }

  /// The value of `disable-capabilities`.
  var disabled: String? {
    switch self {
    case .qresync: nil
    case .condstore: "QRESYNC"
    case .none: "QRESYNC CONDSTORE"
    }
  }
}

/// A combination on a tier.
struct Setting: Sendable, CustomTestStringConvertible {
  var combination: Combination
  var tier: Tier

  var testDescription: String { "\(combination.rawValue), \(tier.rawValue)" }

  /// All that differ: a tier is nothing to two Maildirs.
  static let all: [Setting] = Combination.allCases.flatMap { combination in
    Tier.allCases.filter { combination != .maildirs || $0 == .qresync }
      .map { Setting(combination: combination, tier: $0) }
  }

  static let mirroring = all.filter { Combination.mirroring.contains($0.combination) }
}

/// Two sides, the configuration that pairs them, and the program.
final class Pair {
  let left: PairSide
  let right: PairSide
  let mboxsync: Mboxsync
  /// Keys of the pair's section.
  var keys: [String: String]
  var directory: TemporaryDirectory { mboxsync.directory }

  init(
    _ left: PairSide, _ right: PairSide, in directory: TemporaryDirectory,
    keys: [String: String] = [:]
  )
    throws
  {
    self.left = left
    self.right = right
    self.keys = keys
    mboxsync = try Mboxsync(in: directory)
  }

  var sides: [PairSide] { [left, right] }

  private func writeConfiguration() throws -> String {
    var lines: [String] = []
    for side in sides {
      lines.append("[endpoint \(side.name)]")
      lines += side.keys.sorted { $0.key < $1.key }.map { "\($0.key) = \(quoted($0.value))" }
    }
    lines += ["[pair test]", "left = \(left.name)", "right = \(right.name)"]
    lines += keys.sorted { $0.key < $1.key }.map { "\($0.key) = \(quoted($0.value))" }
    return try directory.write(lines.joined(separator: "\n") + "\n", to: "config")
  }

  func arguments(_ more: [String], verb: String = "sync") throws -> [String] {
    [verb, "-c", try writeConfiguration(), "--state", directory.path("state")] + more + ["test"]
  }

  /// Runs the program and requires its exit code.
  @discardableResult
  func sync(
    _ more: String..., expecting code: Int32 = 0, verb: String = "sync",
    environment: [String: String] = [:], sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> ProgramResult {
    let result = try mboxsync.run(try arguments(more, verb: verb), environment: environment)
    try #require(
      result.status == .exited(code), "\(result.status): \(result.errorText)",
      sourceLocation: sourceLocation)
    return result
  }

  /// Runs `fetch` for these stubs of a mailbox.
  @discardableResult
  func fetch(
    _ mailbox: String, _ uids: [UInt32], expecting code: Int32 = 0,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> ProgramResult {
    let words = [mailbox] + uids.map(String.init)
    let result = try mboxsync.run(try arguments([], verb: "fetch") + words)
    try #require(
      result.status == .exited(code), "\(result.status): \(result.errorText)",
      sourceLocation: sourceLocation)
    return result
  }

  /// Runs the program with `--json`; what it says of the pair.
  @discardableResult
  func report(
    _ more: String..., expecting code: Int32 = 0, sourceLocation: SourceLocation = #_sourceLocation
  )
    throws -> PairReport
  {
    let result = try mboxsync.run(try arguments(more + ["--json"]))
    try #require(
      result.status == .exited(code), "\(result.status): \(result.errorText)",
      sourceLocation: sourceLocation)
    return try decoded(result)
  }

  /// The same, with a plain error when the run fails.
  func reportUnchecked() throws -> PairReport {
    let result = try mboxsync.run(try arguments(["--json"]))
    guard result.code == 0 else { throw TestFailure("\(result.status) \(result.errorText)") }
    return try decoded(result)
  }

  private func decoded(_ result: ProgramResult) throws -> PairReport {
    let whole = try JSONDecoder().decode(RunReport.self, from: Data(result.output))
    guard let first = whole.pairs.first else { throw TestFailure("a report of no pair") }
    return first
  }

  /// Runs the program, whatever comes of it.
  func runUnchecked(_ more: String...) throws -> ProgramResult {
    try mboxsync.run(try arguments(more))
  }

  /// Starts the program.
  func start(_ more: String..., environment: [String: String] = [:]) throws -> RunningMboxsync {
    try mboxsync.start(try arguments(more), environment: environment)
  }
}

private func quoted(_ value: String) -> String {
  "\""
    + value.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(
      of: "\"", with: "\\\"")
    + "\""
}

/// What `--json` prints, as far as tests look at it.
struct RunReport: Decodable {
  var pairs: [PairReport]
}

struct PairReport: Decodable {
  struct Counts: Decodable, Equatable {
    var saved = 0
    var copied = 0
    var expunged = 0
    var flagged = 0
    var renumbered = 0
    /// What went over the wire; a report without it is none of a whole side.
    var bytesIn: Int? = nil
    var bytesOut: Int? = nil

    enum CodingKeys: String, CodingKey {
      case saved, copied, expunged, flagged, renumbered
      case bytesIn = "bytes_in"
      case bytesOut = "bytes_out"
    }

    /// Messages changed, whatever that cost.
    static func == (left: Counts, right: Counts) -> Bool {
      left.saved == right.saved && left.copied == right.copied && left.expunged == right.expunged
        && left.flagged == right.flagged && left.renumbered == right.renumbered
    }
  }

  struct Mailbox: Decodable {
    var name: String
    var result: String
    var uids: String
    var messages: Int
  }

  struct Problem: Decodable {
    var mailbox: String?
    var side: String?
    var code: String
    var message: String
  }

  var pair: String
  var result: String
  var left: Counts
  var right: Counts
  var mailboxes: [Mailbox]
  var errors: [Problem]
  var notices: [Problem]
}
