import Foundation
import TestSupport
import Testing

/// What the base says of a Maildir has to be on the disk before the base says it: the contents of files, and the names
/// under which they lie.
@Suite("What is recorded is on the disk") struct DurabilityTests {
  @Test("in every scenario of the crash tests", arguments: CrashScenario.all)
  func scenarios(scenario: CrashScenario) throws {
    // A batch is recorded while the next one is saved (`Durability.behind`), so what the next one has just renamed may
    // stand before a commit that does not speak of it. A sync that is missing is missing in every run.
    var disk = Disk()
    for _ in 1...10 {
      disk = Disk()
      try scenario.withPair { pair in
        for call in try CrashSweep(scenario, .losePower, pair).calls() { disk.note(call) }
      }
      #expect(disk.commits > 0)
      if disk.violations.isEmpty { break }
    }
    #expect(disk.violations.isEmpty)
  }

  @Test(
    "a missing sync is found",
    arguments: [
      ["1 write /m/cur/a", "2 pwrite /s/p.sqlite"],
      ["1 renameat2 /m/cur/a", "2 fsync /m/new", "3 pwrite /s/p.sqlite"],
      ["1 unlinkat /m/cur/a", "2 fsync /m", "3 pwrite /s/p.sqlite"],
    ])
  func found(calls: [String]) {
    var disk = Disk()
    for call in calls { disk.note(call) }
    #expect(disk.violations.count == 1)
  }
}

/// What of the calls of a run is not on the disk yet.
private struct Disk {
  private var files: Set<String> = []
  private var directories: Set<String> = []
  private(set) var commits = 0
  private(set) var violations: [String] = []

  /// - Parameter call: the number, the function and the path, as `CrashPoint` writes them.
  mutating func note(_ call: String) {
    let words = call.split(separator: " ", maxSplits: 2).map(String.init)
    guard words.count == 3 else { return }
    let path = words[2]
    if path.hasSuffix(".sqlite") {
      if words[1].hasPrefix("pwrite") { commit(call) }
      return
    }
    // Locks are for the living; what is in `tmp` is nobody's mail.
    guard path.hasPrefix("/"), !path.contains(".lock"), !path.contains(".sqlite"),
      // Names that are kept: nothing depends on them.
      !path.contains(".names/")
    else { return }
    let parent = (path as NSString).deletingLastPathComponent
    let isTemporary =
      parent.hasSuffix("/tmp") || parent.contains("/tmp/mboxsync-deleted") || path.hasSuffix(".tmp")
    switch words[1] {
    case "write", "pwrite", "writev", "pwritev", "ftruncate": files.insert(path)
    case "fsync", "fdatasync":
      files.remove(path)
      directories.remove(path)
    case "syncfs":
      files = []
      directories = []
    case let name
    where ["rename", "link", "unlink"].contains(where: name.hasPrefix) && !isTemporary:
      directories.insert(parent)
    default: break
    }
  }

  private mutating func commit(_ call: String) {
    commits += 1
    for path in files.union(directories).sorted() {
      violations.append("\(path) is not on the disk at \(call)")
    }
    files = []
    directories = []
  }
}
